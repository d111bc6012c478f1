"""The page in a real browser: with mouse, pen and finger, on screens of all kinds, and offline."""

import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from selenium import webdriver
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.keys import Keys

from tests.support.browser import Page, chromium, missing_tools, serve
from tests.support.project import missing

PHONE, SMALL_PHONE, DESKTOP = (390, 844), (360, 640), (1280, 900)
INK = """
    const canvas = document.getElementById("paper"), {width, height} = canvas;
    const data = canvas.getContext("2d").getImageData(0, 0, width, height).data;
    return [width, height, Array.from({length: width * height}, (_, i) => data[4 * i + 3])];
"""


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of the page."""
    if lacking := missing_tools():
        missing(f"no {', '.join(lacking)}")
    with serve(tmp_path_factory.mktemp("page")) as address:
        yield address


@pytest.fixture(scope="module")
def browser(address: str) -> Iterator[webdriver.Chrome]:
    with chromium() as driver:
        yield driver


@pytest.fixture
def page(browser: webdriver.Chrome, address: str) -> Iterator[Page]:
    """The page on a desktop, blank."""
    page = Page(browser, address, DESKTOP)
    yield page
    assert page.errors() == []


def ink_of(page: Page) -> np.ndarray:
    """Return the opacity of each pixel of the paper, 0 to 255."""
    page.run("return new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))")
    width, height, opacity = page.run(INK)
    return np.reshape(opacity, (height, width))


def assert_in_view(page: Page, name: str) -> None:
    """Assert that an element lies within the width of the screen."""
    left, _, width, _ = page.box(name)
    assert left >= 0
    assert left + width <= page.run("return innerWidth")


@pytest.mark.parametrize("number", [3, 4, 6, 9])
def test_a_digit_drawn_with_the_mouse(page, number: int):
    page.draw(page.digits(str(number)))
    page.wait_for_reading(str(number))
    assert page.run("return document.documentElement.dataset.state") == "read"
    confidence = page.run("return document.getElementById('confidence').textContent")
    assert confidence.endswith(" %")
    assert int(confidence[:-2]) > 50
    leading = page.run("return document.querySelector('#bars .leads b').textContent")
    assert leading == str(number)
    script = "return [...document.getElementById('glyph').getContext('2d').getImageData(0, 0, 28, 28).data]"
    glyph = np.reshape(page.run(script), (28, 28, 4))[..., 3] / 255
    assert glyph.max() > 0.9
    rows, columns = np.nonzero(glyph > 0.5)
    assert max(np.ptp(rows), np.ptp(columns)) in (18, 19, 20)
    assert abs((glyph.sum(1) @ np.arange(28)) / glyph.sum() - 14) < 1


@pytest.mark.parametrize(("number", "kind"), [(4, "pen"), (6, "touch")])
def test_a_digit_drawn_with_pen_and_finger(browser, address, number: int, kind: str):
    page = Page(browser, address, PHONE)
    page.draw(page.digits(str(number)), kind)
    page.wait_for_reading(str(number))
    assert page.run("return scrollY") == 0, "the finger draws and does not scroll"


def test_a_number_and_its_digits(page):
    page.draw(page.digits("694"))
    page.wait_for_reading("694")
    pressed = "return document.querySelector('#text [aria-pressed=true]').textContent"
    assert page.run(pressed) == "4", "the last digit is shown in detail"
    page.driver.find_element("css selector", "#text button").click()
    assert page.run(pressed) == "6"
    assert page.run("return document.querySelector('#bars .leads b').textContent") == "6"
    ActionChains(page.driver).send_keys(Keys.ARROW_RIGHT).perform()
    assert page.run(pressed) == "9"


def test_one_digit_or_a_number(page):
    """Two 1s side by side are a number; as one digit they are none."""
    left, top, width, height = page.box("paper")
    bars = [[(left + width * x, top + height * y / 10) for y in range(2, 9)] for x in (0.35, 0.65)]
    page.draw(bars)
    page.wait_for_reading("11")
    page.click("single")
    page.wait_for("return document.getElementById('text').textContent.length === 1")
    page.click("number")
    page.wait_for_reading("11")


def test_a_scribble_is_no_digit(page):
    left, top, width, height = page.box("paper")
    turns = np.random.default_rng(0).uniform(0.2, 0.8, (60, 2)) * (width, height) + (left, top)
    page.draw([turns.tolist()])
    page.wait_for_reading("?")
    assert "not a digit?" in page.driver.find_element("css selector", ".note").text


def test_undo_and_clear(page):
    strokes = page.digits("4")
    page.draw(strokes)
    page.wait_for_reading("4")
    both = ink_of(page)
    page.click("undo")
    one = ink_of(page)
    assert 0 < (one > 0).sum() < (both > 0).sum()
    page.click("undo")
    page.wait_for_reading("")
    assert not ink_of(page).any()
    assert not page.driver.find_element("id", "undo").is_enabled()
    page.draw(strokes)
    page.wait_for_reading("4")
    page.click("clear")
    page.wait_for_reading("")
    assert not ink_of(page).any()
    page.click("undo")
    page.wait_for_reading("4")
    assert np.array_equal(ink_of(page) > 0, both > 0)


def test_everything_by_keyboard(page):
    page.draw(page.digits("46"))
    page.wait_for_reading("46")
    page.run("document.getElementById('language').focus()")  # the first element
    seen = []
    for _ in range(5):
        ActionChains(page.driver).send_keys(Keys.TAB).perform()
        seen.append(page.run("return document.activeElement.id || document.activeElement.textContent"))
    assert seen == ["4", "6", "number", "undo", "clear"]
    ActionChains(page.driver).send_keys("n").perform()
    assert page.driver.find_element("id", "single").is_selected()
    ActionChains(page.driver).send_keys("n").key_down(Keys.CONTROL).send_keys("z").key_up(
        Keys.CONTROL
    ).perform()
    page.wait_for_reading("4")  # without the 6, which is a single stroke
    ActionChains(page.driver).send_keys(Keys.ESCAPE).perform()
    page.wait_for_reading("")


def test_the_screen_turns(browser, address):
    page = Page(browser, address, PHONE)
    page.draw(page.digits("39"), "touch")
    page.wait_for_reading("39")
    upright = ink_of(page)
    for width, height in (PHONE[::-1], PHONE):
        page.resize(width, height)
        page.wait_for("return innerWidth === arguments[0]", width)
        ink = ink_of(page)
        edges = np.concatenate([ink[0], ink[-1], ink[:, 0], ink[:, -1]])
        assert not edges.any(), "all ink is in view"
        assert (ink > 0).sum() > 0.2 * (upright > 0).sum()
        for name in ("paper", "text", "undo", "clear", "bars", "glyph", "language"):
            assert_in_view(page, name)
        assert page.text() == "39"
    page.click("clear")
    page.draw(page.digits("6"), "touch")
    page.wait_for_reading("6")


def test_a_wide_number_stays_in_view_on_a_narrow_screen(browser, address):
    page = Page(browser, address, PHONE[::-1])
    page.draw(page.digits("346"), "touch")
    page.wait_for_reading("346")
    page.resize(*PHONE)
    page.wait_for("return innerWidth === arguments[0]", PHONE[0])
    ink = ink_of(page)
    assert not ink[:, [0, -1]].any()
    assert ink.any()


@pytest.mark.parametrize("language", ["en", "zh"])
def test_a_screen_360_pixels_wide(browser, address, language: str):
    page = Page(browser, address, SMALL_PHONE)
    if page.run("return document.documentElement.lang") != language:
        page.click("language")
    page.draw(page.digits("4"), "touch")
    page.wait_for_reading("4")
    assert page.run("return document.documentElement.scrollWidth") <= 360
    for name in ("paper", "text", "undo", "clear", "bars", "glyph", "language"):
        assert_in_view(page, name)
    for name in ("undo", "clear", "language"):
        assert page.box(name)[3] >= 44, "large enough for a finger"
    assert page.box("clear")[1] + 44 <= SMALL_PHONE[1], "all that is needed to draw is in view"


def test_english_and_chinese(page):
    def words() -> str:
        return page.driver.find_element("tag name", "body").text

    def has_chinese(text: str) -> bool:
        return any("\u4e00" <= character <= "\u9fff" for character in text)

    assert page.run("return document.documentElement.lang") == "en"
    assert "Clear" in words()
    assert has_chinese(words().replace("中文", "")) is False
    page.click("language")
    assert "清除" in words()
    assert "Clear" not in words()
    assert "English" in words()
    page.draw(page.digits("3"))
    page.wait_for_reading("3")


def test_a_chinese_browser(address):
    with chromium("--lang=zh-CN", "--accept-lang=zh-CN") as driver:
        page = Page(driver, address)
        assert page.run("return document.documentElement.lang") == "zh"


def test_light_and_dark(browser, address):
    def brightness() -> list[float]:
        script = """
            const style = getComputedStyle(document.getElementById("paper"));
            return [style.backgroundColor, style.color].map(
                (colour) => colour.match(/\\d+/g).slice(0, 3).map(Number));
        """
        return [float(np.mean(colour)) for colour in page.run(script)]

    page = Page(browser, address, dark=False)
    paper, ink = brightness()
    assert paper > 240 > 60 > ink
    page = Page(browser, address, dark=True)
    paper, ink = brightness()
    assert paper < 60 < 240 < ink


def test_it_works_without_a_network(tmp_path: Path):
    if lacking := missing_tools():
        missing(f"no {', '.join(lacking)}")
    with chromium() as driver:
        with serve(tmp_path) as address:
            page = Page(driver, address)
            page.wait_for("return document.documentElement.dataset.offline === 'true'")
        page = Page(driver, address)
        page.draw(page.digits("96"))
        page.wait_for_reading("96")
        assert page.errors() == []


@pytest.mark.parametrize("lost", ["model.onnx", "ort-wasm-simd-threaded.wasm", "worker.js"])
def test_a_network_that_does_not_load_is_reported(browser, address, tmp_path: Path, lost: str):
    with serve(tmp_path, without=lost) as other_address:
        page = Page(browser, other_address, ready=False)
        page.wait_for("return document.documentElement.dataset.state === 'failed'")
        assert "did not load" in page.driver.find_element("css selector", ".note").text
        page.draw(page.digits("4"))
        assert ink_of(page).any()
        assert "did not load" in page.driver.find_element("css selector", ".note").text
        page.errors()  # of the browser, which the next test does not expect


def test_it_can_be_installed(page, address):
    assert page.driver.execute_cdp_cmd("Page.getInstallabilityErrors", {})["installabilityErrors"] == []
    folder = Path(__file__).parents[2] / "web" / "page"
    for icon in json.loads((folder / "manifest.webmanifest").read_text(encoding="utf-8"))["icons"]:
        size = Image.open(folder / icon["src"]).size
        assert icon["sizes"] == "{}x{}".format(*size)

"""The page in a real browser: with mouse, pen and finger, on screens of all kinds, and offline."""

import contextlib
import json
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from selenium import webdriver
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.keys import Keys

from common.files import PROJECT
from tests.support.browser import PATIENCE, Page, build, chromium, missing_tools, serve_built
from tests.support.handwriting import Stroke
from tests.support.project import missing

PHONE, SMALL_PHONE, TABLET, DESKTOP = (390, 844), (360, 640), (820, 1180), (1280, 900)
INK = """
    const canvas = document.getElementById("paper"), {width, height} = canvas;
    const data = canvas.getContext("2d").getImageData(0, 0, width, height).data;
    return [width, height, Array.from({length: width * height}, (_, i) => data[4 * i + 3])];
"""

# Keeps what is sent to the worker until release(), and each text that is shown.
HOLD = """
    const held = [], post = Worker.prototype.postMessage, text = document.getElementById("text");
    Worker.prototype.postMessage = function (message) { held.push(() => post.call(this, message)); };
    window.release = () => { Worker.prototype.postMessage = post; held.forEach((send) => send()); };
    window.shown = [];
    new MutationObserver(() => shown.push(text.textContent)).observe(text, { childList: true });
"""
# Of each text that is shown: its size in CSS pixels, on how many lines it is, and what it belongs to.
TEXTS = """
    const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT), texts = [];
    while (walker.nextNode()) {
        const text = walker.currentNode, range = document.createRange();
        range.selectNodeContents(text);
        const tops = new Set([...range.getClientRects()].map((line) => Math.round(line.top)));
        const size = parseFloat(getComputedStyle(text.parentElement).fontSize);
        const owner = text.parentElement.closest("button, label, figcaption, li, kbd, h1, p");
        if (text.data.trim() && tops.size)
            texts.push({ text: text.data, size, lines: tops.size, parent: owner?.tagName });
    }
    return texts;
"""
# The worker gets what it cannot read.
DAMAGE = """
    const post = Worker.prototype.postMessage;
    Worker.prototype.postMessage = function (message) { post.call(this, { ...message, strokes: null }); };
"""
# Opens a browser, prints the folder of its profile, which only its own processes name, and waits.
OPEN_AND_WAIT = """
import signal
from tests.support.browser import chromium

with chromium() as driver:
    print(driver.capabilities["chrome"]["userDataDir"], flush=True)
    signal.pause()
"""


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the page."""
    if lacking := missing_tools():
        missing(f"no {', '.join(lacking)}")
    folder = tmp_path_factory.mktemp("page")
    build(folder)
    return folder


@pytest.fixture(scope="module")
def address(built: Path) -> Iterator[str]:
    """The address of the page."""
    with serve_built(built) as address:
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


def bars(page: Page, *places: float) -> list[Stroke]:
    """Return a vertical stroke at each place, as a share of the paper's width."""
    left, top, width, height = page.box("paper")
    return [[(left + width * place, top + height * y / 10) for y in range(2, 9)] for place in places]


def choose_language(page: Page, language: str) -> None:
    """Let the page be in English ("en") or Chinese ("zh")."""
    if page.run("return document.documentElement.lang") != language:
        page.click("language")


def assert_in_view(page: Page, name: str) -> None:
    """Assert that an element lies within the width of the screen."""
    left, _, width, _ = page.box(name)
    assert left >= 0
    assert left + width <= page.run("return innerWidth")


@pytest.mark.parametrize("number", [3, pytest.param(9, marks=pytest.mark.long)])
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


@pytest.mark.parametrize(("number", "kind"), [pytest.param(4, "pen", marks=pytest.mark.long), (6, "touch")])
def test_a_digit_drawn_with_pen_and_finger(browser, address, number: int, kind: str):
    page = Page(browser, address, PHONE)
    page.draw(page.digits(str(number)), kind)
    page.wait_for_reading(str(number))
    assert page.run("return scrollY") == 0, "the finger draws and does not scroll"


@pytest.mark.long
def test_a_number_and_its_digits(page):
    page.draw(page.digits("694"))
    page.wait_for_reading("694")
    pressed = "return document.querySelector('#text [aria-pressed=true]').textContent"
    assert page.run(pressed) == "4", "the last digit is shown in detail"
    page.run("document.querySelector('#text button').click()")
    assert page.run(pressed) == "6"
    assert page.run("return document.querySelector('#bars .leads b').textContent") == "6"
    ActionChains(page.driver).send_keys(Keys.ARROW_RIGHT).perform()
    assert page.run(pressed) == "9"


def test_a_sum(page):
    page.draw(page.digits("12+34"))
    page.wait_for_reading("12+34")
    assert page.run("return document.documentElement.dataset.state") == "read"
    page.driver.find_elements("css selector", "#text button")[2].click()
    assert page.run("return document.querySelectorAll('#bars .leads').length") == 0
    assert page.run("return document.getElementById('confidence').textContent").endswith(" %")


@pytest.mark.long
def test_one_digit_or_a_number(page):
    """Two 1s side by side are a number; as one digit they are none."""
    page.draw(bars(page, 0.35, 0.65))
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
    shares = page.run(
        "return [...document.querySelectorAll('#bars small')].map((share) => Number(share.textContent))"
    )
    assert max(shares) <= 1, "bars are of digits, and it is none"
    assert page.run("return document.querySelectorAll('#bars .leads').length") == 0


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


@pytest.mark.long
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


@pytest.mark.long
def test_a_wide_number_stays_in_view_on_a_narrow_screen(browser, address):
    page = Page(browser, address, PHONE[::-1])
    page.draw(page.digits("346"), "touch")
    page.wait_for_reading("346")
    page.resize(*PHONE)
    page.wait_for("return innerWidth === arguments[0]", PHONE[0])
    ink = ink_of(page)
    assert not ink[:, [0, -1]].any()
    assert ink.any()


@pytest.mark.long
def test_a_screen_360_pixels_wide(browser, address):
    page = Page(browser, address, SMALL_PHONE)
    page.draw(page.digits("4"), "touch")
    page.wait_for_reading("4")
    for language in ("en", "zh"):
        choose_language(page, language)
        assert page.run("return document.documentElement.scrollWidth") <= 360
        for name in ("paper", "text", "undo", "clear", "bars", "glyph", "language"):
            assert_in_view(page, name)
        for name in ("undo", "clear", "language"):
            assert page.box(name)[3] >= 44, "large enough for a finger"
        assert page.box("clear")[1] + 44 <= SMALL_PHONE[1], "all that is needed to draw is in view"


@pytest.mark.long
def test_all_text_can_be_read(page):
    """In both languages on screens of all sizes."""
    page.draw(page.digits("96"))
    page.wait_for_reading("96")
    for size in (SMALL_PHONE, SMALL_PHONE[::-1], PHONE, PHONE[::-1], DESKTOP):
        page.resize(*size)
        page.wait_for("return innerWidth === arguments[0]", size[0])
        for language in ("en", "zh"):
            choose_language(page, language)
            texts = page.run(TEXTS)
            assert len(texts) > 20
            assert [text for text in texts if text["size"] < 12] == []
            one_line = ("BUTTON", "LABEL", "FIGCAPTION", "LI", "KBD", "H1")
            assert [text for text in texts if text["lines"] > 1 and text["parent"] in one_line] == []
            paper, clear = page.box("paper"), page.box("clear")
            assert clear[0] + clear[2] <= paper[0] + paper[2] + 1, "the buttons fit below the paper"


def lists_keys(page: Page) -> bool:
    """Return whether the keys are listed."""
    return page.driver.find_element("css selector", ".keys").is_displayed()


@pytest.mark.long
def test_the_keys_are_listed_where_a_keyboard_is_likely(browser, address):
    """On a tablet, but not on a phone; the browser has no mouse."""
    assert not lists_keys(Page(browser, address, PHONE))
    assert lists_keys(Page(browser, address, TABLET))


@pytest.fixture(scope="module")
def other_browser(address: str) -> Iterator[webdriver.Chrome]:
    """A browser in Chinese, as if there were a mouse."""
    flags = ("--blink-settings=availableHoverTypes=2", "--lang=zh-CN", "--accept-lang=zh-CN")
    with chromium(*flags) as driver:
        yield driver


@pytest.mark.long
def test_the_keys_are_listed_in_a_narrow_window(other_browser, address):
    page = Page(other_browser, address, SMALL_PHONE)
    for language in ("en", "zh"):
        choose_language(page, language)
        assert lists_keys(page)
        assert page.run("return document.documentElement.scrollWidth") <= SMALL_PHONE[0]


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


@pytest.mark.long
def test_a_chinese_browser(other_browser, address):
    page = Page(other_browser, address)
    assert page.run("return document.documentElement.lang") == "zh"


@pytest.mark.long
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


@pytest.mark.long
@pytest.mark.parametrize("button", ["clear", "undo"])
def test_a_reading_of_what_is_gone_is_not_shown(page, button: str):
    """The worker is asked to read a 3, and answers when a 1 is there instead."""
    page.run(HOLD)
    page.draw(page.digits("3"))
    page.click(button)
    page.draw(bars(page, 0.5))
    page.run("release()")
    page.wait_for_reading("1")
    assert page.run("return shown") == ["1"]


@pytest.mark.long
def test_a_reading_of_the_other_kind_is_not_shown(page):
    """The worker is asked to read one digit, and answers when a number is wanted again."""
    page.draw(bars(page, 0.35, 0.65))
    page.wait_for_reading("11")
    page.run(HOLD)
    page.click("single")
    page.click("number")
    page.run("release()")
    page.wait_for("return shown.length > 0")
    assert page.run("return shown") == ["11"]


@pytest.mark.long
def test_an_error_of_a_reading_is_reported(page):
    page.draw(page.digits("4"))
    page.wait_for_reading("4")
    page.run(DAMAGE)
    page.draw(page.digits("6"))
    page.wait_for("return document.documentElement.dataset.state === 'failed'")
    assert "does not run" in page.driver.find_element("css selector", ".note").text
    assert page.text() == "", "not the reading of an earlier drawing"
    (error,) = page.errors()
    assert "TypeError" in error
    page.driver.refresh()
    page.wait_for("return document.documentElement.dataset.state === 'blank'")
    page.draw(page.digits("6"))
    page.wait_for_reading("6")


def test_it_works_without_a_network(browser, built: Path):
    with serve_built(built) as address:  # at another port, so that nothing is known of it yet
        page = Page(browser, address)
        page.wait_for("return document.documentElement.dataset.offline === 'true'")
    page = Page(browser, address)
    page.draw(page.digits("96"))
    page.wait_for_reading("96")
    assert page.errors() == []


@pytest.mark.long
@pytest.mark.parametrize("lost", ["model.onnx", "symbols.onnx", "ort-wasm-simd-threaded.wasm", "worker.js"])
def test_a_network_that_does_not_load_is_reported(browser, built: Path, tmp_path: Path, lost: str):
    folder = shutil.copytree(built, tmp_path / "page")
    (folder / lost).unlink()
    with serve_built(folder) as other_address:
        page = Page(browser, other_address, ready=False)
        page.wait_for("return document.documentElement.dataset.state === 'failed'")
        assert "does not run" in page.driver.find_element("css selector", ".note").text
        page.draw(page.digits("4"))
        assert ink_of(page).any()
        assert "does not run" in page.driver.find_element("css selector", ".note").text
        page.errors()  # of the browser, which the next test does not expect


@pytest.mark.long
@pytest.mark.parametrize("sent", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL], ids=lambda sent: sent.name)
def test_no_browser_outlives_the_process_that_started_it(sent: signal.Signals):
    if lacking := missing_tools():
        missing(f"no {', '.join(lacking)}")
    command = [sys.executable, "-c", OPEN_AND_WAIT]
    with subprocess.Popen(command, cwd=PROJECT, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as process:
        profile = process.stdout.readline().strip()
        assert profile
        assert any(profile in command for command in running())
        process.send_signal(sent)
    end = time.monotonic() + PATIENCE
    while any(profile in command for command in running()):
        assert time.monotonic() < end
        time.sleep(0.1)


def running() -> Iterator[bytes]:
    """Give the command line of each process."""
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        with contextlib.suppress(OSError):  # it has ended
            yield path.read_bytes()


@pytest.mark.long
def test_it_can_be_installed(page, address):
    assert page.driver.execute_cdp_cmd("Page.getInstallabilityErrors", {})["installabilityErrors"] == []
    folder = Path(__file__).parents[2] / "web" / "page"
    for icon in json.loads((folder / "manifest.webmanifest").read_text(encoding="utf-8"))["icons"]:
        size = Image.open(folder / icon["src"]).size
        assert icon["sizes"] == "{}x{}".format(*size)

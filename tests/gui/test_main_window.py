"""Tests of the widgets: buttons, the panel beside the canvas, size and theme."""

import os
import random
import re
import signal
from pathlib import Path

import numpy as np
import pytest

from common.files import PROJECT
from tests.support.corrections import samples
from tests.support.run_code import run_in_process, run_with_hand
from tests.support.window import NAME, PATIENCE, Window, draw, screen

UNDO = 209  # column of its button
SWITCH = 45  # rows of the panel that the switch between Single and Number takes


def test_buttons_work_by_mouse_and_by_keyboard(window):
    draw(window, 2)
    window.wait_for_reading("2")
    window.click((UNDO, -24))
    window.wait_for_blank()
    window.press("Tab", "Tab", "space")  # from the canvas over Single to Number
    draw(window, 1, at=0.3, height=0.3)
    draw(window, 7, at=0.7, height=0.3)
    window.wait_for_reading("17")
    window.press("Tab", "space")  # to Single
    window.wait_for_reading(".")


def test_a_scribble_is_not_sure(window):
    rng = random.Random(1)
    x, y = window.middle
    scribble = [(x + rng.uniform(-150, 150), y + rng.uniform(-150, 150)) for _ in range(30)]
    window.draw([scribble])
    window.wait_for_title(rf"\? - {NAME}")


def panel(window: Window) -> np.ndarray:
    """Return the pixels right of the canvas: int, (height, width, 3)."""
    return window.pixels()[window.top : window.bottom + 4, window.right + 6 :].astype(int)


def test_bars_and_glyph(window):
    """The bar of the digit that was read is the longest; the glyph consists of 28x28 enlarged pixels."""
    for number in (3, 8):
        window.fresh()
        draw(window, number)
        window.wait_for_reading(str(number))
        window.settle()
        bars = find_bars(window)
        assert len(bars) == 11, "ten digits, and no digit"
        is_blue = np.abs(panel(window)[SWITCH:] - window.colour("accent")).sum(2) < 30
        columns = np.flatnonzero(is_blue.sum(0) > 20)
        assert bars[number][0] <= columns.min() < columns.max() <= bars[number][1]
    view = glyph(window)
    zoom = len(view) // 28
    squares = view[: 28 * zoom, : 28 * zoom].reshape(28, zoom, 28, zoom, 3)
    assert (squares == squares[:, :1, :, :1]).all(), "all pixels of a square are equal"
    ink = squares[:, 0, :, 0].mean(2)
    rows, columns = np.nonzero(ink > 60)
    assert max(np.ptp(rows), np.ptp(columns)) in (19, 20, 21), "MNIST's size"


def find_bars(window: Window) -> list[tuple[int, int]]:
    """Return the first and the last column of each bar in `panel`, found by the colour of the tracks."""
    area = panel(window)[SWITCH:]
    is_track = np.abs(area - window.colour("track")).sum(2) < 6
    row = area[is_track.sum(1).argmax()]
    is_bar = np.abs(row - window.colour("window")).sum(1) > 12
    changes = np.flatnonzero(np.diff(np.concatenate([[False], is_bar, [False]])))
    return list(zip(changes[::2].tolist(), (changes[1::2] - 1).tolist(), strict=True))


def test_a_click_on_a_bar_corrects(window, copy):
    """The hint on how to correct is shown until then."""
    draw(window, 7)
    window.wait_for_reading("7")
    window.settle()
    bars = find_bars(window)
    y = SWITCH + int((np.abs(panel(window)[SWITCH:] - window.colour("track")).sum(2) < 6).sum(1).argmax())
    with_hint = panel(window)
    left = window.right + 6 - window.left
    window.click((left + sum(bars[10]) / 2, y))  # no digit: nothing to correct to
    window.click((left + sum(bars[1]) / 2, y))
    window.wait_for_title(f"1 · corrected - {NAME}")
    window.wait(lambda: [sample["label"] for sample in samples(copy)] == [1])
    window.fresh()
    draw(window, 3)
    window.wait_for_reading("3")
    window.settle()
    hint = slice(SWITCH + 88, SWITCH + 100)
    assert with_hint[hint].std() > 5
    assert panel(window)[hint].std() < 3


def test_several_digits_are_offered_as_a_number(window):
    """By a line under the reading, which a click accepts; in two strokes a 4 is one digit."""

    def offer() -> np.ndarray:
        line = panel(window)[SWITCH + 85 : SWITCH + 105]
        return np.argwhere(np.abs(line - window.colour("accent")).sum(2) < 60)

    draw(window, 4, at=0.3, height=0.4)
    window.wait_for_reading("4")
    window.settle()
    assert not len(offer())
    draw(window, 2, at=0.7, height=0.4)
    window.wait(lambda: len(offer()) > 50)
    assert len(window.reading()) == 1
    window.click((window.right + 30 - window.left, SWITCH + 95))
    window.wait_for_reading("42")
    window.settle()
    assert not len(offer())
    window.press("n")
    window.wait(lambda: len(offer()) > 50)


def glyph(window: Window) -> np.ndarray:
    """Return the enlarged glyph: (28 n, 28 n, 3)."""
    area = panel(window)
    black = area.max(2) < 8
    rows, columns = (np.flatnonzero(black.sum(axis) > 20) for axis in (1, 0))
    return area[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]


def test_why_is_a_heat_map_over_the_glyph(window):
    draw(window, 7)
    window.wait_for_reading("7")

    def is_warm() -> bool:
        view = panel(window)
        return ((view[..., 0] - view[..., 2]) > 60).sum() > 50

    assert not is_warm()
    window.press("w")
    window.wait(is_warm)
    window.press("w")
    window.wait(lambda: not is_warm())


def test_the_drawing_scales_with_the_window(window):
    draw(window, 3)
    window.wait_for_reading("3")
    geometry = window.xdotool("getwindowgeometry", "--shell", window.id)
    wide, high = (int(re.search(rf"{side}=(\d+)", geometry)[1]) for side in ("WIDTH", "HEIGHT"))
    share = window.ink().mean()

    def fills_the_canvas() -> bool:
        if not window.find_canvas():
            return False
        shorter = min(window.right - window.left, window.bottom - window.top)
        area = (window.right - window.left) * (window.bottom - window.top)
        expected = share * shorter**2 / area
        return abs(window.ink().mean() - expected) < 0.15 * expected

    try:
        for size in ((wide + 300, high + 250), (wide, high + 300), (wide, high)):
            window.xdotool("windowsize", "--sync", window.id, *size)
            # The canvas takes the available space, and the drawing scales with its shorter side.
            window.wait(lambda size=size: window.picture().size == size and fills_the_canvas())
            assert window.reading() == "3"
    finally:
        window.xdotool("windowsize", "--sync", window.id, wide, high)
        window.wait(lambda: window.picture().size == (wide, high))
        window.find_canvas()


@pytest.mark.long
def test_dark_with_a_picture_and_its_own_sizes(other_display, photo):
    window = Window(other_display, "--size", 450, "--brush", 40, photo, dark=True)
    assert (window.right + 1 - window.left, window.bottom + 1 - window.top) == (450, 450)
    assert (window.pixels()[2, 2] == window.colour("window")).all()
    window.wait_for_reading("5")
    window.press("Escape")
    window.wait_for_blank()
    assert (window.pixels()[window.top + 5, window.left + 5] == window.colour("paper")).all()
    window.click(window.middle)
    ink = window.wait_for_ink(lambda ink: ink.any())
    assert ink.any(0).sum() == pytest.approx(40, abs=2)
    before = np.asarray(window.picture("root"))
    window.press("F10")  # the menu, partly beside the window

    def menu() -> np.ndarray:
        now = np.asarray(window.picture("root"))
        return now[(now != before).any(2)]

    window.wait(lambda: len(menu()) > 5000)
    colours, counts = np.unique(menu(), axis=0, return_counts=True)
    assert (colours[counts.argmax()] == window.colour("window")).all(), "the menu is dark too"
    window.press("Escape")
    window.process.send_signal(signal.SIGINT)
    assert window.process.wait(PATIENCE) == 130
    assert window.process.stderr.read().strip() == "Interrupted."


@pytest.mark.long
def test_a_window_in_chinese(other_display):
    window = Window(other_display, "--size", 300, language="zh")

    def titles() -> list[str]:
        shown = window.xdotool("search", "--onlyvisible", "--name", ".").split()
        return [window.xdotool("getwindowname", one) for one in shown]

    draw(window, 7)
    assert window.wait_for_reading("7").endswith(" - 手写数字")
    for key, title in (("r", "从你这里学到的 - 手写数字"), ("F1", "按键 - 手写数字"), ("ctrl+o", "打开图片")):
        window.press(key)
        window.wait(lambda title=title: title in titles())
        window.press("Escape")
        window.wait(lambda title=title: title not in titles())
    assert window.close() == ""


def tool(folder: Path, name: str, output: str) -> str:
    """Write a program that prints `output`, and return a search path that finds it first."""
    path = folder / name
    path.write_text(f"#!/bin/sh\necho '{output}'\n")
    path.chmod(0o755)
    return f"{folder}{os.pathsep}{os.environ['PATH']}"


FOLLOWS = """
from app import open_display
from gui.theme import LIGHT, Theme
assert Theme(open_display(), "auto").colours == LIGHT
"""


def test_the_theme_follows_the_desktop(other_display, tmp_path):
    path = tool(tmp_path, "gsettings", "default")
    light = run_in_process(FOLLOWS, other_display, PROJECT, PATH=path, GTK_THEME="")
    assert (light.returncode, light.stderr) == (0, "")
    path = tool(tmp_path, "gsettings", "prefer-dark")
    window = Window(other_display, "--size", 300, "--theme", "auto", dark=True, PATH=path, GTK_THEME="")
    assert (window.pixels()[2, 2] == window.colour("window")).all()
    assert window.close() == ""


@pytest.mark.long
def test_text_grows_with_the_resolution(display, tmp_path):
    """All but the canvas, whose size is given in pixels, grows with the resolution."""
    path = tool(tmp_path, "xrdb", "Xft.dpi:\t192")
    widths = []
    for dpi, environment in ((96, {}), (192, {}), (96, {"PATH": path})):
        with screen("1500x1200", dpi) as fine:
            window = Window(fine, "--size", 500, **environment)
            widths.append(window.picture().width - (window.right - window.left))
            window.close()
    assert widths[1:] == pytest.approx([2 * widths[0]] * 2, rel=0.1)


FITS = """
hand.wait(lambda: session.ready)
hand.commands.toggle_why()
hand.commands.draw_sample(7)
hand.wait(lambda: not session.busy)
hand.run(0.3)
root = hand.root
assert root.winfo_height() <= root.winfo_screenheight()
assert root.winfo_width() <= root.winfo_screenwidth()
def check(widget):
    inside = 0
    for child in widget.winfo_children():
        if child.winfo_ismapped() and child.winfo_toplevel() == root:
            assert child.winfo_x() + child.winfo_width() <= widget.winfo_width(), child
            assert child.winfo_y() + child.winfo_height() <= widget.winfo_height(), child
            if child.winfo_class() in ("TButton", "TRadiobutton", "TLabel"):
                assert child.winfo_height() >= child.winfo_reqheight(), child
            inside += 1 + check(child)
    return inside
assert check(root) > 20
def check_drawn():
    panel = session.window._panel
    for canvas in (panel._headline, panel._bars, panel._glyphs):
        left, top, right, bottom = box = canvas.bbox("all")
        blank = canvas.winfo_height() // 8  # above and below a digit in its line of text
        assert left >= -2 and top >= -blank and right <= canvas.winfo_width() + 2, (canvas, box)
        assert bottom <= canvas.winfo_height() + blank, (canvas, box)
check_drawn()
print(session.shown.text())
from gui.protocol import PageReading
from gui.shown_reading import ShownReading
for numbers in (1, 2, 7, 60):
    seven = session.shown.reading.digits[:1]
    session.show(ShownReading(PageReading(seven * 8 * numbers, " ".join(["12345678"] * numbers))))
    hand.run(0.1)
    check_drawn()
headline = session.window._panel._headline
headline.delete("all")
headline._choices.clear()
headline._show_long("12345678", "60 %", [("?", 0.5), ("1", 0.3)])
if root.winfo_screenheight() >= 1000:  # else there is no room
    assert list(headline._choices.values()) == [1], "what else it may be is shown below a long text, too"
check_drawn()
session.show(ShownReading(PageReading(seven, "?", number="12345678")))
hand.run(0.1)
check_drawn()
assert check(root) > 20, "the offer to read a number is whole"
hand.corrections.toggle_window()
hand.wait(lambda: not session.busy)
hand.run(0.1)
samples = hand.corrections._memory_window
assert samples.winfo_width() <= root.winfo_screenwidth(), samples.winfo_width()
assert samples.winfo_y() + samples.winfo_height() <= root.winfo_screenheight(), samples.winfo_height()
samples.destroy()
hand.commands.help()
hand.run(0.2)
keys = hand.commands._key_list
assert keys.winfo_width() <= root.winfo_screenwidth(), keys.winfo_width()
assert keys.winfo_y() + keys.winfo_height() <= root.winfo_screenheight(), keys.winfo_height()
session.worker_process.close()
"""


@pytest.mark.parametrize(
    ("size", "dpi", "language"),
    [
        ("640x480", 96, "zh"),
        pytest.param("640x480", 96, "en", marks=pytest.mark.long),
        pytest.param("1366x768", 192, "en", marks=pytest.mark.long),
        pytest.param("3840x2160", 192, "en", marks=pytest.mark.long),
    ],
)
def test_nothing_is_cut_off_on_a_screen_of_any_size(other_copy, size, dpi, language):
    with screen(size, dpi) as display:
        result = run_with_hand(FITS, display, other_copy, language=language)
    assert (result.stdout, result.stderr) == ("7\n", "")

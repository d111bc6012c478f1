"""The window as people use it: a real window on a virtual screen, a real mouse, real keys."""

import json
import os
import random
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from common.messages import UserError
from gui.drawing import Page, Stroke
from gui.painting import to_image
from preprocessing.stroke_files import drawings
from recognition.recognizer import Recognizer
from tests.support.handwriting import digit
from tests.support.project import Project, assert_one_line_error, missing
from tests.support.window import NAME, PATIENCE, SIDE, Window, draw, run_with_hand, screen


@pytest.fixture
def other_display(display) -> Iterator[str]:
    """For a window of a test's own."""
    with screen() as name:
        yield name


@pytest.fixture
def window(running) -> Window:
    """The window with a blank sheet, for a single digit, and nothing kept."""
    running.fresh()
    assert running.process.poll() is None
    return running


@pytest.fixture(scope="module")
def recognizer() -> Recognizer:
    return Recognizer()


@pytest.fixture(scope="module")
def photo(tmp_path_factory) -> Path:
    """A picture of a 5 on yellowish paper."""
    path = tmp_path_factory.mktemp("photos") / "five.png"
    page = Page(tuple(Stroke(tuple(line), 12.0) for line in digit(5, (0, 0), 160)))
    to_image(page, (-150, -110, 150, 110), ink=(30, 40, 90), paper=(236, 228, 200)).save(path)
    return path


def cross(window: Window) -> list[list[tuple[float, float]]]:
    """A line across the middle of the sheet, and one down."""
    (x, y), reach = window.middle, 0.3 * SIDE
    return [[(x - reach, y), (x, y), (x + reach, y)], [(x, y - reach), (x, y), (x, y + reach)]]


# drawing


@pytest.mark.parametrize("number", range(10))
def test_a_digit_is_read_while_it_is_drawn(window, number):
    draw(window, number)
    assert re.fullmatch(rf"{number} · \d+ % - {NAME}", window.wait_for_reading(str(number)))


def test_a_digit_is_read_before_the_pen_is_lifted(window):
    window.draw(digit(3, window.middle, 240), lift=False)
    window.wait_for_reading("3")
    window.xdotool("mouseup", "1")
    assert window.reading() == "3"


def test_a_click_makes_a_round_dot(window):
    window.click(window.middle)
    ink = window.wait_for_ink(lambda ink: ink.any())
    rows, columns = np.nonzero(ink)
    height, width = np.ptp(rows) + 1, np.ptp(columns) + 1
    assert abs(height - width) <= 1
    assert height == pytest.approx(0.04 * SIDE, abs=3)
    assert len(rows) == pytest.approx(np.pi * height * width / 4, rel=0.12)
    window.wait_for_reading()


def test_a_fast_stroke_has_no_gaps(window):
    """Three moves across the whole sheet, as of a quick hand: every point between is ink."""
    corners = [(40.0, 60.0), (350.0, 90.0), (60.0, 300.0), (340.0, 350.0)]
    window.draw([corners], pause=0.03)
    ink = window.wait_for_ink(lambda ink: ink[345:355, 335:345].all())
    for (x0, y0), (x1, y1) in ((corners[0], (133, 69)), ((256, 335), corners[-1])):  # straight at both ends
        for share in np.linspace(0, 1, 300):
            assert ink[round(y0 + share * (y1 - y0)), round(x0 + share * (x1 - x0))]
    reached, queue = np.zeros_like(ink), [(60, 40)]
    while queue:  # all ink is one piece
        y, x = queue.pop()
        if 0 <= y < ink.shape[0] and 0 <= x < ink.shape[1] and ink[y, x] and not reached[y, x]:
            reached[y, x] = True
            queue += [(y + 1, x), (y - 1, x), (y, x + 1), (y, x - 1)]
    assert (reached == ink).all()


def test_the_brush_has_keys(window):
    widths = []
    for keys in ((), ("bracketright",) * 5, ("bracketleft",) * 8, ("plus",) * 3):
        window.fresh()
        window.press(*keys)
        window.click(window.middle)
        ink = window.wait_for_ink(lambda ink: ink.any())
        widths.append(int(ink.any(0).sum()))
    assert widths[2] < widths[0] < widths[1]
    assert widths[3] == pytest.approx(widths[0], abs=1)


@pytest.mark.parametrize("with_shift", [False, True], ids=["right button", "shift"])
def test_the_eraser_removes_what_it_touches(window, with_shift):
    across, down = cross(window)
    window.draw([across])
    before = window.wait_for_ink(lambda ink: ink[:, 300].any())
    if with_shift:
        window.xdotool("keydown", "shift")
        window.draw([down])
        window.xdotool("keyup", "shift")
    else:
        window.draw([down], button=3)
    x, y = (round(value) for value in window.middle)
    after = window.wait_for_ink(lambda ink: not ink[y, x])
    assert after[y, x - 100]
    assert after[y, x + 100]
    assert not (after & ~before).any(), "nothing was added"
    assert 16 <= (~after[y, x - 60 : x + 60]).sum() <= 60
    window.press("ctrl+z")
    window.wait_for_ink(lambda ink: (ink == before).all())


def test_undo_and_redo_go_by_stroke(window):
    """A 4 has two strokes: its title comes and goes with the second one."""
    draw(window, 4)
    window.wait_for_reading("4")
    window.press("ctrl+z")
    window.wait_for_reading("[^4]")
    assert window.ink().any()
    window.press("ctrl+z")
    window.wait_for_blank()
    window.wait_for_ink(lambda ink: not ink.any())
    window.press("ctrl+shift+z")
    window.wait_for_reading("[^4]")
    window.press("ctrl+y")
    window.wait_for_reading("4")


@pytest.mark.parametrize("key", ["Delete", "Escape"])
def test_clear(window, key):
    draw(window, 3)
    window.wait_for_reading("3")
    window.press(key)
    window.wait_for_blank()
    window.wait_for_ink(lambda ink: not ink.any())
    window.press("ctrl+z")
    window.wait_for_reading("3")


def test_buttons_work_by_mouse_and_by_keyboard(window):
    draw(window, 2)
    window.wait_for_reading("2")
    window.click((20, -25))  # Undo stands over the sheet's corner
    window.wait_for_blank()
    window.press(*["shift+Tab"] * 4, "space")  # from the sheet back over ?, Save and Open to Number
    draw(window, 1, at=0.3, height=0.3)
    draw(window, 7, at=0.7, height=0.3)
    window.wait_for_reading("17")
    window.press(*["shift+Tab"] * 5, "space")  # and to Single
    window.wait_for_reading(".")


# reading


def test_a_scribble_is_not_sure(window):
    rng = random.Random(1)
    x, y = window.middle
    scribble = [(x + rng.uniform(-150, 150), y + rng.uniform(-150, 150)) for _ in range(30)]
    window.draw([scribble])
    window.wait_for_title(rf"\? - {NAME}")


def test_answers_that_came_too_late_are_dropped(window):
    """Cleared before the answer arrives: no reading of what is gone may appear afterwards."""
    draw(window, 1)
    window.wait_for_reading("1")
    window.fresh()
    reading = [int(process.name) for process in window.children()]
    for process in reading:
        os.kill(process, signal.SIGSTOP)
    draw(window, 7)
    time.sleep(0.2)  # the question is on its way
    window.press("Escape")
    window.wait_for_ink(lambda ink: not ink.any())
    for process in reading:
        os.kill(process, signal.SIGCONT)
    time.sleep(0.5)  # so would be the answer
    assert window.title() == NAME
    draw(window, 3)
    window.wait_for_reading("3")


def panel(window: Window) -> np.ndarray:
    """What is beside the sheet: int, (height, width, 3)."""
    return window.pixels()[window.top : window.bottom + 4, window.right + 6 :].astype(int)


def test_bars_and_glyph(window):
    """The bar of what was read is the longest, in its row; the glyph is 28x28 enlarged squares."""
    for number in (3, 8):
        window.fresh()
        draw(window, number)
        window.wait_for_reading(str(number))
        is_blue = (np.abs(panel(window) - window.colour("accent")).sum(2) < 30).sum(1)
        rows = np.flatnonzero(is_blue[: round(0.7 * SIDE)] > 100)  # a button further down is blue too
        bars = panel(window)[:, 30:]
        first_row, last_row = (find_bar(bars, place) for place in (0, 9))
        expected = first_row + number * (last_row - first_row) / 9
        assert abs(rows.mean() - expected) < 6
    view = glyph(window)
    zoom = len(view) // 28
    squares = view[: 28 * zoom, : 28 * zoom].reshape(28, zoom, 28, zoom, 3)
    assert (squares == squares[:, :1, :, :1]).all(), "pixels are crisp"
    ink = squares[:, 0, :, 0].mean(2)
    rows, columns = np.nonzero(ink > 60)
    assert max(np.ptp(rows), np.ptp(columns)) in (19, 20, 21), "MNIST's size"


def find_bar(bars: np.ndarray, place: int) -> float:
    """The middle row of the bar of a digit, by the colour of its track or of what fills it."""
    colours = bars[:, 5:100].reshape(len(bars), -1)
    background = np.array([0xF4, 0xF5, 0xF7] * 95)
    is_bar = (np.abs(colours - background).reshape(len(bars), -1, 3).sum(2) > 20).all(1)
    starts = np.flatnonzero(is_bar[1:] & ~is_bar[:-1]) + 1
    ends = np.flatnonzero(~is_bar[1:] & is_bar[:-1]) + 1
    return (starts[place] + ends[place]) / 2


def glyph(window: Window) -> np.ndarray:
    """The enlarged glyph: (28 n, 28 n, 3)."""
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


@pytest.mark.long
def test_pen_data_through_the_real_mouse(window, recognizer):
    """A hundred digits of thirty writers: the title says what the same strokes read as directly."""
    path = os.environ.get("DIGITS_PEN")
    if not path or not Path(path).exists():
        missing("no stylus digits: DIGITS_PEN names a file of strokes")
    chosen = random.Random(7).sample(list(drawings(Path(path))), 100)
    window.click(window.middle)
    window.wait_for_reading()  # the network is loaded
    right = same = 0
    for drawing in chosen:
        points = np.concatenate(drawing.strokes)
        low, high = points.min(0), points.max(0)
        scale = 0.7 * SIDE / max((high - low).max(), 1)
        middle = np.array(window.middle)
        strokes = [np.round((s - (low + high) / 2) * scale + middle) for s in drawing.strokes]
        window.press("Escape")
        window.wait_for_blank()
        window.draw([[tuple(point) for point in stroke] for stroke in strokes], pause=0.003)
        (direct,) = recognizer.read_strokes(strokes, single=True)
        expected = str(direct.digit) if direct.is_digit else "?"
        settled = settled_reading(window, expected)
        right += settled == str(drawing.label)
        same += settled == expected
    assert right >= 93, right
    assert same >= 97, same


def settled_reading(window: Window, expected: str) -> str:
    """The title's reading once it is as expected, or has had the time to be."""
    until = time.monotonic() + 3
    while (reading := window.reading()) != expected and time.monotonic() < until:
        time.sleep(0.01)
    return reading


# numbers


def test_a_number_has_boxes_and_its_digits_are_chosen_by_keys(number_mode):
    window = number_mode
    for place, number in enumerate((7, 2, 4)):
        draw(window, number, at=0.18 + 0.32 * place, height=0.4)
    window.wait_for_title(rf"724 · \d+ % - {NAME}")

    def framed() -> list[int]:
        """Columns with a long upright line in the accent colour: the sides of the chosen digit's box."""
        pixels = window.pixels()[window.top : window.bottom, window.left : window.right].astype(int)
        return np.flatnonzero((np.abs(pixels - window.colour("accent")).sum(2) < 30).sum(0) > 80).tolist()

    assert min(framed()) > 0.6 * SIDE
    window.press("Left", "Left")
    window.wait(lambda: framed() and max(framed()) < 0.4 * SIDE)
    window.press("Right")
    window.wait(lambda: framed() and 0.3 * SIDE < min(framed()) < max(framed()) < 0.7 * SIDE)
    window.press("n")
    window.wait_for_title(rf"(?!724).* - {NAME}")
    assert not framed()
    window.press("n")
    window.wait_for_reading("724")


# the history


def history(window: Window) -> np.ndarray:
    """The pixels of the thumbnails."""
    return window.pixels()[window.bottom + 5 :, : window.right]


def test_what_was_cleared_comes_back_from_the_history(window):
    for number in (5, 8):
        before = history(window)
        draw(window, number)
        window.wait_for_reading(str(number))
        window.press("Escape")
        window.wait(lambda before=before: (history(window) != before).any())
    window.wait_for_blank()
    y = window.bottom - window.top + 35
    window.click((75, y))  # the second thumbnail
    window.wait_for_reading("5")
    window.click((20, y))
    window.wait_for_reading("8")
    window.press("Prior")
    window.wait_for_reading("5")
    window.press("Next")
    window.wait_for_reading("8")
    window.press("ctrl+z")
    window.wait_for_reading("5")


def test_what_is_cleared_at_once_is_in_the_history_all_the_same(window):
    before = history(window)
    window.draw(digit(6, window.middle, 200), pause=0.001)
    window.press("Escape")
    window.wait(lambda: (history(window) != before).any())
    window.wait_for_blank()
    window.press("Prior")
    window.wait_for_reading("6")


# pictures, files and the clipboard


def samples(copy: Path) -> list[dict]:
    return [json.loads(path.read_text()) for path in (copy / "corrections" / "default").glob("*.jsonl")]


def test_a_picture_is_opened_read_drawn_on_and_corrected(window, photo, copy):
    window.press("ctrl+o")
    window.xdotool("search", "--sync", "--onlyvisible", "--name", "Open a picture")
    window.type(str(photo))
    window.press("Return")
    window.wait_for_reading("5")
    paper = window.pixels()[window.top + SIDE // 2, window.left + 30]
    assert abs(paper.astype(int) - [236, 228, 200]).max() < 8
    x, y = window.middle
    window.draw([[(x - 150, y - 100), (x + 150, y + 100)], [(x - 150, y + 100), (x + 150, y - 100)]])
    window.wait_for_title(rf"(?!5).* - {NAME}")
    window.press("6")
    window.wait(lambda: samples(copy))
    (sample,) = samples(copy)
    assert (sample["label"], sample["strokes"]) == (6, []), "strokes alone would be no 6"
    (png,) = (copy / "corrections" / "default").glob("*.png")
    assert (np.asarray(Image.open(png).convert("L")) < 100).mean() > 0.02
    window.press(*["ctrl+z"] * 3)  # the correction and both strokes
    window.wait_for_reading("5")
    assert samples(copy) == []
    window.press("ctrl+z")
    window.wait_for_blank()


def test_a_file_that_is_no_picture_is_survived(window, tmp_path):
    path = tmp_path / "text.png"
    path.write_text("This is no picture.")
    window.press("ctrl+o")
    window.xdotool("search", "--sync", "--onlyvisible", "--name", "Open a picture")
    before = window.picture()
    window.type(str(path))
    window.press("Return")
    window.wait(lambda: window.picture() != before)
    window.xdotool("mousemove", "--window", window.id, SIDE // 2, SIDE // 2)
    draw(window, 6)
    window.wait_for_reading("6")


def test_a_picture_is_pasted(window, photo, display):
    owner = f"""
import tkinter as tk
root = tk.Tk()
root.withdraw()
content = " ".join(hex(byte) for byte in open({str(photo)!r}, "rb").read())
root.selection_handle(lambda at, most: content[int(at):int(at) + int(most)], selection="CLIPBOARD",
                      type="image/png")
root.selection_own(selection="CLIPBOARD")
print("ready", flush=True)
root.mainloop()
"""
    process = subprocess.Popen(
        [sys.executable, "-c", owner], env=window.environment, stdout=subprocess.PIPE, text=True
    )
    try:
        assert process.stdout.readline() == "ready\n"
        window.press("ctrl+v")
        window.wait_for_reading("5")
    finally:
        process.kill()  # under coverage Python waits for its next step to end, which Tk does not take
        process.communicate()


def test_the_bytes_that_tk_gives_as_text():
    from gui.desktop import CLIPBOARD_LIMIT, bytes_of  # needs Tk

    content = bytes(range(256)) * 3
    assert bytes_of("".join(f"0x{byte:x} " for byte in content)) == content
    assert bytes_of(" ".join(f"0x{byte:02X}" for byte in content)) == content
    with pytest.raises(ValueError, match="hexadecimal"):
        bytes_of("a text")
    with pytest.raises(UserError, match="8 MB"):
        bytes_of("0x0 " * (CLIPBOARD_LIMIT * 1_000_000 + 1))


def test_a_clipboard_without_a_picture_is_survived(window):
    window.press("ctrl+v")
    draw(window, 3)
    window.wait_for_reading("3")


def test_the_drawing_is_saved_as_png(window, tmp_path, recognizer):
    path = tmp_path / "saved.png"
    draw(window, 9)
    window.wait_for_reading("9")
    window.press("ctrl+s")
    window.xdotool("search", "--sync", "--onlyvisible", "--name", "Save the drawing")
    window.type(str(path))
    window.press("Return")
    window.wait(path.exists)
    saved = np.asarray(Image.open(path).convert("L"))
    assert saved.shape == window.ink().shape
    assert ((saved < 100) != window.ink()).mean() < 0.01, "as on the sheet, dark on white"
    (reading,) = recognizer.read_image(Image.open(path), single=True)
    assert reading.digit == 9


def test_the_reading_is_copied(window):
    draw(window, 8)
    window.wait_for_reading("8")
    window.press("ctrl+c")
    ask = "import tkinter as tk; print(tk.Tk().clipboard_get())"
    command = [sys.executable, "-c", ask]
    window.wait(
        lambda: (
            subprocess.run(command, env=window.environment, capture_output=True, text=True).stdout == "8\n"
        )
    )


def test_help_shows_the_keys_and_closes(window):
    draw(window, 2)
    window.wait_for_reading("2")
    search = ("search", "--onlyvisible", "--name", "Keys - Handwritten digits")
    window.press("F1")
    shown = window.wait(lambda: window.xdotool(*search))
    assert np.asarray(window.picture(shown)).std() > 10
    window.press("Escape")
    window.wait(lambda: not window.xdotool(*search))
    assert window.reading() == "2", "that Esc was for the help"


# the window itself


def test_another_size_loses_nothing(window):
    draw(window, 3)
    window.wait_for_reading("3")
    geometry = window.xdotool("getwindowgeometry", "--shell", window.id)
    wide, high = (int(re.search(rf"{side}=(\d+)", geometry)[1]) for side in ("WIDTH", "HEIGHT"))
    share = window.ink().mean()
    try:
        for size in ((wide + 300, high + 250), (wide, high + 300), (wide, high)):
            window.xdotool("windowsize", "--sync", window.id, *size)
            # The sheet takes the room there is, and the drawing grows with its shorter side.
            window.wait(lambda size=size: window.picture().size == size and window.find_canvas())
            shorter = min(window.right - window.left, window.bottom - window.top)
            area = (window.right - window.left) * (window.bottom - window.top)
            expected = share * shorter**2 / area
            window.wait(lambda wanted=expected: abs(window.ink().mean() - wanted) < 0.15 * wanted)
            assert window.reading() == "3"
    finally:
        window.xdotool("windowsize", "--sync", window.id, wide, high)
        window.wait(lambda: window.picture().size == (wide, high))
        window.find_canvas()


def test_a_reading_process_that_dies_is_replaced(window):
    """The window's own process never loads PyTorch, and outlives the one that does."""
    draw(window, 6)
    window.wait_for_reading("6")
    maps = {process: (process / "maps").read_text() for process in window.children()}
    (reading,) = [process for process, content in maps.items() if "libtorch" in content]
    assert "libtorch" not in Path(f"/proc/{window.process.pid}/maps").read_text()
    os.kill(int(reading.name), signal.SIGKILL)
    window.press("Escape")
    window.wait_for_blank()
    draw(window, 4)
    window.wait_for_reading("4")


LOST_TWICE = """
from gui.protocol import ListSamples
hand.wait(lambda: session.ready and not session.worker_process._running)
said, first = [], session.worker_process.process
def ask():
    session.ask(ListSamples(), print, said.append)
first.kill()
ask()
ask()
hand.wait(lambda: session.worker_process.process is not first)
session.worker_process.process.kill()
hand.wait(lambda: len(said) == 2)
ask()
print(*said, hand.status(), sep="\\n")
session.worker_process.close()
"""


def test_if_the_next_reading_process_dies_too_all_questions_are_told_why(other_display, copy):
    result = run_with_hand(LOST_TWICE, other_display, copy)
    why = "the reading process ended while it loaded (exit code -9)"
    again = "the reading process ended and was started again"
    assert result.stdout.splitlines() == [again, why, why, why], result.stderr


def test_strokes_are_taken_before_the_network_is_loaded(other_display):
    """As long as the reading process is stopped, nothing is read; all that was drawn then is read after."""
    window = Window(other_display, "--size", 300)
    started = window.children()
    assert started
    for process in started:
        os.kill(int(process.name), signal.SIGSTOP)
    window.fresh()
    draw(window, 5)
    window.wait_for_ink(lambda ink: ink.any())
    assert window.title() == NAME
    for process in started:
        os.kill(int(process.name), signal.SIGCONT)
    window.wait_for_reading("5")
    window.process.kill()  # nobody is left to say goodbye
    window.process.wait()
    until = time.monotonic() + PATIENCE
    while any(map(is_alive, started)) and time.monotonic() < until:
        time.sleep(0.05)
    assert not any(map(is_alive, started))


def is_alive(process: Path) -> bool:
    try:
        return (process / "stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


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
    window.process.send_signal(signal.SIGINT)
    assert window.process.wait(PATIENCE) == 130
    assert window.process.stderr.read().strip() == "Interrupted."


def tool(folder: Path, name: str, output: str) -> str:
    """A desktop's tool that prints `output`; the search path that finds it."""
    path = folder / name
    path.write_text(f"#!/bin/sh\necho '{output}'\n")
    path.chmod(0o755)
    return f"{folder}{os.pathsep}{os.environ['PATH']}"


@pytest.mark.parametrize("dark", [False, True])
def test_the_theme_follows_the_desktop(other_display, tmp_path, dark):
    path = tool(tmp_path, "gsettings", "prefer-dark" if dark else "default")
    window = Window(other_display, "--size", 300, "--theme", "auto", dark=dark, PATH=path, GTK_THEME="")
    assert (window.pixels()[2, 2] == window.colour("window")).all()
    assert window.close() == ""


def test_a_fine_screen_has_larger_letters(display, tmp_path):
    """All but the sheet, whose size is in pixels, grows with the screen's or the desktop's resolution."""
    path = tool(tmp_path, "xrdb", "Xft.dpi:\t192")
    widths = []
    for dpi, environment in ((96, {}), (192, {}), (96, {"PATH": path})):
        with screen("1500x1200", dpi) as fine:
            window = Window(fine, "--size", 500, **environment)
            widths.append(window.picture().width - (window.right - window.left))
            window.close()
    assert widths[1:] == pytest.approx([2 * widths[0]] * 2, rel=0.1)


# what cannot be


def start(folder: Path, *arguments: object, **environment: str) -> subprocess.CompletedProcess:
    command = [sys.executable, "app.py", *map(str, arguments)]
    environment = {**os.environ, **environment}
    return subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, timeout=PATIENCE
    )


def test_no_display(copy):
    result = start(copy, DISPLAY="")
    assert_one_line_error(result, "display", "xvfb-run python app.py", "predict.py")


def test_no_tkinter(copy, tmp_path):
    (tmp_path / "tkinter.py").write_text("raise ImportError('No module named _tkinter')")
    result = start(copy, PYTHONPATH=str(tmp_path))
    assert_one_line_error(result, "no Tk", "apt install python3-tk", "brew install python-tk")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--checkpoint", "nowhere.pt"], ["nowhere.pt", "no such checkpoint"]),
        (["--checkpoint", "text.png"], ["text.png is not a checkpoint"]),
        (["nowhere.png"], ["nowhere.png", "no such picture"]),
        (["text.png"], ["text.png is not a picture"]),
        (["cut.png"], ["cut.png"]),
        (["--size", "0"], ["--size", "at least 100"]),
        (["--brush", "wide"], ["--brush", "number"]),
        (["--theme", "pink"], ["--theme", "pink"]),
    ],
    ids=" ".join,
)
def test_bad_input(display, copy, photo, arguments, words):
    (copy / "text.png").write_text("This is no picture, and no checkpoint.")
    (copy / "cut.png").write_bytes(photo.read_bytes()[:500])
    assert_one_line_error(start(copy, *arguments, DISPLAY=display), *words)


def test_no_shipped_weights(display, tmp_path):
    folder = tmp_path / "project"
    folder.mkdir()
    Project(folder)
    for path in (folder / "checkpoints").iterdir():
        path.unlink()
    assert_one_line_error(start(folder, DISPLAY=display), "improved_resnet18.pt", "no such checkpoint")

"""Tests of the sheet that is kept: restored, started afresh, broken, and the first start without one."""

import json
import signal
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from common.files import PROJECT
from gui.drawing import Page, Picture, Stroke
from gui.sheet_file import SavedSheet, SheetFile
from tests.support.run_code import run_in_process
from tests.support.window import PATIENCE, SIDE, Window, draw

FILE = "corrections/default/sheet.json"


def faint(window: Window) -> int:
    """Return the number of pixels of the canvas in the colour of the examples."""
    pixels = window.pixels()[window.top + 4 : window.bottom - 4, window.left + 4 : window.right - 4]
    return int((pixels == window.colour("line")).all(2).sum())


def window_with_the_sheet_of_another(display: str, folder: Path) -> Window:
    """Draw 42 in a window, close it, and return another one that shows it again."""
    window = Window(display, "--size", SIDE, folder=folder, autosave=True)
    window.wait(lambda: faint(window) > 500)
    window.press("n")
    draw(window, 4, at=0.3, height=0.4)
    assert faint(window) == 0, "the examples go with the first touch"
    draw(window, 2, at=0.7, height=0.4)
    window.wait_for_reading("42")
    window.press("ctrl+q")  # well within a second
    assert window.process.wait(PATIENCE) == 0
    assert window.process.stderr.read() == ""
    assert len(json.loads((folder / FILE).read_text())["strokes"]) == 3

    window = Window(display, "--size", SIDE, folder=folder, autosave=True)
    window.wait_for_reading("42")
    assert faint(window) == 0
    return window


def test_the_sheet_is_back_after_a_close(other_display, other_copy):
    assert window_with_the_sheet_of_another(other_display, other_copy).close() == ""


@pytest.mark.long
def test_the_sheet_is_back_after_a_kill(other_display, other_copy):
    path = other_copy / FILE
    window = window_with_the_sheet_of_another(other_display, other_copy)
    window.settle()
    ink = window.ink()
    window.fresh()
    window.wait(lambda: json.loads(path.read_text())["strokes"] == [])
    window.press("ctrl+z")
    window.wait_for_reading("42")
    window.wait_for_ink(lambda now: (now == ink).all())
    window.wait(lambda: len(json.loads(path.read_text())["strokes"]) == 3)
    window.process.send_signal(signal.SIGKILL)
    window.process.wait(PATIENCE)

    window = Window(other_display, "--size", SIDE, folder=other_copy, autosave=True)
    window.wait_for_reading("42")
    window.press("ctrl+q")
    assert window.process.wait(PATIENCE) == 0
    assert window.process.stderr.read() == ""


def test_what_is_drawn_before_the_network_is_loaded_is_kept(other_display, other_copy):
    path = other_copy / FILE
    path.unlink(missing_ok=True)
    window = Window(other_display, "--size", SIDE, folder=other_copy, autosave=True)
    draw(window, 3)
    window.press("ctrl+q")
    assert window.process.wait(PATIENCE) == 0
    assert window.process.stderr.read() == ""
    assert len(json.loads(path.read_text())["strokes"]) == 1


@pytest.mark.long
def test_dialogs_start_in_the_folder_of_the_last_file(other_display, other_copy, photo, tmp_path):
    sheet = SavedSheet(Page(), True, True, float(SIDE), str(photo.parent))
    SheetFile(other_copy / FILE).write(sheet)
    window = Window(other_display, "--size", SIDE, folder=other_copy, autosave=True)
    window.press("ctrl+o")
    window.xdotool("search", "--sync", "--onlyvisible", "--name", "Open a picture")
    window.type(photo.name)
    window.press("Return")
    window.wait_for_reading("5")
    window.press("ctrl+s")
    window.xdotool("search", "--sync", "--onlyvisible", "--name", "Save the drawing")
    window.type(f"{tmp_path}/five.png")
    window.press("Return")
    window.wait((tmp_path / "five.png").exists)
    window.press("ctrl+q")
    assert window.process.wait(PATIENCE) == 0
    assert SheetFile(other_copy / FILE).read(float(SIDE)).folder == str(tmp_path)


LATE = """
import sys
from pathlib import Path

from gui.autosave import FILE
from tests.support.hand import Hand

folder = Path(sys.argv[1])
hand = Hand(folder=folder, watching=False)
hand.draw([[(0, -50), (0, 50)]])
hand.canvas.event_generate("<ButtonPress-1>", x=300, y=200)
hand.canvas.event_generate("<Motion>", state=0x100, x=320, y=300)
other = Hand(folder=folder, watching=False)
assert "Another window" in other.status()
other.draw([[(0, -50), (0, 50)]])
other.session.on_close()
assert not (folder / FILE).exists(), "of two windows the first keeps its sheet"
other.session.worker_process.close()
hand.session.on_close()
sheet = (folder / FILE).read_text()
assert sheet.count("points") == 2, "the stroke whose pen is down is kept"
(folder / FILE).unlink()
hand.session.worker_process.close()

hand = Hand(folder=folder, watching=False)
folder.rename(folder.with_name("elsewhere"))
folder.write_text("no folder")
hand.draw([[(0, -50), (0, 50)]])
hand.wait(lambda: "profile" in hand.status())
folder.unlink()
hand.draw([[(40, -50), (40, 50)]])
hand.wait((folder / FILE).exists)
assert (folder / FILE).read_text().count("points") == 2
hand.session.worker_process.close()

(folder / FILE).write_text("{")
hand = Hand(folder=folder, watching=False)
hand.wait(lambda: not (folder / FILE).exists())
assert (folder / f"{FILE}.broken").read_text() == "{"
hand.draw([[(0, -50), (0, 50)]])
hand.wait_for_reading()
assert hand.session.shown.text() == "1"
hand.wait((folder / FILE).exists)
hand.session.worker_process.close()
"""


@pytest.mark.long
def test_a_second_window_a_pen_that_is_down_a_folder_that_cannot_be_written_and_a_broken_sheet(
    display, tmp_path
):
    result = run_in_process(LATE, display, PROJECT, str(tmp_path / "profile"))
    assert (result.returncode, result.stderr) == (0, "")


def sheet_of(page: Page, single: bool = True, ink_follows_speed: bool = True) -> SavedSheet:
    return SavedSheet(page, single, ink_follows_speed, 500.0)


def test_a_sheet_with_a_picture_is_written_and_read(tmp_path):
    file = SheetFile(tmp_path / "new" / "sheet.json")
    noise = np.random.default_rng(0).integers(0, 256, (30, 40, 3), dtype=np.uint8)
    picture = Picture(40, 30, noise.tobytes(), (1, 2, 3), (-4.0, -3.0, 4.0, 3.0), 2)
    page = Page((Stroke(((1.5, 2.0), (3.0, 4.0)), 7.0, (0.5, 0.75)),), picture)
    file.write(replace(sheet_of(page, False, False), use_memory=False))
    read = SheetFile(file.path).read(500.0)
    assert read.settings == (False, False, "", False)
    assert vars(read.page.picture) == vars(picture)
    assert read.page.points() == page.points()
    assert (read.page.strokes[0].width, read.page.strokes[0].factors) == (7.0, (0.5, 0.75))
    larger = file.read(1000.0).page
    assert larger.points() == [((3.0, 4.0), (6.0, 8.0))]
    assert (larger.strokes[0].width, larger.picture.box) == (14.0, (-8.0, -6.0, 8.0, 6.0))
    assert len(list(file.path.parent.iterdir())) == 2
    file.write(sheet_of(Page((), replace(picture, pixels=bytes(3600)))))
    assert len(list(file.path.parent.iterdir())) == 2, "the old picture is deleted"
    file.write(sheet_of(Page()))
    assert SheetFile(file.path).read(500.0).page.blank
    assert list(file.path.parent.iterdir()) == [file.path]


def first_point(content: dict, point: list) -> None:
    content["strokes"][0]["points"][0] = point


@pytest.mark.parametrize(
    "fault",
    [
        *("", "[]", '{"strokes": 3}', "[" * 100_000),
        lambda content: content["picture"].update(file="sheet-0123456789ab.png"),
        lambda content: content["picture"].update(file="../other.png"),
        lambda content: content["picture"].update(box=["left", 0, 1, 1]),
        lambda content: content["picture"].update(box=[0, 0, 0, 0]),
        lambda content: content["strokes"][0].update(width=0),
        lambda content: content["strokes"][0].update(points=[]),
        lambda content: content["strokes"][0].update(factors=[1, 1]),
        lambda content: first_point(content, [1]),
        lambda content: first_point(content, [float("nan"), 0]),
        lambda content: first_point(content, [1e300, 0]),
        lambda content: content.update(side=0),
    ],
)
def test_a_broken_sheet_is_set_aside(tmp_path, fault):
    file = SheetFile(tmp_path / "sheet.json")
    picture = Picture(9, 9, Image.new("RGB", (9, 9)).tobytes(), (0, 0, 0), (0.0, 0.0, 9.0, 9.0))
    file.write(sheet_of(Page((Stroke(((1.0, 2.0),), 3.0),), picture)))
    text = fault
    if callable(fault):
        content = json.loads(file.path.read_text())
        fault(content)
        text = json.dumps(content)
    file.path.write_text(text)
    with pytest.raises(ValueError, match="no sheet"):
        file.read(500.0)
    assert file.set_aside().read_text() == text
    assert not file.path.exists()

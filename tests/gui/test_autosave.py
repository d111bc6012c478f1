"""Tests of the sheet that is kept: restored, started afresh, broken, and the first start without one."""

import json
import signal

import numpy as np
import pytest
from PIL import Image

from common.messages import UserError
from gui.drawing import Page, Picture, Stroke
from gui.protocol import Sheet
from gui.sheet_file import SheetFile
from tests.support.window import NAME, PATIENCE, SIDE, Window, draw

FILE = "corrections/default/sheet.json"


def faint(window: Window) -> int:
    """Return the number of pixels of the canvas in the colour of the examples."""
    pixels = window.pixels()[window.top + 4 : window.bottom - 4, window.left + 4 : window.right - 4]
    return int((pixels == window.colour("line")).all(2).sum())


def test_the_sheet_is_back_after_a_close_and_after_a_kill(other_display, other_copy):
    path = other_copy / FILE
    window = Window(other_display, "--size", SIDE, folder=other_copy, autosave=True)
    window.wait(lambda: faint(window) > 500)
    window.press("n")
    draw(window, 4, at=0.3, height=0.4)
    assert faint(window) == 0, "the examples go with the first touch"
    draw(window, 2, at=0.7, height=0.4)
    window.wait_for_reading("42")
    window.press("ctrl+q")  # well within a second
    assert window.process.wait(PATIENCE) == 0
    assert window.process.stderr.read() == ""
    assert len(json.loads(path.read_text())["strokes"]) == 3

    window = Window(other_display, "--size", SIDE, folder=other_copy, autosave=True)
    window.wait_for_reading("42")
    assert faint(window) == 0
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
    window.fresh()
    window.press("ctrl+q")
    assert window.process.wait(PATIENCE) == 0

    path.write_text("{")
    window = Window(other_display, "--size", SIDE, folder=other_copy, autosave=True)
    window.wait(lambda: not path.exists())
    assert path.with_name("sheet.json.broken").read_text() == "{"
    draw(window, 3)
    window.wait_for_title(rf"3 · \d+ % - {NAME}")
    window.wait(path.exists)
    assert window.close() == ""


def test_a_sheet_with_a_picture_is_written_and_read(tmp_path):
    path, file = tmp_path / "new" / "sheet.json", SheetFile()
    noise = np.random.default_rng(0).integers(0, 256, (30, 40, 3), dtype=np.uint8)
    picture = Picture(40, 30, noise.tobytes(), (1, 2, 3), (-4.0, -3.0, 4.0, 3.0), 2)
    page = Page((Stroke(((1.5, 2.0), (3.0, 4.0)), 7.0),), picture)
    file.write(path, Sheet(page, False, False))
    read = SheetFile().read(path)
    assert (read.single, read.ink_follows_speed) == (False, False)
    assert vars(read.page.picture) == vars(picture)
    assert read.page.points() == page.points()
    assert read.page.strokes[0].width == 7.0
    file.write(path, Sheet(Page()))
    assert file.read(path).page.blank


@pytest.mark.parametrize("fault", ["", "[]", '{"strokes": 3}', "[" * 100_000, "picture", "points"])
def test_a_broken_sheet_is_set_aside(tmp_path, fault):
    path, file = tmp_path / "sheet.json", SheetFile()
    image = Image.new("RGB", (9, 9))
    picture = Picture(9, 9, image.tobytes(), (0, 0, 0), (0.0, 0.0, 9.0, 9.0))
    file.write(path, Sheet(Page((Stroke(((1.0, 2.0),), 3.0),), picture)))
    content = json.loads(path.read_text())
    if fault == "picture":
        content["picture"]["png"] = content["picture"]["png"][:20]
    elif fault == "points":
        content["strokes"][0]["points"][0] = [1]
    path.write_text(json.dumps(content) if fault in ("picture", "points") else fault)
    with pytest.raises(UserError, match="sheet is broken"):
        file.read(path)
    assert [file.name for file in tmp_path.iterdir()] == ["sheet.json.broken"]

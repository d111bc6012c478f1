"""Tests of the view (zoom, moving, strokes that leave the sheet, their width) and of what comes and goes."""

import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from tests.support.cases import CASES
from tests.support.corrections import is_accent
from tests.support.run_code import run_with_hand
from tests.support.window import SIDE, draw

ZOOMS = """
import sys
from pathlib import Path
hand.wait(lambda: session.ready)
canvas, view = hand.canvas, hand.canvas.view
def wheel(button, x, y):
    canvas.event_generate(f"<Button-{button}>", x=x, y=y)
    hand.run(0.1)
wheel(4, 100, 100)
assert view.zoom == 1, "a page without a picture is not zoomed"
hand.commands.show_sample_photo()
hand.wait(lambda: not session.busy)
text, scale = session.shown.text(), canvas.page_image.scale
print(text)
class At: x, y = 100, 150
before = canvas.position(At)
wheel(4, At.x, At.y), wheel(4, At.x, At.y)
after = canvas.position(At)
assert abs(canvas.page_image.scale / scale - 1.25 ** 2) < 1e-9
assert max(abs(a - b) for a, b in zip(before, after)) < 3, "the point under the pointer stays"
canvas.focus_force()
canvas.event_generate("<KeyPress-space>")
canvas.event_generate("<ButtonPress-1>", x=100, y=100)
canvas.event_generate("<Motion>", x=130, y=90, state=0x100)
canvas.event_generate("<ButtonRelease-1>", x=130, y=90, state=0x100)
canvas.event_generate("<KeyRelease-space>")
hand.run(0.2)
class There: x, y = 130, 140
moved = canvas.position(There)
assert max(abs(a - b) for a, b in zip(after, moved)) < 3, "the page follows the pointer"
assert session.drawing.page.strokes == (), "nothing is drawn"
canvas.event_generate("<ButtonPress-1>", x=130, y=140)
canvas.event_generate("<ButtonRelease-1>", x=170, y=180)
(stroke,) = session.drawing.page.strokes
assert max(abs(a - b) for a, b in zip(after, stroke.points[0])) < 3, "the pen draws where it is seen"
hand.run(0.1)
for _ in range(4):
    wheel(5, 10, 10)
assert (view.zoom, view.middle) == (1, (0, 0))
for _ in range(12):
    hand.root.event_generate("<<ZoomIn>>")
hand.run(0.1)
assert view.zoom == 8
hand.root.event_generate("<<ShowAll>>")
assert view.zoom == 1 and canvas.page_image.scale == scale
session.worker_process.close()
"""


def test_a_picture_is_zoomed_and_moved(other_display, other_copy):
    result = run_with_hand(ZOOMS, other_display, other_copy)
    assert (result.stdout, result.stderr) == ("3141 2718\n", "")


def test_a_stroke_that_leaves_the_sheet_comes_back(window):
    """It goes on where the pen comes back, and what lies beside the sheet is then shown."""
    x, y = window.middle
    window.draw([[(x - 100, y), (x, y), (x + 260, y), (x + 260, y + 80), (x + 60, y + 80)]], pause=0.02)
    ink = window.wait_for_ink(lambda ink: ink.any() and not ink[:, -3:].any())
    scale = ink.any(0).sum() / (360 + 0.04 * SIDE)
    assert 0.5 < scale < 0.9
    window.press("ctrl+z")
    window.wait_for_blank()


SPEED = """
hand.wait(lambda: session.ready)
from tests.support.handwriting import digit
hand.draw([[(-200, -150), *((x, -150) for x in range(-140, 200, 40))]])
hand.draw([[(90, 150), *((x, 150) for x in range(91, 191))]])
hand.wait_for_reading()
from gui.drawing import Drawing
def thickness(y):
    ink = hand.canvas.page_image._ink
    return sum(ink.getpixel((400, row)) > 128 for row in range(y - 30, y + 30))
thick = [thickness(110), thickness(410)]
read = session.shown.reading
hand.root.event_generate("<<ToggleInk>>")
hand.run(0.5)
print(*thick, thickness(110), thickness(410))
session.read_again()
hand.wait_for_reading()
assert session.shown.reading == read, "the network sees the same"
hand.commands.toggle_ink()
hand.run(0.5)
print(thickness(110), thickness(410))
session.worker_process.close()
"""


def test_fast_strokes_are_thinner_and_read_the_same(other_display, other_copy):
    result = run_with_hand(SPEED, other_display, other_copy)
    assert result.stderr == ""
    fast, slow, fast_off, slow_off, *again = map(int, result.stdout.split())
    assert slow == slow_off == fast_off
    assert 0.65 * slow < fast < 0.9 * slow
    assert again == [fast, slow], "painted again as while it was drawn"


@pytest.fixture
def pen_afterwards(window) -> Iterator[None]:
    """Select the pen again, also if the test fails: the next one uses the same window."""
    yield
    window.press("p")


@pytest.mark.usefixtures("pen_afterwards")
@pytest.mark.parametrize("key", ["e", "p"])
def test_the_eraser_is_a_tool(window, key):
    draw(window, 1)
    window.wait_for_reading("1")
    window.settle()  # it may have read the stroke before its end was drawn
    before = window.ink().sum()
    window.press("e", key)
    x, y = window.middle
    window.draw([[(x - 100, y), (x + 100, y)]])
    window.wait_for_ink(lambda ink: ink.sum() < before if key == "e" else ink.sum() > before)


@pytest.mark.usefixtures("pen_afterwards")
def test_a_ring_shows_how_far_the_eraser_reaches(window):
    """While the pointer is over the sheet, before anything is erased."""

    def ring() -> int:
        """Return the width of the ring in pixels, 0 if it is not shown."""
        canvas = window.pixels()[window.top : window.bottom, window.left : window.right]
        columns = np.flatnonzero(is_accent(window, canvas).any(0))
        return int(np.ptp(columns)) if len(columns) else 0

    window.xdotool("mousemove", "--window", window.id, window.left + 200, window.top + 150)
    assert ring() == 0
    window.press("e")
    window.wait(ring)
    before = ring()
    assert before == pytest.approx(2 * 0.04 * SIDE, abs=2)
    window.press("bracketright")
    window.wait(lambda: ring() > before)
    window.press("bracketleft")
    window.wait(lambda: ring() == before)
    window.xdotool("mousemove", "--window", window.id, window.left + 200, window.bottom + 30)
    window.wait(lambda: ring() == 0)
    window.xdotool("mousemove", "--window", window.id, window.left + 100, window.top + 100)
    window.wait(ring)
    window.press("p")
    window.wait(lambda: ring() == 0)


HISTORY = """
hand.wait(lambda: session.ready)
from gui.history_menu import HistoryMenu
for number in (3, 7):
    hand.commands.draw_sample(number)
    hand.wait_for_reading()
session.clear()
menu = HistoryMenu(session, hand.corrections, lambda page, text: print("save", text))
print([entry.text for entry in session.history.entries])
menu._entry = session.history.entries[1]
labels = menu.menu.nametowidget(menu.menu.entrycget(1, "menu"))
labels.invoke(5)
hand.wait(lambda: session.shown.corrected)
print([entry.text for entry in session.history.entries])
print(session.shown.text(), session.window._panel._learned.cget("text"))
menu.menu.invoke(2)
menu._entry = session.history.entries[0]
menu.menu.invoke(4)
print([entry.text for entry in session.history.entries])
hand.commands.draw_sample(1)
hand.wait_for_reading()
session.add_to_history()
print([entry.text for entry in session.history.entries])
session.history._buttons[0].focus_force()
hand.run(0.1)
session.history._buttons[0].event_generate("<Delete>")
hand.run(0.1)
print([entry.text for entry in session.history.entries], session.drawing.blank)
menu._entry = session.history.entries[0]
menu.menu.invoke(0)
hand.wait_for_reading()
print(session.shown.text())
hand.wait(lambda: not session.busy)
print(session.window._panel._learned.cget("text"))
session.worker_process.close()
"""


def test_the_menu_of_the_history(other_display, other_copy):
    result = run_with_hand(HISTORY, other_display, other_copy)
    assert result.stderr == ""
    assert result.stdout.splitlines()[0] == "['7', '3']"
    assert result.stdout.splitlines()[1] == "['7', '5']"
    assert result.stdout.splitlines()[2].startswith("5 ")
    assert result.stdout.splitlines()[3:] == [
        *("save 5", "['5']", "['1', '5']", "['5'] False", "5", "Learned from you (1)")
    ]


PASTE = """
import sys
from pathlib import Path
hand.wait(lambda: session.ready)
def paste(text):
    hand.root.clipboard_clear()
    hand.root.clipboard_append(text)
    hand.commands.paste()
    hand.wait(lambda: not session.busy)
    print(session.shown.text(), hand.status(), sep="|")
    session.clear()
"""
PASTES = """
photo = Path("photo.png").resolve()
one = "[[[0.1, 0], [0.1, 0.5], [0.1, 1]]]"
paste(one)
paste('{"strokes": ' + one + ',\\n "label": 1}')
paste(photo.as_uri())
paste(str(photo))
paste("x-special/nautilus-clipboard\\ncopy\\n" + photo.as_uri())
paste("[[1]]")
paste("nothing of use")
session.worker_process.close()
"""


def test_strokes_files_and_nothing_are_pasted(other_display, other_copy, photo: Path):
    (other_copy / "photo.png").write_bytes(photo.read_bytes())
    result = run_with_hand(PASTE + PASTES, other_display, other_copy)
    opened = "5|A picture: draw on it, or frame a part with Ctrl and the mouse; the wheel zooms."
    lines = result.stdout.splitlines()
    assert lines[:5] == ["1|", "1|", opened, opened, opened], result.stderr
    assert lines[5].startswith("|the clipboard is no drawing: point 1 of stroke 1")
    assert lines[6] == "|There is neither a picture nor strokes in the clipboard."


@pytest.mark.long
def test_it_is_said_that_a_picture_was_turned(other_display, other_copy):
    pastes = f"paste({str(CASES / 'turned_180.jpg')!r})\nsession.worker_process.close()\n"
    result = run_with_hand(PASTE + pastes, other_display, other_copy)
    assert result.stdout == "204753 98316|Read as turned by 180 degrees.\n", result.stderr


DROPS = """
import types
calls = []
module = types.ModuleType("tkinterdnd2")
module.TkinterDnD = types.SimpleNamespace(_require=lambda root: None)
sys.modules["tkinterdnd2"] = module
hand.root.tk.createcommand("tkdnd::drop_target", lambda *arguments: calls.append(arguments))
from gui.desktop import accept_files
assert accept_files(hand.root, lambda path: print(path))
assert calls == [("register", ".", "DND_Files")], calls
name = hand.root.bind("<<Drop:DND_Files>>").split()[0]
hand.root.tk.call(name, "{/tmp/a photo.png} /tmp/other.png")
session.worker_process.close()
"""


def test_dropped_files_are_opened(other_display, other_copy):
    result = run_with_hand(DROPS, other_display, other_copy)
    assert (result.stdout, result.stderr) == ("/tmp/a photo.png\n", "")


COPIES = """
import os, subprocess
hand.wait(lambda: session.ready)
hand.commands.copy_picture()
print(hand.status())
hand.commands.draw_sample(3)
hand.wait_for_reading()
path = os.environ["PATH"]
os.environ["PATH"] = ""
hand.commands.copy_picture()
hand.wait(lambda: not session.busy)
print(hand.status())
os.environ["PATH"] = path
hand.commands.copy_picture()
hand.wait(lambda: not session.busy)
print(hand.status())
session.worker_process.close()
"""


def test_the_drawing_is_copied_as_a_picture(other_display, other_copy, monkeypatch):
    """By a program that stands for xclip: it writes what it is given to a file."""
    (other_copy / "xclip").write_text("#!/bin/sh\necho $* > arguments\ncat > copied.png\n")
    (other_copy / "xclip").chmod(0o755)
    monkeypatch.setenv("PATH", f"{other_copy}{os.pathsep}{os.environ['PATH']}")
    result = run_with_hand(COPIES, other_display, other_copy)
    assert result.stdout.splitlines() == [
        "Nothing to copy yet.",
        "Copying a picture needs xclip or wl-copy.",
        "Copied the drawing as a picture.",
    ], result.stderr
    assert "image/png" in (other_copy / "arguments").read_text()
    assert (other_copy / "copied.png").read_bytes().startswith(b"\x89PNG")


UNDOES = """
from PIL import ImageGrab
def shot():
    hand.wait(lambda: not session.busy)
    canvas.itemconfigure("box", state="hidden")
    hand.run(0.4)
    x, y = canvas.winfo_rootx(), canvas.winfo_rooty()
    return ImageGrab.grab((x, y, x + canvas.winfo_width(), y + canvas.winfo_height())).tobytes()
canvas = hand.canvas
hand.wait(lambda: session.ready)
hand.commands.draw_sample(3)
drawn = shot()
hand.commands.show_sample_photo()
photo = shot()
canvas.view.zoom_by(3)
hand.run(0.2)
left, top, right, bottom = session.drawing.page.picture.box
hand.commands.read_part((left, top, right, (top + bottom) / 2))
part = shot()
assert max(session.drawing.page.picture.box) > 200, "the part fills the sheet, also after zooming"
assert len({drawn, photo, part}) == 3
session.undo()
assert shot() == photo
session.undo()
assert shot() == drawn
session.redo()
assert shot() == photo
session.clear()
assert shot() not in (drawn, photo)
session.undo()
assert shot() == photo
session.worker_process.close()
"""


@pytest.mark.long
def test_undo_shows_the_page_with_its_picture(other_display, other_copy):
    result = run_with_hand(UNDOES, other_display, other_copy)
    assert (result.stdout, result.stderr) == ("", "")


PENS = """
canvas, slider = hand.canvas, session.window.toolbar.slider
hand.run(0.1)
x, y = slider.coords()
assert "slider" in slider.identify(x, y), "the mouse finds the knob"
before = canvas.brush
slider.event_generate("<ButtonPress-1>", x=x, y=y)
slider.event_generate("<B1-Motion>", x=x + 20, y=y)
slider.event_generate("<ButtonRelease-1>", x=x + 20, y=y)
hand.run(0.1)
assert canvas.brush > before + 5
assert slider.coords()[0] > x + 10, "the knob goes along"
canvas.event_generate("<ButtonPress-1>", x=200, y=200)
canvas.event_generate("<Motion>", x=220, y=300, state=0x100)
canvas.view._on_change()
assert len(session.drawing.page.strokes) == 1, "a change of the view ends the stroke"
hand.wait(lambda: session.shown.version == session.drawing.version)
session.worker_process.close()
"""


def test_the_slider_sets_the_pen_and_the_view_ends_a_stroke(other_display, other_copy):
    result = run_with_hand(PENS, other_display, other_copy)
    assert (result.stdout, result.stderr) == ("", "")

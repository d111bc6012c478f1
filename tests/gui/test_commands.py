"""Tests of commands: pictures, files, the clipboard, the list of keys."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from common.messages import UserError
from gui.drawing import Page, Stroke
from gui.painting import to_image
from tests.support.corrections import samples
from tests.support.handwriting import digit
from tests.support.run_code import run_with_hand
from tests.support.window import NAME, SIDE, Window, draw


def open_picture(window: Window, path: Path) -> None:
    window.press("ctrl+o")
    window.xdotool("search", "--sync", "--onlyvisible", "--name", "Open a picture")
    window.type(str(path))
    window.press("Return")


def test_a_picture_is_opened_read_drawn_on_and_corrected(window, photo, copy):
    open_picture(window, photo)
    window.wait_for_reading("5")
    paper = window.pixels()[window.top + SIDE // 2, window.left + 30]
    assert abs(paper.astype(int) - [236, 228, 200]).max() < 8
    x, y = window.middle
    window.draw([[(x - 150, y - 100), (x + 150, y + 100)], [(x - 150, y + 100), (x + 150, y - 100)]])
    window.wait_for_title(rf"(?!5).* - {NAME}")
    window.press("6")
    window.wait(lambda: samples(copy))
    (sample,) = samples(copy)
    assert (sample["label"], sample["strokes"]) == (6, []), "without the picture the strokes are no 6"
    (png,) = (copy / "corrections" / "default").glob("*.png")
    assert (np.asarray(Image.open(png).convert("L")) < 100).mean() > 0.02
    window.press(*["ctrl+z"] * 3)  # the correction and both strokes
    window.wait_for_reading("5")
    assert samples(copy) == []
    window.press("ctrl+z")
    window.wait_for_blank()


def test_a_part_of_a_picture_is_framed_and_read(window, tmp_path):
    strokes = [line for place, one in enumerate((4, 8, 3, 6)) for line in digit(one, (place * 110, 0), 120)]
    page = Page(tuple(Stroke(tuple(line), 10.0) for line in strokes))
    to_image(page, (-80, -110, 420, 110), ink=(30, 40, 90), paper=(236, 228, 200)).save(tmp_path / "four.png")
    open_picture(window, tmp_path / "four.png")
    window.wait_for_reading("4836")
    x, y = window.middle
    window.xdotool("keydown", "ctrl")
    window.draw([[(x + 0.02 * SIDE, y - 0.2 * SIDE), (x + 0.2 * SIDE, y), (x + 0.48 * SIDE, y + 0.2 * SIDE)]])
    window.xdotool("keyup", "ctrl")
    window.wait_for_reading("36")
    window.press("ctrl+z")
    window.wait_for_reading("4836")
    window.fresh()
    window.press("n")  # a picture of several digits was opened as a number


FRAMES = """
from pathlib import Path
from PIL import Image, ImageDraw
from gui.sample_digits import digit
hand.wait(lambda: session.ready)
page = Image.new("L", (3200, 2400), 245)
for place, number in enumerate((7, 3, 8)):
    for line in digit(number, (2660 + 28 * place, 1900), 32):
        ImageDraw.Draw(page).line(line, fill=40, width=3)
path = Path("page.png")
page.save(path)
def framed(box):
    hand.commands.read_part(box)
    hand.wait(lambda: not session.busy)
    picture = session.drawing.page.picture
    print(picture.width, picture.height, session.shown.text(), *(f"{share:.3f}" for share in picture.part))
def shown(left, top, right, bottom):
    (x, y, far_x, far_y), (a, b, c, d) = session.drawing.page.picture.box, (left, top, right, bottom)
    return x + a * (far_x - x), y + b * (far_y - y), x + c * (far_x - x), y + d * (far_y - y)
hand.commands.open_from(path)
hand.wait(lambda: not session.busy)
framed(shown(0.75, 0.75, 1, 1))
framed(shown(0, 0, 0.5, 0.5))
path.unlink()
framed(shown(0.5, 0, 1, 1))
"""


@pytest.mark.long
def test_a_framed_part_of_a_picture_has_the_pixels_of_its_file(other_display, other_copy):
    result = run_with_hand(FRAMES, other_display, other_copy)
    assert result.stdout.splitlines() == [
        "800 600 738 0.750 0.750 1.000 1.000",
        "400 300 738 0.750 0.750 0.875 0.875",
        "200 300 738 0.000 0.000 1.000 1.000",  # the file is gone: what is shown is cut
    ], result.stderr


OPENS_PAGES = """
from pathlib import Path
from PIL import Image
hand.wait(lambda: session.ready)
for name in ("scan.pdf", "scan.tiff", "one.tiff"):
    pages = [Image.new("L", (300, 200), shade) for shade in (255, 200, 150)]
    pages[0].save(name, save_all=True, append_images=pages[1:] if "scan" in name else [])
    hand.commands.open_from(Path(name))
    hand.wait(lambda: not session.busy)
    print(hand.status())
"""


@pytest.mark.long
def test_of_several_pages_the_first_is_opened_and_the_number_said(other_display, other_copy):
    result = run_with_hand(OPENS_PAGES, other_display, other_copy)
    first = "The first of 3 pages: predict.py reads all of them."
    assert result.stdout.splitlines() == [
        first,
        first,
        "A picture: draw on it, or frame a part with Ctrl and the mouse; the wheel zooms.",
    ], result.stderr


def test_drawing_goes_on_after_a_file_that_is_no_picture(window, tmp_path):
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
        process.kill()  # with coverage, terminate() would wait until Tk returns to Python code
        process.communicate()


def test_bytes_of_tks_text():
    from gui.clipboard import CLIPBOARD_LIMIT, bytes_of  # needs Tk

    content = bytes(range(256)) * 3
    assert bytes_of("".join(f"0x{byte:x} " for byte in content)) == content
    assert bytes_of(" ".join(f"0x{byte:02X}" for byte in content)) == content
    with pytest.raises(ValueError, match="hexadecimal"):
        bytes_of("a text")
    with pytest.raises(UserError, match="8 MB"):
        bytes_of("0x0 " * (CLIPBOARD_LIMIT * 1_000_000 + 1))


def test_drawing_goes_on_after_pasting_without_a_picture(window):
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
    assert ((saved < 100) != window.ink()).mean() < 0.01, "as on the canvas, dark on white"
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
    assert window.reading() == "2", "Esc closed the list, and did not clear the page"

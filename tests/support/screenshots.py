"""Make screenshots of the window and of the page, with digits drawn by the mouse, and with a correction.

python -m tests.support.screenshots                    all of them, in image/
python -m tests.support.screenshots --output FOLDER    elsewhere
python -m tests.support.screenshots --window           only those of the window
"""

import argparse
import io
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from PIL import Image

from common.cli import ArgumentParser, run_script
from common.files import PROJECT, write_atomically
from common.messages import UserError, short
from tests.support import browser
from tests.support.handwriting import digit, smooth
from tests.support.project import Project
from tests.support.window import Window, missing_tools, screen

NUMBERS = (3, 4, 6, 9)
# A 1 with a long flag, which MNIST's writers do not write, and a similar one.
FLAGGED = smooth([(6, 46), (36, 26), (66, 8), (64, 50), (62, 92), (60, 134)])
SIMILAR = smooth([(10, 52), (38, 26), (64, 4), (66, 50), (60, 92), (62, 132)])
PAUSE = 0.03  # seconds between two moves of the mouse, of which a busy machine would lose some
MAX_BYTES = 120_000  # of a picture
MAX_ANIMATION = 400_000  # bytes
FRAMES = 24  # of the animation, while the pen moves


def main() -> int:
    """Make the screenshots and write them."""
    args = parse_arguments()
    if lacking := [*missing_tools(), *([] if args.window else browser.missing_tools())]:
        raise UserError(f"screenshots need {', '.join(lacking)}")
    with tempfile.TemporaryDirectory() as copy:
        folder = Project(Path(copy)).folder
        with screen() as display:  # without samples
            window = Window(display, folder=folder)
            for number in NUMBERS:
                write(args.output / f"{number}.png", screenshot(window, number))
            write_animation(args.output / "draw.gif", frames(window, 3))
            write(args.output / "personal.png", three_steps(window))
            window.close()
    with tempfile.TemporaryDirectory() as copy:
        folder = Project(Path(copy)).folder
        for view in VIEWS:
            write(args.output / f"window_{view.name}.png", picture_of(view, folder))
    if args.window:
        return 0
    with tempfile.TemporaryDirectory() as folder:
        write(args.output / "page.png", phone_and_desktop(Path(folder)))
    return 0


def parse_arguments() -> argparse.Namespace:
    """Parse the command line."""
    parser = ArgumentParser("Make the README's screenshots of the window and of the page.")
    parser.add_argument("--output", type=Path, default=PROJECT / "image", metavar="DIR", help="where to")
    parser.add_argument("--window", action="store_true", help="only those of the window")
    return parser.parse_args()


def draw_digit(window: Window) -> None:
    window.draw(digit(7, window.middle, 0.6 * (window.bottom - window.top)), pause=PAUSE)
    window.wait_for_title(r"7.+")


def draw_number(window: Window) -> None:
    window.press("n")
    for place, number in enumerate((2, 0, 4, 8)):
        window.draw(
            digit(number, (window.middle[0] * (0.28 + 0.48 * place), window.middle[1]), 150), pause=PAUSE
        )
    window.wait_for_title(r"2048.+")


def show_why(window: Window) -> None:
    x, y = window.middle
    # Between a 4 and a 9.
    strokes = [
        smooth([(66, 30), (44, 20), (30, 50), (40, 76), (66, 66)]),
        smooth([(72, 14), (68, 72), (64, 136)]),
    ]
    window.draw(
        [[(x + 2.4 * (a - 50), y + 2.4 * (b - 70)) for a, b in stroke] for stroke in strokes], pause=PAUSE
    )
    window.wait_for_title(r"[49].+")
    window.press("w")


def open_photo(window: Window) -> None:
    """Open the sample photo by the menu and keys."""
    window.press("F10", "Down", "Down", "Return")
    window.wait_for_title(r"3141 2718.+")


def show_learned(window: Window) -> None:
    for number, label in ((1, 7), (4, 4), (9, 9), (2, 2), (6, 6)):
        window.press("Escape")
        window.draw(digit(number, window.middle, 240), pause=PAUSE)
        window.wait_for_title(r"[0-9].+")
        window.press(str(label))
        window.wait_for_title(rf"{label} · (corrected|confirmed).+")
    window.press("r")


@dataclass(frozen=True)
class View:
    """A screenshot: what is done in the window, and in which window."""

    name: str
    act: Callable[[Window], None]
    dark: bool = False
    size: str = "1280x1024"
    dpi: int = 96
    language: str = "en"
    shows_screen: bool = False


VIEWS = (
    View("light", draw_digit),
    View("dark", draw_digit, dark=True),
    View("number", draw_number),
    View("photo", open_photo),
    View("why", show_why, dark=True),
    View("200", draw_digit, size="2560x2048", dpi=192),
    View("640x480", draw_digit, size="640x480"),
    View("768_lines", draw_digit, size="1366x768", dpi=192),
    View("zh", draw_number, language="zh"),
    View("learned", show_learned, shows_screen=True),
)


def picture_of(view: View, folder: Path) -> Image.Image:
    """Return the window as a view says."""
    with screen(view.size, view.dpi) as display:
        window = Window(display, folder=folder, dark=view.dark, language=view.language)
        window.settle()
        window.find_canvas()  # in the size that the screen allows
        view.act(window)
        window.settle()
        picture = window.picture()
        if view.shows_screen:  # with the windows above it, which has no frame and lies in the corner
            picture = window.picture("root").crop((0, 0, *picture.size))
        window.close()
    return picture


def frames(window: Window, number: int) -> list[Image.Image]:
    """Return the window while a digit is drawn, a few points at a time."""
    window.fresh()
    window.settle()
    pictures = [window.picture()]
    (stroke,) = digit(number, window.middle, 0.72 * (window.bottom - window.top))
    step = -(-len(stroke) // FRAMES)
    for first in range(0, len(stroke), step):
        window.draw(
            [stroke[first : first + step]], pause=PAUSE, lift=first + step >= len(stroke), press=first == 0
        )
        window.settle()
        pictures.append(window.picture())
    return pictures


def write_animation(path: Path, pictures: list[Image.Image]) -> None:
    """Write a GIF file of 32 colours.

    Raises:
        UserError: if it is larger than `MAX_ANIMATION`.
    """
    palette = pictures[-1].quantize(32)
    small = [picture.quantize(palette=palette, dither=Image.Dither.NONE) for picture in pictures]
    times = [800, *[90] * (len(small) - 2), 2500]
    gif = io.BytesIO()
    small[0].save(gif, "GIF", save_all=True, append_images=small[1:], duration=times, loop=0, optimize=True)
    if len(gif.getvalue()) > MAX_ANIMATION:
        raise UserError(f"{path.name} has {len(gif.getvalue()):,} bytes, more than {MAX_ANIMATION:,}")
    write_atomically(path, gif.getvalue())
    print(f"Written: {short(path)}")


def screenshot(window: Window, number: int) -> Image.Image:
    """Return the window after a digit was drawn and read."""
    window.fresh()
    window.draw(digit(number, window.middle, 0.72 * (window.bottom - window.top)), pause=PAUSE)
    window.wait_for_reading(str(number))
    window.settle()
    return window.picture()


def three_steps(window: Window) -> Image.Image:
    """Return the window three times: a 1 is misread as a 7, it is corrected, the next one is read right."""
    steps = []
    for stroke, key, reading in ((FLAGGED, None, "7"), (FLAGGED, "1", "1"), (SIMILAR, None, "1")):
        if key:
            window.press(key)
        else:
            window.fresh()
            scale, (x, y) = 0.72 * (window.bottom - window.top) / 140, window.middle
            window.draw([[(x + (a - 36) * scale, y + (b - 70) * scale) for a, b in stroke]], pause=PAUSE)
        window.wait_for_reading(reading)
        window.settle()
        picture = window.picture()
        steps.append(
            picture.resize((picture.width * 2 // 3, picture.height * 2 // 3), Image.Resampling.LANCZOS)
        )
    width, height = steps[0].size
    gap = width // 40
    row = Image.new("RGB", (3 * width + 2 * gap, height), "white")
    for place, step in enumerate(steps):
        row.paste(step, (place * (width + gap), 0))
    return row


def phone_and_desktop(folder: Path) -> Image.Image:
    """Return the page with a number on a dark phone and with a digit on a light desktop.

    Args:
        folder: where to build the page.
    """
    screens = []
    with browser.serve(folder) as address, browser.chromium() as driver:
        for size, text, dark in (((390, 780), "42", True), ((1180, 780), "6", False)):
            page = browser.Page(driver, address, size, dark, scale=1.5)
            page.draw(page.digits(text))
            page.wait_for_reading(text)
            screens.append(page.picture())
    gap = 36
    row = Image.new("RGB", (sum(screen.width for screen in screens) + gap, screens[0].height), "white")
    row.paste(screens[0], (0, 0))
    row.paste(screens[1], (screens[0].width + gap, 0))
    return row.resize((row.width // 2, row.height // 2), Image.Resampling.LANCZOS)


def write(path: Path, picture: Image.Image) -> None:
    """Write a PNG file of 256 colours.

    Raises:
        UserError: if it is larger than `MAX_BYTES`.
    """
    png = io.BytesIO()
    picture.quantize(256).save(png, "PNG", optimize=True)
    if len(png.getvalue()) > MAX_BYTES:
        raise UserError(f"{path.name} has {len(png.getvalue()):,} bytes, more than {MAX_BYTES:,}")
    write_atomically(path, png.getvalue())
    print(f"Written: {short(path)}")


if __name__ == "__main__":
    run_script(main)

"""Make screenshots of the window and of the page, with digits drawn by the mouse, and with a correction.

python -m tests.support.screenshots                    all of them, in image/
python -m tests.support.screenshots --output FOLDER    elsewhere
"""

import argparse
import io
import tempfile
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
MAX_BYTES = 120_000  # of a picture


def main() -> int:
    """Make the screenshots and write them."""
    args = parse_arguments()
    if lacking := [*missing_tools(), *browser.missing_tools()]:
        raise UserError(f"screenshots need {', '.join(lacking)}")
    with screen() as display, tempfile.TemporaryDirectory() as copy:  # without samples
        window = Window(display, dark=args.dark, folder=Project(Path(copy)).folder)
        for number in NUMBERS:
            write(args.output / f"{number}.png", screenshot(window, number))
        write(args.output / "personal.png", three_steps(window))
        window.close()
    with tempfile.TemporaryDirectory() as folder:
        write(args.output / "page.png", phone_and_desktop(Path(folder)))
    return 0


def parse_arguments() -> argparse.Namespace:
    """Parse the command line."""
    parser = ArgumentParser("Make the README's screenshots of the window and of the page.")
    parser.add_argument("--output", type=Path, default=PROJECT / "image", metavar="DIR", help="where to")
    parser.add_argument("--dark", action="store_true", help="the window in the dark theme")
    return parser.parse_args()


def screenshot(window: Window, number: int) -> Image.Image:
    """Return the window after a digit was drawn and read."""
    window.fresh()
    window.draw(digit(number, window.middle, 0.72 * (window.bottom - window.top)), pause=0.008)
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
            window.draw([[(x + (a - 36) * scale, y + (b - 70) * scale) for a, b in stroke]], pause=0.008)
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

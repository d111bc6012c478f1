"""Draw a 3, 4, 6 and 9 in the real window, by the real mouse, and keep what the screen shows.

python -m tests.screenshots                    image/3.png, image/4.png, image/6.png and image/9.png
python -m tests.screenshots --output FOLDER    elsewhere
"""

import argparse
import io
from pathlib import Path

from runtime import PROJECT, ArgumentParser, UserError, run_script, short, write_atomically
from tests.handwriting import digit
from tests.window import Window, missing_tools, screen

NUMBERS = (3, 4, 6, 9)
LARGEST = 120_000  # bytes of a picture


def main() -> int:
    args = parse_arguments()
    if lacking := missing_tools():
        raise UserError(f"screenshots need {', '.join(lacking)}")
    with screen() as display:
        window = Window(display, dark=args.dark)
        for number in NUMBERS:
            write_atomically(args.output / f"{number}.png", screenshot(window, number))
            print(f"Written: {short(args.output / f'{number}.png')}")
        window.close()
    return 0


def parse_arguments() -> argparse.Namespace:
    parser = ArgumentParser("Make the README's screenshots of the window.")
    parser.add_argument("--output", type=Path, default=PROJECT / "image", metavar="DIR", help="where to")
    parser.add_argument("--dark", action="store_true", help="in the dark theme")
    return parser.parse_args()


def screenshot(window: Window, number: int) -> bytes:
    """The window, as PNG, after a digit was drawn and read."""
    window.fresh()
    window.draw(digit(number, window.middle, 0.72 * (window.bottom - window.top)), pause=0.008)
    window.wait_for_reading(str(number))
    window.settle()
    png = io.BytesIO()
    window.picture().quantize(256).save(png, "PNG", optimize=True)
    if len(png.getvalue()) > LARGEST:
        raise UserError(f"the picture of {number} has {len(png.getvalue()):,} bytes, more than {LARGEST:,}")
    return png.getvalue()


if __name__ == "__main__":
    run_script(main)

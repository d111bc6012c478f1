"""Draw digits in a window and have them read.

python app.py                  draw with the left button, erase with the right one; F1 shows all keys
python app.py photo.png        read a picture, and draw on it
python app.py --profile Anna   with corrections of Anna's own
"""

from __future__ import annotations

import argparse
import contextlib
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from checkpointing.lookup import BY_RULE
from common.cli import ArgumentParser, add_device_arguments, number, run_script
from common.messages import UserError, short
from recognition.profiles import DEFAULT, profile_folder

if TYPE_CHECKING:
    import tkinter as tk

SIDE = 374  # points (1/72 inch) of the canvas: 520 pixels at 100 dots per inch
BRUSH = 0.04  # width of the pen relative to the side of the canvas


def main() -> int:
    """Open the window and run it until it is closed."""
    args = parse_arguments()
    root = open_display()
    # Imported after open_display, which reports a missing Tk.
    from gui import texts
    from gui.autosave import Autosave
    from gui.commands import Commands
    from gui.corrections import Corrections
    from gui.session import Session
    from gui.theme import Theme

    texts.use(args.language, root)
    theme = Theme(root, args.theme)
    side = args.size or theme.px(SIDE)
    brush = args.brush or BRUSH * side
    settings = args.checkpoint, args.device, args.threads, args.profile
    session = Session(root, theme, settings, side, brush)
    commands = Commands(session, Corrections(session))
    if not args.no_autosave:
        Autosave(session, profile_folder(args.profile))
    if args.picture:
        commands.open_from(args.picture, otherwise=session.close_with)
    session.run()
    return 0


def parse_arguments() -> argparse.Namespace:
    """Parse the command line and check the profile's name and the paths.

    Raises:
        UserError: if one of them is wrong.
    """
    parser = ArgumentParser("Draw digits in a window and have them read.")
    add = parser.add_argument
    add("picture", nargs="?", type=Path, metavar="PICTURE", help="a picture to read and draw on")
    add(
        "--checkpoint",
        metavar="FILE",
        help="weights to read with: a file, newest, shipped or ink (default: ink)",
    )
    add(
        "--profile",
        default=DEFAULT,
        metavar="NAME",
        help="whose corrections readings lean towards, and where new ones are kept: a folder in corrections/",
    )
    add(
        "--size",
        type=number(int, at_least=100, at_most=4000),
        metavar="N",
        help="side of the sheet in pixels (default: 520 at 100 dots per inch)",
    )
    add(
        "--brush",
        type=number(float, at_least=1, at_most=200),
        metavar="N",
        help="width of the pen in pixels (default: 4 %% of the side)",
    )
    add("--theme", choices=("auto", "light", "dark"), default="auto", help="auto: as the desktop is set")
    add(
        "--language",
        choices=("auto", "en", "zh"),
        default="auto",
        help="of the window: English or Chinese; auto: as the system is set",
    )
    add("--no-autosave", action="store_true", help="neither keep the sheet nor restore the last one")
    add_device_arguments(add, threads=1)  # more threads help only with many digits at a time
    args = parser.parse_args()
    # Likely mistakes are reported before a window opens, others when a file is read.
    profile_folder(args.profile)
    for path, what in ((args.picture, "picture"), (_path(args.checkpoint), "checkpoint")):
        if path and not path.exists():
            raise UserError(f"{short(path)}: no such {what}")
    return args


def _path(checkpoint: str | None) -> Path | None:
    """Return the path of a checkpoint that is a file; None for one that is found by a rule."""
    return Path(checkpoint) if checkpoint not in BY_RULE else None


def open_display() -> tk.Tk:
    """Create Tk's main window, empty.

    Raises:
        UserError: if there is no Tk or no display.
    """
    try:
        import tkinter as tk
    except ImportError:
        raise UserError(
            "this Python has no Tk to open a window with: apt install python3-tk (Debian, Ubuntu), "
            "brew install python-tk (macOS); predict.py reads pictures without it"
        ) from None
    if sys.platform == "win32":  # or Windows scales the pixels up on high-resolution screens
        import ctypes

        with contextlib.suppress(AttributeError, OSError):  # before Windows 8.1
            ctypes.windll.shcore.SetProcessDpiAwareness(1)
    try:
        return tk.Tk(className="Digits")
    except tk.TclError as error:
        raise UserError(
            f"cannot open a window: {error}. Run it in a desktop session, or as xvfb-run python app.py; "
            "predict.py reads pictures without a display"
        ) from None


if __name__ == "__main__":
    run_script(main)

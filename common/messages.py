"""Messages for people: errors that a user can mend, and values as text."""

import os
import sys
from pathlib import Path


class UserError(Exception):
    """An error that the user can mend. Its message is one line: what is wrong and what to do."""


def complain(message: str) -> int:
    """Print an error as one line on stderr.

    Returns:
        2, the exit status for bad input.
    """
    print(f"{Path(sys.argv[0]).name}: error: {printable(one_line(message))}", file=sys.stderr)
    return 2


def one_line(message: object) -> str:
    """Return a text, or an error's message, with single spaces in place of line breaks and other spaces."""
    return " ".join(str(message).split())


def printable(text: str) -> str:
    """Return `text` with line breaks, control characters and undecodable bytes escaped."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def short(path: Path) -> str:
    """Return `path` relative to the current folder if that is shorter, else as it is."""
    same_drive = path.drive in ("", Path.cwd().drive)
    relative = Path(os.path.relpath(path)).as_posix() if same_drive else str(path)
    return min(relative, str(path), key=len)


def percent(probability: float, decimals: int = 0) -> str:
    """Format a probability in [0, 1] as in "97 %", rounded down so that only 1.0 gives "100 %"."""
    scale = 10**decimals
    return f"{int(probability * 100 * scale + 1e-9) / scale:.{decimals}f} %"

"""What every script needs from its surroundings: its command line, its device, its files, its errors.

What a user can mend is raised as `UserError`. `run_script` turns it into one line on stderr and exit
status 2, so no script shows a traceback for bad input.
"""

from __future__ import annotations

import argparse
import atexit
import contextlib
import ctypes
import math
import os
import platform
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

if TYPE_CHECKING:
    import torch

PROJECT = Path(__file__).resolve().parent
BY_RULE = (None, "newest", "shipped", "ink")  # what `checkpoint.find` takes for a rule; all else is a path


class UserError(Exception):
    """Something the user can mend; the message is one line that says what is wrong and what to do."""


def end_on_ctrl_c() -> None:
    """Until `run_script`, Ctrl-C ends the process at once and without a word; shells call that 130 too.

    For a script's first seconds, in which it imports what it needs: Python would print a traceback. A
    process that was told to ignore Ctrl-C goes on to.
    """
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, signal.SIG_DFL)


def run_script(main: Callable[[], int]) -> NoReturn:
    """Run `main` and exit with the status it returns: 2 after a `UserError` or an `OSError`.

    Ctrl-C exits with 130 (128 + SIGINT), as shells expect.
    """
    try:
        if signal.getsignal(signal.SIGINT) is signal.SIG_DFL:  # see `end_on_ctrl_c`
            signal.signal(signal.SIGINT, signal.default_int_handler)
        status = main()
        sys.stdout.flush()
    except UserError as error:
        status = complain(str(error))
    except KeyboardInterrupt:
        print("\nInterrupted.", file=sys.stderr)
        status = 128 + signal.SIGINT
    except BrokenPipeError:  # the reader of our output has gone, as in `python test.py | head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        status = 128 + 13  # SIGPIPE, which Windows lacks
    except OSError as error:  # a full disk, a folder that may not be read
        where = f"{error.filename}: " if error.filename else ""
        status = complain(f"{where}{error.strerror or error}")
    # From here on Ctrl-C would only raise in clean-ups, which would print a traceback.
    atexit.register(signal.signal, signal.SIGINT, signal.SIG_IGN)
    sys.exit(status)


def complain(message: str) -> int:
    """Print `message` as one line on stderr; returns 2, the exit status for bad input."""
    print(f"{Path(sys.argv[0]).name}: error: {printable(' '.join(message.split()))}", file=sys.stderr)
    return 2


def printable(text: str) -> str:
    """Text without line breaks, control characters and bytes that are no text, which files may hold."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


class ArgumentParser(argparse.ArgumentParser):
    """An `argparse.ArgumentParser` that shows every default and answers bad input in one line."""

    def __init__(self, description: str) -> None:
        super().__init__(description=description, formatter_class=_HelpFormatter, allow_abbrev=False)

    def error(self, message: str) -> NoReturn:
        sys.exit(complain(f"{message} (--help lists every flag)"))


class _HelpFormatter(argparse.HelpFormatter):
    def _get_help_string(self, action: argparse.Action) -> str:
        if action.default == argparse.SUPPRESS or "default:" in action.help:
            return action.help
        default = "%(default)s"
        if action.default is None:
            default = "none"
        elif action.default is False:  # and not 0, which is equal to it
            default = "off"
        return f"{action.help} (default: {default})"

    def _get_default_metavar_for_optional(self, action: argparse.Action) -> str:
        return "N"  # what has no name of its own is a number


def number(
    kind: type[int] | type[float],
    *,
    at_least: float = -math.inf,
    at_most: float = math.inf,
    above: float = -math.inf,
    below: float = math.inf,
) -> Callable[[str], float]:
    """An argparse type: a finite number of type `kind` within the bounds."""

    def parse(text: str) -> float:
        try:
            value = kind(text)
        except ValueError:
            wanted = "a whole number" if kind is int else "a number"
            raise argparse.ArgumentTypeError(f"{text!r} is not {wanted}") from None
        if not math.isfinite(value):
            raise argparse.ArgumentTypeError(f"must be finite, not {text}")
        if value < at_least:
            raise argparse.ArgumentTypeError(f"must be at least {at_least}, not {text}")
        if value > at_most:
            raise argparse.ArgumentTypeError(f"must be at most {at_most}, not {text}")
        if value <= above:
            raise argparse.ArgumentTypeError(f"must be above {above}, not {text}")
        if value >= below:
            raise argparse.ArgumentTypeError(f"must be below {below}, not {text}")
        return value

    return parse


def add_device_arguments(add: Callable[..., argparse.Action], threads: int | None = None) -> None:
    """Add --device and --threads, for `pick_device`, by a parser's or a group's `add_argument`.

    `threads` is the default of --threads; None leaves the choice to PyTorch.
    """
    where = "where to compute; auto: CUDA, else Apple's MPS, else the CPU"
    add("--device", choices=("auto", "cpu", "cuda", "mps"), default="auto", help=where)
    count = number(int, at_least=1)
    unless = "" if threads else " (default: PyTorch's choice)"
    add("--threads", type=count, default=threads, metavar="N", help=f"CPU threads{unless}")


def pick_device(name: str, threads: int | None = None) -> torch.device:
    """The device called `name`, as `add_device_arguments` describes it; sets the number of CPU threads.

    Raises:
        UserError: if this machine or this build of PyTorch lacks that device.
    """
    import torch  # seconds, in which the window is already up and its arguments are already checked

    if threads:
        torch.set_num_threads(threads)
    torch.backends.cudnn.allow_tf32 = False  # full precision is to be that on a GPU too
    available = {
        "cuda": torch.cuda.is_available(),
        "mps": torch.backends.mps.is_available(),
        "cpu": True,
    }
    if name == "auto":
        name = next(candidate for candidate, there in available.items() if there)
    if not available[name]:
        raise UserError(f"PyTorch finds no {name} device here: use --device cpu or --device auto")
    return torch.device(name)


def keep_freed_memory() -> None:
    """Have glibc keep what is freed for the next tensor; elsewhere nothing changes.

    By default it returns every large tensor to the system, and the next one pays for new pages, in each
    step some ten thousand. See mallopt(3).
    """
    if platform.libc_ver()[0] == "glibc":
        libc, largest = ctypes.CDLL(None), 2**31 - 1
        for setting in (-1, -3):  # M_TRIM_THRESHOLD, M_MMAP_THRESHOLD
            libc.mallopt(setting, largest)


def return_freed_memory() -> None:
    """Have glibc return what is freed to the system, also from between what is in use; elsewhere do nothing.

    For a process that waits: by itself glibc keeps the gaps, which grow with all that was ever read. See
    malloc_trim(3).
    """
    if platform.libc_ver()[0] == "glibc":
        ctypes.CDLL(None).malloc_trim(0)


def describe_device(device: torch.device) -> str:
    """The device in words, as in "cpu, 4 threads" or "cuda, NVIDIA H200"."""
    import torch

    if device.type == "cuda":
        return f"cuda, {torch.cuda.get_device_name(device)}"
    if device.type == "mps":
        return "mps"
    return f"cpu, {torch.get_num_threads()} threads"


def write_atomically(path: Path, content: bytes | memoryview | str, keep: Path | None = None) -> None:
    """Write `content` (text as UTF-8) so that `path` holds either what it held before or all of it.

    It goes to a temporary file in the same folder, is flushed to the disk, and is renamed. Missing
    folders are made. What `path` held before goes to `keep`, if that is given; for a moment it is only
    there.

    Raises:
        UserError: if the folder cannot be written or the disk is full; `path` is then as it was.
    """
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with open(temporary, "wb") as file:
            file.write(content.encode() if isinstance(content, str) else content)
            file.flush()
            os.fsync(file.fileno())
        if keep:
            os.replace(path, keep)
        try:
            os.replace(temporary, path)
        except OSError:
            if keep:
                os.replace(keep, path)
            raise
    except OSError as error:
        raise UserError(f"cannot write {short(path)}: {error.strerror or error}") from error
    finally:
        with contextlib.suppress(OSError):  # after a rename there is nothing left to remove
            temporary.unlink(missing_ok=True)


def short(path: Path) -> str:
    """`path` as one would type it from the current folder, where that is shorter."""
    same_drive = path.drive in ("", Path.cwd().drive)
    relative = Path(os.path.relpath(path)).as_posix() if same_drive else str(path)
    return min(relative, str(path), key=len)

"""The command line: flags, exit status, Ctrl-C.

A script ends with `run_script(main)`. An error that the user can mend is raised as `UserError`; `run_script`
prints it as one line on stderr and exits with status 2, without a traceback.
"""

import argparse
import atexit
import gc
import math
import os
import signal
import sys
from collections.abc import Callable
from typing import NoReturn

from common.messages import UserError, complain


def run_script(main: Callable[[], int]) -> NoReturn:
    """Run `main` and exit with the status that it returns.

    Exits with 2 after a `UserError` or an `OSError`, with 130 (128 + SIGINT) after Ctrl-C, and with 141
    (128 + SIGPIPE) if the reader of the output has gone.
    """
    if not gc.isenabled():  # disabled by `common.startup`
        gc.freeze()  # leaves what was imported out of later collections
        gc.enable()
    try:
        if signal.getsignal(signal.SIGINT) is signal.SIG_DFL:  # set by `common.startup`
            signal.signal(signal.SIGINT, signal.default_int_handler)
        status = main()
        sys.stdout.flush()
    except UserError as error:
        status = complain(str(error))
    except KeyboardInterrupt:
        print("\nInterrupted.", file=sys.stderr)
        status = 128 + signal.SIGINT
    except BrokenPipeError:  # as in `python test.py | head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        status = 128 + 13  # SIGPIPE, which Windows lacks
    except OSError as error:  # a full disk, a folder that may not be read
        where = f"{error.filename}: " if error.filename else ""
        status = complain(f"{where}{error.strerror or error}")
    # From here on Ctrl-C could only interrupt clean-ups, which would print a traceback.
    atexit.register(signal.signal, signal.SIGINT, signal.SIG_IGN)
    sys.exit(status)


class ArgumentParser(argparse.ArgumentParser):
    """An `argparse.ArgumentParser` that shows every default and reports bad input in one line."""

    def __init__(self, description: str) -> None:
        super().__init__(description=description, formatter_class=_HelpFormatter, allow_abbrev=False)

    def error(self, message: str) -> NoReturn:
        """Exit with status 2 and one line on stderr."""
        if message.endswith("expected one argument"):
            flag = message.split()[1].rstrip(":")
            message += f"; one that starts with - is written {flag}=VALUE"
        sys.exit(complain(f"{message} (--help lists every flag)"))


class _HelpFormatter(argparse.HelpFormatter):
    def _get_help_string(self, action: argparse.Action) -> str:
        if action.default == argparse.SUPPRESS or "default:" in action.help:
            return action.help
        default = "%(default)s"
        if action.default is None or action.default == []:
            default = "none"
        elif action.default is False:  # and not 0, which is equal to it
            default = "off"
        return f"{action.help} (default: {default})"

    def _get_default_metavar_for_optional(self, action: argparse.Action) -> str:
        return "N"  # a flag without a metavar takes a number


def number(
    kind: type[int] | type[float],
    *,
    at_least: float = -math.inf,
    at_most: float = math.inf,
    above: float = -math.inf,
    below: float = math.inf,
) -> Callable[[str], float]:
    """Return an argparse `type`: a parser of finite numbers of type `kind` within the bounds."""

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
    """Add --device and --threads, the arguments of `device.pick_device`.

    Args:
        add: `add_argument` of a parser or of one of its groups.
        threads: default of --threads; None leaves the choice to PyTorch.
    """
    where = "where to compute; auto: CUDA, else Apple's MPS, else the CPU"
    add("--device", choices=("auto", "cpu", "cuda", "mps"), default="auto", help=where)
    count = number(int, at_least=1)
    unless = "" if threads else " (default: PyTorch's choice)"
    add("--threads", type=count, default=threads, metavar="N", help=f"CPU threads{unless}")

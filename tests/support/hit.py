"""Run a script with a fault at a chosen moment: `python -c THIS_TEXT SPEC SCRIPT ARGUMENT...`

SPEC is a JSON object with any of

    do       the fault: ["kill", SIGNAL], ["chmod", PATH, MODE] or ["remove", PATH]
    where    one of PLACES, which name functions
    number   in which call of the function, from 1
    when     "before" or "after" the call, or "during" it: `delay` seconds after it began
    report   a file to write to: the number of calls of each place, and the duration in seconds
    clock    true for a clock that is moved back by an hour whenever it is read

Without arguments, read them as JSON from lines of standard input, run the script for each line in a forked
process, which saves the imports, and print its exit status.
"""

import atexit
import builtins
import datetime
import faulthandler
import importlib
import json
import os
import pathlib
import runpy
import shutil
import sys
import threading
import time
import traceback

TIMEOUT = 120  # seconds for a script
PLACES = {
    "run": ("training.trainer", "Trainer.__init__"),  # with a long delay, anywhere in the run
    "step": ("training.trainer", "Trainer._train_step"),
    "evaluation": ("training.trainer", "evaluate"),
    "calibration": ("evaluation.calibration", "fit"),
    "curves": ("training.run_folder", "draw_curves"),
    "write": ("common.files", "open"),
    "flush": ("os", "fsync"),
    "rename": ("os", "replace"),
}

spec: dict = {}
calls = dict.fromkeys(PLACES, 0)


def strike() -> None:
    """Cause the fault."""
    what, *arguments = spec["do"]
    {"kill": lambda code: os.kill(os.getpid(), code), "chmod": os.chmod, "remove": shutil.rmtree}[what](
        *arguments
    )


def watch(place: str, module: str, name: str) -> None:
    """Count the calls of a function, and cause the fault at the chosen call."""
    *owners, name = name.split(".")
    owner = importlib.import_module(module)
    for inner in owners:
        owner = getattr(owner, inner)
    original = getattr(owner, name, None) or getattr(builtins, name)

    def watched(*args: object, **kwargs: object) -> object:
        calls[place] += 1
        when = spec["when"] if (place, calls[place]) == (spec.get("where"), spec.get("number")) else None
        if when == "before":
            strike()
        elif when == "during":
            timer = threading.Timer(spec["delay"], strike)
            timer.daemon = True  # so that it does not keep the script from ending
            timer.start()
        result = original(*args, **kwargs)
        if when == "after":
            strike()
        return result

    setattr(owner, name, watched)


def report(started: float) -> None:
    """Write the number of calls and the seconds since `started`."""
    counts = {**calls, "seconds": time.monotonic() - started}
    pathlib.Path(spec["report"]).write_text(json.dumps(counts))


def move_clock_back() -> None:
    """Let time and date be an hour earlier at each look."""
    times = iter(range(10**9, 0, -3600))

    class MovedBack(datetime.datetime):
        @classmethod
        def now(cls, tz: datetime.tzinfo | None = None) -> datetime.datetime:
            return cls.fromtimestamp(next(times), tz)

    time.time = lambda: float(next(times))
    importlib.import_module("training.run_folder").datetime = MovedBack


def run(arguments: list[str]) -> None:
    """Run the script in this process; `arguments` are SPEC, SCRIPT and the script's own."""
    spec.update(json.loads(arguments[0]))
    sys.argv = arguments[1:]
    for place, (module, name) in PLACES.items():
        watch(place, module, name)
    if "report" in spec:
        atexit.register(report, time.monotonic())
    if spec.get("clock"):
        move_clock_back()
    runpy.run_path(sys.argv[0], run_name="__main__")


def run_and_exit(arguments: list[str]) -> None:
    """Run the script and end this forked process, without freeing its memory, as `forge.py` does."""
    status = 0
    try:
        run(arguments)
    except SystemExit as exit_:
        status = exit_.code or 0
    except BaseException:
        traceback.print_exc()
        status = 1
    threading._shutdown()  # waits for threads
    atexit._run_exitfuncs()
    for stream in (sys.stdout, sys.stderr):
        stream.flush()
    os._exit(status)


def serve() -> None:
    """Run a script for each line of standard input, in a forked process."""
    for name in (
        "train",
        "evaluation.score_plots",
        "evaluation.calibration",
        "sklearn.datasets",
        "scipy.optimize",
        "torch._dynamo",
    ):
        importlib.import_module(name)
    for line in sys.stdin:
        arguments, out, err = json.loads(line)
        child = os.fork()
        if not child:
            for number, path in enumerate((os.devnull, out, err)):
                os.dup2(os.open(path, os.O_RDWR | os.O_CREAT), number)
            faulthandler.dump_traceback_later(TIMEOUT, exit=True)
            run_and_exit(arguments)
        print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)


if len(sys.argv) > 1:
    run(sys.argv[1:])
else:
    serve()

"""Runs a script to which something happens at a chosen moment: `python -c THIS_TEXT SPEC SCRIPT ARGUMENT...`

SPEC is JSON of an object with any of

    do       what happens: ["kill", SIGNAL], ["chmod", PATH, MODE] or ["remove", PATH]
    where    one of PLACES
    number   in which call of it, from 1
    when     "before" or "after" the call, or "during" it, which is `delay` seconds after it began
    report   a file for the number of calls of each place and the seconds since the trainer was made
    clock    true for a clock that is moved back by an hour whenever it is read

Without arguments it reads them, as JSON, from lines of its input, runs the script for each in a process of
its own that it forks, and so spares it the imports; it answers with the exit status.
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

PATIENCE = 120  # seconds that a script may take
PLACES = {
    "run": ("training.trainer", "Trainer.__init__"),  # with a long delay: anywhere in the run
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
    what, *arguments = spec["do"]
    {"kill": lambda code: os.kill(os.getpid(), code), "chmod": os.chmod, "remove": shutil.rmtree}[what](
        *arguments
    )


def watch(place: str, module: str, name: str) -> None:
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
            timer.daemon = True  # the script may end before
            timer.start()
        result = original(*args, **kwargs)
        if when == "after":
            strike()
        return result

    setattr(owner, name, watched)


def report(started: float) -> None:
    counts = {**calls, "seconds": time.monotonic() - started}
    pathlib.Path(spec["report"]).write_text(json.dumps(counts))


def move_clock_back() -> None:
    times = iter(range(10**9, 0, -3600))

    class MovedBack(datetime.datetime):
        @classmethod
        def now(cls, tz: datetime.tzinfo | None = None) -> datetime.datetime:
            return cls.fromtimestamp(next(times), tz)

    time.time = lambda: float(next(times))
    importlib.import_module("training.run_folder").datetime = MovedBack


def run(arguments: list[str]) -> None:
    spec.update(json.loads(arguments[0]))
    sys.argv = arguments[1:]
    for place, (module, name) in PLACES.items():
        watch(place, module, name)
    if "report" in spec:
        atexit.register(report, time.monotonic())
    if spec.get("clock"):
        move_clock_back()
    runpy.run_path(sys.argv[0], run_name="__main__")


def serve() -> None:
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
            faulthandler.dump_traceback_later(PATIENCE, exit=True)
            return run(arguments)
        print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
    return None


if len(sys.argv) > 1:
    run(sys.argv[1:])
else:
    serve()

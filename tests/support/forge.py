"""Run scripts in forked processes, which saves each the import of PyTorch.

Each line of stdin is JSON of [FOLDER, ENVIRONMENT, OUTPUT, ERRORS, [SCRIPT, ARGUMENT...]], answered with
the script's exit status. The project's own modules are not imported here: a script imports them from FOLDER.
"""

import atexit
import faulthandler
import gc
import importlib
import json
import os
import runpy
import sys
import threading
import traceback

TIMEOUT = 300  # seconds
# What scripts import late, and what PyTorch imports for the first step of an optimizer.
LIBRARIES = ("torch._dynamo", "matplotlib.figure", "sklearn.datasets", "scipy.optimize", "scipy.stats")


def run(folder: str, environment: dict[str, str], output: str, errors: str, arguments: list[str]) -> None:
    """Run a script in this process, with its output in the two files, and end the process."""
    for number, path in enumerate((os.devnull, output, errors)):
        os.dup2(os.open(path, os.O_RDWR | os.O_CREAT | os.O_TRUNC), number)
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environment)
    sys.path[0], sys.argv = folder, arguments
    faulthandler.dump_traceback_later(TIMEOUT, exit=True)
    status = 0
    try:
        runpy.run_path(arguments[0], run_name="__main__")
    except SystemExit as exit_:
        status = exit_.code or 0
    except BaseException:
        traceback.print_exc()
        status = 1
    exit_at_once(status)


def exit_at_once(status: int) -> None:
    """End this process as Python does, but without freeing its memory.

    Freeing all of PyTorch's objects takes a second: each page that they lie on is copied first.
    """
    threading._shutdown()  # waits for threads
    atexit._run_exitfuncs()
    for stream in (sys.stdout, sys.stderr):
        stream.flush()
    os._exit(status)


def serve() -> None:
    """Run the script of each line in a forked process and print its exit status."""
    for library in LIBRARIES:
        importlib.import_module(library)
    gc.freeze()  # or each child would copy the pages of all these objects to look for garbage
    for line in sys.stdin:
        child = os.fork()
        if not child:
            run(*json.loads(line))
        print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)


serve()
exit_at_once(0)

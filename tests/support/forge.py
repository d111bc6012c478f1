"""Run scripts in forked processes, which saves each the import of PyTorch.

Each line of stdin is JSON of [FOLDER, ENVIRONMENT, OUTPUT, ERRORS, [SCRIPT, ARGUMENT...]], answered with
the script's exit status. The project's own modules are not imported here: a script imports them from FOLDER.
"""

import faulthandler
import importlib
import json
import os
import runpy
import sys

TIMEOUT = 300  # seconds
# What scripts import late, and what PyTorch imports for the first step of an optimizer.
LIBRARIES = ("torch._dynamo", "matplotlib.figure", "sklearn.datasets", "scipy.optimize", "scipy.stats")


def run(folder: str, environment: dict[str, str], output: str, errors: str, arguments: list[str]) -> None:
    """Run a script in this process, with its output in the two files."""
    for number, path in enumerate((os.devnull, output, errors)):
        os.dup2(os.open(path, os.O_RDWR | os.O_CREAT | os.O_TRUNC), number)
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environment)
    sys.path[0], sys.argv = folder, arguments
    faulthandler.dump_traceback_later(TIMEOUT, exit=True)
    runpy.run_path(arguments[0], run_name="__main__")


def serve() -> None:
    """Run the script of each line in a forked process and print its exit status."""
    for library in LIBRARIES:
        importlib.import_module(library)
    for line in sys.stdin:
        child = os.fork()
        if not child:
            return run(*json.loads(line))
        print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
    return None


serve()

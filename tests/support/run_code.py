"""Run code in a process of its own, most of it with a `Hand`, which is started in little time."""

import os
import subprocess
import tempfile
from pathlib import Path

from common.files import PROJECT
from tests.support.project import FORGE

HAND = """
import sys
from gui import main_window
from tests.support.hand import Hand
main_window.STATUS_TIME = 600_000  # milliseconds: on a busy machine, too, a message is there when it is read
hand = Hand(sys.argv[1], watching=False, language=sys.argv[2])
session = hand.session
"""
# The worker process is a copy of this one, which has PyTorch already; app.py and its tests spawn it.
FORKED = f"""
import multiprocessing, sys
sys.path.insert(1, {str(PROJECT)!r})
context = multiprocessing.get_context("fork")
multiprocessing.get_context = lambda method: context
"""


def run_in_process(
    code: str, display: str, folder: Path, *arguments: str, **environment: str
) -> subprocess.CompletedProcess[str]:
    """Run code in a process of its own, with the modules of the project in `folder` and of the tests.

    For what cannot be done to a window by mouse and keys. The process is forked, which saves the imports.
    """
    with tempfile.TemporaryDirectory() as written:
        script = Path(written) / "code.py"
        script.write_text(FORKED + code, encoding="utf-8")
        surroundings = {**os.environ, "DISPLAY": display, **environment}
        command = [str(script), *arguments]
        return subprocess.CompletedProcess(command, *FORGE.run(folder, surroundings, command))


def run_with_hand(
    code: str, display: str, folder: Path, profile: str = "default", language: str = "en"
) -> subprocess.CompletedProcess[str]:
    """As `run_in_process`, with a `Hand` as `hand` and its `session`."""
    return run_in_process(HAND + code, display, folder, profile, language)

"""A random user of the window meets no error, no growing memory, and no reading of another drawing."""

import json
import os
import random
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from common.files import PROJECT
from tests.support.hostile import mutated
from tests.support.project import Project, Result, missing
from tests.support.window import missing_tools, screen

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="Xvfb and /proc")
PICTURES = 60  # files to open, most of them broken
ACTIONS = 10_000  # of the full run
# MiB by which the memory in use may grow after a third of the actions: chance causes no more, but a leak of
# 1 KiB per action does in the full run. In a shorter one the caches for pictures of many sizes still fill.
GROWTH, SHORT_GROWTH = 4, 16


@pytest.fixture
def in_window(project: Project) -> Callable[..., Result]:
    """Run `python ARGUMENTS` with a screen, in a copy of the project that has the tests too."""
    if lacking := missing_tools():
        missing(f"no {', '.join(lacking)}")
    shutil.copytree(PROJECT / "tests", project.folder / "tests")

    def run(*arguments: object) -> Result:
        with screen() as display:
            return subprocess.run(
                [sys.executable, *map(str, arguments)],
                cwd=project.folder,
                env={**os.environ, "DISPLAY": display},
                capture_output=True,
                text=True,
            )

    return run


@pytest.mark.long
@pytest.mark.timeout(3000)  # on a slow and busy machine
def test_a_random_user_meets_no_error(
    in_window: Callable[..., Result], tmp_path: Path, often: Callable[[int], int]
) -> None:
    files = tmp_path / "files"
    files.mkdir()
    for name, content in mutated(PICTURES, random.Random(0)):
        (files / name).write_bytes(content)
    actions = often(ACTIONS)
    result = in_window("-m", "tests.support.random_user", files, actions, 0)
    print(result.stdout)
    assert (result.returncode, result.stderr) == (0, "")
    figures = json.loads(result.stdout)
    assert figures["differ"] == []
    warm, last = figures["tidied"]
    growth = max(after - before for before, after in zip(warm, last, strict=True))
    assert growth < (GROWTH if actions == ACTIONS else SHORT_GROWTH)
    assert figures["work"] < 1000  # ms of processor time: no action blocks the window


@pytest.mark.parametrize("leak", [lambda: bytearray(2**10), lambda: [object() for _ in range(2**6)]])
def test_a_leak_of_a_kib_per_action_is_detected(leak: Callable[[], object]) -> None:
    if lacking := missing_tools():
        missing(f"no {', '.join(lacking)}")
    from tests.support.random_user import in_use  # needs Tk

    before = in_use()
    kept = [leak() for _ in range(ACTIONS * 2 // 3)]
    assert in_use() - before > 1.5 * GROWTH, len(kept)


RAISES_ONCE = """
if __name__ == "__main__":
    from gui.drawing import Page, Stroke
    from tests.support.hand import Hand
    from tests.support.handwriting import digit
    hand = Hand()
    session = hand.session
    hand.wait(lambda: session.ready)
    session.replace(Page(tuple(Stroke(tuple(line), 20.0) for line in digit(3, (0, 0), 300))))
    hand.wait(lambda: not session.busy)
    print(hand.status(), session.shown.reading.text)
    session.clear()
    hand.draw(digit(5, (0, 0), 300))
    hand.wait_for_reading()
    print(session.shown.reading.text)
    session.worker_process.close()
else:  # in the worker process
    from gui.worker import Worker
    read = Worker.read
    def raises(*arguments):
        Worker.read = read
        raise ArithmeticError("no luck")
    Worker.read = raises
"""


def test_a_reading_that_raises_is_reported_and_the_next_one_works(
    in_window: Callable[..., Result], tmp_path: Path
) -> None:
    script = tmp_path / "project" / "raises_once.py"
    script.write_text(RAISES_ONCE)
    result = in_window(script.name)
    assert result.stdout.splitlines() == ["ArithmeticError: no luck ", "5"], result.stderr
    assert result.stderr.count("ArithmeticError: no luck") == result.stderr.count("Traceback") == 1

"""Fixtures of the window.

One window serves all tests of a process that need no other: most of a test's time would be the import of
PyTorch.
"""

from collections.abc import Iterator
from pathlib import Path

import pytest

from gui.drawing import Page, Stroke
from gui.painting import to_image
from tests.support.corrections import forget_all, samples
from tests.support.handwriting import digit
from tests.support.project import Project
from tests.support.window import PATIENCE, SIDE, Window, screen


@pytest.fixture(scope="session")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The copy of the project that the shared window runs in."""
    folder = tmp_path_factory.mktemp("window") / "project"
    folder.mkdir()
    return Project(folder).folder


@pytest.fixture(scope="session")
def shared_window(display: str, copy: Path) -> Iterator[Window]:
    """A window as the test before has left it."""
    window = Window(display, "--size", SIDE, folder=copy)
    yield window
    window.press("ctrl+q")
    assert window.process.wait(PATIENCE) == 0
    assert window.process.stderr.read() == "", "no error was reported"


@pytest.fixture
def window(shared_window: Window, copy: Path) -> Iterator[Window]:
    """The shared window with a blank page, reading a single digit, without samples."""
    shared_window.fresh()
    assert shared_window.process.poll() is None
    yield shared_window
    shared_window.fresh()
    if samples(copy):
        forget_all(shared_window)
        shared_window.wait(lambda: not samples(copy))


@pytest.fixture
def number_mode(window: Window) -> Iterator[Window]:
    """The shared window, reading numbers."""
    window.press("n")
    yield window
    window.fresh()
    window.press("n")


@pytest.fixture
def other_display(display: str) -> Iterator[str]:
    """A virtual screen for a test with a window of its own."""
    with screen() as name:
        yield name


@pytest.fixture
def other_copy(tmp_path: Path) -> Path:
    """A copy of the project for a test with a window of its own."""
    folder = tmp_path / "project"
    folder.mkdir()
    return Project(folder).folder


@pytest.fixture(scope="session")
def photo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A picture of a 5 on yellowish paper."""
    path = tmp_path_factory.mktemp("photos") / "five.png"
    page = Page(tuple(Stroke(tuple(line), 12.0) for line in digit(5, (0, 0), 160)))
    to_image(page, (-150, -110, 150, 110), ink=(30, 40, 90), paper=(236, 228, 200)).save(path)
    return path

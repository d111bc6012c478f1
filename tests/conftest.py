"""Which tests run by default, and fixtures that many tests share."""

import gc
import signal
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
import torch

import data
from checkpointing import lookup
from common import download
from common.cli import run_script
from recognition.recognizer import Recognizer
from tests.support.project import DEAD_MIRROR, FORGE, MNIST_DIR, Project, Result, missing
from tests.support.window import missing_tools, screen

# A shell starts its background jobs with Ctrl-C ignored, which processes inherit; the tests send Ctrl-C.
signal.signal(signal.SIGINT, signal.default_int_handler)

LEFT_OUT = ("long", "fault")  # markers of tests that `pytest` alone does not run
MARKER_OF_FOLDER = {"faults": "fault", "benchmarks": "long"}
not_run = pytest.StashKey[int]()


def pytest_addoption(parser: pytest.Parser) -> None:
    how_often = "how often faults are provoked: full, as in docs/reliability.md, or a thirtieth as often"
    parser.addoption("--faults", choices=("few", "full"), default="few", help=how_often)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Run what takes long only if -m or the name of a file asks for it, and then first."""
    for item in items:
        if marker := MARKER_OF_FOLDER.get(item.path.parent.name):
            item.add_marker(marker)
        if config.getoption("--faults") == "full":
            item.add_marker(pytest.mark.timeout(0))
    # Otherwise one process would wait for the other at the end.
    items.sort(key=lambda item: item.get_closest_marker("long") is None)
    if config.getoption("-m") or any(".py" in argument for argument in config.args):
        return
    left_out = [item for item in items if any(map(item.get_closest_marker, LEFT_OUT))]
    items[:] = [item for item in items if item not in left_out]
    config.hook.pytest_deselected(items=left_out)
    config.stash[not_run] = len(left_out)


def pytest_collection_finish() -> None:
    """Leave all that was imported out of later garbage collections."""
    gc.freeze()


def pytest_sessionfinish(session: pytest.Session) -> None:
    """In a process of pytest-xdist: send the number of tests that were left out."""
    if hasattr(session.config, "workeroutput"):
        session.config.workeroutput["not_run"] = session.config.stash.get(not_run, 0)


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: object) -> None:
    """Receive what `pytest_sessionfinish` sent; every process has collected the same tests."""
    if count := getattr(node, "workeroutput", {}).get("not_run"):
        node.config.stash[not_run] = count


@pytest.hookimpl(trylast=True)  # after the durations
def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    if count := config.stash.get(not_run, 0):
        marked = " or ".join(LEFT_OUT)
        terminalreporter.write_line(
            f'{count} tests marked {marked} were not run: pytest -m "{marked}" runs them'
        )


@pytest.fixture(scope="session")
def often(request: pytest.FixtureRequest) -> Callable[[int], int]:
    """How often to provoke a fault that a full run provokes as often as the argument says; at least once."""
    divisor = 1 if request.config.getoption("--faults") == "full" else 30
    return lambda full: max(1, full // divisor)


@pytest.fixture(scope="session", autouse=True)
def one_thread() -> None:
    """Small networks gain little from threads, and tests may share the machine."""
    torch.set_num_threads(1)


@pytest.fixture(scope="session")
def mnist_dir() -> Path:
    """A folder with MNIST, downloaded if it is missing and the network allows it."""
    try:
        data.load_test("mnist", MNIST_DIR)
    except download.MnistMissing:
        missing("no MNIST")
    return MNIST_DIR


@pytest.fixture(scope="session")
def recognizer() -> Recognizer:
    """A recognizer with the shipped weights."""
    return Recognizer()


@pytest.fixture(scope="session")
def validation(mnist_dir: Path) -> tuple[np.ndarray, list[int]]:
    """MNIST's validation images, uint8 (12000, 28, 28), and their labels."""
    digits = data.load_training("mnist", mnist_dir)[1]
    return digits.images.numpy().reshape(-1, 28, 28), digits.labels.tolist()


@pytest.fixture(scope="session", autouse=True)
def forge_is_closed() -> Iterator[None]:
    yield
    if FORGE:
        FORGE.close()


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """A copy of the project for one test."""
    folder = tmp_path / "project"
    folder.mkdir()
    return Project(folder)


@pytest.fixture(scope="session")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A project in which runs/digits has finished two short epochs, for tests that only read it."""
    folder = tmp_path_factory.mktemp("trained") / "project"
    folder.mkdir()
    project = Project(folder)
    project.train("runs/digits", "--epochs", 2, "--limit-train", 192)
    return project


@pytest.fixture(scope="session")
def display() -> Iterator[str]:
    """A virtual screen."""
    if lacking := missing_tools():
        missing(f"no {', '.join(lacking)}")
    with screen() as name:
        yield name


@pytest.fixture
def run_main(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture) -> Callable[..., Result]:
    """Return a function that runs a script's `main` with arguments, without starting another Python."""

    def run_main(main: Callable[[], int], *arguments: object) -> Result:
        capfd.readouterr()
        script = main.__module__.rpartition(".")[2]
        monkeypatch.setattr(sys, "argv", [f"{script}.py", *map(str, arguments)])
        with pytest.raises(SystemExit) as end:
            run_script(main)
        return Result(arguments, end.value.code, *capfd.readouterr())

    return run_main


@pytest.fixture
def empty_folder(mnist_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Enter a folder with no runs and one file, `a_file`; downloads fail as without a network."""
    (tmp_path / "a_file").write_text("This is no checkpoint.")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MNIST_DIR", str(mnist_dir))
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    monkeypatch.setattr(lookup, "RUNS", tmp_path / "runs")
    monkeypatch.setattr(download, "MIRRORS", (DEAD_MIRROR,))
    return tmp_path

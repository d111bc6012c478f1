"""Shared parts of the tests: real MNIST, and a copy of the project to run its scripts in."""

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np
import pytest
import torch

import data
from common import download
from common.files import PROJECT
from recognition.recognizer import Recognizer
from tests.support.window import PATIENCE, SIDE, Window, missing_tools, screen

# A shell starts its background jobs deaf to Ctrl-C, and whatever they start: the tests' processes must hear.
signal.signal(signal.SIGINT, signal.default_int_handler)

MNIST_DIR = data.mnist_folder(None).resolve()
OURS = ("tests", "benchmarks")  # packages that are no part of the product
TORCHRUN = ("-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2")
Result = subprocess.CompletedProcess


def missing(what: str) -> None:
    """Skip a test that lacks a part of its surroundings; under CI that is a failure."""
    if os.environ.get("CI") == "true":
        pytest.fail(f"{what}, which CI should have")
    pytest.skip(what)


def pytest_addoption(parser: pytest.Parser) -> None:
    how_often = "how often faults are provoked: full, as in docs/reliability.md, or a tenth as often"
    parser.addoption("--faults", choices=("tenth", "full"), default="tenth", help=how_often)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with what takes long, or one process would wait for the other at the end."""
    for item in items:
        if "faults" in item.path.parts:
            item.add_marker(pytest.mark.fault)
        if item.config.getoption("--faults") == "full":
            item.add_marker(pytest.mark.timeout(0))
    items.sort(key=lambda item: item.get_closest_marker("long") is None)


@pytest.fixture(scope="session")
def often(request: pytest.FixtureRequest) -> Callable[[int], int]:
    """How often to provoke a fault that a full run provokes as often as the argument says; at least once."""
    divisor = 1 if request.config.getoption("--faults") == "full" else 10
    return lambda full: max(1, full // divisor)


@pytest.fixture(scope="session", autouse=True)
def one_thread() -> None:
    """Small networks gain little from threads, and tests may share the machine."""
    torch.set_num_threads(1)


@pytest.fixture(scope="session")
def mnist_dir() -> Path:
    """A folder with MNIST, downloaded where it must and can be."""
    try:
        data.load_test("mnist", MNIST_DIR)
    except download.MnistMissing:
        missing("no MNIST")
    return MNIST_DIR


@pytest.fixture(scope="session")
def recognizer() -> Recognizer:
    """With the shipped weights."""
    return Recognizer()


@pytest.fixture(scope="session")
def validation(mnist_dir: Path) -> tuple[np.ndarray, list[int]]:
    """MNIST's validation images, uint8 (12000, 28, 28), and their labels."""
    digits = data.load_training("mnist", mnist_dir)[1]
    return digits.images.numpy().reshape(-1, 28, 28), digits.labels.tolist()


class Forge:
    """Has scripts run by `forge.py`, which is started when it is first needed."""

    def __init__(self) -> None:
        self.process: subprocess.Popen | None = None

    def run(self, folder: Path, environment: dict[str, str], command: Sequence[str]) -> tuple[int, str, str]:
        """Run a script to its end; its exit status and what it wrote to stdout and to stderr."""
        if not self.process or self.process.poll() is not None:
            forge = [sys.executable, str(Path(__file__).parent / "support" / "forge.py")]
            pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
            surroundings = {**os.environ, "PYTHONUNBUFFERED": "1"}
            self.process = subprocess.Popen(forge, cwd=PROJECT, env=surroundings, **pipes)
        with tempfile.TemporaryDirectory() as written:
            files = [Path(written) / name for name in ("out", "err")]
            order = [str(folder), environment, *map(str, files), command]
            print(json.dumps(order), file=self.process.stdin, flush=True)
            status = int(self.process.stdout.readline())
            return status, *(path.read_text() for path in files)

    def close(self) -> None:
        if self.process:
            self.process.communicate(timeout=60)


FORGE = Forge() if hasattr(os, "fork") else None


@pytest.fixture(scope="session", autouse=True)
def forge_is_closed() -> Iterator[None]:
    yield
    if FORGE:
        FORGE.close()


def _on_one_thread(arguments: Sequence[object]) -> list[str]:
    """Python's arguments, with flags first, so that a test's own win."""
    script, *rest = map(str, arguments)
    return [script, *(("--threads", "1", "--device", "cpu") if script.endswith(".py") else ()), *rest]


class Project:
    """A fresh copy of the project's scripts: what they write stays apart from the checkout."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.environment = {**os.environ, "MNIST_DIR": str(MNIST_DIR), "PYTHONUNBUFFERED": "1"}
        packages = (path.parent for path in PROJECT.glob("*/__init__.py") if path.parent.name not in OURS)
        for path in (*PROJECT.glob("*.py"), PROJECT / "checkpoints", *packages):
            copy = shutil.copytree if path.is_dir() else shutil.copy
            copy(path, folder / path.name)

    def start(self, *arguments: object, **options: object) -> subprocess.Popen:
        """Start `python ARGUMENTS` on one thread, as a user would in a terminal."""
        command = [sys.executable, *_on_one_thread(arguments)]
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
        surroundings = {"cwd": self.folder, "env": self.environment}
        return subprocess.Popen(command, **{**surroundings, **pipes, **options})

    def run(self, *arguments: object, **options: object) -> Result:
        """Run to the end; a script without options in a process that is forked, which spares the imports."""
        if str(arguments[0]).endswith(".py") and not options and FORGE:
            return Result(arguments, *FORGE.run(self.folder, self.environment, _on_one_thread(arguments)))
        process = self.start(*arguments, **options)
        out, err = process.communicate(timeout=300)
        return Result(arguments, process.returncode, out, err)

    def train(self, output: str, *flags: object, **options: object) -> Path:
        """A short run on the bundled digits, which takes seconds; its folder."""
        arguments = ("--dataset", "digits", "--batch-size", 64, "--output", output, *flags)
        result = self.run("train.py", *arguments, **options)
        assert result.returncode == 0, result.stderr
        return self.folder / output


@pytest.fixture
def project(tmp_path: Path) -> Project:
    folder = tmp_path / "project"
    folder.mkdir()
    return Project(folder)


@pytest.fixture(scope="session")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A project in which runs/digits has finished two epochs, for tests that only read it."""
    folder = tmp_path_factory.mktemp("trained") / "project"
    folder.mkdir()
    project = Project(folder)
    project.train("runs/digits", "--epochs", 2)
    return project


# one window for all tests of a module that need no other: most of a test's time is PyTorch's import


@pytest.fixture(scope="module")
def display() -> Iterator[str]:
    """A virtual screen."""
    if lacking := missing_tools():
        missing(f"no {', '.join(lacking)}")
    with screen() as name:
        yield name


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the project, which the window may write into."""
    folder = tmp_path_factory.mktemp("window") / "project"
    folder.mkdir()
    return Project(folder).folder


@pytest.fixture(scope="module")
def running(display: str, copy: Path) -> Iterator[Window]:
    """A window, whatever the test before has left in it; each module has a `window` with a blank sheet."""
    window = Window(display, "--size", SIDE, folder=copy)
    yield window
    window.press("ctrl+q")
    assert window.process.wait(PATIENCE) == 0
    assert window.process.stderr.read() == "", "nothing went wrong on the way"


@pytest.fixture
def number_mode(window: Window) -> Iterator[Window]:
    """The module's `window`, for numbers."""
    window.press("n")
    yield window
    window.fresh()
    window.press("n")


def assert_one_line_error(result: Result, *words: str) -> None:
    """The contract for bad input: status 2, one line on stderr that holds `words`, no traceback."""
    assert result.returncode == 2, (result.returncode, result.stdout, result.stderr)
    lines = [line for line in result.stderr.splitlines() if not line.startswith("Downloading")]
    assert len(lines) == 1, result.stderr
    assert ": error: " in lines[0]
    for word in words:
        assert word in lines[0], lines[0]


def weights_of(run: Path, name: str = "best.pt") -> dict[str, torch.Tensor]:
    return torch.load(run / name, weights_only=True)["state_dict"]


def same_weights(first: dict[str, torch.Tensor], second: dict[str, torch.Tensor]) -> bool:
    """Whether two state dicts agree in every bit."""
    return first.keys() == second.keys() and all(torch.equal(first[name], second[name]) for name in first)


def without_capability(*capabilities: int) -> Callable[[], None]:
    """A `preexec_fn` that takes Linux capabilities from the child.

    Root may write where permissions forbid it; without CAP_DAC_OVERRIDE (1) and CAP_DAC_READ_SEARCH
    (2) it may not.
    """
    import ctypes

    drop = ctypes.CDLL(None).prctl
    return lambda: [drop(24, number) for number in capabilities]  # 24: PR_CAPBSET_DROP


def obey_permissions() -> Callable[[], None] | None:
    return without_capability(1, 2) if os.name == "posix" and os.geteuid() == 0 else None


def flags(options: Sequence[object]) -> str:
    """A readable test id."""
    return " ".join(map(str, options))

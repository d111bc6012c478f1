"""A copy of the project to run its scripts in, and what tests of scripts have in common."""

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
import torch

import data
from common.files import PROJECT

MNIST_DIR = data.mnist_folder(None).resolve()
NOT_SHIPPED = ("tests", "benchmarks")
TORCHRUN = ("-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2")
DEAD_MIRROR = "http://127.0.0.1:9/"
TIMEOUT = 300  # seconds: far more than any script takes, so that a busy machine fails no test
Result = subprocess.CompletedProcess


class Forge:
    """Run scripts through `forge.py`, which is started when it is first needed."""

    def __init__(self) -> None:
        self.process: subprocess.Popen | None = None

    def run(self, folder: Path, environment: dict[str, str], command: Sequence[str]) -> tuple[int, str, str]:
        """Run a script to its end; return its exit status, its stdout and its stderr."""
        if not self.process or self.process.poll() is not None:
            forge = [sys.executable, str(Path(__file__).with_name("forge.py"))]
            pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
            surroundings = {**os.environ, "PYTHONUNBUFFERED": "1", "MPLBACKEND": "Agg"}
            self.process = subprocess.Popen(forge, cwd=PROJECT, env=surroundings, **pipes)
        with tempfile.TemporaryDirectory() as folder_of_output:
            files = [Path(folder_of_output) / name for name in ("out", "err")]
            order = [str(folder), environment, *map(str, files), command]
            print(json.dumps(order), file=self.process.stdin, flush=True)
            status = int(self.process.stdout.readline())
            return status, *(path.read_text() for path in files)

    def close(self) -> None:
        """End `forge.py`."""
        if self.process:
            self.process.communicate(timeout=TIMEOUT)


FORGE = Forge() if hasattr(os, "fork") else None


def _on_one_thread(arguments: Sequence[object]) -> list[str]:
    """Return Python's arguments with defaults first, so that a test's own flags override them."""
    script, *rest = map(str, arguments)
    return [script, *(("--threads", "1", "--device", "cpu") if script.endswith(".py") else ()), *rest]


class Project:
    """A fresh copy of the project's scripts: what they write stays out of the checkout.

    Attributes:
        folder: of the copy.
        environment: of the scripts.
    """

    def __init__(self, folder: Path) -> None:
        """Copy the project to `folder`, which must exist and be empty."""
        self.folder = folder
        self.environment = {**os.environ, "MNIST_DIR": str(MNIST_DIR), "PYTHONUNBUFFERED": "1"}
        packages = (
            path.parent for path in PROJECT.glob("*/__init__.py") if path.parent.name not in NOT_SHIPPED
        )
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
        """Run `python ARGUMENTS` to its end.

        A script without options runs in a forked process, which saves the imports.
        """
        if str(arguments[0]).endswith(".py") and not options and FORGE:
            return Result(arguments, *FORGE.run(self.folder, self.environment, _on_one_thread(arguments)))
        process = self.start(*arguments, **options)
        out, err = process.communicate(timeout=TIMEOUT)
        return Result(arguments, process.returncode, out, err)

    def change(self, path: str, old: str, new: str) -> None:
        """Replace a text in a file of the copy."""
        before = (self.folder / path).read_text(encoding="utf-8")
        assert old in before, f"{path} lacks {old!r}"
        (self.folder / path).write_text(before.replace(old, new), encoding="utf-8")

    def train(self, output: str, *flags: object, **options: object) -> Path:
        """Train on the bundled digits, which takes seconds; return the run's folder."""
        arguments = ("--dataset", "digits", "--batch-size", 64, "--output", output, *flags)
        result = self.run("train.py", *arguments, **options)
        assert result.returncode == 0, result.stderr
        return self.folder / output

    def validate_on_few(self) -> None:
        """Let the copy hold out a hundredth of MNIST's images to validate on, which saves half a minute."""
        self.change("data.py", "VALIDATION_SHARE = 0.2", "VALIDATION_SHARE = 0.01")


def missing(what: str) -> None:
    """Skip a test whose requirements this machine lacks; fail it if CI=true."""
    if os.environ.get("CI") == "true":
        pytest.fail(f"{what}, which CI should have")
    pytest.skip(what)


def assert_one_line_error(result: Result, *words: str) -> None:
    """Assert how bad input is reported: status 2, one line on stderr that holds `words`, no traceback."""
    assert result.returncode == 2, (result.returncode, result.stdout, result.stderr)
    lines = [line for line in result.stderr.splitlines() if not line.startswith("Downloading")]
    assert len(lines) == 1, result.stderr
    assert ": error: " in lines[0]
    for word in words:
        assert word in lines[0], lines[0]


def weights_of(run: Path, name: str = "best.pt") -> dict[str, torch.Tensor]:
    """Return the state dict of a file in a run's folder."""
    return torch.load(run / name, weights_only=True)["state_dict"]


def same_weights(first: dict[str, torch.Tensor], second: dict[str, torch.Tensor]) -> bool:
    """Return whether two state dicts agree in every bit."""
    return first.keys() == second.keys() and all(torch.equal(first[name], second[name]) for name in first)


def without_capability(*capabilities: int) -> Callable[[], None]:
    """Return a `preexec_fn` that takes Linux capabilities from the child.

    Root may write where permissions forbid it, unless CAP_DAC_OVERRIDE (1) and CAP_DAC_READ_SEARCH (2) are
    dropped.
    """
    import ctypes

    prctl = ctypes.CDLL(None).prctl
    return lambda: [prctl(24, number) for number in capabilities]  # 24: PR_CAPBSET_DROP


def obey_permissions() -> Callable[[], None] | None:
    """Return a `preexec_fn` with which root, too, is bound by permissions; None for other users."""
    return without_capability(1, 2) if os.name == "posix" and os.geteuid() == 0 else None


def flags(options: Sequence[object]) -> str:
    """Return a readable test id."""
    return " ".join(map(str, options))

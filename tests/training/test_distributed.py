"""Several processes train as one would, and disconnect."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from common.files import PROJECT
from tests.support.project import TORCHRUN
from training.distributed import World


def run(*arguments: object) -> str:
    """Run `python ARGUMENTS` with the project's modules, and return what it printed."""
    environment = {**os.environ, "PYTHONPATH": str(PROJECT)}
    command = [sys.executable, *map(str, arguments)]
    result = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=200)
    assert result.returncode == 0, result.stderr
    return result.stdout


def step(file: Path, batch_norm: str, threads: int, *launcher: str) -> dict:
    run(*launcher, PROJECT / "tests/support/gradients.py", file, batch_norm, threads)
    return torch.load(file, weights_only=True)


@pytest.mark.long
@pytest.mark.parametrize("batch_norm", ["sync", "local"])
def test_two_processes_compute_the_gradients_of_one(batch_norm, tmp_path):
    """Those of its whole batch with synchronised batch norm, else those of two threads."""
    one = step(tmp_path / "one.pt", batch_norm, 1 if batch_norm == "sync" else 2)
    two = step(tmp_path / "two.pt", batch_norm, 1, *TORCHRUN)
    for name, gradient in one["gradients"].items():
        scale = gradient.abs().max().item()
        torch.testing.assert_close(two["gradients"][name], gradient, rtol=1e-3, atol=1e-4 * scale, msg=name)
    for name, buffer in one["buffers"].items():
        torch.testing.assert_close(two["buffers"][name], buffer, rtol=1e-4, atol=1e-6, msg=name)
    assert two["row"] == pytest.approx(one["row"], rel=1e-3)


@pytest.mark.parametrize(("count", "size"), [(10, 1), (10, 3), (2, 2), (1, 2)])
def test_each_row_of_a_batch_is_in_one_share(count, size):
    rows = torch.arange(count)
    shares = [rows[World(rank, size).share(count)] for rank in range(size)]
    assert torch.equal(torch.cat(shares), rows)


def test_one_process_communicates_with_itself():
    values = torch.tensor([1.0, 2.0])
    assert torch.equal(World().sum(values), values)
    assert World().any(True)
    assert not World().any(False)
    assert World().broadcast("mnist") == "mnist"

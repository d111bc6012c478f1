"""Several processes train as one would."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from distributed import World
from runtime import PROJECT


def step(file: Path, *launcher: str) -> dict:
    environment = {**os.environ, "PYTHONPATH": str(PROJECT)}
    command = [sys.executable, *launcher, str(Path(__file__).with_name("gradients.py")), str(file)]
    result = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=200)
    assert result.returncode == 0, result.stderr
    return torch.load(file, weights_only=True)


@pytest.mark.long
def test_two_processes_make_the_gradients_of_one(tmp_path):
    one = step(tmp_path / "one.pt")
    two = step(tmp_path / "two.pt", "-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2")
    for name, gradient in one["gradients"].items():
        scale = gradient.abs().max().item()
        torch.testing.assert_close(two["gradients"][name], gradient, rtol=1e-3, atol=1e-4 * scale, msg=name)
    for name, buffer in one["buffers"].items():
        torch.testing.assert_close(two["buffers"][name], buffer, rtol=1e-4, atol=1e-6, msg=name)
    assert two["row"] == pytest.approx(one["row"], rel=1e-3)


@pytest.mark.parametrize(("count", "size"), [(10, 1), (10, 3), (2, 2), (1, 2)])
def test_shares_cover_a_batch_once(count, size):
    rows = torch.arange(count)
    shares = [rows[World(rank, size).share(count)] for rank in range(size)]
    assert torch.equal(torch.cat(shares), rows)


def test_alone_everything_is_its_own_sum():
    values = torch.tensor([1.0, 2.0])
    assert torch.equal(World().sum(values), values)
    assert World().any(True, torch.device("cpu"))
    assert not World().any(False, torch.device("cpu"))

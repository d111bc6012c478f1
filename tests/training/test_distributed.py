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


def step(file: Path, *launcher: str) -> dict:
    run(*launcher, PROJECT / "tests/support/gradients.py", file)
    return torch.load(file, weights_only=True)


@pytest.mark.long
def test_two_processes_compute_the_gradients_of_one(tmp_path):
    one = step(tmp_path / "one.pt")
    two = step(tmp_path / "two.pt", *TORCHRUN)
    for name, gradient in one["gradients"].items():
        scale = gradient.abs().max().item()
        torch.testing.assert_close(two["gradients"][name], gradient, rtol=1e-3, atol=1e-4 * scale, msg=name)
    for name, buffer in one["buffers"].items():
        torch.testing.assert_close(two["buffers"][name], buffer, rtol=1e-4, atol=1e-6, msg=name)
    assert two["row"] == pytest.approx(one["row"], rel=1e-3)


# Runs train.py and prints which DistributedDataParallel exist when the processes disconnect.
WATCH = """
import gc, runpy, sys
import torch.distributed as dist
from torch.nn.parallel import DistributedDataParallel

def disconnect(destroy=dist.destroy_process_group):
    left = [thing for thing in gc.get_objects() if type(thing) is DistributedDataParallel]
    sys.stdout.write(f"left: {left}\\n")
    destroy()

gc.disable()  # otherwise they might be collected by chance
dist.destroy_process_group = disconnect
runpy.run_path(TRAIN, run_name="__main__")
"""


@pytest.mark.long
@pytest.mark.parametrize("what", ["--dry-run", "--epochs=1"])
def test_no_network_uses_the_connection_when_processes_disconnect(what, tmp_path):
    """Otherwise they would sometimes never end."""
    script = tmp_path / "watch.py"
    script.write_text(WATCH.replace("TRAIN", repr(str(PROJECT / "train.py"))))
    few = ("--dataset", "digits", "--limit-train", 128, "--batch-size", 64, "--output", tmp_path / "run")
    said = run(*TORCHRUN, script, "--threads", 1, "--device", "cpu", *few, what)
    assert said.count("left: []\n") == 2, said


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

"""Several processes train as one would."""

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
    """Run `python ARGUMENTS` with the project's modules at hand; what it printed."""
    environment = {**os.environ, "PYTHONPATH": str(PROJECT)}
    command = [sys.executable, *map(str, arguments)]
    result = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=200)
    assert result.returncode == 0, result.stderr
    return result.stdout


def step(file: Path, *launcher: str) -> dict:
    run(*launcher, PROJECT / "tests/support/gradients.py", file)
    return torch.load(file, weights_only=True)


@pytest.mark.long
def test_two_processes_make_the_gradients_of_one(tmp_path):
    one = step(tmp_path / "one.pt")
    two = step(tmp_path / "two.pt", *TORCHRUN)
    for name, gradient in one["gradients"].items():
        scale = gradient.abs().max().item()
        torch.testing.assert_close(two["gradients"][name], gradient, rtol=1e-3, atol=1e-4 * scale, msg=name)
    for name, buffer in one["buffers"].items():
        torch.testing.assert_close(two["buffers"][name], buffer, rtol=1e-4, atol=1e-6, msg=name)
    assert two["row"] == pytest.approx(one["row"], rel=1e-3)


# Runs train.py and tells what is left of its network when the processes part.
WATCH = """
import gc, runpy, sys
import torch.distributed as dist
from torch.nn.parallel import DistributedDataParallel

def part(destroy=dist.destroy_process_group):
    left = [thing for thing in gc.get_objects() if type(thing) is DistributedDataParallel]
    sys.stdout.write(f"left: {left}\\n")
    destroy()

gc.disable()  # what is collected by chance proves nothing
dist.destroy_process_group = part
runpy.run_path(TRAIN, run_name="__main__")
"""


@pytest.mark.long
@pytest.mark.parametrize("what", ["--dry-run", "--epochs=1"])
def test_processes_part_when_nothing_holds_their_connection(what, tmp_path):
    """Else they would now and then never end."""
    script = tmp_path / "watch.py"
    script.write_text(WATCH.replace("TRAIN", repr(str(PROJECT / "train.py"))))
    few = ("--dataset", "digits", "--limit-train", 128, "--batch-size", 64, "--output", tmp_path / "run")
    said = run(*TORCHRUN, script, "--threads", 1, "--device", "cpu", *few, what)
    assert said.count("left: []\n") == 2, said


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

"""Shared parts of the benchmarks of speed: the machine's description, runs in turns, `train.py`'s epochs."""

import platform
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import TypeVar

import torch
from tqdm import tqdm

from common.device import describe_device
from common.messages import UserError

EPOCH = re.compile(r"epoch +\d+/\d+ .*val errors ([\d,]+) of ([\d,]+) .* ([\d,]+) img/s")
Name, Result = TypeVar("Name"), TypeVar("Result")


def describe_machine(device: torch.device, dtype: torch.dtype | None) -> str:
    """Return processor, device, threads, precision (None: float32) and versions in one line."""
    processor = platform.processor() or platform.machine()
    cpuinfo = Path("/proc/cpuinfo")  # on Linux, where `platform` does not know the name
    if named := re.search(r"model name\s*:\s*(.+)", cpuinfo.read_text() if cpuinfo.exists() else ""):
        processor = named[1]
    capability = torch.backends.cpu.get_cpu_capability()
    return (
        f"{processor} ({capability}), {describe_device(device)}, {dtype or torch.float32}, "
        f"PyTorch {torch.__version__}, Python {platform.python_version()}"
    )


def take_turns(repeats: int, runs: dict[Name, Callable[[], Result]]) -> dict[Name, list[Result]]:
    """Call all of `runs` in turns, `repeats` times each, and return what each returned.

    Taking turns spreads a slow minute of the machine over all of them.
    """
    results: dict[Name, list[Result]] = {name: [] for name in runs}
    with tqdm(total=repeats * len(runs), leave=False, disable=None) as bar:
        for _ in range(repeats):
            for name, run in runs.items():
                bar.set_description(str(name))
                results[name].append(run())
                bar.update()
    return results


def seconds_of(run: Callable[[], object], device: torch.device) -> float:
    """Return the wall time of one call in seconds, with all work that it queues on `device`."""
    wait_for(device)
    start = time.perf_counter()
    run()
    wait_for(device)
    return time.perf_counter() - start


def wait_for(device: torch.device) -> None:
    """Wait until the device has done all queued work."""
    if device.type != "cpu":
        getattr(torch, device.type).synchronize()


def spread(values: Sequence[float], form: str = ",.0f") -> str:
    """Return median and range as text, in two columns."""
    low, high = (format(value, form) for value in (min(values), max(values)))
    return f"{format(median(values), form):>10}   {f'{low} .. {high}':<20}"


def ratios(values: Sequence[float], others: Sequence[float]) -> list[float]:
    """Return `values` divided by `others`, pair by pair: each pair is from the same turn."""
    return [value / other for value, other in zip(values, others, strict=True)]


@dataclass(frozen=True)
class Epoch:
    """One epoch of a training process, parsed from the line that it printed.

    Attributes:
        seconds: from the start of the process until the line was printed.
        errors: validation images that are classified wrongly.
        images: number of validation images.
        rate: training images a second.
    """

    seconds: float
    errors: int
    images: int
    rate: float


def follow(*command: object) -> list[Epoch]:
    """Run a training process to its end and return its epochs.

    Args:
        command: arguments for Python, such as a script and its flags.

    Raises:
        UserError: if it fails, with its error message.
    """
    start = time.perf_counter()
    epochs = []
    with (
        tempfile.TemporaryFile("w+") as complaints,
        subprocess.Popen(
            [sys.executable, *map(str, command)], stdout=subprocess.PIPE, stderr=complaints, text=True
        ) as process,
    ):
        try:
            for line in process.stdout:
                if found := EPOCH.match(line):
                    errors, images, rate = (int(number.replace(",", "")) for number in found.groups())
                    epochs.append(Epoch(time.perf_counter() - start, errors, images, rate))
            process.wait()
        except BaseException:
            process.kill()  # leaving the `with` waits for it
            raise
        if process.returncode != 0:
            complaints.seek(0)
            raise UserError(last_words(complaints.read()) or f"exit status {process.returncode}")
    return epochs


def last_words(stderr: str) -> str:
    """Return the line that names an error, after which torchrun prints others, else the last with a word."""
    lines = [line for line in stderr.splitlines() if re.search(r"\w", line)] or [""]
    told = [line for line in lines if ": error: " in line]
    raised = [line for line in lines if re.search(r"\b\w*(Error|Exception): ", line)]
    return (told + raised + lines[-1:])[0].replace(" error: ", " ", 1)

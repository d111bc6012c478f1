"""Measure how training speed grows with the number of processes and of threads, in images a second.

    python -m benchmarks.scaling
    python -m benchmarks.scaling --busy 1         while another program keeps a core busy
    python -m benchmarks.scaling --processes 4

Processes of one thread run under `torchrun --nproc-per-node=K train.py`; a process with more threads runs
without torchrun. The speed is the one that a run prints for its last epoch. Rows marked "sync" are of
--sync-batch-norm, with which the threads of a process share every operator.
"""

import argparse
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial

import torch

from benchmarks.timing import describe_machine, follow, ratios, spread, take_turns
from common.cli import ArgumentParser, number, run_script
from common.files import PROJECT
from data import add_data_arguments
from training.arguments import pick_autocast

EPOCHS = 2  # the first epoch warms up


def main() -> int:
    """Measure, print a table, and return the exit status."""
    args = parse_arguments()
    count, shared = args.processes, ["--limit-train", args.images, "--dataset", args.dataset]
    shared += ["--data-dir", args.data_dir] if args.data_dir else []
    cpu = torch.device("cpu")
    print(f"{describe_machine(cpu, pick_autocast('auto', cpu))}\n", flush=True)
    kinds = [(1, 1, False), *((*many, sync) for many in ((1, count), (count, 1)) for sync in (True, False))]
    runs = {
        row_label(processes, threads, sync): partial(speed, processes, threads, sync, shared)
        for processes, threads, sync in kinds
    }
    with busy_cores(args.busy):
        print_rates(take_turns(args.repeats, runs))
    return 0


def parse_arguments() -> argparse.Namespace:
    """Parse the command line."""
    parser = ArgumentParser("Measure training in several processes and threads, on the CPU.")
    add, count = parser.add_argument, number(int, at_least=1)
    add("--processes", type=number(int, at_least=2), default=2, help="of one thread each; threads of one")
    add("--repeats", type=count, default=5, help="runs of each kind")
    add("--images", type=count, default=6400, help="to train on")
    add("--busy", type=number(int, at_least=0), default=0, help="cores that other programs keep busy")
    add_data_arguments(add)
    return parser.parse_args()


def row_label(processes: int, threads: int, sync: bool) -> str:
    """Return a label such as "2 processes, 1 thread, sync"."""
    plural = f"{processes} process{'es' * (processes > 1)}, {threads} thread{'s' * (threads > 1)}"
    return plural + ", sync" * sync


@contextmanager
def busy_cores(count: int) -> Iterator[None]:
    """Keep `count` cores busy by programs that only count."""
    programs = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(count)]
    try:
        yield
    finally:
        for program in programs:
            program.kill()
            program.wait()


def speed(processes: int, threads: int, sync: bool, flags: list[object]) -> float:
    """Train and return the images a second of all processes together.

    Args:
        processes: how many, at least 1.
        threads: of each process; with more than one, `processes` must be 1.
        sync: whether batch norm takes its statistics over the whole batch.
        flags: further arguments for `train.py`.
    """
    torchrun = ["-m", "torch.distributed.run", "--standalone", f"--nproc-per-node={processes}"]
    launcher = torchrun if threads == 1 else []
    arguments = ["--device", "cpu", "--threads", threads, "--epochs", EPOCHS, *flags]
    arguments += ["--sync-batch-norm"] if sync else []
    with tempfile.TemporaryDirectory() as folder:
        return follow(*launcher, PROJECT / "train.py", *arguments, "--output", folder)[-1].rate


def print_rates(rates: dict[str, list[float]]) -> None:
    """Print median and range of each row, and its ratios to the first two rows."""
    alone, threaded, *_ = rates.values()
    header = "".join(f"{column:>10}   {'range':20}" for column in ("images/s", "to row 1", "to row 2"))
    print(f"{'':30}{header}".rstrip())
    for name, values in rates.items():
        compared = (spread(ratios(values, base), ".2f") for base in (alone, threaded))
        print(f"{name:30}{spread(values)}{''.join(compared)}".rstrip())


if __name__ == "__main__":
    run_script(main)

"""What more processes and more threads bring: images a second in training.

    python -m benchmarks.scaling
    python -m benchmarks.scaling --processes 4

Runs of one thread are `torchrun --nproc-per-node=K train.py`; with more threads a process trains alone. Speed
is what a run prints for its last epoch.
"""

import argparse
import sys
import tempfile
from functools import partial
from pathlib import Path

import torch

sys.path.insert(0, str(Path(__file__).parents[1]))  # python benchmarks/NAME.py knows its own folder alone

from benchmarks.timing import describe_machine, follow, ratios, spread, take_turns
from common.cli import ArgumentParser, number, run_script
from common.files import PROJECT
from data import add_data_arguments
from training.trainer import pick_autocast

EPOCHS = 2  # the first one warms up


def main() -> int:
    args = parse_arguments()
    many, shared = args.processes, ["--limit-train", args.images, "--dataset", args.dataset]
    shared += ["--data-dir", args.data_dir] if args.data_dir else []
    cpu = torch.device("cpu")
    print(f"{describe_machine(cpu, pick_autocast('auto', cpu))}\n", flush=True)
    ways = {
        in_words(processes, threads): partial(speed, processes, threads, shared)
        for processes, threads in ((1, 1), (1, many), (many, 1))
    }
    print_rates(take_turns(args.repeats, ways))
    return 0


def parse_arguments() -> argparse.Namespace:
    parser = ArgumentParser("Measure training in several processes and threads, on the CPU.")
    add, count = parser.add_argument, number(int, at_least=1)
    add("--processes", type=number(int, at_least=2), default=2, help="of one thread each; threads of one")
    add("--repeats", type=count, default=5, help="runs of each kind")
    add("--images", type=count, default=6400, help="to train on")
    add_data_arguments(add)
    return parser.parse_args()


def in_words(processes: int, threads: int) -> str:
    return f"{processes} process{'es' * (processes > 1)}, {threads} thread{'s' * (threads > 1)}"


def speed(processes: int, threads: int, flags: list[object]) -> float:
    """Images a second of all processes together."""
    torchrun = ["-m", "torch.distributed.run", "--standalone", f"--nproc-per-node={processes}"]
    launcher = torchrun if threads == 1 else []
    run = ["--device", "cpu", "--threads", threads, "--epochs", EPOCHS, *flags]
    with tempfile.TemporaryDirectory() as folder:
        return follow(*launcher, PROJECT / "train.py", *run, "--output", folder)[-1].rate


def print_rates(rates: dict[str, list[float]]) -> None:
    alone, threaded, _ = rates.values()
    header = "".join(f"{column:>10}   {'range':20}" for column in ("images/s", "to row 1", "to row 2"))
    print(f"{'':26}{header}".rstrip())
    for name, values in rates.items():
        compared = (spread(ratios(values, base), ".2f") for base in (alone, threaded))
        print(f"{name:26}{spread(values)}{''.join(compared)}".rstrip())


if __name__ == "__main__":
    run_script(main)

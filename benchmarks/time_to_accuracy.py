"""Measure how long training from scratch takes to reach 99.0 % and 99.5 % accuracy on the validation images.

    python -m benchmarks.time_to_accuracy                        the recipes quick and speed, five seeds
    python -m benchmarks.time_to_accuracy --example              PyTorch's MNIST example beside it
    python -m benchmarks.time_to_accuracy -- --lr 0.1            with flags for train.py

The time is wall time from the start of the process until it prints the epoch, which includes imports, reading
MNIST and every validation.
"""

import argparse
import math
import tempfile
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from itertools import pairwise
from statistics import median

from tqdm import tqdm

from benchmarks.timing import Epoch, describe_machine, follow
from common.cli import ArgumentParser, add_device_arguments, number, run_script
from common.device import pick_device
from common.files import PROJECT
from common.messages import UserError
from data import add_data_arguments
from training.arguments import pick_autocast

TARGETS = (0.99, 0.995)  # accuracies on the validation images
COLUMNS = (*(f"to {target:.1%}" for target in TARGETS), "an epoch")

Times = list[float]  # seconds, one for each of COLUMNS; infinite if the target was not reached


def main() -> int:
    """Train, print a table, and return the exit status."""
    args = parse_arguments()
    device = pick_device(args.device, args.threads)
    print(f"{describe_machine(device, pick_autocast('auto', device))}")
    for recipe in args.recipe:
        print(f"{recipe:9}" + " ".join(["train.py", "--recipe", recipe, *args.flags]))
    if args.example:
        print("example  a stand-in for PyTorch's MNIST example, in float32")
    print()
    print_row("", "", COLUMNS, "final errors")
    times = train_all(trainings(args), args.seeds)
    for name, rows in times.items():
        print_summary(name, zip(*rows, strict=True), " s")
    for recipe in args.recipe if args.example else ():
        print_summary(f"to {recipe}", compare(times[recipe], times["example"]), "")
    return 0


def parse_arguments() -> argparse.Namespace:
    """Parse the command line."""
    parser = ArgumentParser("Measure the time that training takes to reach an accuracy.")
    add, count = parser.add_argument, number(int, at_least=1)
    add("flags", nargs="*", metavar="-- FLAG", help="more flags for train.py (default: none)")
    add("--seeds", type=count, default=5, help="runs, with seeds from 0")
    recipes = "recipes for train.py (default: quick speed)"
    add("--recipe", nargs="+", metavar="NAME", default=["quick", "speed"], help=recipes)
    add("--example", action="store_true", help="also train the stand-in for PyTorch's MNIST example")
    add("--example-epochs", type=count, default=14, help="its passes over the training images")
    add_data_arguments(add)
    add_device_arguments(add)
    return parser.parse_args()


def trainings(args: argparse.Namespace) -> dict[str, Callable[[int], list[Epoch]]]:
    """Return the trainings to time by name, each a function of the seed; images, device and threads agree."""
    shared = ["--dataset", args.dataset, "--device", args.device]
    shared += ["--data-dir", args.data_dir] if args.data_dir else []
    shared += ["--threads", args.threads] if args.threads else []

    def ours(recipe: str, seed: int) -> list[Epoch]:
        flags = ["--recipe", recipe, "--seed", seed]
        with tempfile.TemporaryDirectory() as folder:
            return follow(PROJECT / "train.py", *flags, "--output", folder, *shared, *args.flags)

    def example(seed: int) -> list[Epoch]:
        epochs = ["--epochs", args.example_epochs, "--seed", seed]
        return follow("-m", "benchmarks.example", *epochs, *shared)

    recipes = {recipe: partial(ours, recipe) for recipe in args.recipe}
    return {**recipes, "example": example} if args.example else recipes


def train_all(runs: dict[str, Callable[[int], list[Epoch]]], seeds: int) -> dict[str, list[Times]]:
    """Call each of `runs` with each seed, in turns, and print its times.

    Args:
        runs: functions of the seed, by name.
        seeds: how many, from 0.

    Returns:
        The times of each name, in the order of the seeds.
    """
    times: dict[str, list[Times]] = {name: [] for name in runs}
    with tqdm(total=seeds * len(runs), leave=False, disable=None) as bar:
        for seed in range(seeds):
            for name, train in runs.items():
                bar.set_description(f"{name}, seed {seed}")
                epochs = train(seed)
                times[name].append(times_of(epochs))
                with tqdm.external_write_mode():  # clears the bar while the row is printed
                    last = f"{epochs[-1].errors:,} of {epochs[-1].images:,}"
                    print_row(name, f"seed {seed}", in_words(times[name][-1], " s"), last)
                bar.update()
    return times


def times_of(epochs: list[Epoch]) -> Times:
    """Return when each target was first reached, and the median time between epochs.

    With a single epoch the last figure is its time since the start of the process.

    Raises:
        UserError: if `epochs` is empty.
    """
    if not epochs:
        raise UserError("the training printed no epoch: --dry-run and --help are not for measuring")
    lines = [epoch.seconds for epoch in epochs]
    between = [after - before for before, after in pairwise(lines)] or lines
    return [*(seconds_to(target, epochs) for target in TARGETS), median(between)]


def seconds_to(target: float, epochs: list[Epoch]) -> float:
    """Return the time of the first epoch whose accuracy is at least `target`; infinite if there is none."""
    reached = (e.seconds for e in epochs if (e.images - e.errors) / e.images >= target)
    return next(reached, math.inf)


def compare(ours: list[Times], example: list[Times]) -> list[list[float]]:
    """Return how many times as long the example takes, for each of COLUMNS the ratios of all seeds.

    A ratio is infinite if only the example has not reached the target, and 0 if only the example has. Seeds
    with which neither has reached it are left out.
    """
    pairs = [list(zip(*seed, strict=True)) for seed in zip(ours, example, strict=True)]
    reached = ([pair for pair in column if min(pair) < math.inf] for column in zip(*pairs, strict=True))
    return [[b / a if a < math.inf else 0.0 for a, b in column] for column in reached]


def print_summary(name: str, columns: Iterable[Sequence[float]], unit: str) -> None:
    """Print median and range of each column; a run that did not reach its target counts as infinite."""
    columns = [column or [math.inf] for column in columns]
    for word, pick in (("median", median), ("least", min), ("most", max)):
        print_row(name, word, in_words(map(pick, columns), unit))


def in_words(figures: Iterable[float], unit: str) -> list[str]:
    """Return the figures as text with one decimal, "not reached" for infinite ones."""
    return [f"{figure:.1f}{unit}" if figure < math.inf else "not reached" for figure in figures]


def print_row(name: str, which: str, columns: Iterable[str], last: str = "") -> None:
    """Print one row of the table."""
    print(f"{name:9}{which:8}{''.join(f'{column:>14}' for column in columns)}   {last}".rstrip(), flush=True)


if __name__ == "__main__":
    run_script(main)

"""Measure a training step: against the classic way, by its parts, and against the machine's peak rate.

    python -m benchmarks.training

The classic way trains the same network in float32 on PIL pictures that torchvision distorts in two processes
of a DataLoader. It has no elastic distortion, no moving average and no schedule, all of which our step has.
"""

import argparse
import math
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from functools import partial
from itertools import islice
from statistics import median
from threading import Lock, current_thread, main_thread
from unittest.mock import patch

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.profiler import ProfilerActivity, profile
from torch.utils import benchmark
from torch.utils.data import DataLoader
from torch.utils.flop_counter import FlopCounterMode

from benchmarks.example import Pictures
from benchmarks.timing import describe_machine, ratios, seconds_of, spread, take_turns
from common.cli import ArgumentParser, add_device_arguments, number, run_script
from common.device import keep_freed_memory, pick_device
from common.download import import_torchvision
from common.messages import UserError
from common.threads import ThreadTeam
from data import LabelledImages, add_data_arguments, load_training
from model import ImprovedResNet18
from training.arguments import pick_autocast
from training.augmentation import SIZE, Augmentation, Distortion
from training.recipe import RECIPES, Recipe
from training.trainer import Trainer

BATCH, WORKERS = 256, 2
WARM_UP = 4  # steps: the batches that the DataLoader prefetches, which would otherwise be counted as free
OURS, CLASSIC = "this project", "the classic way"
REST, WHOLE = "the rest", "whole step"

Steps = Callable[[int], object]  # trains for the given number of steps


def main() -> int:
    """Measure, print the tables, and return the exit status."""
    args = parse_arguments()
    keep_freed_memory()  # as train.py does; both ways profit
    device = pick_device(args.device, args.threads)
    train, validation = load_training(args.dataset, args.data_dir)
    if args.steps > len(train) // BATCH:
        raise UserError(f"--steps {args.steps}: an epoch has only {len(train) // BATCH:,} steps")
    trainer = Trainer(recipe_for(args, len(train)), train, validation, device, pick_autocast("auto", device))
    ours, classic = partial(train_ours, trainer), partial(train_classic, classic_training(train, device))

    print(f"{describe_machine(device, trainer.autocast)}, recipe {args.recipe}, batch {BATCH}\n", flush=True)
    results = take_turns(
        args.repeats,
        {
            OURS: lambda: rate(ours, args.steps, device),
            CLASSIC: lambda: rate(classic, args.steps, device),
            "matrix product": lambda: matrix_rate(trainer.autocast or torch.float32, device),
            "parts of the step": lambda: parts_of_step(trainer, args.steps),
        },
    )
    parts, matrix = results.pop("parts of the step"), results.pop("matrix product")
    print_rates(results)
    print_parts(parts)
    if device.type == "cpu":
        print_operators(trainer, args.steps)
    print_efficiency(operations_per_image(trainer), results[OURS], matrix)
    return 0


def parse_arguments() -> argparse.Namespace:
    """Parse the command line."""
    parser = ArgumentParser("Measure the speed of training steps.")
    add, count = parser.add_argument, number(int, at_least=1)
    add("--repeats", type=count, default=10, help="turns that each way of training takes")
    add("--steps", type=count, default=40, help="training steps in a turn")
    recipes = ("default", "quick", "speed")  # those without distillation
    add("--recipe", choices=recipes, default="default", help="whose steps are measured, at batch 256")
    add_data_arguments(add)
    add_device_arguments(add)
    return parser.parse_args()


def recipe_for(args: argparse.Namespace, images: int) -> Recipe:
    """Return the recipe with enough epochs for all steps, each of which learns from its whole batch."""
    steps = 2 * args.repeats * (WARM_UP + args.steps) + args.steps
    epochs = math.ceil(steps / (images // BATCH))
    return replace(RECIPES[args.recipe], batch_size=BATCH, epochs=epochs, epoch_images=None, hardest=1.0)


def train_ours(trainer: Trainer, steps: int) -> None:
    """Train for the first `steps` steps of an epoch."""
    trainer.step = 0
    trainer.train_epoch(should_stop=lambda: trainer.step == steps)


def train_classic(training: Iterator[None], steps: int) -> None:
    """Train for the next `steps` steps of `classic_training`."""
    for _ in islice(training, steps):
        pass


def classic_training(train: LabelledImages, device: torch.device) -> Iterator[None]:
    """Train as most tutorials do, without end: each `next` is a step."""
    loader = classic_loader(train, Recipe().augmentation)
    model = ImprovedResNet18(dropout=Recipe().dropout).to(device)
    optimizer = torch.optim.SGD(model.parameters(), Recipe().lr, momentum=0.9)
    while True:
        for ink, labels in loader:
            optimizer.zero_grad()
            F.cross_entropy(model(ink.to(device)), labels.to(device)).backward()
            optimizer.step()
            yield


def classic_loader(train: LabelledImages, augmentation: Augmentation) -> DataLoader:
    """Return batches of PIL pictures that torchvision distorts within the bounds of `augmentation`."""
    transforms = import_torchvision().transforms
    distort = transforms.RandomAffine(
        degrees=augmentation.rotation,
        translate=(augmentation.shift / SIZE, augmentation.shift / SIZE),
        scale=(1 - augmentation.scale, 1 + augmentation.scale),
        shear=math.degrees(math.atan(augmentation.shear)),
        interpolation=transforms.InterpolationMode.BILINEAR,
    )
    pictures = Pictures(train, transforms.Compose([distort, transforms.ToTensor()]))
    return DataLoader(
        pictures, BATCH, shuffle=True, num_workers=WORKERS, drop_last=True, persistent_workers=True
    )


def rate(train: Steps, steps: int, device: torch.device) -> float:
    """Return the images a second of `train`, after a warm-up."""
    train(WARM_UP)
    return steps * BATCH / seconds_of(lambda: train(steps), device)


def parts_of_step(trainer: Trainer, steps: int) -> dict[str, float]:
    """Return the mean milliseconds of each part of a step, measured within real steps.

    What the threads of a team do at once counts with the mean of their times.
    """
    spent: dict[str, float] = defaultdict(float)
    lock = Lock()

    def watched(part: str, call: Callable) -> Callable:
        def timed(*args: object, **options: object) -> object:
            results = []
            seconds = seconds_of(lambda: results.append(call(*args, **options)), trainer.device)
            at_once = trainer.replicas.team.size if current_thread() is not main_thread() else 1
            with lock:
                spent[part] += seconds / at_once
            return results[0]

        return timed

    train_ours(trainer, WARM_UP)
    with ExitStack() as stack:
        for part, owner, name in (
            ("augmentation", Augmentation, "draw"),
            ("augmentation", Distortion, "apply"),
            ("forward", ImprovedResNet18, "forward"),
            ("backward", Tensor, "backward"),
            ("optimizer and average", trainer.optimizer, "step"),
            ("optimizer and average", trainer, "_update_average"),
        ):
            stack.enter_context(patch.object(owner, name, watched(part, getattr(owner, name))))
        whole = seconds_of(lambda: train_ours(trainer, steps), trainer.device)
    spent = {**spent, REST: whole - sum(spent.values()), WHOLE: whole}
    return {part: 1000 * seconds / steps for part, seconds in spent.items()}


def print_rates(rates: dict[str, list[float]]) -> None:
    """Print median and range of both ways' speed, and their ratio."""
    print(f"{'':24}{'images/s':>10}   range")
    for name, values in rates.items():
        print(f"{name:24}{spread(values)}".rstrip())
    print(f"{'ratio of both':24}{spread(ratios(*rates.values()), '.2f')}".rstrip())


def print_parts(turns: list[dict[str, float]]) -> None:
    """Print the time of each part of a step and its share of the whole step."""
    print(f"\n{'part of our step':24}{'ms':>10}   {'range':20}   share")
    for part in turns[0]:
        values, whole = [turn[part] for turn in turns], [turn[WHOLE] for turn in turns]
        print(f"{part:24}{spread(values, '.1f')}{median(ratios(values, whole)):8.1%}")


def print_operators(trainer: Trainer, steps: int) -> None:
    """Print the operators of PyTorch that take at least 1 % of a step, if one thread does the work of all."""
    alone = patch.object(ThreadTeam, "map", lambda team, work, items: [work(item) for item in items])
    with alone, profile(activities=[ProfilerActivity.CPU]) as found:  # it sees the calling thread only
        train_ours(trainer, steps)
    spent = {row.key: row.self_cpu_time_total for row in found.key_averages()}
    whole = sum(spent.values())
    print(f"\n{'operator':40}share")
    for name, microseconds in sorted(spent.items(), key=lambda item: -item[1]):
        if microseconds >= 0.01 * whole:
            print(f"{name:40}{microseconds / whole:5.1%}")


def print_efficiency(work: float, rates: list[float], matrix: list[float]) -> None:
    """Print which share of the machine's rate of matrix products the whole step reaches.

    Args:
        work: floating-point operations per image.
        rates: images a second.
        matrix: GFLOP/s of a large matrix product.
    """
    ours = [rate * work / 1e9 for rate in rates]
    print(f"\n{f'{work / 1e6:.1f} MFLOP an image':24}{'GFLOP/s':>10}   range")
    for name, values in (("large matrix product", matrix), ("our whole step", ours)):
        print(f"{name:24}{spread(values)}".rstrip())
    print(f"{'share of that':24}{spread(ratios(ours, matrix), '.2f')}".rstrip())


def operations_per_image(trainer: Trainer) -> float:
    """Return the floating-point operations of convolutions and the linear layer, forward and backward."""
    batch = trainer.train_images[:BATCH]
    with FlopCounterMode(display=False) as counter:
        F.cross_entropy(trainer.model(batch.ink()), batch.labels).backward()
    return counter.get_total_flops() / BATCH


def matrix_rate(dtype: torch.dtype, device: torch.device) -> float:
    """Return the GFLOP/s of a large matrix product."""
    side = 8192 if device.type == "cuda" else 2048
    matrix, threads = torch.rand(side, side, device=device).to(dtype), torch.get_num_threads()
    timer = benchmark.Timer("matrix @ matrix", globals={"matrix": matrix}, num_threads=threads)
    return 2 * side**3 / timer.blocked_autorange(min_run_time=0.5).median / 1e9


if __name__ == "__main__":
    run_script(main)

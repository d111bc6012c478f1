"""Train ImprovedResNet18 on an 80/20 split of MNIST's training images.

    python train.py                                        train with the default recipe
    python train.py --resume runs/NAME                     continue a run that was stopped or killed
    torchrun --nproc-per-node=2 train.py                   train in two processes
    python train.py --recipe best --initial-checkpoint A.pt --teacher A.pt B.pt C.pt
                                                           distil a committee of networks into one of them
    python train.py --teacher A.pt B.pt --save-answers DIR
                                                           ask a committee once, for many students (--answers)
    python train.py --personal default                     fine-tune on digits corrected in the window

The files of a run are described in training/run_folder.py.
"""

import common.startup  # noqa: F401 - first: for the time in which the rest is imported

import argparse
import signal
import sys
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import torch

from checkpointing import checkpoint, lookup
from common.cli import run_script
from common.device import keep_freed_memory, pick_device
from common.messages import UserError, short
from data import VALIDATION_SHARE, LabelledImages, load_training
from training.answers import load_teacher
from training.arguments import parse_arguments, pick_autocast, recipe_from
from training.distributed import World, join_world, leave_world
from training.progress import advance, as_time, epoch_bar, print_epoch, print_setup
from training.run_folder import RunFolder
from training.save_answers import Questions, save_answers
from training.trainer import Trainer
from training.validation import evaluate

if TYPE_CHECKING:
    from training.extra_digits import ExtraDigits
    from training.made_images import MadeImages


def main() -> int:
    """Train as the command line says; return the exit status."""
    args = parse_arguments()
    keep_freed_memory()
    world, device = join_world(pick_device(args.device, args.threads))
    status = run_training(args, world, device)
    leave_world(world)
    return status


def run_training(args: argparse.Namespace, world: World, device: torch.device) -> int:
    """Train as the arguments say; return the exit status.

    Raises:
        UserError: if arguments, files and images do not fit together.
    """
    train, validation = load_images(args, world)
    check_batch(args, train, world)
    recipe, autocast = recipe_from(args), pick_autocast(args.amp, device)
    check_processes(args, world)
    teacher, extra = load_teacher(args, recipe, train), load_extra(args, world)
    made = load_made(args, extra)
    if args.save_answers:
        return ask_teachers(args.save_answers, Questions(recipe, train.to(device), teacher, autocast))
    trainer = Trainer(recipe, train, validation, device, autocast, world, teacher, extra, made)
    if extra and not trainer.extra_count:
        raise UserError(f"--ink-weight {args.ink_weight:g}: that is none of {len(extra):,} digits")
    if args.dry_run:
        return dry_run(args, trainer)
    stop = StopRequest()
    run = RunFolder(args.resume) if args.resume else None
    if run and world.is_main:
        run.claim()
    if run and run.has_state():
        restore(run, trainer)
    elif args.initial_checkpoint:
        start_from(args.initial_checkpoint, trainer)
    if args.ship and any(source.get("personal") for source in trainer.ink):
        raise UserError("--ship: these weights have learned one person's corrections, and are not for all")
    if world.is_main:
        run = run or start_run(args, trainer)
        print_setup(trainer, f"folder {short(run.path)}")
    status = fit(trainer, run if world.is_main else None, stop, args.ship)
    if world.is_main and status == 0:
        status = finish(trainer, run, args.ship)
    return status


def load_images(args: argparse.Namespace, world: World) -> tuple[LabelledImages, LabelledImages]:
    """Return the images to train on and to validate on; rank 0 loads them first, as it may download them."""
    share = 0.0 if args.refit else VALIDATION_SHARE
    if world.is_main:
        train, validation = load_training(args.dataset, args.data_dir, share)
        world.broadcast(train.dataset)
    else:
        train, validation = load_training(world.broadcast(""), args.data_dir, share)
    limit = args.limit_train or len(train)
    if limit > len(train):
        raise UserError(f"--limit-train {limit}: there are only {len(train):,} training images")
    if limit < len(train):
        train = train[torch.randperm(len(train), generator=torch.Generator().manual_seed(0))[:limit]]
    return train, validation


def check_batch(args: argparse.Namespace, train: LabelledImages, world: World) -> None:
    """Raise UserError if the batch size does not fit the images or the number of processes."""
    size = args.batch_size
    if size > len(train):
        raise UserError(f"--batch-size {size}: there are only {len(train):,} training images")
    if args.epoch_images and size > args.epoch_images:
        raise UserError(f"--batch-size {size}: an epoch has only {args.epoch_images:,}, see --epoch-images")
    if size % world.size or size < 2 * world.size:
        raise UserError(
            f"--batch-size {size}: each of {world.size} processes needs an equal share of at least 2"
        )


def check_processes(args: argparse.Namespace, world: World) -> None:
    """Raise UserError if answers are asked for, or used, in more processes than they can be."""
    if args.save_answers and world.size > 1:
        raise UserError(
            "--save-answers: leave out torchrun, and start several processes: they share the work"
        )
    if args.answers and args.mixup and world.size > 1:  # each process blends within its own share
        raise UserError("--answers with --mixup are those of one process: leave out torchrun")


def load_extra(args: argparse.Namespace, world: World) -> "ExtraDigits | None":
    """Load the digits that --ink names, or return None; report on stderr what could not be used."""
    if not args.ink:
        return None
    from training.extra_digits import load_extra_digits  # imports image processing, which is needed only here

    extra, faults = load_extra_digits(args.ink, args.ink_credit)
    if world.is_main:
        print(*faults, sep="\n", end="\n" if faults else "", file=sys.stderr, flush=True)
    return extra


def load_made(args: argparse.Namespace, extra: "ExtraDigits | None") -> "MadeImages | None":
    """Return what makes further images for each epoch, or None."""
    if not args.made_digits and not args.non_digits:
        return None
    from training.made_images import MadeImages  # imports image processing

    return MadeImages.load(args.made_digits, args.non_digits, args.characters, extra)


def start_from(choice: str, trainer: Trainer) -> None:
    """Start from the weights that --initial-checkpoint names."""
    weights = checkpoint.load(lookup.find(choice, trainer.train_images.dataset))
    trainer.start_from(weights.model, weights.ink)
    if trainer.world.is_main:
        print(f"start    {weights.describe()}")


def restore(run: RunFolder, trainer: Trainer) -> None:
    """Restore the state in a run's folder; report on stderr if the newest state is damaged."""
    damage = run.restore(trainer)
    if damage and trainer.world.is_main:
        at = f"epoch {trainer.epoch}, step {trainer.step}"
        print(f"{damage}: going on from previous.pt, after {at}", file=sys.stderr, flush=True)


def start_run(args: argparse.Namespace, trainer: Trainer) -> RunFolder:
    """Make the folder of a new run, with its arguments and its first state."""
    run = RunFolder.create(args.output, trainer.train_images.dataset, args.seed)
    run.write_arguments(args, trainer)
    run.save_state(trainer)
    return run


def dry_run(args: argparse.Namespace, trainer: Trainer) -> int:
    """Train two steps and evaluate, without writing anything; return the exit status."""
    if args.initial_checkpoint:
        start_from(args.initial_checkpoint, trainer)
    if trainer.world.is_main:
        print_setup(trainer, "dry run of two steps, writes nothing")
    trainer.train_epoch(should_stop=lambda: trainer.step == 2)
    images = trainer.validation_images if len(trainer.validation_images) else trainer.train_images
    few = evaluate(trainer.average.module, images[:1000], trainer.world)
    if trainer.world.is_main:
        print(f"It works: {few['errors']} of {few['n']} images wrong after two steps.")
    return 0


def ask_teachers(folder: Path, questions: Questions) -> int:
    """Compute the answers that a folder lacks; return the exit status."""
    stop = StopRequest()
    if save_answers(folder, questions, stop.requested):
        stop.release()
        return 0
    print("\nStopped. What is answered is kept: go on with the same command.")
    return 128 + (stop.signal or signal.SIGTERM)


class StopRequest:
    """Takes note of Ctrl-C or SIGTERM, so that the current step is completed; a second one ends at once.

    Attributes:
        signal: number of the signal that came, or None.
    """

    def __init__(self) -> None:
        self.signal: int | None = None
        self._before = {code: signal.signal(code, self._remember) for code in (signal.SIGINT, signal.SIGTERM)}

    def requested(self) -> bool:
        """Return whether a signal came."""
        return self.signal is not None

    def release(self) -> None:
        """Restore the signals' previous handlers."""
        for code, handler in self._before.items():
            signal.signal(code, handler)

    def _remember(self, code: int, frame: object) -> None:
        self.signal = code
        self.release()


def fit(trainer: Trainer, run: RunFolder | None, stop: StopRequest, ship: bool) -> int:
    """Train to the end or until a signal comes; return the exit status. Only rank 0 has a `run`."""
    while trainer.epoch < trainer.recipe.epochs:
        with epoch_bar(trainer) as bar:
            complete = trainer.train_epoch(stop.requested, partial(advance, bar))
        if not complete:
            if run:
                run.save_state(trainer)
                run.draw_curves(trainer)
            return stopped(run, ship, stop.signal or signal.SIGTERM)
        trainer.finish_epoch()
        if run:
            run.save_epoch(trainer)
            print_epoch(trainer)
    stop.release()
    return stopped(run, ship, stop.signal) if stop.signal else 0


def stopped(run: RunFolder | None, ship: bool, code: int) -> int:
    """Print how to go on with a run that a signal has stopped, and return the exit status."""
    if run:
        print(
            f"\nStopped. Go on with:  python train.py --resume {short(run.path)}{' --ship' if ship else ''}"
        )
    return 128 + code


def finish(trainer: Trainer, run: RunFolder, ship: bool) -> int:
    """Finish a run that has trained to its end, and print its outcome; return the exit status."""
    try:
        if len(trainer.validation_images) and not run.is_calibrated():
            print("calibrating on the validation images", flush=True)
        weights = run.finish(trainer)
    except KeyboardInterrupt:
        return stopped(run, ship, signal.SIGINT)
    outcome = f"The weights of the last of {trainer.epoch} epochs are kept"
    if weights.calibration and trainer.recipe.keep == "best":
        outcome = f"Best epoch {trainer.best['epoch']} of {trainer.epoch}, calibrated"
    print(f"\n{outcome}. Trained for {as_time(trainer.total_seconds())}.\nWeights: {weights.describe()}")
    if ship:
        print(f"Shipped: {short(run.ship(trainer))}")
    by_default = lookup.find(None).resolve() == weights.path.resolve()
    print(f"Next:    python test.py{'' if by_default else f' --checkpoint {short(weights.path)}'}")
    return 0


if __name__ == "__main__":
    run_script(main)

"""Train ImprovedResNet18 on an 80/20 split of MNIST's training images.

    python train.py                                        a run with the default recipe
    python train.py --resume runs/NAME                     go on with one that was stopped or killed
    torchrun --nproc-per-node=2 train.py                   in two processes
    python train.py --recipe best --initial-checkpoint A.pt --teacher A.pt B.pt C.pt
                                                           learn on from a committee of networks
    python train.py --personal default                     learn on from what was corrected in the window

What a run leaves behind is described in run_folder.py.
"""

import common.interrupt  # noqa: F401 - first: Ctrl-C is silent while the rest is imported

import argparse
import signal
import sys
from datetime import timedelta
from typing import TYPE_CHECKING

import torch
from tqdm import tqdm

from checkpointing import checkpoint, lookup
from common.cli import run_script
from common.device import describe_device, keep_freed_memory, pick_device
from common.messages import UserError, short
from data import VALIDATION_SHARE, LabelledImages, load_training
from training.arguments import parse_arguments, recipe_from
from training.distillation import Committee
from training.distributed import World, join_world, leave_world
from training.optimizer import OPTIMIZERS
from training.run_folder import RunFolder
from training.trainer import Trainer, evaluate, pick_autocast

if TYPE_CHECKING:
    from training.extra_digits import ExtraDigits


def main() -> int:
    args = parse_arguments()
    keep_freed_memory()
    world, device = join_world(pick_device(args.device, args.threads))
    status = run_training(args, world, device)
    leave_world(world)
    return status


def run_training(args: argparse.Namespace, world: World, device: torch.device) -> int:
    """Do what the arguments ask for; the exit status. When it returns, nothing uses the trainer."""
    train, validation = load_images(args, world)
    check_batch(args, train, world)
    teacher, more = load_teacher(args, train.dataset), load_ink(args, world)
    autocast = pick_autocast(args.amp, device)
    trainer = Trainer(recipe_from(args), train, validation, device, autocast, world, teacher, more)
    if more and not trainer.more_count:
        raise UserError(f"--ink-weight {args.ink_weight:g}: that is none of {len(more):,} digits")
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
    status = fit(trainer, run if world.is_main else None, stop)
    if world.is_main and status == 0:
        finish(trainer, run, args.ship)
    return status


def load_images(args: argparse.Namespace, world: World) -> tuple[LabelledImages, LabelledImages]:
    """The images to train and to validate on. The main process goes first: it may download."""
    share = 0.0 if args.refit else VALIDATION_SHARE
    if world.is_main:
        train, validation = load_training(args.dataset, args.data_dir, share)
        world.tell(train.dataset)
    else:
        train, validation = load_training(world.tell(""), args.data_dir, share)
    limit = args.limit_train or len(train)
    if limit > len(train):
        raise UserError(f"--limit-train {limit}: there are only {len(train):,} training images")
    if limit < len(train):
        train = train[torch.randperm(len(train), generator=torch.Generator().manual_seed(0))[:limit]]
    return train, validation


def check_batch(args: argparse.Namespace, train: LabelledImages, world: World) -> None:
    size = args.batch_size
    if size > len(train):
        raise UserError(f"--batch-size {size}: there are only {len(train):,} training images")
    if size % world.size or size < 2 * world.size:
        raise UserError(
            f"--batch-size {size}: each of {world.size} processes needs an equal share of at least 2"
        )


def load_teacher(args: argparse.Namespace, dataset: str) -> Committee | None:
    """The committee to learn from, if --teacher names one.

    Raises:
        UserError: if one of its files is no checkpoint.
    """
    if not args.teacher:
        return None
    teachers = [checkpoint.load(lookup.find(choice, dataset)) for choice in args.teacher]
    return Committee([t.model for t in teachers], [source for t in teachers for source in t.ink])


def load_ink(args: argparse.Namespace, world: World) -> "ExtraDigits | None":
    """What --ink names, if anything; what of it is left out is said on stderr."""
    if not args.ink:
        return None
    from training.extra_digits import load_extra_digits  # image processing, which training does without

    more, faults = load_extra_digits(args.ink, args.ink_credit)
    if world.is_main:
        print(*faults, sep="\n", end="\n" if faults else "", file=sys.stderr, flush=True)
    return more


def start_from(choice: str, trainer: Trainer) -> None:
    weights = checkpoint.load(lookup.find(choice, trainer.train_images.dataset))
    trainer.start_from(weights.model, weights.ink)
    if trainer.world.is_main:
        print(f"start    {weights.describe()}")


def restore(run: RunFolder, trainer: Trainer) -> None:
    damage = run.restore(trainer)
    if damage and trainer.world.is_main:
        at = f"epoch {trainer.epoch}, step {trainer.step}"
        print(f"{damage}: going on from previous.pt, after {at}", file=sys.stderr, flush=True)


def start_run(args: argparse.Namespace, trainer: Trainer) -> RunFolder:
    run = RunFolder.create(args.output, trainer.train_images.dataset, args.seed)
    run.write_arguments(args, trainer)
    run.save_state(trainer)
    return run


def print_setup(trainer: Trainer, run: str) -> None:
    recipe, train = trainer.recipe, trainer.train_images
    data = "MNIST" if train.dataset == "mnist" else "scikit-learn's digits, NOT MNIST"
    more = f" and {trainer.more_count:,} of other people's digits" if trainer.more else ""
    processes = f", {trainer.world.size} processes" if trainer.world.size > 1 else ""
    precision = "bfloat16 mixed precision" if trainer.autocast else "float32"
    parameters = sum(parameter.numel() for parameter in trainer.model.parameters())
    at = f", going on after epoch {trainer.epoch}, step {trainer.step}"
    print(
        f"device   {describe_device(trainer.device)}{processes}, {precision}\n"
        f"data     {data}: {len(train):,} images{more} to train on, "
        f"{len(trainer.validation_images):,} to validate on\n"
        f"network  ImprovedResNet18, {parameters:,} parameters\n"
        f"recipe   {recipe.epochs} epochs, batch {recipe.batch_size}, {OPTIMIZERS[recipe.optimizer]}, "
        f"peak learning rate {recipe.lr:g}, seed {recipe.seed}\n"
        f"run      {run}{at if trainer.epoch or trainer.step else ''}",
        flush=True,
    )


def dry_run(args: argparse.Namespace, trainer: Trainer) -> int:
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


class StopRequest:
    """Ctrl-C or SIGTERM, remembered until the step under way is done; a second one ends at once."""

    def __init__(self) -> None:
        self.signal: int | None = None
        self._before = {code: signal.signal(code, self._remember) for code in (signal.SIGINT, signal.SIGTERM)}

    def requested(self) -> bool:
        return self.signal is not None

    def release(self) -> None:
        """Let the signals do what they did before."""
        for code, handler in self._before.items():
            signal.signal(code, handler)

    def _remember(self, code: int, frame: object) -> None:
        self.signal = code
        self.release()


def fit(trainer: Trainer, run: RunFolder | None, stop: StopRequest) -> int:
    """Train to the end, or until a signal comes; the exit status. Without `run` nothing is written."""
    while trainer.epoch < trainer.recipe.epochs:
        with EpochBar(trainer) as bar:
            complete = trainer.train_epoch(stop.requested, bar.on_step)
        if not complete:
            if run:
                run.save_state(trainer)
                run.draw_curves(trainer)
                print(f"\nStopped. Go on with:  python train.py --resume {short(run.path)}")
            return 128 + (stop.signal or signal.SIGTERM)
        trainer.finish_epoch()
        if run:
            run.save_epoch(trainer)
            print_epoch(trainer)
    stop.release()
    return 0


class EpochBar:
    """A progress bar over one epoch's steps on a terminal; nothing elsewhere."""

    def __init__(self, trainer: Trainer) -> None:
        self.bar = tqdm(
            total=trainer.steps_per_epoch,
            initial=trainer.step,
            desc=f"epoch {trainer.epoch + 1}/{trainer.recipe.epochs}",
            unit="step",
            leave=False,
            disable=None if trainer.world.is_main else True,  # None: where stderr is no terminal
        )

    def on_step(self, trainer: Trainer) -> None:
        if not self.bar.disable and trainer.step % 10 == 0:
            loss = float(trainer.totals[0]) / trainer.step
            self.bar.set_postfix_str(f"loss {loss:.4f}, lr {trainer.lr:.4f}", refresh=False)
        self.bar.update()

    def __enter__(self) -> "EpochBar":
        return self

    def __exit__(self, *error: object) -> None:
        self.bar.close()


def print_epoch(trainer: Trainer) -> None:
    row, epochs = trainer.history[-1], trainer.recipe.epochs
    left = trainer.total_seconds() / trainer.epoch * (epochs - trainer.epoch)
    validated, validation = len(trainer.validation_images), ""
    if validated:
        validation = f"val loss {row['val_loss']:.4f}  val errors {row['val_errors']:,} of {validated:,}  "
    print(
        f"epoch {trainer.epoch:{len(str(epochs))}}/{epochs}  train loss {row['train_loss']:.4f}  "
        f"{validation}lr {row['lr']:.4f}  {row['images_per_second']:,.0f} img/s  "
        f"left {in_words(left)}{'  (best)' if validated and trainer.best is row else ''}",
        flush=True,
    )


def finish(trainer: Trainer, run: RunFolder, ship: bool) -> None:
    """Close a run that has trained to its end, and say what to do next."""
    weights = run.finish(trainer)
    outcome = f"The weights of the last of {trainer.epoch} epochs are kept"
    if weights.calibration:
        outcome = f"Best epoch {trainer.best['epoch']} of {trainer.epoch}, calibrated"
    print(f"\n{outcome}. Trained for {in_words(trainer.total_seconds())}.\nWeights: {weights.describe()}")
    if ship:
        print(f"Shipped: {short(run.ship(trainer))}")
    by_default = lookup.find(None).resolve() == weights.path.resolve()
    print(f"Next:    python test.py{'' if by_default else f' --checkpoint {short(weights.path)}'}")


def in_words(seconds: float) -> str:
    return str(timedelta(seconds=round(seconds)))


if __name__ == "__main__":
    run_script(main)

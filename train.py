"""Train ImprovedResNet18 on an 80/20 split of MNIST's training images.

    python train.py                                        a run with the default recipe
    python train.py --resume runs/NAME                     go on with one that was stopped or killed
    torchrun --nproc-per-node=2 train.py                   in two processes
    python train.py --recipe best --teacher A.pt B.pt      learn what a committee of networks knows

What a run leaves behind is described in run_folder.py.
"""

import argparse
import signal
from dataclasses import fields
from datetime import timedelta
from pathlib import Path
from typing import Any

import torch
from tqdm import tqdm

import checkpoint
from augment import Augmentation
from data import LabelledImages, add_data_arguments, load_training
from distillation import Committee
from distributed import World, join_world, leave_world
from recipe import RECIPES, Recipe
from run_folder import RunFolder
from runtime import (
    ArgumentParser,
    UserError,
    add_device_arguments,
    describe_device,
    number,
    pick_device,
    run_script,
    short,
)
from trainer import Trainer, evaluate, pick_autocast

# Arguments that may be given along with --resume: where and how to go on, not what is learned.
RESUMABLE = {"resume", "device", "threads", "data_dir", "ship"}


def main() -> int:
    args = parse_arguments()
    world, device = join_world(pick_device(args.device, args.threads))
    train, validation = load_images(args, world)
    check_batch(args, train, world)
    autocast, teacher = pick_autocast(args.amp, device), load_teacher(args)
    trainer = Trainer(recipe_from(args), train, validation, device, autocast, world, teacher)
    if args.dry_run:
        return dry_run(trainer)
    stop = StopRequest()
    run = RunFolder(args.resume) if args.resume else None
    if run and run.has_state():
        run.restore(trainer)
    elif args.initial_checkpoint:
        start_from(args.initial_checkpoint, trainer)
    if world.is_main:
        run = run or start_run(args, trainer)
        print_setup(trainer, f"folder {short(run.path)}")
    status = fit(trainer, run if world.is_main else None, stop)
    if world.is_main and status == 0:
        finish(trainer, run, args.ship)
    leave_world(world)
    return status


def parse_arguments() -> argparse.Namespace:
    parser = ArgumentParser("Train ImprovedResNet18 on MNIST.")
    recipe = chosen_recipe()
    augmentation = recipe.augmentation
    count, amount = number(int, at_least=1), number(float, at_least=0)
    share = number(float, at_least=0, below=1)

    add = parser.add_argument_group("recipe").add_argument
    named = "numbers to start from, each of which the flags below may change"
    add("--recipe", choices=RECIPES, default="default", help=named)
    add("--epochs", type=count, default=recipe.epochs, help="passes over the training images")
    add(
        "--batch-size",
        type=count,
        default=recipe.batch_size,
        help="images a step, in all processes",
    )
    add("--lr", type=number(float, above=0), default=recipe.lr, help="peak learning rate")
    add("--weight-decay", type=amount, default=recipe.weight_decay, help="L2 penalty on weights")
    add("--dropout", type=share, default=recipe.dropout, help="of the pooled features")
    add("--ema", type=share, default=recipe.ema, help="decay per step of the weights' average")
    seeds = number(int, at_least=0, below=2**63)
    add("--seed", type=seeds, default=recipe.seed, help="of weights, order and distortions")
    learned = "weights of one or more networks whose mean probabilities are learned instead of the labels"
    add("--teacher", nargs="+", metavar="FILE", help=learned)
    add("--initial-checkpoint", metavar="FILE", help="weights to start from: a file, newest or shipped")

    add = parser.add_argument_group("random distortions of the training images").add_argument
    for flag, unit in (
        ("rotation", "largest, in degrees"),
        ("scale", "largest relative change of width and of height"),
        ("shear", "largest horizontal shift in relation to height"),
        ("shift", "largest, in pixels"),
        ("elastic", "standard deviation at the nodes of a 4-pixel grid, in pixels"),
    ):
        add(f"--{flag}", type=amount, default=getattr(augmentation, flag), help=unit)
    chance = number(float, at_least=0, at_most=1)
    add("--pen", type=chance, default=augmentation.pen, help="largest change of the pen's width, in pixels")
    blend = "probability of blending an image with another"
    add("--mixup", type=chance, default=augmentation.mixup, help=blend)
    add("--erase", type=chance, default=augmentation.erase, help="probability of blanking a box")
    size = number(float, at_least=2)
    add("--erase-size", type=size, default=augmentation.erase_size, help="its largest side, in pixels")

    add = parser.add_argument_group("images").add_argument
    add_data_arguments(add)
    add("--limit-train", type=count, metavar="N", help="train on only N images")

    add = parser.add_argument_group("run").add_argument
    add("--output", type=Path, metavar="DIR", help="run folder (default: runs/TIME-seedSEED)")
    add(
        "--resume",
        type=Path,
        metavar="RUN",
        help="go on exactly where the run in this folder stands",
    )
    add("--ship", action="store_true", help="replace the weights in checkpoints/ by the run's best")
    add("--dry-run", action="store_true", help="two steps, to see that all works; writes nothing")

    add = parser.add_argument_group("machine").add_argument
    add_device_arguments(add)
    precision = "mixed precision; auto: bfloat16 where the hardware computes in it"
    add("--amp", choices=("auto", "bf16", "off"), default="auto", help=precision)

    args = parser.parse_args()
    return resumed_arguments(parser, args) if args.resume else args


def chosen_recipe() -> Recipe:
    """The recipe that --recipe names on the command line; whether there is such a one is found out later."""
    first = argparse.ArgumentParser(add_help=False, allow_abbrev=False, exit_on_error=False)
    first.add_argument("--recipe")
    try:
        name = first.parse_known_args()[0].recipe
    except argparse.ArgumentError:
        name = None
    return RECIPES.get(name, Recipe())


def resumed_arguments(parser: ArgumentParser, args: argparse.Namespace) -> argparse.Namespace:
    """The arguments of the run to resume, and those typed now that may differ from them."""
    unset = object()
    blank = argparse.Namespace(**dict.fromkeys(vars(args), unset))
    parser.parse_args(namespace=blank)  # defaults are set only where there is nothing
    typed = {name: value for name, value in vars(blank).items() if value is not unset}
    fixed = sorted(f"--{name.replace('_', '-')}" for name in typed.keys() - RESUMABLE)
    if fixed:
        raise UserError(f"--resume goes on with the run's own settings: leave out {', '.join(fixed)}")
    return argparse.Namespace(**{**vars(args), **RunFolder(args.resume).read_arguments(), **typed})


def recipe_from(args: argparse.Namespace) -> Recipe:
    def pick(kind: type) -> dict[str, Any]:
        return {f.name: getattr(args, f.name) for f in fields(kind) if hasattr(args, f.name)}

    return Recipe(**pick(Recipe), augmentation=Augmentation(**pick(Augmentation)))


def load_images(args: argparse.Namespace, world: World) -> tuple[LabelledImages, LabelledImages]:
    """The images to train and to validate on. The main process goes first: it may download."""
    if world.is_main:
        train, validation = load_training(args.dataset, args.data_dir)
        world.tell(train.dataset)
    else:
        train, validation = load_training(world.tell(""), args.data_dir)
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


def load_teacher(args: argparse.Namespace) -> Committee | None:
    """The committee to learn from, if --teacher names one.

    Raises:
        UserError: if one of its files is no checkpoint, or the recipe needs a teacher and there is none.
    """
    if args.teacher:
        return Committee([checkpoint.load(checkpoint.find(choice)).model for choice in args.teacher])
    if args.recipe == "best":
        raise UserError("--recipe best learns from trained networks: name their weights with --teacher")
    return None


def start_from(choice: str, trainer: Trainer) -> None:
    weights = checkpoint.load(checkpoint.find(choice, trainer.train_images.dataset))
    trainer.start_from(weights.model)
    if trainer.world.is_main:
        print(f"start    {weights.describe()}")


def start_run(args: argparse.Namespace, trainer: Trainer) -> RunFolder:
    run = RunFolder.create(args.output, trainer.train_images.dataset, args.seed)
    run.write_arguments(args, trainer)
    run.save_state(trainer)
    return run


def print_setup(trainer: Trainer, run: str) -> None:
    recipe, train = trainer.recipe, trainer.train_images
    data = "MNIST" if train.dataset == "mnist" else "scikit-learn's digits, NOT MNIST"
    processes = f", {trainer.world.size} processes" if trainer.world.size > 1 else ""
    precision = "bfloat16 mixed precision" if trainer.autocast else "float32"
    parameters = sum(parameter.numel() for parameter in trainer.model.parameters())
    at = f", going on after epoch {trainer.epoch}, step {trainer.step}"
    print(
        f"device   {describe_device(trainer.device)}{processes}, {precision}\n"
        f"data     {data}: {len(train):,} images to train on, "
        f"{len(trainer.validation_images):,} to validate on\n"
        f"network  ImprovedResNet18, {parameters:,} parameters\n"
        f"recipe   {recipe.epochs} epochs, batch {recipe.batch_size}, peak learning rate "
        f"{recipe.lr:g}, seed {recipe.seed}\n"
        f"run      {run}{at if trainer.epoch or trainer.step else ''}",
        flush=True,
    )


def dry_run(trainer: Trainer) -> int:
    if trainer.world.is_main:
        print_setup(trainer, "dry run of two steps, writes nothing")
    trainer.train_epoch(should_stop=lambda: trainer.step == 2)
    few = evaluate(trainer.average.module, trainer.validation_images[:1000], trainer.world)
    if trainer.world.is_main:
        print(f"It works: {few['errors']} of {few['n']} validation images wrong after two steps.")
    leave_world(trainer.world)
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
    print(
        f"epoch {trainer.epoch:{len(str(epochs))}}/{epochs}  train loss {row['train_loss']:.4f}  "
        f"val loss {row['val_loss']:.4f}  val errors {row['val_errors']:,} of "
        f"{len(trainer.validation_images):,}  lr {row['lr']:.4f}  {row['images_per_second']:,.0f} img/s  "
        f"left {in_words(left)}{'  (best)' if trainer.best is row else ''}",
        flush=True,
    )


def finish(trainer: Trainer, run: RunFolder, ship: bool) -> None:
    """Close a run that has trained to its end, and say what to do next."""
    run.finish(trainer)
    best, weights = trainer.best, run.path / "best.pt"
    print(
        f"\nBest epoch {best['epoch']} of {trainer.epoch}: {best['val_errors']:,} of "
        f"{len(trainer.validation_images):,} validation images wrong, loss {best['val_loss']:.4f}. "
        f"Trained for {in_words(trainer.total_seconds())}.\n"
        f"Weights: {short(weights)}"
    )
    if ship:
        print(f"Shipped: {short(run.ship(trainer.train_images.dataset))}")
    by_default = checkpoint.find(None).resolve() == weights.resolve()
    print(f"Next:    python test.py{'' if by_default else f' --checkpoint {short(weights)}'}")


def in_words(seconds: float) -> str:
    return str(timedelta(seconds=round(seconds)))


if __name__ == "__main__":
    run_script(main)

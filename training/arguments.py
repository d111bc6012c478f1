"""The command line of train.py: a recipe, flags that change it, and the arguments of a resumed run."""

import argparse
from collections.abc import Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any

import torch

from checkpointing.checkpoint import MAX_WIDTH
from common.cli import ArgumentParser, add_device_arguments, number
from common.messages import UserError
from data import add_data_arguments
from recognition.profiles import existing_profile
from training.augmentation import Augmentation
from training.optimizer import OPTIMIZERS
from training.recipe import RECIPES, WARM_UP, Recipe
from training.run_folder import RunFolder

# Arguments that may be given with --resume: they do not change what is learned. Answers may have moved.
RESUMABLE = {"resume", "device", "threads", "data_dir", "ship", "answers"}

# Types of flags.
COUNT, AMOUNT = number(int, at_least=1), number(float, at_least=0)
SHARE, UP_TO_ONE = number(float, at_least=0, below=1), number(float, at_least=0, at_most=1)
SEED_RANGE = number(int, at_least=0, below=2**63)


def parse_arguments(command_line: Sequence[str] | None = None) -> argparse.Namespace:
    """Parse the command line; with --resume, add the arguments that the run was started with.

    Args:
        command_line: by default that of the process.

    Raises:
        UserError: if --resume names no run or comes with a flag that would change it, or if flags contradict
            each other.
    """
    parser = ArgumentParser("Train ImprovedResNet18 on MNIST.")
    name = recipe_named(command_line)
    _add_recipe(parser, name)
    _add_distortions(parser, RECIPES[name].augmentation)
    _add_images(parser, RECIPES[name])
    _add_run(parser)
    args = parser.parse_args(command_line)
    if args.ink_credit and len(args.ink_credit) != len(args.ink):
        raise UserError(
            f"--ink-credit: {len(args.ink_credit)} texts for {len(args.ink)} of --ink: give one for each"
        )
    if args.resume:
        args = resumed_arguments(parser, args, command_line)
    elif args.personal is not None:
        args.ink = [*args.ink, existing_profile(args.personal)]
        if args.ink_credit:
            args.ink_credit = [*args.ink_credit, f"profile {args.personal}"]
        args.initial_checkpoint = args.initial_checkpoint or "ink"
    if args.view_seed is None and (args.answers or args.save_answers):
        args.view_seed = 0
    _check(args)
    return args


def _add_recipe(parser: ArgumentParser, name: str) -> None:
    """Add the flags of the recipe and of teachers; the named recipe gives the defaults."""
    recipe = RECIPES[name]
    add = parser.add_argument_group("recipe").add_argument
    named = "numbers to start from, each of which the flags below may change"
    add("--recipe", choices=RECIPES, default=name, help=named)
    add("--epochs", type=COUNT, default=recipe.epochs, help="passes over the training images")
    shown = f"so many images an epoch shows, drawn at random (default: {recipe.epoch_images or 'all'})"
    add("--epoch-images", type=COUNT, default=recipe.epoch_images, metavar="N", help=shown)
    wide = "factor of the network's channels; 2 is meant for members of a committee (--teacher)"
    add("--width", type=number(int, at_least=1, at_most=MAX_WIDTH), default=recipe.width, help=wide)
    add("--batch-size", type=COUNT, default=recipe.batch_size, help="images a step, in all processes")
    steps = "muon makes the steps of most convolutions' kernels orthogonal and leaves the rest to SGD"
    add("--optimizer", choices=OPTIMIZERS, default=recipe.optimizer, help=steps)
    add("--lr", type=number(float, above=0), default=recipe.lr, help="peak learning rate")
    add("--weight-decay", type=AMOUNT, default=recipe.weight_decay, help="of kernels and matrices")
    add("--dropout", type=SHARE, default=recipe.dropout, help="of the pooled features")
    add("--ema", type=SHARE, default=recipe.ema, help="decay per step of the weights' average")
    part = number(float, above=0, at_most=1)
    losers = f"share of a batch, of highest loss, to learn from after {100 * WARM_UP:.0f} %% of the steps"
    add("--hardest", type=part, default=recipe.hardest, help=losers)
    spread = "share of each label's probability that is spread over all digits"
    add("--label-smoothing", type=SHARE, default=recipe.label_smoothing, help=spread)
    add("--seed", type=SEED_RANGE, default=recipe.seed, help="of weights, order and distortions")
    views = "of order and distortions, if it is to be another (default: that of --seed; 0 with answers)"
    add("--view-seed", type=SEED_RANGE, default=recipe.view_seed, metavar="N", help=views)
    plain = "so many last epochs show the images undistorted"
    add("--plain-epochs", type=number(int, at_least=0), default=recipe.plain_epochs, help=plain)
    keep = "whose epoch's weights are kept: that of the lowest validation loss, or the last"
    add("--keep", choices=("best", "last"), default=recipe.keep, help=keep)
    whole = "take batch norm's statistics over the whole batch, not over each thread's or process's share"
    add("--sync-batch-norm", action="store_true", default=recipe.sync_batch_norm, help=whole)
    learned = "weights of one or more networks whose mean probabilities are learned instead of the labels"
    add("--teacher", nargs="+", action="extend", metavar="FILE", help=learned)
    softer = "divides the logits before probabilities of teacher and student are compared"
    temperature = number(float, above=0)
    add("--teacher-temperature", type=temperature, default=recipe.teacher_temperature, help=softer)
    ask = "do not train: compute what the teachers say of each view, and keep it in this folder for --answers"
    add("--save-answers", type=Path, metavar="DIR", help=ask)
    known = "learn from the answers in this folder instead of from --teacher, as fast as from labels"
    add("--answers", type=Path, metavar="DIR", help=known)
    add("--initial-checkpoint", metavar="FILE", help="weights to start from: a file, newest, shipped or ink")


def _add_distortions(parser: ArgumentParser, augmentation: Augmentation) -> None:
    """Add the flags of random distortions, with the given ones as defaults."""
    add = parser.add_argument_group("random distortions of the training images").add_argument
    for flag, unit in (
        ("rotation", "largest, in degrees"),
        ("scale", "largest relative change of width and of height"),
        ("shear", "largest horizontal shift in relation to height"),
        ("shift", "largest, in pixels"),
        ("elastic", "standard deviation at the nodes of a 4-pixel grid, in pixels"),
    ):
        add(f"--{flag}", type=AMOUNT, default=getattr(augmentation, flag), help=unit)
    pen = "largest change of the pen's width, in pixels"
    add("--pen", type=UP_TO_ONE, default=augmentation.pen, help=pen)
    blend = "probability of blending an image with another"
    add("--mixup", type=UP_TO_ONE, default=augmentation.mixup, help=blend)
    add("--erase", type=UP_TO_ONE, default=augmentation.erase, help="probability of blanking a box")
    size = number(float, at_least=2)
    add("--erase-size", type=size, default=augmentation.erase_size, help="its largest side, in pixels")


def _add_images(parser: ArgumentParser, recipe: Recipe) -> None:
    """Add the flags of what is learned from."""
    add = parser.add_argument_group("images").add_argument
    add_data_arguments(add)
    add("--limit-train", type=COUNT, metavar="N", help="train on only N images")
    other = "stroke files, arrays (.npz) or folders of other people's digits to train on as well"
    add("--ink", nargs="+", action="extend", type=Path, default=[], metavar="FILE", help=other)
    credit = "who made it, for each of --ink, to be kept in the weights' file"
    add("--ink-credit", nargs="+", action="extend", default=[], metavar="TEXT", help=credit)
    times = number(float, above=0, at_most=100)
    add("--ink-weight", type=times, default=recipe.ink_weight, help="how often an epoch shows each of them")
    programs = "digits that a program makes for each epoch, in forms in which hands differ"
    add("--made-digits", type=number(int, at_least=0), default=recipe.made_digits, metavar="N", help=programs)
    unsure = "images for each epoch that are no digits, of which the network learns to be unsure"
    add("--non-digits", type=number(int, at_least=0), default=recipe.non_digits, metavar="N", help=unsure)
    scripts = "characters that are no digits, .npz, to be among them"
    add("--characters", nargs="+", action="extend", type=Path, default=[], metavar="FILE", help=scripts)
    own = "learn on from the weights of the window with this profile's corrections as well: recipe personal"
    add("--personal", metavar="NAME", help=own)
    every = "train on the validation images too: the last epoch's weights are kept, and none validates them"
    add("--refit", action="store_true", help=every)


def _add_run(parser: ArgumentParser) -> None:
    """Add the flags of the run's folder and of the machine."""
    add = parser.add_argument_group("run").add_argument
    add("--output", type=Path, metavar="DIR", help="run folder (default: runs/TIME-seedSEED)")
    add("--resume", type=Path, metavar="RUN", help="go on exactly where the run in this folder stands")
    add("--ship", action="store_true", help="replace the weights in checkpoints/ by the run's best")
    add("--dry-run", action="store_true", help="two steps, to see that all works; writes nothing")

    add = parser.add_argument_group("machine").add_argument
    add_device_arguments(add)
    precision = "mixed precision; auto: bfloat16 where the hardware computes in it"
    add("--amp", choices=("auto", "bf16", "off"), default="auto", help=precision)


def _check(args: argparse.Namespace) -> None:
    """Raise UserError if flags contradict each other."""
    check_teachers(args)
    if args.plain_epochs > args.epochs:
        raise UserError(f"--plain-epochs {args.plain_epochs}: there are only {args.epochs} epochs")
    if args.ship and args.width != 1:
        raise UserError("--ship: a network of --width 1 is shipped; wider ones are meant to teach it")
    if not args.resume and args.ink_weight != RECIPES[args.recipe].ink_weight and not args.ink:
        raise UserError("--ink-weight: there are no digits to weigh: name them with --ink")
    if args.characters and not args.non_digits:
        raise UserError("--characters are no digits: say with --non-digits how many of these an epoch shows")
    if args.hardest < 1 and args.non_digits:
        raise UserError("--non-digits would always be the hardest images: add --hardest 1")
    if args.hardest < 1 and args.sync_batch_norm:
        raise UserError("--sync-batch-norm: hardest images are chosen within a share: add --hardest 1")
    if args.answers and (args.made_digits or args.non_digits):
        raise UserError("--answers hold none for made images: leave out --made-digits and --non-digits")
    if args.ship and args.personal is not None:
        raise UserError("--ship: weights with one person's corrections in them (--personal) are not for all")
    if args.refit and args.ship:
        raise UserError(
            "--ship: weights of --refit have nothing to be validated and calibrated on: "
            "score them with test.py --checkpoint instead"
        )


def check_teachers(args: argparse.Namespace) -> None:
    """Raise UserError if the flags about teachers and their answers contradict each other."""
    taught, started = args.teacher or args.answers, args.initial_checkpoint or args.save_answers
    if not args.resume and args.recipe in ("best", "ink") and not (taught and started):
        raise UserError(
            f"--recipe {args.recipe} goes on with a trained network, taught by others: name its weights with "
            "--initial-checkpoint and theirs with --teacher"
        )
    if args.teacher_temperature != 1 and not taught:
        raise UserError("--teacher-temperature: there is no teacher: name its weights with --teacher")
    if taught and (args.hardest < 1 or args.label_smoothing):
        raise UserError("a teacher's answers are soft and all of use: add --hardest 1 --label-smoothing 0")
    if args.answers and args.teacher:
        raise UserError("--answers are those of teachers that were asked before: leave out --teacher")
    if args.answers and args.ink:
        raise UserError("--answers hold none for other people's digits: leave out --ink, or use --teacher")
    if not args.save_answers:
        return
    if not args.teacher:
        raise UserError("--save-answers: there is nobody to answer: name weights with --teacher")
    for name in ("answers", "ink", "resume", "output", "ship", "dry_run"):
        if getattr(args, name):
            flag = f"--{name.replace('_', '-')}"
            raise UserError(f"--save-answers does not train: leave out {flag}, or train in another command")


def recipe_named(command_line: Sequence[str] | None = None) -> str:
    """Return the name of the recipe that the command line asks for, whose numbers are the flags' defaults.

    A name that does not exist is left to `parse_arguments` to refuse.
    """
    first = argparse.ArgumentParser(add_help=False, allow_abbrev=False, exit_on_error=False)
    first.add_argument("--recipe")
    first.add_argument("--personal")
    try:
        typed = first.parse_known_args(command_line)[0]
    except argparse.ArgumentError:
        return "default"
    if typed.recipe in RECIPES:
        return typed.recipe
    return "default" if typed.personal is None else "personal"


def resumed_arguments(
    parser: ArgumentParser, args: argparse.Namespace, command_line: Sequence[str] | None
) -> argparse.Namespace:
    """Return the arguments of the run to resume, changed by those typed now.

    Raises:
        UserError: if an argument was typed that is not in `RESUMABLE`, or there is no run.
    """
    unset: list = []  # a list, since flags with the action "extend" copy it
    blank = argparse.Namespace(**dict.fromkeys(vars(args), unset))
    parser.parse_args(command_line, namespace=blank)  # leaves unset what is not typed
    typed = {name: value for name, value in vars(blank).items() if value is not unset}
    fixed = sorted(f"--{name.replace('_', '-')}" for name in typed.keys() - RESUMABLE)
    if fixed:
        raise UserError(f"--resume goes on with the run's own settings: leave out {', '.join(fixed)}")
    return argparse.Namespace(**{**vars(args), **RunFolder(args.resume).read_arguments(), **typed})


def recipe_from(args: argparse.Namespace) -> Recipe:
    """Return the recipe with the numbers of parsed arguments."""

    def pick(kind: type) -> dict[str, Any]:
        return {f.name: getattr(args, f.name) for f in fields(kind) if f.name != "augmentation"}

    return Recipe(**pick(Recipe), augmentation=Augmentation(**pick(Augmentation)))


def pick_autocast(amp: str, device: torch.device) -> torch.dtype | None:
    """Return the dtype of mixed precision: bfloat16, or None for full precision.

    Args:
        amp: "bf16", "off", or "auto" for bfloat16 where the hardware supports it; elsewhere it is emulated
            and slower.
        device: where to compute.
    """
    native = False
    if device.type == "cuda":
        native = torch.cuda.is_bf16_supported(including_emulation=False)
    elif device.type == "cpu":
        capabilities = torch.cpu.get_capabilities()
        native = bool(capabilities.get("avx512_bf16") or capabilities.get("amx_bf16"))
    return torch.bfloat16 if amp == "bf16" or (amp == "auto" and native) else None

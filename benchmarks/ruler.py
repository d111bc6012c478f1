"""Judge a recipe by 36,000 images: trained on 12,000, it makes mistakes enough to be told from others.

    python -m benchmarks.ruler --seeds 0 1 2                                         the default recipe
    python -m benchmarks.ruler --seeds 0 1 2 -- --teacher shipped --teacher-temperature 4
    python -m benchmarks.ruler --seeds 0 1 --weights runs/wide -- --width 2          and the committee of both
    python -m benchmarks.ruler --judge runs/wide/seed-0.pt runs/wide/seed-1.pt       a committee

Of the 48,000 training images a fixed 12,000, a quarter of each class, are trained on, and the weights of the
last epoch judged by the other 36,000. Validation and test images are not used. Teachers that were trained on
the 48,000, as the shipped weights were, have seen what judges their students; weights to start from must not.

Results are appended to a file, one line of JSON a run. A run that is in the file is not made again, so a
series that was interrupted goes on with the same command.
"""

import argparse
import json
import time
from dataclasses import replace
from pathlib import Path
from statistics import mean, stdev
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor
from tqdm import tqdm

from checkpointing import checkpoint, lookup
from common.cli import ArgumentParser, number, run_script
from common.device import describe_device, keep_freed_memory, pick_device
from common.messages import UserError, short
from data import LabelledImages, load_training, stratified_split
from evaluation import calibration
from evaluation.metrics import compute_logits
from training import arguments, state
from training.answers import Answers, load_teacher
from training.distillation import Committee
from training.save_answers import Questions, save_answers
from training.trainer import Trainer

SHARE, SPLIT_SEED = 0.25, 1  # of the training images that are trained on, and the seed that chooses them
EPOCHS = 20  # unless flags say otherwise
# Arguments of train.py that the ruler gives, or that make no sense on it.
REFUSED = ("output", "resume", "ship", "dry_run", "refit", "limit_train", "personal", "ink")
FIGURES = ("errors", "loss", "calibrated_loss")


def main() -> int:
    """Train and judge, print a table, and return the exit status."""
    args = parse_arguments()
    flags = arguments.parse_arguments(["--epochs", str(EPOCHS), *args.flags])
    refused = [f"--{name.replace('_', '-')}" for name in REFUSED if getattr(flags, name)]
    refused += ["--seed"] if any(flag.split("=")[0] == "--seed" for flag in args.flags) else []
    if refused:
        raise UserError(f"{refused[0]} is not for the ruler: leave it out (seeds are named with --seeds)")
    keep_freed_memory()
    device = pick_device(flags.device, flags.threads)
    train, judges = load_ruler(flags)
    print(f"{len(train):,} images to train on, {len(judges):,} judge; {describe_device(device)}", flush=True)
    recipe, autocast = arguments.recipe_from(flags), arguments.pick_autocast(flags.amp, device)
    teacher = load_teacher(flags, recipe, train)
    if flags.save_answers:
        questions = Questions(recipe, train.to(device), teacher, autocast)
        save_answers(flags.save_answers, questions, lambda: False)
        return 0
    print(f"\n{'':16}{'errors':>8}{'loss':>10}{'calibrated':>12}", flush=True)
    if args.judge:
        print_committee(args.judge, judges, device)
        return 0
    rows = [run_seed(make_trainer(seed, flags, train, device, teacher), args, judges) for seed in args.seeds]
    if len(rows) > 1:
        for name, average in (("mean", mean), ("sd", stdev)):
            print_figures(name, {key: average([row[key] for row in rows]) for key in FIGURES}, ".1f")
    if args.weights and len(rows) > 1:
        print_committee([weights_of(args.weights, seed) for seed in args.seeds], judges, device)
    return 0


def parse_arguments() -> argparse.Namespace:
    """Parse the command line."""
    parser = ArgumentParser("Judge a recipe by 36,000 images, trained on 12,000.")
    add = parser.add_argument
    add("flags", nargs="*", metavar="-- FLAG", help=f"flags of train.py (default: --epochs {EPOCHS})")
    seeds = number(int, at_least=0, below=2**63)
    add("--seeds", type=seeds, nargs="+", metavar="N", default=[0], help="a run for each (default: 0)")
    add(
        "--out",
        type=Path,
        metavar="FILE",
        help="JSON lines to append results to, and to take known ones from",
    )
    kept = "folder for the weights of each run, seed-N.pt; with several, their committee is judged, too"
    add("--weights", type=Path, metavar="DIR", help=kept)
    files = "do not train: judge the mean probabilities of these weights"
    add("--judge", type=Path, nargs="+", metavar="FILE", help=files)
    return parser.parse_args()


def load_ruler(flags: argparse.Namespace) -> tuple[LabelledImages, LabelledImages]:
    """Return the images to train on and those that judge."""
    whole, _ = load_training(flags.dataset, flags.data_dir)
    rest, few = stratified_split(whole.labels, SHARE, SPLIT_SEED)
    return whole[few], whole[rest]


def run_seed(trainer: Trainer, args: argparse.Namespace, judges: LabelledImages) -> dict[str, Any]:
    """Train a network and judge it, unless its result is known; print and return its figures."""
    seed = trainer.recipe.seed
    run = json.loads(json.dumps({**state.identity(trainer), "initial": trainer.initial}))
    file = weights_of(args.weights, seed) if args.weights else None
    known = [row for row in read_results(args.out) if row["run"] == run]
    if known and (file is None or holds_weights(file, known[-1]["weights"])):
        print_figures(f"seed {seed}, known", known[-1])
        return known[-1]
    started = time.monotonic()
    train_to_end(trainer)
    model = trainer.best_model()
    logits = compute_logits(model.to(trainer.device), judges.to(trainer.device)).cpu()
    row = {
        "seed": seed,
        **judge([logits], judges),
        "n": len(judges),
        "train_loss": trainer.history[-1]["train_loss"],
        "weights": checkpoint.weights_digest(trainer.best_weights),
        "seconds": round(time.monotonic() - started, 1),
        "flags": args.flags,
        "run": run,
    }
    if file:
        figures = {"n": len(judges), "errors": row["errors"], "loss": row["loss"]}
        checkpoint.save_weights(
            file, model, dataset=judges.dataset, validation=figures, training=state.provenance(trainer)
        )
    if args.out:
        args.out.parent.mkdir(parents=True, exist_ok=True)
        with open(args.out, "a", encoding="utf-8") as results:
            results.write(json.dumps(row) + "\n")
    print_figures(f"seed {seed}", row)
    return row


def make_trainer(
    seed: int,
    flags: argparse.Namespace,
    train: LabelledImages,
    device: torch.device,
    teacher: Committee | Answers | None,
) -> Trainer:
    """Return a trainer without validation images, which keeps the last epoch's weights."""
    recipe = replace(arguments.recipe_from(flags), seed=seed)
    autocast = arguments.pick_autocast(flags.amp, device)
    trainer = Trainer(recipe, train, train[:0], device, autocast, teacher=teacher)
    if flags.initial_checkpoint:
        weights = checkpoint.load(lookup.find(flags.initial_checkpoint, train.dataset))
        trainer.start_from(weights.model, weights.ink)
    return trainer


def train_to_end(trainer: Trainer) -> None:
    """Train all epochs, with a progress bar if stderr is a terminal."""
    steps = trainer.recipe.epochs * trainer.steps_per_epoch
    with tqdm(total=steps, desc=f"seed {trainer.recipe.seed}", unit="step", leave=False, disable=None) as bar:
        while trainer.epoch < trainer.recipe.epochs:
            trainer.train_epoch(on_step=lambda _: bar.update())
            trainer.finish_epoch()


def weights_of(folder: Path, seed: int) -> Path:
    """Return the file of a run's weights."""
    return folder / f"seed-{seed}.pt"


def holds_weights(path: Path, digest: str) -> bool:
    """Return whether a file holds the weights of that digest."""
    return path.exists() and checkpoint.weights_digest(checkpoint.load(path).model.state_dict()) == digest


def print_committee(paths: list[Path], judges: LabelledImages, device: torch.device) -> None:
    """Judge the mean probabilities of the weights in files, and print the figures."""
    models = (checkpoint.load(path, device).model for path in paths)
    print_figures("committee", judge([compute_logits(m, judges.to(device)).cpu() for m in models], judges))


def judge(logits: list[Tensor], judges: LabelledImages) -> dict[str, Any]:
    """Compute the figures of networks whose probabilities are averaged.

    Args:
        logits: of each network, float32, (N, classes).
        judges: the N images.

    Returns:
        "errors" (a count), "loss" (mean cross-entropy) and "calibrated_loss" (at the best temperature).
    """
    scores = torch.stack(logits).double().log_softmax(2).logsumexp(0) - torch.tensor(len(logits)).log()
    temperature = calibration.fit_temperature(scores, judges.labels)
    return {
        "errors": int((scores.argmax(1) != judges.labels).sum()),
        "loss": float(F.cross_entropy(scores, judges.labels)),
        "calibrated_loss": float(F.cross_entropy(scores / temperature, judges.labels)),
    }


def read_results(path: Path | None) -> list[dict[str, Any]]:
    """Return the results in a file, which need not exist.

    Raises:
        UserError: if a line is not a result.
    """
    if path is None or not path.exists():
        return []
    rows = []
    for number_of_line, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        try:
            row = json.loads(line)
            run = {**state.DEFAULTS_OF_OLDER_STATES, **row["run"]}
            rows.append({"run": run, **{key: row[key] for key in ("weights", *FIGURES)}})
        except (ValueError, KeyError, TypeError):
            raise UserError(
                f"{short(path)}, line {number_of_line} is not a result: remove the line"
            ) from None
    return rows


def print_figures(name: str, row: dict[str, Any], count: str = ",d") -> None:
    """Print one row of the table."""
    print(f"{name:16}{row['errors']:8{count}}{row['loss']:10.5f}{row['calibrated_loss']:12.5f}", flush=True)


if __name__ == "__main__":
    run_script(main)

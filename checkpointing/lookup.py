"""Which file of weights to read: a path, the newest finished run, or the shipped weights. Without PyTorch."""

import json
from pathlib import Path

from common.files import PROJECT
from common.messages import UserError, short

BY_RULE = (None, "newest", "shipped", "ink")  # what `find` does not take for a path
RUNS = PROJECT / "runs"
CHECKPOINTS = PROJECT / "checkpoints"
SHIPPED = {
    "mnist": CHECKPOINTS / "improved_resnet18.pt",
    "ink": CHECKPOINTS / "improved_resnet18_ink.pt",  # of MNIST and more ink
    "digits": CHECKPOINTS / "improved_resnet18_digits.pt",
}


def find(choice: str | None, dataset: str = "mnist") -> Path:
    """The file of weights that a script should read: one rule for all of them.

    Args:
        choice: a path, "newest" (finished run on `dataset`), "shipped", "ink" (the shipped weights that have
            seen more ink than MNIST's), or None for the newest if there is one and else the shipped.
        dataset: "mnist" or "digits".

    Raises:
        UserError: if `choice` is "newest" and no run has finished.
    """
    if choice not in BY_RULE:
        return Path(choice)
    if choice == "ink":
        dataset, choice = "ink", "shipped"
    newest = None if choice == "shipped" else newest_run(dataset)
    if newest:
        return newest / "best.pt"
    if choice == "newest":
        raise UserError(
            f"no finished {dataset} run in {short(RUNS)}: run train.py first, or use --checkpoint shipped"
        )
    shipped = SHIPPED[dataset]
    return shipped if shipped.exists() else SHIPPED["mnist"]


def newest_run(dataset: str) -> Path | None:
    """The folder in `runs/` whose training on `dataset` finished last, if any did."""
    finished = [
        (number, time, run) for number, time, run, trained_on in finished_runs(RUNS) if trained_on == dataset
    ]
    return max(finished)[2] if finished else None


def finished_runs(folder: Path) -> list[tuple[int, str, Path, str]]:
    """Number, time of the end, folder and dataset of each finished run in `folder`, in no order.

    A run's number is one more than the highest when it ended, since a clock may be moved back.
    """
    found = []
    for summary in folder.glob("*/summary.json"):
        try:
            content = json.loads(summary.read_text(encoding="utf-8"))
            number = int(content.get("number", 0))  # earlier versions gave none
            found.append((number, str(content["finished"]), summary.parent, content["dataset"]))
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            continue  # a run that does not say what it is is not chosen
    return found

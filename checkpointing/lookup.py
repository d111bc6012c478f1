"""Which file of weights to read: a path, the newest finished run, or the shipped weights.

PyTorch is not imported, so that the window opens before it is.
"""

import json
from pathlib import Path

from common.files import PROJECT
from common.messages import UserError, short

BY_RULE = (None, "newest", "shipped", "ink")  # choices of `find` that are not paths
RUNS = PROJECT / "runs"
CHECKPOINTS = PROJECT / "checkpoints"
SHIPPED = {
    "mnist": CHECKPOINTS / "improved_resnet18.pt",
    "ink": CHECKPOINTS / "improved_resnet18_ink.pt",  # learned other people's digits as well
    "digits": CHECKPOINTS / "improved_resnet18_digits.pt",
}


def find(choice: str | None, dataset: str = "mnist") -> Path:
    """Find the file of weights that a script should read.

    Args:
        choice: a path; "newest" for the newest finished run on `dataset`; "shipped" for the weights that come
            with the project; "ink" for those that learned other people's digits as well; None for the newest
            run or, without one, the shipped weights.
        dataset: "mnist" or "digits".

    Returns:
        The file. Where the project has no shipped weights of this choice, those of MNIST.

    Raises:
        UserError: if `choice` is "newest" and no run on `dataset` has finished.
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
    """Return the folder in `runs/` whose training on `dataset` finished last, or None."""
    finished = [
        (number, time, run) for number, time, run, trained_on in finished_runs(RUNS) if trained_on == dataset
    ]
    return max(finished)[2] if finished else None


def finished_runs(folder: Path) -> list[tuple[int, str, Path, str]]:
    """List the finished runs in `folder`, in no particular order.

    Returns:
        Of each run its number, the time of its end (ISO 8601), its folder and its data set. Numbers rise even
        if the clock is moved back; runs of earlier versions have 0.
    """
    found = []
    for summary in folder.glob("*/summary.json"):
        try:
            content = json.loads(summary.read_text(encoding="utf-8"))
            number = int(content.get("number", 0))
            found.append((number, str(content["finished"]), summary.parent, content["dataset"]))
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            continue  # a damaged summary: the run is not chosen
    return found

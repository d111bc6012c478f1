"""Evaluate weights on the 10,000 test images: score report, confusion matrix, misread images.

python test.py                                   the newest finished run, else the shipped weights
python test.py --checkpoint shipped              the weights in checkpoints/
python test.py --checkpoint A.pt B.pt C.pt       each of them, and their committee
"""

import common.startup  # noqa: F401 - first: for the time in which the rest is imported

import argparse
import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from checkpointing import checkpoint, lookup
from checkpointing.checkpoint import Checkpoint
from checkpointing.lookup import BY_RULE
from common.cli import ArgumentParser, add_device_arguments, number, run_script
from common.device import keep_freed_memory, pick_device
from common.files import PROJECT, write_atomically
from common.messages import UserError, short
from data import LabelledImages, add_data_arguments, load_test
from evaluation.metrics import BATCH, compute_logits, format_score, score
from evaluation.score_plots import draw_confusion_matrix, draw_mistakes


def main() -> int:
    """Evaluate as the command line says; return the exit status."""
    args = parse_arguments()
    keep_freed_memory()
    device = pick_device(args.device, args.threads)
    choices = args.checkpoint or [None]
    # Files given by path are read before the images, since they may determine the data set.
    named = {path: checkpoint.load(Path(path), device) for path in choices if path not in BY_RULE}
    if args.dataset == "auto" and named and all(member.dataset == "digits" for member in named.values()):
        args.dataset = "digits"
    digits = load_test(args.dataset, args.data_dir).to(device)
    members = [
        named.get(choice) or checkpoint.load(lookup.find(choice, digits.dataset), device)
        for choice in choices
    ]
    for member in members:
        print(f"Weights: {member.describe()}", file=sys.stderr)

    log_probabilities = [torch.log_softmax(logits(member, digits, args), 1) for member in members]
    committee = torch.logsumexp(torch.stack(log_probabilities), 0) - np.log(len(members))
    report = build_report(members, log_probabilities, committee, digits)
    if args.tta:
        report["tta"] = score_shifted(members, digits, args)
    text = format_report(report)
    print(to_json(report) if args.json else text)
    for path in write_report(report, text, committee.numpy(), digits, members, args):
        print(f"Written: {short(path)}", file=sys.stderr)
    return 0


def parse_arguments() -> argparse.Namespace:
    """Parse the command line; raise UserError if a folder for results is a file."""
    parser = ArgumentParser("Evaluate weights on MNIST's 10,000 test images.")
    add = parser.add_argument
    add(
        "--checkpoint",
        nargs="+",
        metavar="FILE",
        help="weights to evaluate: files, or newest, shipped or ink (default: the newest finished run, "
        "else the shipped ones); of several, also the committee",
    )
    add_data_arguments(add)
    add_device_arguments(add)
    add("--batch-size", type=number(int, at_least=1), default=BATCH, help="images at a time")
    where = "(default: the run's folder for a run's weights, {} for the shipped ones)"
    add("--report-dir", type=Path, metavar="DIR", help=f"for the reports {where.format('reports/')}")
    add("--image-dir", type=Path, metavar="DIR", help=f"for the pictures {where.format('image/')}")
    add("--json", action="store_true", help="print the report as JSON")
    add("--tta", action="store_true", help="also score the mean over 9 shifts by up to one pixel")
    args = parser.parse_args()
    for folder in (args.report_dir, args.image_dir):
        if folder and folder.exists() and not folder.is_dir():
            raise UserError(f"{short(folder)} is a file: name a folder")
    return args


def logits(member: Checkpoint, digits: LabelledImages, args: argparse.Namespace) -> Tensor:
    """Return a network's logits, float64, (N, classes), on the CPU."""
    return compute_logits(member.model, digits, args.batch_size).cpu().double()


def build_report(
    members: list[Checkpoint], log_probabilities: list[Tensor], committee: Tensor, digits: LabelledImages
) -> dict[str, Any]:
    """Build the report of a checkpoint, or of the committee of several with a report of each "member".

    Args:
        members: the checkpoints.
        log_probabilities: of each member, (N, classes).
        committee: logarithms of the mean probabilities, (N, classes).
        digits: the test images.

    Returns:
        Values for JSON.
    """
    labels = digits.labels.cpu().numpy()

    def figures(log_p: Tensor, of: list[Checkpoint]) -> dict[str, Any]:
        paths, sums = [in_project(member.path) for member in of], [member.sha256 for member in of]
        return {
            "dataset": digits.dataset,
            "checkpoint": paths if len(of) > 1 else paths[0],
            "checkpoint_sha256": sums if len(of) > 1 else sums[0],
            "learned_from": list(dict.fromkeys(line for member in of for line in member.learned_from())),
            **score(log_p.numpy(), labels, members[0].class_names),
        }

    report = figures(committee, members)
    if len(members) > 1:
        pairs = zip(log_probabilities, members, strict=True)
        report["members"] = [figures(log_p, [member]) for log_p, member in pairs]
    return report


def to_json(report: dict[str, Any]) -> str:
    """Return a report as JSON, with six decimals: the next ones differ between processors."""
    rounded = json.loads(json.dumps(report), parse_float=lambda number: round(float(number), 6))
    return json.dumps(rounded, indent=2)


def in_project(path: Path) -> str:
    """Return a path in the project relative to it, so that reports are the same on all machines."""
    path = path.resolve()
    return path.relative_to(PROJECT).as_posix() if path.is_relative_to(PROJECT) else str(path)


def score_shifted(members: list[Checkpoint], digits: LabelledImages, args: argparse.Namespace) -> dict:
    """Compute errors, accuracy and loss of the mean probabilities over 9 shifts by up to one pixel."""
    views, padded = [], F.pad(digits.images, (1, 1, 1, 1))
    for down in (-1, 0, 1):
        for right in (-1, 0, 1):
            moved = padded[:, :, 1 + down : 29 + down, 1 + right : 29 + right]
            view = LabelledImages(moved, digits.labels, digits.dataset)
            views += [torch.log_softmax(logits(member, view, args), 1) for member in members]
    mean = torch.logsumexp(torch.stack(views), 0) - np.log(len(views))
    figures = score(mean.numpy(), digits.labels.cpu().numpy(), members[0].class_names)
    return {key: figures[key] for key in ("errors", "accuracy", "loss")}


def format_report(report: dict[str, Any]) -> str:
    """Format a report as a text of several lines."""
    data = "MNIST's test images" if report["dataset"] == "mnist" else "scikit-learn's digits, NOT MNIST"
    members = report.get("members", [])
    learned = "  learned    " + "\n             ".join(report["learned_from"])
    if members:
        title = f"Committee of {len(members)} networks on {data}\n{learned}"
        parts = [format_score(report, title)]
        parts += [format_score(member, member["checkpoint"]) for member in members]
    else:
        title = f"ImprovedResNet18 on {data}\n  weights    {report['checkpoint']}"
        parts = [format_score(report, f"{title}\n  SHA-256    {report['checkpoint_sha256']}\n{learned}")]
    if "tta" in report:
        shifted = report["tta"]
        parts.append(
            "Mean over 9 shifts by up to one pixel, apart from the figures above\n"
            f"  accuracy   {shifted['accuracy']:.2%}\n"
            f"  errors     {shifted['errors']:,}\n"
            f"  loss       {shifted['loss']:.5f}\n"
        )
    return "\n".join(parts)


def write_report(
    report: dict[str, Any],
    text: str,
    log_probabilities: np.ndarray,
    digits: LabelledImages,
    members: list[Checkpoint],
    args: argparse.Namespace,
) -> list[Path]:
    """Write the report and the pictures; return their paths."""
    reports, images = default_folders(members)
    reports, images = args.report_dir or reports, args.image_dir or images
    only_mnist = {digits.dataset, *(member.dataset for member in members)} == {"mnist"}
    # The files without a suffix are those of the headline figures on MNIST.
    suffix = "" if only_mnist else "_digits"
    if [member.path.resolve() for member in members] == [lookup.SHIPPED["ink"]]:
        suffix += "_ink"
    names = np.array(members[0].class_names)
    labels, readings = digits.labels.cpu().numpy(), log_probabilities.argmax(1)
    wrong = np.flatnonzero(readings != labels)
    title = f"{report['errors']:,} of {report['n']:,} {digits.dataset.upper()} test images misread"
    content = {
        reports / f"score_report{suffix}.txt": text,
        reports / f"score_report{suffix}.json": to_json(report) + "\n",
        images / f"confusionMatrix{suffix}.png": draw_confusion_matrix(
            np.array(report["confusion_matrix"]), members[0].class_names, title
        ),
        images / f"mistakes{suffix}.png": draw_mistakes(
            digits.images.cpu().numpy()[wrong, 0],
            truths=names[labels[wrong]],
            readings=names[readings[wrong]],
            confidences=np.exp(log_probabilities[wrong, readings[wrong]]),
            indices=wrong,
            title=title,
        ),
    }
    for path, data in content.items():
        write_atomically(path, data)
    return list(content)


def default_folders(members: list[Checkpoint]) -> tuple[Path, Path]:
    """Return the default folders of reports and pictures, which depend on the kind of weights."""
    if len(members) > 1:
        return PROJECT / "reports" / "committee", PROJECT / "reports" / "committee"
    folder = members[0].path.resolve().parent
    if members[0].path.resolve() in lookup.SHIPPED.values():
        return PROJECT / "reports", PROJECT / "image"
    return folder, folder


if __name__ == "__main__":
    run_script(main)

"""Average the weights of students that started from the same weights, into one network.

    python -m training.average runs/student-?/best.pt --output runs/average.pt

The average is calibrated, and its figures on the validation images are written to its file and printed. Batch
norm's statistics are averaged like the weights, as in the moving average of a training.

Source: Wortsman et al., "Model soups", 2022.
"""

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from checkpointing import checkpoint, lookup
from checkpointing.checkpoint import Checkpoint, weights_digest
from common.cli import ArgumentParser, run_script
from common.messages import UserError, short
from data import CREDITS, load_training
from evaluation import calibration
from model import ImprovedResNet18
from training.trainer import without_repeats
from training.validation import evaluate


def main() -> int:
    """Run the script and return its exit status."""
    args = parse_arguments()
    students = [checkpoint.load(lookup.find(choice)) for choice in args.weights]
    check_alike(students)
    first = students[0]
    model = average([student.model for student in students])
    train, validation = load_training(first.dataset, args.data_dir)
    figures: dict[str, Any] = {"n": 0, "errors": None, "loss": None}
    detector = None
    if all(student.validation["n"] for student in students):
        detector = calibration.fit(model, train, validation)
        figures = evaluate(model, validation)
    checkpoint.save_weights(
        args.output,
        model,
        dataset=first.dataset,
        validation=figures,
        training={"images": len(train), **provenance(students)},
        calibration=detector,
    )
    for student in students:
        print(student.describe())
    print(f"Average: {checkpoint.load(args.output).describe()}")
    return 0


def parse_arguments() -> argparse.Namespace:
    """Parse the command line."""
    parser = ArgumentParser("Average the weights of students that started from the same weights.")
    add = parser.add_argument
    add("weights", nargs="+", metavar="FILE", help="weights of at least two students")
    add("--output", type=Path, metavar="FILE", required=True, help="where the average goes")
    where = "where MNIST is (default: $MNIST_DIR, else data/)"
    add("--data-dir", type=Path, metavar="DIR", help=where)
    args = parser.parse_args()
    if len(args.weights) < 2:
        raise UserError("there is nothing to average: name the weights of at least two students")
    return args


def check_alike(students: Sequence[Checkpoint]) -> None:
    """Raise UserError unless all have one form, one data set and one start."""
    first = students[0]
    for other in students[1:]:
        both = f"{short(first.path)} and {short(other.path)}"
        if other.dataset != first.dataset or shapes_of(other.model) != shapes_of(first.model):
            raise UserError(f"{both} are networks of different form or data: they have no average")
        if start_of(other) != start_of(first):
            raise UserError(f"{both} did not start from the same weights: their average would read nothing")


def shapes_of(model: ImprovedResNet18) -> dict[str, torch.Size]:
    """Return the shape of each tensor of a network."""
    return {name: tensor.shape for name, tensor in model.state_dict().items()}


def start_of(student: Checkpoint) -> Any:
    """Return the digest of the weights that training started from, or the seed of random ones."""
    return student.training.get("initial") or student.training.get("seed")


@torch.no_grad()
def average(networks: Sequence[ImprovedResNet18]) -> ImprovedResNet18:
    """Return a network, in evaluation mode, whose weights and statistics are the mean of those of `networks`.

    Args:
        networks: at least one, all of one form, on the CPU.
    """
    first = networks[0]
    model = ImprovedResNet18(first.fc.out_features, first.dropout.p, first.width)
    states = [network.state_dict() for network in networks]
    model.load_state_dict({name: mean([state[name] for state in states]) for name in states[0]})
    return model.eval()


def mean(tensors: Sequence[Tensor]) -> Tensor:
    """Return the mean in the tensors' dtype; of counters, which are no weights, the first."""
    if not tensors[0].is_floating_point():
        return tensors[0]
    return torch.stack([tensor.double() for tensor in tensors]).mean(0).to(tensors[0].dtype)


def provenance(students: Sequence[Checkpoint]) -> dict[str, Any]:
    """Return where the average comes from, as `training.state.provenance` does, and "average": of which."""
    ink = without_repeats(*(student.ink for student in students))
    first = students[0]
    return {
        **{key: first.training[key] for key in ("images", "initial") if key in first.training},
        "average": [weights_digest(student.model.state_dict()) for student in students],
        "ink": ink,
        "credit": CREDITS[first.dataset],
    }


if __name__ == "__main__":
    run_script(main)

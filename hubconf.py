"""Entry points of torch.hub: `torch.hub.load(REPOSITORY, NAME)` in a program outside this project.

REPOSITORY is "OWNER/NAME" of this project on GitHub or, with source="local", its folder.
"""

import torch

from checkpointing import checkpoint, lookup
from common.messages import UserError
from model import ImprovedResNet18
from recognition.recognizer import Recognizer

# The packages that reading needs; torch.hub names those that are missing.
dependencies = ["torch", "numpy", "scipy", "PIL", "filelock"]

WEIGHTS = ("shipped", "ink")


def improved_resnet18(weights: str | None = "shipped") -> ImprovedResNet18:
    """Return the network in evaluation mode.

    Args:
        weights: "shipped" for those trained on MNIST, "ink" for those that learned other people's digits as
            well, None for random ones to train.

    Raises:
        UserError: if `weights` is none of these.
    """
    if weights is None:
        return ImprovedResNet18().eval()
    return checkpoint.load(lookup.find(_known(weights))).model


def recognizer(weights: str = "ink", device: torch.device | str = "cpu") -> Recognizer:
    """Return a reader of pictures and strokes: see `Recognizer.read_image` and `Recognizer.read_strokes`.

    Args:
        weights: "ink" or "shipped".
        device: where the network runs.

    Raises:
        UserError: if `weights` is neither of these.
    """
    return Recognizer(_known(weights), device)


def _known(weights: str) -> str:
    if weights not in WEIGHTS:
        raise UserError(f"no weights {weights!r}: choose one of {', '.join(WEIGHTS)}")
    return weights

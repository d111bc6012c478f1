"""Errors and loss of a network on labelled images, computed by all processes that train together."""

import torch
import torch.nn.functional as F
from torch import nn

from data import LabelledImages
from evaluation.metrics import compute_logits
from training.distributed import ONE_PROCESS, World


def evaluate(model: nn.Module, digits: LabelledImages, world: World = ONE_PROCESS) -> dict[str, float]:
    """Compute errors and loss in evaluation mode and full precision.

    Args:
        model: on the images' device.
        digits: images with their labels.
        world: the processes that share the work; all get the result.

    Returns:
        "n" (number of images), "errors" (a count) and "loss" (mean cross-entropy).
    """
    share = digits[world.share(len(digits))]
    logits = compute_logits(model, share)
    loss = F.cross_entropy(logits, share.labels, reduction="sum")
    errors = (logits.argmax(1) != share.labels).sum()
    loss_sum, error_sum = world.sum(torch.stack([loss, errors])).tolist()
    return {"n": len(digits), "errors": round(error_sum), "loss": loss_sum / len(digits)}

"""Whether a training state that was read from a file is one that this run can go on from."""

from typing import Any

import torch
from torch import Tensor

from common.messages import UserError

CHANGES = {  # what may have changed under a run besides its recipe
    "dataset": "another dataset",
    "images": "other images",
    "teacher": "another teacher",
    "ink": "other people's digits that have changed since (--ink)",
}
# What states of earlier versions mean, which did not tell all of it.
UNTOLD = {"teacher": None, "ink": None, "ink_weight": 1.0, "optimizer": "sgd"}
UNTOLD_AUGMENTATION = {"pen": 0.0, "mixup": 0.0}


def check_same_run(saved: dict[str, Any], now: dict[str, Any]) -> None:
    """Refuse the state of a run that learned something else.

    Args:
        saved, now: recipe, images, teachers and ink of the state's run and of this one, in plain values.

    Raises:
        UserError: if they differ.
    """
    saved = {**UNTOLD, **saved}
    saved["augmentation"] = {**UNTOLD_AUGMENTATION, **saved["augmentation"]}
    if saved != now:
        changed = {key for key in {*saved, *now} if saved.get(key) != now.get(key)}
        what = [words for key, words in CHANGES.items() if key in changed] or ["another recipe"]
        raise UserError(f"the saved state is of {' and '.join(what)}: it cannot be resumed")


def check_parts(
    state: dict[str, Any],
    own: dict[str, Any],
    optimizer: torch.optim.Optimizer,
    epochs: int,
    steps_per_epoch: int,
) -> None:
    """Refuse a state whose numbers and tensors are not of this run's kinds and shapes.

    Args:
        state: what was read.
        own: the same of the trainer as it stands, which uses `optimizer`.

    Raises:
        Exception: ValueError, or of another kind where a part is missing or is no such thing at all.
    """
    parameters = [parameter for group in optimizer.param_groups for parameter in group["params"]]
    momentum = {number: {"momentum_buffer": tensor} for number, tensor in enumerate(parameters)}
    alike = ("model", "average", "totals", "epoch", "step", "lr", "seconds")
    pairs = [(state[name], own[name]) for name in alike]
    if state["best_weights"]:  # after an epoch
        pairs.append((state["best_weights"], own["model"]))
    if state["optimizer"]["state"]:  # after a step
        pairs.append((state["optimizer"]["state"], momentum))
    if not all(_fits(value, like) for value, like in pairs):
        raise ValueError("its parts are of another kind or size")
    if not (0 <= state["epoch"] == len(state["history"]) <= epochs):
        raise ValueError("its history is not that of its epochs")
    if not 0 <= state["step"] <= steps_per_epoch:
        raise ValueError("it has more steps than an epoch")


def _fits(value: Any, like: Any) -> bool:
    """Whether a value that was read has the names, shapes and types of `like`."""
    if isinstance(like, dict):
        same = isinstance(value, dict) and value.keys() == like.keys()
        return same and all(_fits(value[key], like[key]) for key in like)
    if isinstance(like, Tensor):
        return isinstance(value, Tensor) and (value.shape, value.dtype) == (like.shape, like.dtype)
    return type(value) is type(like)

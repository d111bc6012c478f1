"""The state of a run: take it, restore it, and tell where its weights come from."""

from dataclasses import asdict
from typing import Any

from common.messages import UserError
from data import CREDITS
from training.trainer import Trainer

# Attributes of `Trainer` that a state holds under their own names.
ATTRIBUTES = ("epoch", "step", "lr", "seconds", "history", "best", "best_weights", "initial", "ink")

CHANGES = {  # keys of `identity` whose change is named; any other is a change of the recipe
    "dataset": "another dataset",
    "images": "other images",
    "teacher": "another teacher",
    "ink": "other people's digits that have changed since (--ink)",
    "characters": "other characters that have changed since (--characters)",
}
# Keys of `identity` that older states lack, with the values that their runs had.
DEFAULTS_OF_OLDER_STATES = {
    "teacher": None,
    "ink": None,
    "characters": None,
    "epoch_images": None,
    "hardest": 1.0,
    "label_smoothing": 0.0,
    "ink_weight": 1.0,
    "made_digits": 0,
    "non_digits": 0,
    "optimizer": "sgd",
    "width": 1,
    "teacher_temperature": 1.0,
    "view_seed": None,
    "plain_epochs": 0,
    "keep": "best",
    "sync_batch_norm": False,
}
AUGMENTATION_OF_OLDER_STATES = {"pen": 0.0, "mixup": 0.0}


def take(trainer: Trainer) -> dict[str, Any]:
    """Return all that `restore` needs.

    Its tensors are the trainer's own, not copies: save it before training on.
    """
    return {
        "run": identity(trainer),
        "model": trainer.model.state_dict(),
        "average": trainer.average.state_dict(),
        "optimizer": trainer.optimizer.state_dict(),
        "schedule": trainer.schedule.state_dict(),
        "totals": trainer.totals,
        **{name: getattr(trainer, name) for name in ATTRIBUTES},
    }


def restore(trainer: Trainer, state: dict[str, Any]) -> None:
    """Continue from the state of another trainer of the same run.

    Args:
        trainer: a new one. After an error its weights and figures are undefined.
        state: from `take`, of this or an earlier version.

    Raises:
        UserError: if it is the state of a run with another recipe, other images, or another teacher.
        KeyError, TypeError, ValueError, AttributeError, RuntimeError: if parts of it are missing or do not
            fit.
    """
    check_same_run(state["run"], identity(trainer))
    state = {"initial": None, "ink": trainer.ink, **state}  # older states lack these
    trainer.model.load_state_dict(state["model"])
    trainer.average.load_state_dict(state["average"])
    trainer.optimizer.load_state_dict(state["optimizer"])
    trainer.schedule.load_state_dict(state["schedule"])
    trainer.totals.copy_(state["totals"])
    for name in ATTRIBUTES:
        setattr(trainer, name, state[name])


def identity(trainer: Trainer) -> dict[str, Any]:
    """Return what must stay the same for a run to be resumed: recipe, images, teachers, other digits."""
    return {
        **asdict(trainer.recipe),
        "dataset": trainer.train_images.dataset,
        "images": len(trainer.train_images),
        "teacher": trainer.teacher and trainer.teacher.digests,
        "ink": trainer.extra_digits and trainer.extra_digits.sources,
        "characters": trainer.made and trainer.made.maker.digest(),
    }


def check_same_run(saved: dict[str, Any], own: dict[str, Any]) -> None:
    """Compare the identity in a state with a run's own.

    Raises:
        UserError: if they differ.
    """
    saved = {**DEFAULTS_OF_OLDER_STATES, **saved}
    saved["augmentation"] = {**AUGMENTATION_OF_OLDER_STATES, **saved["augmentation"]}
    if saved != own:
        changed = {key for key in {*saved, *own} if saved.get(key) != own.get(key)}
        what = [words for key, words in CHANGES.items() if key in changed] or ["another recipe"]
        raise UserError(f"the saved state is of {' and '.join(what)}: it cannot be resumed")


def provenance(trainer: Trainer) -> dict[str, Any]:
    """Return where the best weights come from, as plain values for their file.

    Returns:
        The recipe, and "images" (number of training images), "best_epoch", "teacher" (the `weights_digest` of
        each, or None), "initial" (that of the weights that training started from, or None), "ink" (sources
        of other people's digits) and "credit" (due for the images).
    """
    return {
        "images": len(trainer.train_images),
        "best_epoch": trainer.best and trainer.best["epoch"],
        "teacher": trainer.teacher and trainer.teacher.digests,
        "initial": trainer.initial,
        "ink": trainer.ink,
        "credit": CREDITS[trainer.train_images.dataset],
        **asdict(trainer.recipe),
    }

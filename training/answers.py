"""Answers: what a committee says of each view, computed once and kept, so that students train at full speed.

A folder of answers holds

    epoch-0001.pt   logarithms of the committee's probabilities for each view of the first epoch, in order
    plain.pt        the same for the undistorted images, which --plain-epochs shows

Each file says which views it answers and which committee spoke. training/save_answers.py makes them.

Source: Beyer et al., "Knowledge distillation: A good teacher is patient and consistent", 2022.
"""

import argparse
import hashlib
import math
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from checkpointing import archive
from checkpointing.archive import CheckpointError
from common.messages import UserError, short
from data import LabelledImages
from training.distillation import Committee, load_committee
from training.recipe import Recipe

KIND = "answers"
PLAIN = "plain.pt"
CLASSES = 10


@dataclass(frozen=True)
class Answers:
    """A committee that has spoken.

    Attributes:
        folder: the files.
        digests: the `weights_digest` of each network of the committee.
        ink: sources of other people's digits that they have learned from: `Checkpoint.ink` of all of them.
        recipe: which views a run shows.
    """

    folder: Path
    digests: list[str]
    ink: list[dict[str, Any]]
    recipe: Recipe

    @classmethod
    def open(cls, folder: Path, recipe: Recipe, images: LabelledImages) -> "Answers":
        """Check that a folder holds all answers for a run.

        Args:
            folder: the files.
            recipe: of the run.
            images: that the run trains on.

        Raises:
            UserError: if answers are missing, or are for other views.
        """
        views, expected, missing = views_of(recipe, images), files_of(folder, recipe, images), []
        spoken: dict[str, Any] | None = None
        for path, count in expected.items():
            content = read_file(path)
            if content is None or len(content["answers"]) < count:
                missing.append(path)
            if content:
                check_views(path, content, views)
                if spoken and spoken != content["committee"]:
                    raise UserError(
                        f"{short(path)} is of another committee than other files there: delete one"
                    )
                spoken = content["committee"]
        if missing or not spoken:
            raise UserError(
                f"{short(folder)} lacks {len(missing)} of the {len(expected)} files of answers that this run "
                f"needs, first {missing[0].name}: make them with --save-answers, --teacher and the same flags"
            )
        return cls(folder, spoken["digests"], spoken["ink"], recipe)

    def of_epoch(self, epoch: int, order: Tensor) -> Tensor:
        """Read the answers for the views of an epoch.

        Args:
            epoch: its number, from 0.
            order: in which it shows the images, as from `order_of_epoch`.

        Returns:
            Logarithms of probabilities, float16, one row for each view, on the CPU.
        """
        distorted = self.recipe.distorts(epoch)
        content = read_file(file_of_epoch(self.folder, epoch) if distorted else self.folder / PLAIN)
        if content is None:
            raise UserError(f"{short(self.folder)}: answers were removed while this run was training")
        return content["answers"] if distorted else content["answers"][order]


def load_teacher(
    args: argparse.Namespace, recipe: Recipe, images: LabelledImages
) -> Committee | Answers | None:
    """Load the committee that --teacher names, or its --answers; return None without either.

    Args:
        args: from `training.arguments.parse_arguments`.
        recipe: of the run.
        images: that the run trains on.
    """
    if args.answers:
        return Answers.open(args.answers, recipe, images)
    return load_committee(args.teacher, images.dataset) if args.teacher else None


def views_of(recipe: Recipe, images: LabelledImages) -> dict[str, Any]:
    """Return what determines the views of a run, as plain values."""
    return {
        "dataset": images.dataset,
        "images": hashlib.sha256(images.images.cpu().numpy().tobytes()).hexdigest(),
        "batch_size": recipe.batch_size,
        "epoch_images": recipe.epoch_images if (recipe.epoch_images or math.inf) < len(images) else None,
        "view_seed": recipe.seed_of_views,
        **asdict(recipe.augmentation),
    }


def file_of_epoch(folder: Path, epoch: int) -> Path:
    """Return the file with the answers for an epoch, which is counted from 0."""
    return folder / f"epoch-{epoch + 1:04d}.pt"


def files_of(folder: Path, recipe: Recipe, images: LabelledImages) -> dict[Path, int]:
    """Return the files that a run needs, and the number of answers in each."""
    shown = recipe.steps_of_epoch(len(images)) * recipe.batch_size
    files = {file_of_epoch(folder, epoch): shown for epoch in range(recipe.epochs) if recipe.distorts(epoch)}
    return {**files, folder / PLAIN: len(images)} if recipe.plain_epochs else files


def read_file(path: Path) -> dict[str, Any] | None:
    """Return the content of a file, or None if there is none.

    Returns:
        "views" as from `views_of`, "committee" ("digests" and "ink") and "answers".

    Raises:
        CheckpointError: if it is damaged or holds something else.
    """
    if not path.exists():
        return None
    content, _ = archive.read(path, KIND)
    answers, views, committee = (content.get(key) for key in ("answers", "views", "committee"))
    fits = isinstance(answers, Tensor) and answers.dtype == torch.float16 and answers.shape[1:] == (CLASSES,)
    if (
        not fits
        or type(views) is not dict
        or type(committee) is not dict
        or committee.keys() != {"digests", "ink"}
    ):
        raise CheckpointError(f"{short(path)} holds no answers: delete it")
    return content


def check_views(path: Path, content: dict[str, Any], views: dict[str, Any]) -> None:
    """Raise UserError if a file answers other views, and say which."""
    saved = content["views"]
    changed = [name for name in {**views, **saved} if saved.get(name) != views.get(name)]
    if {"dataset", "images"} & {*changed}:
        raise UserError(f"{short(path)} answers views of other images: choose another folder")
    if changed:
        flags = ((f"--{name.replace('_', '-')}", saved.get(name)) for name in changed)
        used = ", ".join(f"no {flag}" if value is None else f"{flag} {value}" for flag, value in flags)
        raise UserError(f"{short(path)} answers other views: those of {used}. Use these, or another folder")

"""The folder of a training run.

    args.json      the arguments with which the run resumes
    last.pt        the state after the last complete epoch, or where the run was stopped
    previous.pt    the state before that, from which the run resumes if last.pt is damaged
    best.pt        the weights with the lowest validation loss, or with --keep last those of the last epoch;
                   calibrated when the run finishes
    history.csv    a row of figures for each epoch
    curves.png     the figures as learning curves
    summary.json   written when the run finishes
    .lock          locked by the process that trains; the file remains when it ends

Each file is replaced atomically, and last.pt is written last, so a run that is killed at any moment resumes.
"""

import argparse
import csv
import io
import itertools
import json
import os
import platform
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import torch
from filelock import FileLock, Timeout

from checkpointing import archive, checkpoint, lookup
from checkpointing.archive import CheckpointError, brief
from checkpointing.checkpoint import Checkpoint
from common.device import describe_device
from common.files import PROJECT, write_atomically
from common.messages import UserError, short
from data import mnist_folder
from evaluation import calibration
from evaluation.score_plots import draw_curves
from training import state
from training.trainer import Trainer
from training.validation import evaluate

LAST, PREVIOUS, BEST, CURVES, LOCK = "last.pt", "previous.pt", "best.pt", "curves.png", ".lock"
PATHS = ("data_dir", "output", "resume", "answers")  # arguments that args.json has as strings
LISTS_OF_PATHS = ("ink", "characters")


@dataclass
class RunFolder:
    """The folder of a run. A process must `claim` it before it writes to it.

    Attributes:
        path: the folder.
    """

    path: Path
    _lock: FileLock | None = None
    _locked: os.stat_result | None = None

    @classmethod
    def create(cls, output: Path | None, dataset: str, seed: int) -> "RunFolder":
        """Make and claim a folder for a new run.

        Args:
            output: the folder; None for one in `runs/` that is named after time, seed and data set.
            dataset: what the run trains on.
            seed: the seed of the run.

        Raises:
            UserError: if the folder is not empty, another process has claimed it, or it cannot be made.
        """
        run = cls(output or _new_name(dataset, seed))
        where = short(run.path)
        used = UserError(f"{where} is not empty: choose another --output, or go on with --resume {where}")
        if run._is_used():
            raise used
        try:
            run.path.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise UserError(f"cannot make the run folder {where}: {error.strerror}") from error
        run.claim()
        if run._is_used():  # by a process that was faster than this one
            raise used
        return run

    def _is_used(self) -> bool:
        """Return whether the folder holds more than the traces of a process that was killed at once."""
        ours = {self.path / LOCK, *self.path.glob(".*.tmp")}
        return self.path.is_dir() and any(path not in ours for path in self.path.iterdir())

    def claim(self) -> None:
        """Lock the folder against other processes until this process ends or this object is deleted.

        Raises:
            UserError: if another process has claimed it, or it cannot be written.
        """
        lock = FileLock(self.path / LOCK)
        try:
            lock.acquire(timeout=0)
        except Timeout:
            raise UserError(f"another process is training in {short(self.path)}") from None
        except OSError as error:
            raise UserError(f"cannot write to {short(self.path)}: {error.strerror or error}") from error
        self._lock, self._locked = lock, (self.path / LOCK).stat()
        for leftover in self.path.glob(".*.tmp"):  # of a process that was killed
            leftover.unlink(missing_ok=True)

    def _check_claim(self) -> None:
        """Raise UserError if the claimed folder was removed or replaced."""
        try:
            same = os.path.samestat(self._locked, (self.path / LOCK).stat())
        except OSError:
            same = False
        if not same:
            raise UserError(f"{short(self.path)} was removed or replaced while this run was training")

    def write_arguments(self, args: argparse.Namespace, trainer: Trainer) -> None:
        """Write args.json: the arguments, with the actual values in place of "auto" and of defaults."""
        arguments = {k: str(v) if isinstance(v, Path) else v for k, v in vars(args).items()}
        arguments["dataset"] = trainer.train_images.dataset
        arguments["amp"] = "bf16" if trainer.autocast else "off"
        arguments["threads"] = torch.get_num_threads()
        if args.teacher:
            found = [lookup.find(choice, arguments["dataset"]) for choice in args.teacher]
            arguments["teacher"] = [str(path.resolve()) for path in found]
        if args.answers:
            arguments["answers"] = str(args.answers.resolve())
        for name in LISTS_OF_PATHS:
            arguments[name] = [str(path.resolve()) for path in getattr(args, name)]
        arguments["data_dir"] = str(mnist_folder(args.data_dir).resolve())
        environment = {
            "python": platform.python_version(),
            "torch": str(torch.__version__),
            "platform": platform.platform(),
            "device": describe_device(trainer.device),
        }
        self._write_json("args.json", {"arguments": arguments, "environment": environment})

    def read_arguments(self) -> dict[str, Any]:
        """Read the arguments from args.json.

        Raises:
            UserError: if the folder holds no run, or args.json is damaged.
        """
        path = self.path / "args.json"
        try:
            arguments = json.loads(path.read_text(encoding="utf-8"))["arguments"]
            for name in LISTS_OF_PATHS:
                arguments[name] = [Path(path) for path in arguments.get(name) or ()]
            return {k: Path(v) if k in PATHS and v else v for k, v in arguments.items()}
        except (FileNotFoundError, NotADirectoryError):
            raise UserError(f"{short(self.path)} holds no run to resume: it has no args.json") from None
        except (ValueError, KeyError, TypeError, AttributeError):
            raise UserError(f"{short(path)} is damaged: this run cannot be resumed") from None

    def restore(self, trainer: Trainer) -> str | None:
        """Restore the state of a trainer from last.pt or, if that is damaged, from previous.pt.

        Args:
            trainer: a new one with this folder's arguments.

        Returns:
            What is wrong with last.pt if previous.pt was used, else None.

        Raises:
            UserError: if both are damaged, or the state is of another run.
        """
        try:
            self._restore(trainer, LAST)
        except CheckpointError as error:
            try:
                self._restore(trainer, PREVIOUS)
            except CheckpointError as other:
                raise CheckpointError(f"{error}, and {other}: this run cannot be resumed") from None
            return str(error)
        return None

    def _restore(self, trainer: Trainer, name: str) -> None:
        path = self.path / name
        saved = checkpoint.load_training_state(path)
        try:
            state.restore(trainer, saved)
        except (KeyError, TypeError, ValueError, AttributeError, RuntimeError) as error:
            raise CheckpointError(f"{short(path)} is no state of this run: {brief(error)}") from error

    def has_state(self) -> bool:
        """Return whether there is a state to restore; a run that was killed at its start has none."""
        return (self.path / LAST).exists() or (self.path / PREVIOUS).exists()

    def save_state(self, trainer: Trainer) -> None:
        """Write last.pt, and move the old one to previous.pt unless it is damaged."""
        last = self.path / LAST
        intact = last.exists() and archive.is_sealed(last.read_bytes())
        self._check_claim()
        checkpoint.save_training_state(last, state.take(trainer), self.path / PREVIOUS if intact else None)

    def save_epoch(self, trainer: Trainer) -> None:
        """Write all files that a completed epoch changes."""
        if trainer.best is trainer.history[-1]:
            self._save_best(trainer)
        text = io.StringIO()
        # The first rows may come from an earlier version, with fewer columns.
        writer = csv.DictWriter(text, trainer.history[-1].keys(), lineterminator="\n")
        writer.writeheader()
        writer.writerows(trainer.history)
        self._write("history.csv", text.getvalue())
        self.save_state(trainer)

    def _save_best(self, trainer: Trainer, calibrate: bool = False) -> None:
        """Write best.pt; with `calibrate`, first fit temperature and novelty detector and validate again."""
        model, detector, row = trainer.best_model(), None, trainer.best
        images, cpu = trainer.validation_images, torch.device("cpu")
        validation = {"n": len(images), "errors": row["val_errors"], "loss": row["val_loss"]}
        if calibrate:
            train, images = trainer.images_of_epoch().to(cpu), images.to(cpu)
            digits = train[train.labels < model.fc.out_features]
            taught = trainer.recipe.non_digits
            rejected = calibration.REJECTED_IF_TAUGHT if taught else calibration.REJECTED
            detector = calibration.fit(model.eval(), digits, images, rejected)
            validation = evaluate(model, images)
        self._check_claim()
        checkpoint.save_weights(
            self.path / BEST,
            model,
            calibration=detector,
            dataset=trainer.train_images.dataset,
            validation=validation,
            training=state.provenance(trainer),
        )

    def draw_curves(self, trainer: Trainer) -> None:
        """Write curves.png if there is a completed epoch."""
        if trainer.history:
            self._write(
                CURVES, draw_curves(trainer.history, len(trainer.validation_images), trainer.best["epoch"])
            )

    def is_calibrated(self) -> bool:
        """Return whether the best weights are calibrated, as `finish` leaves them."""
        path = self.path / BEST
        return path.exists() and checkpoint.load(path).calibration is not None

    def finish(self, trainer: Trainer) -> Checkpoint:
        """Calibrate the best weights and write summary.json, which makes this a finished run.

        Returns:
            The best weights.
        """
        if not self.is_calibrated():
            self._save_best(trainer, calibrate=len(trainer.validation_images) > 0)
        best = checkpoint.load(self.path / BEST)
        self.draw_curves(trainer)
        if (self.path / "summary.json").exists():
            return best
        before = [number for number, *_ in lookup.finished_runs(self.path.parent)]
        self._write_json(
            "summary.json",
            {
                "number": max(before, default=0) + 1,
                "dataset": trainer.train_images.dataset,
                "finished": datetime.now(timezone.utc).isoformat(timespec="seconds"),
                "epochs": trainer.epoch,
                "best_epoch": trainer.best["epoch"],
                "val_n": best.validation["n"],
                "val_errors": best.validation["errors"],
                "val_loss": best.validation["loss"],
                "seconds": trainer.total_seconds(),
            },
        )
        return best

    def ship(self, trainer: Trainer) -> Path:
        """Replace the shipped weights by the best ones, and for MNIST the curves in `image/`.

        Returns:
            The path of the shipped weights.
        """
        kind = trainer.train_images.dataset
        if trainer.ink and kind == "mnist":
            kind = "ink"
        target = lookup.SHIPPED[kind]
        write_atomically(target, (self.path / BEST).read_bytes())
        if kind == "mnist":
            write_atomically(PROJECT / "image" / CURVES, (self.path / CURVES).read_bytes())
        return target

    def _write_json(self, name: str, content: dict[str, Any]) -> None:
        self._write(name, json.dumps(content, indent=2) + "\n")

    def _write(self, name: str, content: bytes | str) -> None:
        self._check_claim()
        write_atomically(self.path / name, content)


def _new_name(dataset: str, seed: int) -> Path:
    """Return a folder in `runs/` that does not exist."""
    name = f"{datetime.now():%Y%m%d-%H%M%S}-seed{seed}{'' if dataset == 'mnist' else f'-{dataset}'}"
    names = itertools.chain([name], (f"{name}-{count}" for count in itertools.count(2)))
    return next(path for name in names if not (path := lookup.RUNS / name).exists())

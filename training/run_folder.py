"""The folder of one training run: what is in it, and in which order it is written.

    args.json      the settings, from which a run resumes
    last.pt        the trainer's whole state after the last complete epoch, or where it was stopped
    previous.pt    what last.pt was before, from which a run resumes if last.pt is damaged
    best.pt        the weights with the lowest validation loss, calibrated once the run has finished
    history.csv    a row of figures for each epoch
    curves.png     the same as a picture
    summary.json   only once the run has finished
    .lock          locked by the process that trains, as long as it lives; the file itself stays

Every file is replaced atomically and last.pt comes last, so a run killed at any moment resumes from it.
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
from evaluation.score_plots import draw_curves
from training.trainer import Trainer

LAST, PREVIOUS, BEST, CURVES, LOCK = "last.pt", "previous.pt", "best.pt", "curves.png", ".lock"
_PATHS = ("data_dir", "output", "resume")  # arguments that JSON holds as text


@dataclass
class RunFolder:
    """A run's folder on the disk; the process that writes to it has to `claim` it first."""

    path: Path
    _lock: FileLock | None = None
    _locked: os.stat_result | None = None

    @classmethod
    def create(cls, output: Path | None, dataset: str, seed: int) -> "RunFolder":
        """A claimed folder for a new run: `output`, or one in `runs/` named after time, seed and data.

        Raises:
            UserError: if it holds something already, or another process has it.
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
        if run._is_used():  # by a process that was faster
            raise used
        return run

    def _is_used(self) -> bool:
        """Whether it holds more than what a process leaves that was killed before it wrote a file."""
        ours = {self.path / LOCK, *self.path.glob(".*.tmp")}
        return self.path.is_dir() and any(path not in ours for path in self.path.iterdir())

    def claim(self) -> None:
        """Keep other processes from writing here until this one ends, however it ends.

        Raises:
            UserError: if one of them has claimed it, or it cannot be written.
        """
        lock = FileLock(self.path / LOCK)
        try:
            lock.acquire(timeout=0)
        except Timeout:
            raise UserError(f"another process is training in {short(self.path)}") from None
        except OSError as error:
            raise UserError(f"cannot write to {short(self.path)}: {error.strerror or error}") from error
        self._lock, self._locked = lock, (self.path / LOCK).stat()
        for left in self.path.glob(".*.tmp"):  # by a process that was killed
            left.unlink(missing_ok=True)

    def _check_claim(self) -> None:
        """Raise UserError if the folder is no longer the one that was claimed."""
        try:
            same = os.path.samestat(self._locked, (self.path / LOCK).stat())
        except OSError:
            same = False
        if not same:
            raise UserError(f"{short(self.path)} was removed or replaced while this run was training")

    def write_arguments(self, args: argparse.Namespace, trainer: Trainer) -> None:
        """Write args.json, with what was found for "auto" and for defaults: a run goes on with that."""
        arguments = {k: str(v) if isinstance(v, Path) else v for k, v in vars(args).items()}
        arguments["dataset"] = trainer.train_images.dataset
        arguments["amp"] = "bf16" if trainer.autocast else "off"
        arguments["threads"] = torch.get_num_threads()
        if args.teacher:
            found = [lookup.find(choice, arguments["dataset"]) for choice in args.teacher]
            arguments["teacher"] = [str(path.resolve()) for path in found]
        if args.ink:
            arguments["ink"] = [str(path.resolve()) for path in args.ink]
        arguments["data_dir"] = str(mnist_folder(args.data_dir).resolve())
        environment = {
            "python": platform.python_version(),
            "torch": str(torch.__version__),
            "platform": platform.platform(),
            "device": describe_device(trainer.device),
        }
        self._write_json("args.json", {"arguments": arguments, "environment": environment})

    def read_arguments(self) -> dict[str, Any]:
        """The arguments that `write_arguments` was given.

        Raises:
            UserError: if the folder holds no run, or args.json is damaged.
        """
        path = self.path / "args.json"
        try:
            arguments = json.loads(path.read_text(encoding="utf-8"))["arguments"]
            arguments["ink"] = [Path(path) for path in arguments.get("ink") or ()]
            return {k: Path(v) if k in _PATHS and v else v for k, v in arguments.items()}
        except (FileNotFoundError, NotADirectoryError):
            raise UserError(f"{short(self.path)} holds no run to resume: it has no args.json") from None
        except (ValueError, KeyError, TypeError, AttributeError):
            raise UserError(f"{short(path)} is damaged: this run cannot be resumed") from None

    def restore(self, trainer: Trainer) -> str | None:
        """Put `trainer`, made from this folder's arguments, where last.pt stands.

        Returns:
            What was wrong with last.pt if previous.pt had to stand in for it, else None.

        Raises:
            UserError: if neither can be read.
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
        state = checkpoint.load_training_state(path)
        try:
            trainer.restore(state)
        except UserError:
            raise
        except Exception as error:  # of many kinds, depending on what is wrong with it
            raise CheckpointError(f"{short(path)} is no state of this run: {brief(error)}") from error

    def has_state(self) -> bool:
        """Whether there is a state to restore: a run killed as it began has none yet."""
        return (self.path / LAST).exists() or (self.path / PREVIOUS).exists()

    def save_state(self, trainer: Trainer) -> None:
        """Write last.pt and keep, as previous.pt, what it was, unless that is damaged."""
        last = self.path / LAST
        intact = last.exists() and archive.is_sealed(last.read_bytes())
        self._check_claim()
        checkpoint.save_training_state(last, trainer.state(), self.path / PREVIOUS if intact else None)

    def save_epoch(self, trainer: Trainer) -> None:
        """Write all that a completed epoch changes."""
        if trainer.best is trainer.history[-1]:
            self._save_best(trainer)
        text = io.StringIO()
        # The first rows may be of an earlier version, which told less.
        writer = csv.DictWriter(text, trainer.history[-1].keys(), lineterminator="\n")
        writer.writeheader()
        writer.writerows(trainer.history)
        self._write("history.csv", text.getvalue())
        self.save_state(trainer)

    def _save_best(self, trainer: Trainer, calibrated: bool = False) -> None:
        model, calibration, row = trainer.best_model(), None, trainer.best
        validation = {
            "n": len(trainer.validation_images),
            "errors": row["val_errors"],
            "loss": row["val_loss"],
        }
        if calibrated:
            model, calibration, validation = trainer.calibrated_best()
        self._check_claim()
        checkpoint.save_weights(
            self.path / BEST,
            model,
            calibration=calibration,
            dataset=trainer.train_images.dataset,
            validation=validation,
            training=trainer.training(),
        )

    def draw_curves(self, trainer: Trainer) -> None:
        """Write curves.png, once there is an epoch to draw."""
        if trainer.history:
            self._write(CURVES, draw_curves(trainer.history, len(trainer.validation_images)))

    def finish(self, trainer: Trainer) -> Checkpoint:
        """Write what only a finished run has, and from now on it counts as one; its best weights."""
        path = self.path / BEST
        if not path.exists() or checkpoint.load(path).calibration is None:
            self._save_best(trainer, calibrated=len(trainer.validation_images) > 0)
        best = checkpoint.load(path)
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
        """Copy the best weights over the shipped ones, MNIST's curves into `image/`; the weights' path."""
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
        self._check_claim()  # whatever was computed before may have taken long
        write_atomically(self.path / name, content)


def _new_name(dataset: str, seed: int) -> Path:
    """A folder in `runs/` that is not there yet, even if the clock was moved back."""
    name = f"{datetime.now():%Y%m%d-%H%M%S}-seed{seed}{'' if dataset == 'mnist' else f'-{dataset}'}"
    names = itertools.chain([name], (f"{name}-{count}" for count in itertools.count(2)))
    return next(path for name in names if not (path := lookup.RUNS / name).exists())

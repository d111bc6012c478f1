"""The folder of one training run: what is in it, and in which order it is written.

    args.json      the settings, from which a run resumes
    last.pt        the trainer's whole state after the last complete epoch, or where it was stopped
    best.pt        the weights with the lowest validation loss, calibrated once the run has finished
    history.csv    a row of figures for each epoch
    curves.png     the same as a picture
    summary.json   only once the run has finished

Every file is replaced atomically and last.pt comes last, so a run killed at any moment resumes from it.
"""

import argparse
import csv
import io
import json
import platform
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import torch

import checkpoint
from checkpoint import Checkpoint
from data import mnist_folder
from figures import draw_curves
from runtime import PROJECT, UserError, describe_device, short, write_atomically
from trainer import Trainer

LAST, BEST, CURVES = "last.pt", "best.pt", "curves.png"
_PATHS = ("data_dir", "output", "resume")  # arguments that JSON holds as text


@dataclass(frozen=True)
class RunFolder:
    """A run's folder on the disk; it belongs to one process at a time."""

    path: Path

    @classmethod
    def create(cls, output: Path | None, dataset: str, seed: int) -> "RunFolder":
        """A folder for a new run: `output`, or one in `runs/` named after time, seed and data.

        Raises:
            UserError: if it holds something already.
        """
        name = f"{datetime.now():%Y%m%d-%H%M%S}-seed{seed}"
        path = output or checkpoint.RUNS / (name if dataset == "mnist" else f"{name}-{dataset}")
        where = short(path)
        if path.is_dir() and any(path.iterdir()):
            raise UserError(f"{where} is not empty: choose another --output, or go on with --resume {where}")
        try:
            path.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise UserError(f"cannot make the run folder {where}: {error.strerror}") from error
        return cls(path)

    def write_arguments(self, args: argparse.Namespace, trainer: Trainer) -> None:
        """Write args.json, with what was found for "auto" and for defaults: a run goes on with that."""
        arguments = {k: str(v) if isinstance(v, Path) else v for k, v in vars(args).items()}
        arguments["dataset"] = trainer.train_images.dataset
        arguments["amp"] = "bf16" if trainer.autocast else "off"
        arguments["threads"] = torch.get_num_threads()
        if args.teacher:
            arguments["teacher"] = [str(checkpoint.find(choice).resolve()) for choice in args.teacher]
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

    def restore(self, trainer: Trainer) -> None:
        """Put `trainer`, made from this folder's arguments, where last.pt stands."""
        trainer.restore(checkpoint.load_training_state(self.path / LAST))

    def has_state(self) -> bool:
        """Whether there is a last.pt: a run killed as it began has none yet."""
        return (self.path / LAST).exists()

    def save_state(self, trainer: Trainer) -> None:
        """Write last.pt."""
        checkpoint.save_training_state(self.path / LAST, trainer.state())

    def save_epoch(self, trainer: Trainer) -> None:
        """Write all that a completed epoch changes."""
        if trainer.best is trainer.history[-1]:
            self._save_best(trainer)
        text = io.StringIO()
        writer = csv.DictWriter(text, trainer.history[0].keys(), lineterminator="\n")
        writer.writeheader()
        writer.writerows(trainer.history)
        write_atomically(self.path / "history.csv", text.getvalue())
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
            picture = draw_curves(trainer.history, len(trainer.validation_images))
            write_atomically(self.path / CURVES, picture)

    def finish(self, trainer: Trainer) -> Checkpoint:
        """Write what only a finished run has, and from now on it counts as one; its best weights."""
        path = self.path / BEST
        if not path.exists() or checkpoint.load(path).calibration is None:
            self._save_best(trainer, calibrated=len(trainer.validation_images) > 0)
        best = checkpoint.load(path)
        self.draw_curves(trainer)
        if (self.path / "summary.json").exists():
            return best
        self._write_json(
            "summary.json",
            {
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
        if trainer.more and kind == "mnist":
            kind = "ink"
        target = checkpoint.SHIPPED[kind]
        write_atomically(target, (self.path / BEST).read_bytes())
        if kind == "mnist":
            write_atomically(PROJECT / "image" / CURVES, (self.path / CURVES).read_bytes())
        return target

    def _write_json(self, name: str, content: dict[str, Any]) -> None:
        write_atomically(self.path / name, json.dumps(content, indent=2) + "\n")

"""Weights and training states on disk: saved atomically, loaded safely, described by themselves.

A file is a zip archive as `torch.save` writes it, of plain values and tensors only. Loading runs no
code from it (`weights_only=True`). Every fault has its own one-line `CheckpointError`.
"""

import hashlib
import io
import json
import pickle
import platform
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from calibration import Calibration, divide_logits
from model import ImprovedResNet18
from runtime import PROJECT, UserError, short, write_atomically

FORMAT_VERSION = 2  # 1 kept the temperature beside the weights
WEIGHTS, TRAINING_STATE = "weights", "training state"  # the two kinds of file

BY_RULE = (None, "newest", "shipped", "ink")  # what `find` takes for a rule; all else is a path

RUNS = PROJECT / "runs"
CHECKPOINTS = PROJECT / "checkpoints"
SHIPPED = {
    "mnist": CHECKPOINTS / "improved_resnet18.pt",
    "ink": CHECKPOINTS / "improved_resnet18_ink.pt",  # of MNIST and more ink
    "digits": CHECKPOINTS / "improved_resnet18_digits.pt",
}


class CheckpointError(UserError):
    """A file that cannot be taken for weights of this project, and why."""


@dataclass(frozen=True)
class Checkpoint:
    """Weights that were read, with what the file says of them.

    Attributes:
        model: in evaluation mode, on the device asked for.
        path: the file.
        sha256: of the whole file, in hexadecimal.
        dataset: "mnist" or "digits", what it was trained on.
        class_names: one for each logit.
        validation: "n", "errors" and "loss" on the validation images; None for the last two if n is 0.
        training: the settings of the run.
        calibration: how far its readings can be trusted; None until training has ended, and without
            validation images.
    """

    model: ImprovedResNet18
    path: Path
    sha256: str
    dataset: str
    class_names: list[str]
    validation: dict[str, Any]
    training: dict[str, Any]
    calibration: Calibration | None

    def describe(self) -> str:
        """One line: which file, and how good its validation was."""
        line = f"{short(self.path)}: trained on all images, none left to validate on"
        if self.validation["n"]:
            line = (
                f"{short(self.path)}: {self.validation['errors']:,} of {self.validation['n']:,} "
                f"validation images wrong, loss {self.validation['loss']:.4f}"
            )
        return line if self.dataset == "mnist" else f"{line} (trained on {self.dataset}, not MNIST)"


def save_weights(
    path: Path,
    model: ImprovedResNet18,
    *,
    dataset: str,
    validation: dict[str, Any],
    training: dict[str, Any],
    calibration: Calibration | None = None,
) -> None:
    """Write `model` so that `load` rebuilds it from the file alone. For the rest see `Checkpoint`.

    Raises:
        UserError: if it cannot be written; a file that was there before stays as it was.
    """
    state = {name: tensor.cpu().contiguous() for name, tensor in model.state_dict().items()}
    _write(
        path,
        WEIGHTS,
        {
            "architecture": type(model).__name__,
            "arguments": {"num_classes": model.fc.out_features, "dropout": model.dropout.p},
            "class_names": [str(label) for label in range(model.fc.out_features)],
            "state_dict": state,
            "weights_sha256": weights_digest(state),
            "dataset": dataset,
            "validation": validation,
            "training": training,
            "calibration": calibration and vars(calibration),
            "libraries": {"python": platform.python_version(), "torch": str(torch.__version__)},
        },
    )


def load(path: Path, device: torch.device | str = "cpu") -> Checkpoint:
    """Read weights, wherever they were made, and rebuild their network on `device`.

    Raises:
        CheckpointError: if the file is missing, damaged, or not weights for this network.
    """
    content, raw = _read(path, WEIGHTS)
    name = ImprovedResNet18.__name__
    if content.get("architecture") != name:
        raise CheckpointError(
            f"{short(path)} holds a {content.get('architecture')}, not an {name}: it needs the code "
            "that made it"
        )
    try:
        if weights_digest(content["state_dict"]) != content["weights_sha256"]:
            raise CheckpointError(f"{short(path)} is damaged: its weights do not match their checksum")
        model = ImprovedResNet18(**content["arguments"])
        model.load_state_dict(content["state_dict"])
        calibration = content.get("calibration")
        if content["format_version"] == 1 and calibration:
            divide_logits(model, calibration.pop("temperature"))
        return Checkpoint(
            model=model.to(device, memory_format=torch.channels_last).eval(),
            path=path,
            sha256=hashlib.sha256(raw).hexdigest(),
            dataset=content["dataset"],
            class_names=content["class_names"],
            validation={key: content["validation"][key] for key in ("n", "errors", "loss")},
            training=content["training"],
            calibration=Calibration(**calibration) if calibration else None,
        )
    except (KeyError, TypeError, ValueError, AttributeError, RuntimeError) as error:
        raise CheckpointError(f"{short(path)} does not fit an {name}: {error}") from error


def weights_digest(state: dict[str, torch.Tensor]) -> str:
    """SHA-256 of names, shapes, types and values of a state dict on the CPU, in hexadecimal."""
    digest = hashlib.sha256()
    for name, tensor in sorted(state.items()):
        digest.update(f"{name} {tuple(tensor.shape)} {tensor.dtype}".encode())
        digest.update(tensor.contiguous().numpy().tobytes())
    return digest.hexdigest()


def save_training_state(path: Path, state: dict[str, Any]) -> None:
    """Write what `load_training_state` gives back. Errors as for `save_weights`."""
    _write(path, TRAINING_STATE, {"state": state})


def load_training_state(path: Path) -> dict[str, Any]:
    """What `save_training_state` was given, all tensors on the CPU. Errors as for `load`."""
    return _read(path, TRAINING_STATE)[0]["state"]


def find(choice: str | None, dataset: str = "mnist") -> Path:
    """The file of weights that a script should read: one rule for all of them.

    Args:
        choice: a path, "newest" (finished run on `dataset`), "shipped", "ink" (the shipped weights that have
            seen more ink than MNIST's), or None for the newest if there is one and else the shipped.
        dataset: "mnist" or "digits".

    Raises:
        CheckpointError: if `choice` is "newest" and no run has finished.
    """
    if choice not in BY_RULE:
        return Path(choice)
    if choice == "ink":
        dataset, choice = "ink", "shipped"
    newest = None if choice == "shipped" else newest_run(dataset)
    if newest:
        return newest / "best.pt"
    if choice == "newest":
        raise CheckpointError(
            f"no finished {dataset} run in {short(RUNS)}: run train.py first, or use --checkpoint shipped"
        )
    shipped = SHIPPED[dataset]
    return shipped if shipped.exists() else SHIPPED["mnist"]


def newest_run(dataset: str) -> Path | None:
    """The folder in `runs/` whose training on `dataset` finished last, if any did."""
    finished = []
    for summary in RUNS.glob("*/summary.json"):
        try:
            content = json.loads(summary.read_text(encoding="utf-8"))
            if content["dataset"] == dataset:
                finished.append((content["finished"], summary.parent))
        except (OSError, ValueError, KeyError, TypeError):
            continue  # a run that does not say what it is is not chosen
    return max(finished)[1] if finished else None


def _write(path: Path, kind: str, content: dict[str, Any]) -> None:
    buffer = io.BytesIO()
    torch.save({"kind": kind, "format_version": FORMAT_VERSION, **content}, buffer)
    write_atomically(path, buffer.getbuffer())


def _read(path: Path, kind: str) -> tuple[dict[str, Any], bytes]:
    where = short(path)
    if path.is_dir():
        raise CheckpointError(f"{where} is a folder: name the file in it, such as best.pt")
    try:
        raw = path.read_bytes()
    except FileNotFoundError:
        raise CheckpointError(f"{where}: no such checkpoint") from None
    except OSError as error:
        raise CheckpointError(f"{where} cannot be read: {error.strerror or error}") from error
    if not raw:
        raise CheckpointError(f"{where} is empty")
    if not raw.startswith(b"PK"):
        raise CheckpointError(f"{where} is not a checkpoint of this project")
    try:
        damaged = zipfile.ZipFile(io.BytesIO(raw)).testzip()  # checks every part's CRC-32
        if damaged:
            raise CheckpointError(f"{where} is damaged in {damaged}")
        content = torch.load(io.BytesIO(raw), map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        raise CheckpointError(
            f"{where} holds objects other than weights and was not loaded: they could run code"
        ) from error
    except CheckpointError:
        raise
    except Exception as error:  # of many kinds, depending on where the damage is
        raise CheckpointError(f"{where} is truncated or damaged") from error
    if not isinstance(content, dict) or not isinstance(content.get("format_version"), int):
        raise CheckpointError(f"{where} is not a checkpoint of this project")
    if content["format_version"] > FORMAT_VERSION:
        raise CheckpointError(
            f"{where} has format {content['format_version']}, newer than the {FORMAT_VERSION} that "
            "this version reads: update the project"
        )
    if content.get("kind") != kind:
        raise CheckpointError(f"{where} holds a {content.get('kind')}, not {kind}")
    return content, raw

"""Weights and training states: what a file says of itself, and how a network is rebuilt from it."""

import hashlib
import platform
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from checkpointing.archive import (
    CheckpointError,
    brief,
    name_in_file,
    read,
    write,
)
from common.messages import printable, short
from evaluation.calibration import FEATURES, NoveltyDetector, divide_logits
from model import ImprovedResNet18

MOST_CLASSES = 1000  # a file could name so many that they fill the memory
WEIGHTS, TRAINING_STATE = "weights", "training state"  # the two kinds of file

DATASETS = {"mnist": "MNIST's training images", "digits": "scikit-learn's digits"}


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
    calibration: NoveltyDetector | None

    @property
    def ink(self) -> list[dict[str, Any]]:
        """Other people's digits that they, or weights they learned from, have seen: `MoreInk.sources`."""
        return self.training.get("ink") or []

    def learned_from(self) -> list[str]:
        """What was learned, a line each, with the credit due; plain text, whatever the file holds."""
        first = {**self.training, "name": DATASETS[self.dataset], "digits": self.training.get("images")}
        lines = []
        for source in (first, *self.ink):
            count, credit = source.get("digits"), source.get("credit")
            line = f"{source.get('name')}{f': {count:,}' if count is not None else ''}"
            lines.append(f"{line} ({credit})" if credit else line)
        return [printable(line) for line in lines]

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
    calibration: NoveltyDetector | None = None,
) -> None:
    """Write `model` so that `load` rebuilds it from the file alone. For the rest see `Checkpoint`.

    Raises:
        UserError: if it cannot be written; a file that was there before stays as it was.
    """
    state = {name: tensor.cpu().contiguous() for name, tensor in model.state_dict().items()}
    write(
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
    content, raw = read(path, WEIGHTS)
    name = ImprovedResNet18.__name__
    if content.get("architecture") != name:
        raise CheckpointError(
            f"{short(path)} holds a {name_in_file(content.get('architecture'))}, not an {name}: it needs the "
            "code that made it"
        )
    try:
        _check_description(content)
        model = ImprovedResNet18(**content["arguments"])
        model.load_state_dict(content["state_dict"])  # before the checksum, for which they must be few
        if weights_digest(content["state_dict"]) != content["weights_sha256"]:
            raise CheckpointError(f"{short(path)} is damaged: its weights do not match their checksum")
        calibration = content.get("calibration")
        if content["format_version"] == 1 and calibration:
            divide_logits(model, calibration.pop("temperature"))
        if calibration:
            calibration = NoveltyDetector(**calibration)
            if calibration.mean.shape != (FEATURES,) or calibration.components.numel() > FEATURES**2:
                raise ValueError("its calibration is of another size")
            calibration.distance(torch.zeros(1, FEATURES))  # raises if its shapes do not fit
        return Checkpoint(
            model=model.to(device, memory_format=torch.channels_last).eval(),
            path=path,
            sha256=hashlib.sha256(raw).hexdigest(),
            dataset=content["dataset"],
            class_names=content["class_names"],
            validation={key: content["validation"][key] for key in ("n", "errors", "loss")},
            training=content["training"],
            calibration=calibration or None,
        )
    except (KeyError, TypeError, ValueError, AttributeError, RuntimeError) as error:
        raise CheckpointError(f"{short(path)} does not fit an {name}: {brief(error)}") from error


def weights_digest(state: dict[str, torch.Tensor]) -> str:
    """SHA-256 of names, shapes, types and values of a state dict on the CPU, in hexadecimal."""
    digest = hashlib.sha256()
    for name, tensor in sorted(state.items()):
        digest.update(f"{name} {tuple(tensor.shape)} {tensor.dtype}".encode())
        digest.update(tensor.contiguous().numpy().tobytes())
    return digest.hexdigest()


def save_training_state(path: Path, state: dict[str, Any], keep: Path | None = None) -> None:
    """Write what `load_training_state` gives back. `keep` and errors as for `write_atomically`."""
    write(path, TRAINING_STATE, {"state": state}, keep)


def load_training_state(path: Path) -> dict[str, Any]:
    """What `save_training_state` was given, all tensors on the CPU. Errors as for `load`."""
    state = read(path, TRAINING_STATE)[0].get("state")
    if type(state) is not dict:
        raise CheckpointError(f"{short(path)} is damaged: it holds no state")
    return state


def _check_description(content: dict[str, Any]) -> None:
    """Raise ValueError if what is said of the weights is not of the kind that `save_weights` writes."""
    state, names = content["state_dict"], content["class_names"]
    classes = len(state["fc.bias"])
    if content["arguments"]["num_classes"] != classes or state["fc.weight"].shape != (classes, 128):
        raise ValueError(f"it has {classes} outputs and not as many classes")
    if classes > MOST_CLASSES:
        raise ValueError(f"it has more than {MOST_CLASSES:,} classes")
    if not all(state[name].is_floating_point() for name in ("fc.weight", "fc.bias")):
        raise ValueError("its weights are no fractions")
    if type(names) is not list or len(names) != classes or not all(type(name) is str for name in names):
        raise ValueError("its class names are not one for each output")
    training = content["training"]
    if content["dataset"] not in DATASETS or type(training) is not dict:
        raise ValueError("it does not say how it was trained")
    if not all(name.isprintable() for name in names):
        raise ValueError("it does not say what it reads")
    ink = training.get("ink") or []
    kinds = {"name": str, "digits": int, "images": int, "credit": str, "sha256": str, "personal": bool}

    def fits(source: Any) -> bool:
        return type(source) is dict and all(
            type(source[key]) is kind for key, kind in kinds.items() if key in source
        )

    if type(ink) is not list or not all(map(fits, (training, *ink))):
        raise ValueError("it does not say whose digits it has learned")
    validation = content["validation"]
    for key in ("n", "errors", "loss") if validation["n"] else ():
        if type(validation[key]) not in (int, float):
            raise ValueError(f"its validation has no number for {key}")

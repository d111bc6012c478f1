"""Weights with a description from which the network is rebuilt, and training states."""

import hashlib
import platform
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from checkpointing.archive import CheckpointError, brief, name_in_file, read, write
from common.messages import printable, short
from evaluation.calibration import FEATURES, NoveltyDetector, divide_logits
from model import ImprovedResNet18

MAX_CLASSES = 1000  # so that a hostile file cannot ask for a network that fills the memory
MAX_WIDTH = 2  # the training state of a wider network would be longer than `archive.MAX_BYTES`
WEIGHTS, TRAINING_STATE = "weights", "training state"  # the kinds of file

DATASETS = {"mnist": "MNIST's training images", "digits": "scikit-learn's digits"}


@dataclass(frozen=True)
class Checkpoint:
    """A network with the weights of a file, and the file's description of them.

    Attributes:
        model: the network, in evaluation mode.
        path: the file.
        sha256: SHA-256 of the whole file, in hexadecimal.
        dataset: what it was trained on: "mnist" or "digits".
        class_names: one for each logit.
        validation: number of validation images "n", and on them "errors" (a count) and "loss" (mean
            cross-entropy), which are None if n is 0.
        training: where the weights come from, as `training.state.provenance` gives it.
        calibration: the novelty detector; None before training has ended or without validation images.
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
        """Sources of other people's digits that these weights learned from, as in `ExtraDigits.sources`.

        Includes the sources of the weights that training started from and of the teachers.
        """
        return self.training.get("ink") or []

    def learned_from(self) -> list[str]:
        """Return a printable line for each data set that was learned: name, number of digits, credit."""
        first = {**self.training, "name": DATASETS[self.dataset], "digits": self.training.get("images")}
        lines = []
        for source in (first, *self.ink):
            count, credit = source.get("digits"), source.get("credit")
            line = f"{source.get('name')}{f': {count:,}' if count is not None else ''}"
            lines.append(f"{line} ({credit})" if credit else line)
        return [printable(line) for line in lines]

    def describe(self) -> str:
        """Return one line: the file and its figures on the validation images."""
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
    """Write weights with all that `load` needs to rebuild the network.

    Args:
        path: the file to write.
        model: the network, on any device.
        dataset, validation, training, calibration: as in `Checkpoint`.

    Raises:
        UserError: if the file cannot be written; `path` is then unchanged.
    """
    state = {name: tensor.cpu().contiguous() for name, tensor in model.state_dict().items()}
    write(
        path,
        WEIGHTS,
        {
            "architecture": type(model).__name__,
            "arguments": _arguments(model),
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
    """Read weights and rebuild their network on `device`.

    Args:
        path: a file of this or an earlier format, written on any device.
        device: where to put the network.

    Raises:
        CheckpointError: if the file is missing, damaged, or holds no weights of this network.
    """
    content, sha256 = read(path, WEIGHTS)
    name = ImprovedResNet18.__name__
    if content.get("architecture") != name:
        raise CheckpointError(
            f"{short(path)} holds a {name_in_file(content.get('architecture'))}, not an {name}: it needs the "
            "code that made it"
        )
    try:
        _check_description(content)
        model = ImprovedResNet18(**content["arguments"])
        model.load_state_dict(content["state_dict"])  # first: it bounds the work of the checksum
        if weights_digest(content["state_dict"]) != content["weights_sha256"]:
            raise CheckpointError(f"{short(path)} is damaged: its weights do not match their checksum")
        calibration = content.get("calibration")
        if content["format_version"] == 1 and calibration:
            divide_logits(model, calibration.pop("temperature"))
        if calibration:
            calibration = NoveltyDetector(**calibration)
            features = FEATURES * model.width
            if calibration.mean.shape != (features,) or calibration.components.numel() > features**2:
                raise ValueError("its calibration is of another size")
            calibration.distance(torch.zeros(1, features))  # raises if its shapes do not fit
        return Checkpoint(
            model=model.to(device, memory_format=torch.channels_last).eval(),
            path=path,
            sha256=sha256,
            dataset=content["dataset"],
            class_names=content["class_names"],
            validation={key: content["validation"][key] for key in ("n", "errors", "loss")},
            training=content["training"],
            calibration=calibration or None,
        )
    except (KeyError, TypeError, ValueError, AttributeError, RuntimeError) as error:
        raise CheckpointError(f"{short(path)} does not fit an {name}: {brief(error)}") from error


def _arguments(model: ImprovedResNet18) -> dict[str, Any]:
    """Return the arguments that build a network of this form."""
    arguments = {"num_classes": model.fc.out_features, "dropout": model.dropout.p}
    # Earlier versions know no width, and read what has none.
    return arguments if model.width == 1 else {**arguments, "width": model.width}


def weights_digest(state: dict[str, torch.Tensor]) -> str:
    """Return the SHA-256, in hexadecimal, of names, shapes, dtypes and values of a state dict on the CPU."""
    digest = hashlib.sha256()
    for name, tensor in sorted(state.items()):
        digest.update(f"{name} {tuple(tensor.shape)} {tensor.dtype}".encode())
        digest.update(tensor.contiguous().numpy().tobytes())
    return digest.hexdigest()


def save_training_state(path: Path, state: dict[str, Any], keep: Path | None = None) -> None:
    """Write a training state.

    Args:
        path: the file to write.
        state: plain values and tensors.
        keep: where to move the old file, as for `write_atomically`.

    Raises:
        UserError: if the file cannot be written; `path` is then unchanged.
    """
    write(path, TRAINING_STATE, {"state": state}, keep)


def load_training_state(path: Path) -> dict[str, Any]:
    """Return the state that `save_training_state` wrote, with all tensors on the CPU.

    Raises:
        CheckpointError: if the file is missing, damaged, or holds no training state.
    """
    state = read(path, TRAINING_STATE)[0].get("state")
    if type(state) is not dict:
        raise CheckpointError(f"{short(path)} is damaged: it holds no state")
    return state


def _check_description(content: dict[str, Any]) -> None:
    """Raise ValueError if the description of the weights has values that `save_weights` never writes."""
    state, names = content["state_dict"], content["class_names"]
    classes, width = len(state["fc.bias"]), content["arguments"].get("width", 1)
    if type(width) is not int or not 1 <= width <= MAX_WIDTH:
        raise ValueError(f"its width is not 1 to {MAX_WIDTH}")
    if content["arguments"]["num_classes"] != classes or state["fc.weight"].shape != (classes, 128 * width):
        raise ValueError(f"it has {classes} outputs and not as many classes")
    if classes > MAX_CLASSES:
        raise ValueError(f"it has more than {MAX_CLASSES:,} classes")
    if not all(state[name].is_floating_point() for name in ("fc.weight", "fc.bias")):
        raise ValueError("its weights are not floating point")
    if type(names) is not list or len(names) != classes or not all(type(name) is str for name in names):
        raise ValueError("its class names are not one for each output")
    training = content["training"]
    if content["dataset"] not in DATASETS or type(training) is not dict:
        raise ValueError("it does not say how it was trained")
    if not all(name.isprintable() for name in names):
        raise ValueError("it does not say what it reads")
    ink = training.get("ink") or []
    types = {"name": str, "digits": int, "images": int, "credit": str, "sha256": str, "personal": bool}

    def fits(source: Any) -> bool:
        return type(source) is dict and all(
            type(source[key]) is expected for key, expected in types.items() if key in source
        )

    if type(ink) is not list or not all(map(fits, (training, *ink))):
        raise ValueError("it does not say whose digits it has learned")
    validation = content["validation"]
    for key in ("n", "errors", "loss") if validation["n"] else ():
        if type(validation[key]) not in (int, float):
            raise ValueError(f"its validation has no number for {key}")

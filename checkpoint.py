"""Weights and training states on disk: saved atomically, loaded safely, described by themselves.

A file is a zip archive as `torch.save` writes it, of plain values and tensors only, whose comment is the
SHA-256 of all that precedes it. Loading runs no code from it (`weights_only=True`). Every fault has its own
one-line `CheckpointError`.
"""

import hashlib
import io
import json
import pickle
import platform
import struct
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from calibration import FEATURES, Calibration, divide_logits
from model import ImprovedResNet18
from runtime import BY_RULE, PROJECT, UserError, printable, short, write_atomically

FORMAT_VERSION = 3  # 1 kept the temperature beside the weights; 1 and 2 had no checksum of the whole file
MOST_BYTES = 2**26  # of a file: a training state has an eighth of that
MOST_CLASSES = 1000  # a file could name so many that they fill the memory
_DIGITS = 64  # of a SHA-256 in hexadecimal
WEIGHTS, TRAINING_STATE = "weights", "training state"  # the two kinds of file

DATASETS = {"mnist": "MNIST's training images", "digits": "scikit-learn's digits"}

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
            f"{short(path)} holds a {_name(content.get('architecture'))}, not an {name}: it needs the "
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
            calibration = Calibration(**calibration)
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
    _write(path, TRAINING_STATE, {"state": state}, keep)


def load_training_state(path: Path) -> dict[str, Any]:
    """What `save_training_state` was given, all tensors on the CPU. Errors as for `load`."""
    state = _read(path, TRAINING_STATE)[0].get("state")
    if type(state) is not dict:
        raise CheckpointError(f"{short(path)} is damaged: it holds no state")
    return state


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
    finished = [
        (number, time, run) for number, time, run, trained_on in finished_runs(RUNS) if trained_on == dataset
    ]
    return max(finished)[2] if finished else None


def finished_runs(folder: Path) -> list[tuple[int, str, Path, str]]:
    """Number, time of the end, folder and dataset of each finished run in `folder`, in no order.

    A run's number is one more than the highest when it ended, since a clock may be moved back.
    """
    found = []
    for summary in folder.glob("*/summary.json"):
        try:
            content = json.loads(summary.read_text(encoding="utf-8"))
            number = int(content.get("number", 0))  # earlier versions gave none
            found.append((number, str(content["finished"]), summary.parent, content["dataset"]))
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            continue  # a run that does not say what it is is not chosen
    return found


def is_sealed(raw: bytes) -> bool:
    """Whether the end of a file of ours is the checksum of the rest of it."""
    return raw[-_DIGITS:] == _digest(raw[:-_DIGITS])


def _write(path: Path, kind: str, content: dict[str, Any], keep: Path | None = None) -> None:
    buffer = io.BytesIO()
    torch.save({"kind": kind, "format_version": FORMAT_VERSION, **content}, buffer)
    archive = buffer.getvalue()[:-2] + struct.pack("<H", _DIGITS)  # the last two bytes: the comment's length
    write_atomically(path, archive + _digest(archive), keep)


def _digest(raw: bytes) -> bytes:
    return hashlib.sha256(raw).hexdigest().encode()


def _read(path: Path, kind: str) -> tuple[dict[str, Any], bytes]:
    where = short(path)
    if path.is_dir():
        raise CheckpointError(f"{where} is a folder: name the file in it, such as best.pt")
    try:
        with open(path, "rb") as file:
            raw = file.read(MOST_BYTES + 1)
    except FileNotFoundError:
        raise CheckpointError(f"{where}: no such checkpoint") from None
    except OSError as error:
        raise CheckpointError(f"{where} cannot be read: {error.strerror or error}") from error
    if not raw:
        raise CheckpointError(f"{where} is empty")
    if not raw.startswith(b"PK") or len(raw) > MOST_BYTES:
        raise CheckpointError(f"{where} is not a checkpoint of this project")
    try:
        content = torch.load(_checked(raw), map_location="cpu", weights_only=True)
        _check_plain(content)
    except pickle.UnpicklingError as error:
        raise CheckpointError(
            f"{where} holds objects other than weights and was not loaded: they could run code"
        ) from error
    except Exception as error:  # of many kinds, depending on where the damage is
        raise CheckpointError(f"{where} is truncated or damaged") from error
    if not isinstance(content, dict) or type(content.get("format_version")) is not int:
        raise CheckpointError(f"{where} is not a checkpoint of this project")
    if content["format_version"] > FORMAT_VERSION:
        raise CheckpointError(
            f"{where} has format {content['format_version']}, newer than the {FORMAT_VERSION} that "
            "this version reads: update the project"
        )
    if content["format_version"] >= 3 and not is_sealed(raw):
        raise CheckpointError(f"{where} is damaged: it does not match its checksum")
    if content.get("kind") != kind:
        raise CheckpointError(f"{where} holds a {_name(content.get('kind'))}, not {kind}")
    return content, raw


def _checked(raw: bytes) -> io.BytesIO:
    """The archive written anew from parts that were checked, each of which it has once and uncompressed.

    So PyTorch, which checks less, sees nothing else, and no archive takes more memory than its own length.
    """
    clean = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(raw)) as archive, zipfile.ZipFile(clean, "w") as copy:
        parts = archive.infolist()
        if len({part.filename for part in parts}) < len(parts):
            raise zipfile.BadZipFile("two parts have one name")
        if any(part.compress_type != zipfile.ZIP_STORED for part in parts):
            raise zipfile.BadZipFile("a part is compressed")
        if sum(part.file_size for part in parts) > len(raw):
            raise zipfile.BadZipFile("the parts are larger than the file")
        for part in parts:
            copy.writestr(part.filename, archive.read(part))  # checks its CRC-32
    clean.seek(0)
    return clean


def _check_plain(content: Any) -> None:
    """Raise unless `content` is of plain values and of tensors that are no larger than their storage."""
    seen, waiting = set(), [content]
    while waiting:
        value = waiting.pop()
        if id(value) in seen:
            continue
        seen.add(id(value))
        if isinstance(value, dict):
            waiting += [*value.keys(), *value.values()]
        elif isinstance(value, list | tuple):
            waiting += value
        elif isinstance(value, torch.Tensor):
            if value.numel() * value.element_size() > value.untyped_storage().nbytes():
                raise ValueError("a tensor is larger than what was stored of it")
        elif not isinstance(value, str | int | float | None):
            raise pickle.UnpicklingError(f"a {type(value).__name__} is no plain value")


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


def brief(error: Exception) -> str:
    """What it says, which may be of a damaged file's making and of any length, in at most 200 characters."""
    return " ".join(str(error).split())[:200]


def _name(value: object) -> str:
    """What a damaged file may hold in place of a name, in few words."""
    return value[:60] if isinstance(value, str) else type(value).__name__

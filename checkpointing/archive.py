"""A sealed file of plain values and tensors, written atomically and read without running code from it.

The file is a zip archive as `torch.save` writes it. Its comment is the SHA-256 of everything before the
comment. Reading uses `weights_only=True`. Every fault has its own one-line `CheckpointError`.
"""

import hashlib
import io
import pickle
import struct
import zipfile
from pathlib import Path
from typing import Any

import torch

from common.files import write_atomically
from common.messages import UserError, short

FORMAT_VERSION = 3  # 1 kept the temperature beside the weights; 1 and 2 had no checksum of the whole file
MOST_BYTES = 2**26  # of a file: a training state has an eighth of that
_DIGITS = 64  # of a SHA-256 in hexadecimal


class CheckpointError(UserError):
    """A file that cannot be taken for weights of this project, and why."""


def is_sealed(raw: bytes) -> bool:
    """Whether the end of a file of ours is the checksum of the rest of it."""
    return raw[-_DIGITS:] == _digest(raw[:-_DIGITS])


def write(path: Path, kind: str, content: dict[str, Any], keep: Path | None = None) -> None:
    buffer = io.BytesIO()
    torch.save({"kind": kind, "format_version": FORMAT_VERSION, **content}, buffer)
    archive = buffer.getvalue()[:-2] + struct.pack("<H", _DIGITS)  # the last two bytes: the comment's length
    write_atomically(path, archive + _digest(archive), keep)


def _digest(raw: bytes) -> bytes:
    return hashlib.sha256(raw).hexdigest().encode()


def read(path: Path, kind: str) -> tuple[dict[str, Any], bytes]:
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
        raise CheckpointError(f"{where} holds a {name_in_file(content.get('kind'))}, not {kind}")
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


def brief(error: Exception) -> str:
    """What it says, which may be of a damaged file's making and of any length, in at most 200 characters."""
    return " ".join(str(error).split())[:200]


def name_in_file(value: object) -> str:
    """What a damaged file may hold in place of a name, in few words."""
    return value[:60] if isinstance(value, str) else type(value).__name__

"""A file of plain values and tensors, sealed with a checksum; reading it never runs code.

The file is a zip archive as `torch.save` writes it. Its comment is the SHA-256 of all bytes before it. It is
written atomically and read with `weights_only=True`.
"""

import hashlib
import io
import pickle
import struct
import zipfile
from pathlib import Path
from typing import Any, TypeVar

import torch
from torch import nn

from common.files import write_atomically
from common.messages import UserError, one_line, short

FORMAT_VERSION = 3  # 1 had the temperature beside the weights; 1 and 2 had no checksum of the whole file
MAX_BYTES = 2**26  # of a file; a training state takes an eighth of that
SEAL_LENGTH = 64  # a SHA-256 in hexadecimal

Network = TypeVar("Network", bound=nn.Module)


class CheckpointError(UserError):
    """A file that is damaged, missing, or not a checkpoint of this project. The message says which."""


def seal(archive: bytes) -> bytes:
    """Append a checksum to a zip archive without a comment, as its comment."""
    archive = archive[:-2] + struct.pack("<H", SEAL_LENGTH)  # the last two bytes are the comment's length
    return archive + _checksum(archive)


def is_sealed(raw: bytes) -> bool:
    """Return whether a file ends with the checksum of the bytes before it."""
    return raw[-SEAL_LENGTH:] == _checksum(raw[:-SEAL_LENGTH])


def _checksum(raw: bytes) -> bytes:
    return hashlib.sha256(raw).hexdigest().encode()


def write(path: Path, kind: str, content: dict[str, Any], keep: Path | None = None) -> None:
    """Write a sealed file.

    Args:
        path: the file to write.
        kind: what it is; `read` expects the same.
        content: plain values and tensors. The keys "kind" and "format_version" are added.
        keep: where to move the old file, as for `write_atomically`.

    Raises:
        UserError: if the file cannot be written; `path` is then unchanged.
    """
    buffer = io.BytesIO()
    torch.save({"kind": kind, "format_version": FORMAT_VERSION, **content}, buffer)
    write_atomically(path, seal(buffer.getvalue()), keep)


def read(path: Path, kind: str) -> tuple[dict[str, Any], str]:
    """Read a file that `write` wrote, in this or an earlier format.

    Args:
        path: the file to read.
        kind: the kind that it must be of.

    Returns:
        Its content, with all tensors on the CPU, and the SHA-256 of the whole file in hexadecimal.

    Raises:
        CheckpointError: if the file is missing, damaged, of another kind, or holds other objects than plain
            values and tensors.
    """
    where = short(path)
    if path.is_dir():
        raise CheckpointError(f"{where} is a folder: name the file in it, such as best.pt")
    try:
        with open(path, "rb") as file:
            raw = file.read(MAX_BYTES + 1)
    except FileNotFoundError:
        raise CheckpointError(f"{where}: no such checkpoint") from None
    except OSError as error:
        raise CheckpointError(f"{where} cannot be read: {error.strerror or error}") from error
    if not raw:
        raise CheckpointError(f"{where} is empty")
    if not raw.startswith(b"PK") or len(raw) > MAX_BYTES:
        raise CheckpointError(f"{where} is not a checkpoint of this project")
    try:
        content = torch.load(_verified_copy(raw), map_location="cpu", weights_only=True)
        _check_plain(content)
    except pickle.UnpicklingError as error:
        raise CheckpointError(
            f"{where} holds objects other than weights and was not loaded: they could run code"
        ) from error
    except Exception as error:  # its type depends on where the damage is
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
    return content, hashlib.sha256(raw).hexdigest()


def write_network(path: Path, kind: str, network: nn.Module, description: dict[str, Any]) -> None:
    """Write a small network's weights in half precision.

    Args:
        path: the file to write.
        kind: what it is; `read_network` expects the same.
        network: on the CPU.
        description: further content, plain values.

    Raises:
        UserError: if the file cannot be written; `path` is then unchanged.
    """
    state = {
        name: (value.half() if value.is_floating_point() else value).contiguous()
        for name, value in network.state_dict().items()
    }
    write(path, kind, {"state_dict": state, **description})


def read_network(path: Path, kind: str, network: Network) -> Network:
    """Load weights that `write_network` wrote.

    Args:
        path: the file to read.
        kind: the kind that it must be of.
        network: takes the weights, in its own precision.

    Returns:
        `network`, in evaluation mode.

    Raises:
        CheckpointError: if the file is missing, damaged, or holds something else.
    """
    content, _ = read(path, kind)
    try:
        network.load_state_dict(content["state_dict"])
    except (KeyError, TypeError, AttributeError, RuntimeError) as error:
        raise CheckpointError(f"{short(path)} does not fit the {kind}: {brief(error)}") from error
    return network.eval()


def _verified_copy(raw: bytes) -> io.BytesIO:
    """Return a copy of a zip archive, after checks that PyTorch does not make.

    Names are unique, parts are uncompressed and match their CRC-32, and the parts together are no longer than
    the archive, so unpacking takes no more memory than the file.

    Raises:
        zipfile.BadZipFile: if a check fails.
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
            copy.writestr(part.filename, archive.read(part))  # read verifies the CRC-32
    clean.seek(0)
    return clean


def _check_plain(content: Any) -> None:
    """Raise unless `content` holds only plain values, and tensors that are no larger than their storage."""
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
    """Return an error's message as one line of at most 200 characters; a damaged file may make it longer."""
    return one_line(error)[:200]


def name_in_file(value: object) -> str:
    """Return a name from a file in at most 60 characters, or the type of what is there instead of a name."""
    return value[:60] if isinstance(value, str) else type(value).__name__

"""The project's folder, and files that are either written whole or not at all."""

import contextlib
import os
from pathlib import Path

from common.messages import UserError, short

PROJECT = Path(__file__).resolve().parent.parent


def write_atomically(path: Path, content: bytes | memoryview | str, keep: Path | None = None) -> None:
    """Write a file so that, whenever the process ends, `path` holds the old content or the new one.

    The content goes to a temporary file in the same folder, is flushed to the disk and renamed. Missing
    folders are created.

    Args:
        path: the file to write.
        content: its content; a str is encoded as UTF-8.
        keep: where to move the old file, which must exist. For a moment it is only there.

    Raises:
        UserError: if the folder cannot be written or the disk is full; `path` is then unchanged.
    """
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with open(temporary, "wb") as file:
            file.write(content.encode() if isinstance(content, str) else content)
            file.flush()
            os.fsync(file.fileno())
        if keep:
            os.replace(path, keep)
        try:
            os.replace(temporary, path)
        except OSError:
            if keep:
                os.replace(keep, path)
            raise
    except OSError as error:
        raise UserError(f"cannot write {short(path)}: {error.strerror or error}") from error
    finally:
        with contextlib.suppress(OSError):  # after the rename there is nothing left to remove
            temporary.unlink(missing_ok=True)

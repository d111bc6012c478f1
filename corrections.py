"""Corrected samples: what a person drew and said that it is, kept for training on later.

A sample is two files of one name: `NAME.jsonl`, a stroke file of one line with "label", "strokes" and what
was read instead ("read", "confidence"), and `NAME.png`, the same as a picture, dark on light. Where a
picture was read, "strokes" is empty and the PNG alone is the sample.
"""

import contextlib
import io
import json
import re
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta, timezone
from pathlib import Path

from PIL import Image

from geometry import Point
from runtime import PROJECT, UserError, write_atomically

CORRECTIONS = PROJECT / "corrections"
NAME = re.compile(r"\d{8}-\d{6}-\d{6}")  # as `new_name` makes them
FORMAT = "%Y%m%d-%H%M%S-%f"


def new_name(after: Iterable[str] = ()) -> str:
    """A name that no other sample has, and that sorts by time: "20261122-124530-118034", in UTC.

    It sorts after the names in `after`, whatever the clock says: their order tells which word is the last.
    """
    name = datetime.now(timezone.utc).strftime(FORMAT)
    newest = max((other for other in after if NAME.fullmatch(other)), default="")
    if name > newest:
        return name
    return (datetime.strptime(newest, FORMAT) + timedelta(microseconds=1)).strftime(FORMAT)


def keep(
    folder: Path,
    name: str,
    *,
    label: int,
    strokes: Sequence[Sequence[Point]],
    image: Image.Image,
    read: int | None = None,
    confidence: float | None = None,
) -> Path:
    """Write a sample, or write it anew; the file with its strokes.

    Args:
        folder: made if it is missing.
        name: as from `new_name`.
        label: what it is, 0 to 9.
        strokes: in any unit, y downwards.
        image: the same as a picture.
        read: what the network took it for; None for no digit at all.
        confidence: the network's, in [0, 1].

    Raises:
        UserError: if it cannot be written; nothing is left of a sample that is new.
    """
    if not 0 <= label <= 9:
        raise ValueError(f"label must be a digit from 0 to 9, not {label}")
    sample = {
        "label": label,
        "strokes": [[[round(x, 2), round(y, 2)] for x, y in stroke] for stroke in strokes],
        "read": read,
        "confidence": confidence,
    }
    png = io.BytesIO()
    image.save(png, "PNG")
    path = folder / f"{name}.jsonl"
    write_atomically(path.with_suffix(".png"), png.getbuffer())
    # Second: where there are strokes, there is the picture too.
    try:
        write_atomically(path, json.dumps(sample, separators=(",", ":")) + "\n")
    except UserError:
        if not path.exists():
            with contextlib.suppress(OSError):
                path.with_suffix(".png").unlink()
        raise
    return path


def forget(folder: Path, name: str) -> None:
    """Remove a sample; nothing happens if there is none."""
    for suffix in (".jsonl", ".png"):  # in this order: what is cut short between them is no sample any more
        with contextlib.suppress(FileNotFoundError):
            (folder / f"{name}{suffix}").unlink()

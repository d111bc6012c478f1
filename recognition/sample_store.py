"""Corrected samples on disk: a folder for each profile, three files for each sample.

NAME.jsonl  the sample: a stroke file of one line with "label", "strokes" and the reading before the
            correction ("read", "confidence"); "strokes" is empty if the input was a picture
NAME.png    the same as a picture, dark on light
NAME.npy    the record: the glyph, and the features and logits of the network for it. It can be computed
            from the other two, so it may be missing
"""

import contextlib
import io
import json
import os
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from common.files import write_atomically
from common.geometry import Point
from common.messages import UserError, complain, short
from pages.segmentation import segment_picture
from preprocessing.glyph import to_uint8
from preprocessing.image_files import InkError, open_picture
from preprocessing.stroke_candidates import segment_strokes
from preprocessing.stroke_files import StrokeFileError, StrokeSample, drawings
from recognition.profiles import SAMPLE_NAME

MIN_LEFTOVER_AGE = 3600  # seconds; a younger incomplete sample may still be written by another process


@dataclass(frozen=True)
class StoredSample:
    """A sample as read from disk.

    Attributes:
        name: of the sample.
        label: the ground truth, 0 to 9.
        record: of `SampleStore.record_type`; with only the glyph if the sample had no valid record.
    """

    name: str
    label: int
    record: np.ndarray


class SampleStore:
    """Reads and writes the samples of one profile, with the records of one kind of network.

    Attributes:
        folder: of the profile; created with the first sample.
        record_type: the dtype of a record, a scalar structured array.
        set_aside: invalid files that `load` renamed, by their new names, which end in ".broken".
    """

    def __init__(self, folder: Path, features: int, classes: int) -> None:
        """Open the folder of a profile without reading it.

        Args:
            folder: from `profiles.profile_folder`.
            features, classes: number of features and of logits in a record.
        """
        self.folder = folder
        self.set_aside: list[Path] = []
        self.record_type = np.dtype(
            [
                ("weights", "S64"),  # SHA-256 of the checkpoint, in hexadecimal
                ("glyph", np.uint8, (28, 28)),  # ink 255 on 0
                ("features", np.float32, (features,)),
                ("logits", np.float32, (classes,)),
            ]
        )

    def load(self, limit: int) -> list[StoredSample]:
        """Read the newest `limit` samples, oldest first.

        Leftovers of killed processes are removed and invalid files set aside. A sample that the system
        refuses to read is reported on stderr and left where it is.
        """
        self._remove_leftovers()
        samples = []
        for path in sorted(self.folder.glob("*.jsonl"))[-limit:]:
            try:
                path.read_bytes()  # tells a file that the system refuses to read from an invalid one
                drawing = read_sample(path)
                record = self._read_record(path.stem)
                if record is None:
                    record = np.zeros((), self.record_type)
                    record["glyph"] = to_uint8(glyph_of(drawing, path))
            except OSError as error:
                complain(f"{short(path)} cannot be read: {error.strerror}")
                continue
            except UserError as error:  # invalid, or without ink
                if _is_refused(error.__cause__):  # its picture
                    complain(str(error))
                else:
                    self._set_aside(path)
                continue
            samples.append(StoredSample(path.stem, drawing.label, record))
        return samples

    def write_record(self, name: str, record: np.ndarray) -> None:
        """Write the record of a sample.

        Raises:
            UserError: if it cannot be written.
        """
        _write_array(self.folder / f"{name}.npy", record)

    def sample_names(self) -> set[str]:
        """Return the names of all samples on disk, including those that `load` leaves out."""
        return {path.stem for path in self.folder.glob("*.jsonl")}

    def leftover_names(self) -> set[str]:
        """Return the names of all files that are named like a sample's, whether or not it is complete."""
        return {path.stem for path in self.folder.glob("*") if SAMPLE_NAME.fullmatch(path.stem)}

    def remove_temporary_files(self) -> None:
        """Remove the temporary files of killed processes."""
        for path in self.folder.glob(".*.tmp"):
            with contextlib.suppress(OSError):
                path.unlink()

    def _read_record(self, name: str) -> np.ndarray | None:
        """Return the record of a sample, or None if it is missing or invalid; an invalid one is set aside."""
        path = self.folder / f"{name}.npy"
        try:
            record = np.load(io.BytesIO(path.read_bytes()), allow_pickle=False)
            valid = record.dtype == self.record_type and record.shape == ()
            if valid and all(np.isfinite(record[part]).all() for part in ("features", "logits")):
                return record
        except OSError:
            return None
        except (ValueError, EOFError, SyntaxError):
            pass
        self._set_aside(path)
        return None

    def _remove_leftovers(self) -> None:
        """Remove files of incomplete samples, but keep the picture of a sample that was set aside."""
        for path in [*self.folder.glob("*.png"), *self.folder.glob("*.npy"), *self.folder.glob(".*.tmp")]:
            sample = path.with_suffix(".jsonl")
            is_ours = path.suffix == ".tmp" or SAMPLE_NAME.fullmatch(path.stem)
            if not is_ours or sample.exists() or sample.with_suffix(".jsonl.broken").exists():
                continue
            with contextlib.suppress(OSError):
                status = path.stat()
                if time.time() - max(status.st_mtime, status.st_ctime) > MIN_LEFTOVER_AGE:
                    path.unlink()

    def _set_aside(self, path: Path) -> None:
        """Rename an invalid file so that it is not read again."""
        aside = path.with_name(f"{path.name}.broken")
        with contextlib.suppress(OSError):  # then it is found again next time
            os.replace(path, aside)
        self.set_aside.append(aside)


def _is_refused(cause: BaseException | None) -> bool:
    """Return whether the system refused to read an existing picture; Pillow's own errors have no errno."""
    return isinstance(cause, OSError) and bool(cause.errno) and not isinstance(cause, FileNotFoundError)


def read_sample(path: Path) -> StrokeSample:
    """Read the drawing of a sample from its `.jsonl`.

    Raises:
        StrokeFileError: if the file is not a single drawing with a label.
    """
    found = list(drawings(path))
    if len(found) != 1 or found[0].label is None:
        raise StrokeFileError(f"{short(path)} is not one drawing with a label")
    return found[0]


def glyph_of(drawing: StrokeSample, path: Path) -> np.ndarray:
    """Compute the glyph of a sample from its strokes or, without strokes, from its picture.

    Args:
        drawing: from `read_sample`.
        path: the sample's `.jsonl`.

    Returns:
        float32, (28, 28), ink 1 on 0.

    Raises:
        InkError: if there is no ink.
        UserError: if there is no picture.
    """
    if drawing.strokes:
        page = segment_strokes(drawing.strokes, single=True)
    else:
        page = segment_picture(open_picture(path.with_suffix(".png")), single=True)
    found = [
        (candidate.penalty, place, candidate.glyph) for line in page for place, candidate in enumerate(line)
    ]
    if not found:
        raise InkError("there is no ink")
    return min(found, key=lambda choice: choice[:2])[2]


def write_sample(
    folder: Path,
    name: str,
    *,
    label: int,
    strokes: Sequence[Sequence[Point]],
    image: Image.Image,
    read: int | None = None,
    confidence: float | None = None,
    record: np.ndarray | None = None,
) -> Path:
    """Write a sample, replacing one of the same name.

    Args:
        folder: of the profile; created if missing.
        name: from `profiles.new_sample_name`.
        label: the ground truth, 0 to 9.
        strokes: in any unit, y downwards; empty if the input was a picture.
        image: the same as a picture.
        read: the digit that was read before the correction; None if it was read as no digit.
        confidence: of that reading, 0 to 1.
        record: of `SampleStore.record_type`; None to write none.

    Returns:
        The sample's `.jsonl`.

    Raises:
        ValueError: if `label` is not a digit.
        UserError: if it cannot be written; a new sample then leaves no files.
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
    # The .jsonl is written last: a sample without it does not count.
    try:
        if record is not None:
            _write_array(path.with_suffix(".npy"), record)
        write_atomically(path.with_suffix(".png"), png.getbuffer())
        write_atomically(path, json.dumps(sample, separators=(",", ":")) + "\n")
    except UserError:
        # An older sample of that name keeps its picture; its record is computed again.
        for leftover in (".npy",) if path.exists() else (".npy", ".png"):
            with contextlib.suppress(OSError):
                path.with_suffix(leftover).unlink()
        raise
    return path


def _write_array(path: Path, array: np.ndarray) -> None:
    """Write an array as `.npy`."""
    content = io.BytesIO()
    np.save(content, array, allow_pickle=False)
    write_atomically(path, content.getbuffer())


def remove_sample(folder: Path, name: str) -> None:
    """Remove a sample and its record; do nothing if there is none.

    Raises:
        OSError: if a file cannot be removed.
    """
    for suffix in (".jsonl", ".png", ".npy"):  # the .jsonl first: a sample without it does not count
        (folder / f"{name}{suffix}").unlink(missing_ok=True)

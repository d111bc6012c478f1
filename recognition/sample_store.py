"""Corrected samples on disk: what a person drew and said that it is.

A sample is two files of one name: `NAME.jsonl`, a stroke file of one line with "label", "strokes" and the
network's reading before the correction ("read", "confidence"), and `NAME.png`, the same as a picture, dark
on light. If the input was a picture, "strokes" is empty and the PNG alone is the sample.
"""

import contextlib
import io
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from common.files import write_atomically
from common.geometry import Point
from common.messages import UserError, short
from preprocessing.image_files import InkError, open_picture
from preprocessing.picture_candidates import segment_picture
from preprocessing.stroke_candidates import segment_strokes
from preprocessing.stroke_files import StrokeFileError, StrokeSample, drawings


@dataclass(frozen=True)
class SampleSet:
    """All samples at one moment, oldest first; never changed, so that reading needs no lock.

    Attributes:
        names: of the samples.
        labels: int64, (samples,).
        glyphs: uint8, (samples, 28, 28), ink 255 on 0.
        shapes: float32, (samples, 576), each of length 1, as `Memory.lean` compares them.
        excess: float32, (samples,): what it takes beyond STRENGTH to read the sample itself as its label.
    """

    names: tuple[str, ...]
    labels: Tensor
    glyphs: np.ndarray
    shapes: Tensor
    excess: Tensor

    def __len__(self) -> int:
        return len(self.names)

    def without(self, names: Iterable[str]) -> "SampleSet":
        gone = set(names)
        rest = [place for place, name in enumerate(self.names) if name not in gone]
        return SampleSet(
            tuple(self.names[place] for place in rest),
            self.labels[rest],
            self.glyphs[rest],
            self.shapes[rest],
            self.excess[rest],
        )

    def joined(self, other: "SampleSet") -> "SampleSet":
        return SampleSet(
            self.names + other.names,
            torch.cat([self.labels, other.labels]),
            np.concatenate([self.glyphs, other.glyphs]),
            torch.cat([self.shapes, other.shapes]),
            torch.cat([self.excess, other.excess]),
        )

    def least_useful(self, count: int) -> list[str]:
        """The names of so many, if that is more than none, and so that each class keeps one.

        Of the two samples of one class that are most alike it is the older one, since the other says the
        same, and so on with the two that are then most alike.
        """
        if count <= 0:
            return []
        alike, older, newer = [], [], []
        for label in self.labels.unique():
            places = (self.labels == label).nonzero()[:, 0]
            first, second = torch.triu_indices(len(places), len(places), 1, device=places.device)
            alike.append((self.shapes[places] @ self.shapes[places].T)[first, second])
            older.append(places[first])
            newer.append(places[second])
        all_alike, pairs = torch.cat(alike), torch.stack([torch.cat(older), torch.cat(newer)], 1)
        if count == 1 and len(pairs):  # as for each one added: no millions to sort
            return [self.names[int(pairs[all_alike.argmax(), 0])]]
        gone: set[int] = set()
        for some in all_alike.argsort(descending=True, stable=True).split(1024):
            for pair in pairs[some].tolist():
                if len(gone) < count and gone.isdisjoint(pair):
                    gone.add(pair[0])
            if len(gone) == count:
                break
        return [self.names[place] for place in gone]

    def last_words(self) -> "SampleSet":
        """Without what was said of ink of which something was said later."""
        last = {glyph.tobytes(): name for name, glyph in zip(self.names, self.glyphs, strict=True)}
        return self.without(set(self.names) - set(last.values())) if len(last) < len(self) else self


def read_sample(path: Path) -> StrokeSample:
    """The drawing of a sample's file.

    Raises:
        StrokeFileError: unless it holds one, with a label.
    """
    found = list(drawings(path))
    if len(found) != 1 or found[0].label is None:
        raise StrokeFileError(f"{short(path)} is not one drawing with a label")
    return found[0]


def glyph_of(drawing: StrokeSample, path: Path) -> np.ndarray:
    """The glyph of a sample without a sidecar, from its strokes, else from its picture.

    Raises:
        InkError: if neither shows any ink.
        UserError: if there is no such picture.
    """
    if drawing.strokes:
        page = segment_strokes(drawing.strokes, single=True)
    else:
        page = segment_picture(open_picture(path.with_suffix(".png")), single=True)
    found = [
        (version.doubts + candidate.doubts, place, candidate.glyph)
        for place, version in enumerate(page)
        for line in version.lines
        for candidate in line
    ]
    if not found:
        raise InkError("there is no ink")
    return min(found, key=lambda choice: choice[:2])[2]


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

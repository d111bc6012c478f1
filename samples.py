"""Corrected samples as they are remembered, and as they are read from their files."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from ink import InkError, page_from_image, page_from_strokes
from picture import open_picture
from runtime import short
from stroke_files import Drawing, StrokeFileError, drawings


@dataclass(frozen=True)
class Kept:
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

    def without(self, names: Iterable[str]) -> "Kept":
        gone = set(names)
        rest = [place for place, name in enumerate(self.names) if name not in gone]
        return Kept(
            tuple(self.names[place] for place in rest),
            self.labels[rest],
            self.glyphs[rest],
            self.shapes[rest],
            self.excess[rest],
        )

    def joined(self, other: "Kept") -> "Kept":
        return Kept(
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

    def last_words(self) -> "Kept":
        """Without what was said of ink of which something was said later."""
        last = {glyph.tobytes(): name for name, glyph in zip(self.names, self.glyphs, strict=True)}
        return self.without(set(self.names) - set(last.values())) if len(last) < len(self) else self


def read_sample(path: Path) -> Drawing:
    """The drawing of a sample's file.

    Raises:
        StrokeFileError: unless it holds one, with a label.
    """
    found = list(drawings(path))
    if len(found) != 1 or found[0].label is None:
        raise StrokeFileError(f"{short(path)} is not one drawing with a label")
    return found[0]


def glyph_of(drawing: Drawing, path: Path) -> np.ndarray:
    """The glyph of a sample without a sidecar, from its strokes, else from its picture.

    Raises:
        InkError: if neither shows any ink.
        UserError: if there is no such picture.
    """
    if drawing.strokes:
        page = page_from_strokes(drawing.strokes, single=True)
    else:
        page = page_from_image(open_picture(path.with_suffix(".png")), single=True)
    found = [
        (version.doubts + candidate.doubts, place, candidate.glyph)
        for place, version in enumerate(page.versions)
        for line in version.lines
        for candidate in line
    ]
    if not found:
        raise InkError("there is no ink")
    return min(found, key=lambda choice: choice[:2])[2]

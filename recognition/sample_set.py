"""The samples of a profile in memory: an immutable set of tensors."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor


@dataclass(frozen=True)
class SampleSet:
    """Samples, oldest first. Immutable, so threads read it without a lock.

    Attributes:
        names: the samples' names.
        labels: int64, (samples,).
        glyphs: uint8, (samples, 28, 28), ink 255 on 0.
        embeddings: float32, (samples, 576), unit vectors that `Memory.adapt` compares.
        extra_boost: float32, (samples,), at least 0: added to `memory.BOOST` so that the sample's own
            ink is read as its label.
    """

    names: tuple[str, ...]
    labels: Tensor
    glyphs: np.ndarray
    embeddings: Tensor
    extra_boost: Tensor

    def __len__(self) -> int:
        """Return the number of samples."""
        return len(self.names)

    def without(self, names: Iterable[str]) -> "SampleSet":
        """Return the set without the given samples."""
        removed = set(names)
        rest = [place for place, name in enumerate(self.names) if name not in removed]
        return SampleSet(
            tuple(self.names[place] for place in rest),
            self.labels[rest],
            self.glyphs[rest],
            self.embeddings[rest],
            self.extra_boost[rest],
        )

    def joined(self, other: "SampleSet") -> "SampleSet":
        """Return these samples followed by those of `other`."""
        return SampleSet(
            self.names + other.names,
            torch.cat([self.labels, other.labels]),
            np.concatenate([self.glyphs, other.glyphs]),
            torch.cat([self.embeddings, other.embeddings]),
            torch.cat([self.extra_boost, other.extra_boost]),
        )

    def redundant(self, count: int) -> list[str]:
        """Return the names of the `count` most redundant samples; none if `count` is not positive.

        Repeatedly takes the two most similar samples of a class and chooses the older one. The last sample
        of a class is never chosen.
        """
        if count <= 0:
            return []
        similarity, older, newer = [], [], []
        for label in self.labels.unique():
            places = (self.labels == label).nonzero()[:, 0]
            first, second = torch.triu_indices(len(places), len(places), 1, device=places.device)
            similarity.append((self.embeddings[places] @ self.embeddings[places].T)[first, second])
            older.append(places[first])
            newer.append(places[second])
        similarities, pairs = torch.cat(similarity), torch.stack([torch.cat(older), torch.cat(newer)], 1)
        if count == 1 and len(pairs):  # the usual case needs no sorting of millions of pairs
            return [self.names[int(pairs[similarities.argmax(), 0])]]
        chosen: set[int] = set()
        for some in similarities.argsort(descending=True, stable=True).split(1024):
            for pair in pairs[some].tolist():
                if len(chosen) < count and chosen.isdisjoint(pair):
                    chosen.add(pair[0])
            if len(chosen) == count:
                break
        return [self.names[place] for place in chosen]

    def latest_of_each_glyph(self) -> "SampleSet":
        """Return the set with only the newest of any samples that have the same glyph."""
        latest = {glyph.tobytes(): name for name, glyph in zip(self.names, self.glyphs, strict=True)}
        return self.without(set(self.names) - set(latest.values())) if len(latest) < len(self) else self

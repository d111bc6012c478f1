"""Random variations of strokes, drawn to glyphs by the same code as strokes in the window."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from preprocessing.glyph import SIZE, arc_length, to_uint8
from preprocessing.stroke_candidates import segment_strokes

NODE_DISTANCE = 0.25  # between nodes of the jitter along a stroke, as a share of the drawing's size


@dataclass(frozen=True)
class Variation:
    """How much a drawing varies from epoch to epoch. All distributions but that of jitter are uniform.

    Attributes:
        pen: minimum and maximum of the pen's width, in pixels of the glyph.
        slant: maximum of the horizontal shift in relation to height, to either side.
        aspect: maximum factor by which the width grows or shrinks in relation to height (uniform logarithm).
        jitter: standard deviation of a smooth displacement of the points, as a share of the drawing's size.
        cut: probability that one end of one stroke is removed.
        longest_cut: maximum share of that stroke's length that is removed, below 1.
    """

    pen: tuple[float, float] = (1.8, 3.6)
    slant: float = 0.25
    aspect: float = 1.25
    jitter: float = 0.01
    cut: float = 0.1
    longest_cut: float = 0.12

    def draw(self, strokes: Sequence[np.ndarray], rng: np.random.Generator) -> np.ndarray:
        """Draw a random variation of strokes.

        Args:
            strokes: each float64, (points, 2); at least one has points.
            rng: source of random numbers.

        Returns:
            A glyph, float32, (28, 28), ink 1 on 0.
        """
        pen = rng.uniform(*self.pen)
        return segment_strokes(self.vary(strokes, rng), single=True, pen=pen)[0][0].glyph

    def draw_all(self, drawings: Iterable[Sequence[np.ndarray]], rng: np.random.Generator) -> Tensor:
        """Draw a random variation of each of several drawings, as `draw` does: uint8, (N, 1, 28, 28)."""
        glyphs = [to_uint8(self.draw(strokes, rng)) for strokes in drawings]
        return torch.from_numpy(np.array(glyphs, np.uint8).reshape(-1, 1, SIZE, SIZE))

    def vary(self, strokes: Sequence[np.ndarray], rng: np.random.Generator) -> list[np.ndarray]:
        """Return a random variation of strokes, each float64 (points, 2), in the same unit, none empty.

        Args as in `draw`.
        """
        varied = [stroke for stroke in strokes if len(stroke)]
        if rng.random() < self.cut:
            place = int(rng.integers(len(varied)))
            varied[place] = _without_end(varied[place], rng.uniform(0, self.longest_cut), rng.random() < 0.5)
        low, high = np.min([s.min(0) for s in varied], 0), np.max([s.max(0) for s in varied], 0)
        size = float((high - low).max())
        displaced = [
            stroke + self.jitter * size * _jitter(stroke, NODE_DISTANCE * size, rng) for stroke in varied
        ]
        slant = rng.uniform(-self.slant, self.slant)
        limit = math.log(self.aspect)
        width = math.exp(rng.uniform(-limit, limit))
        matrix = np.array([[width, 0], [width * slant, 1]])  # (x, y) becomes (width (x + slant y), y)
        return [stroke @ matrix for stroke in displaced]


def _without_end(stroke: np.ndarray, share: float, last: bool) -> np.ndarray:
    """Remove a `share` in [0, 1) of a stroke's length, at its last or its first end."""
    if last:
        return _without_end(stroke[::-1], share, False)[::-1]
    length = arc_length(stroke)
    removed = share * length[-1]
    start = [np.interp(removed, length, stroke[:, axis]) for axis in (0, 1)]
    return np.concatenate([[start], stroke[length > removed]])


def _jitter(stroke: np.ndarray, distance: float, rng: np.random.Generator) -> np.ndarray:
    """Return a displacement of each point of a stroke, (points, 2).

    It is drawn with standard deviation 1 at nodes that lie `distance` apart along the stroke, and is
    interpolated linearly between them.
    """
    length = arc_length(stroke)
    count = 2 + int(length[-1] / distance) if distance > 0 else 1
    nodes = rng.standard_normal((2, count))
    at = length * ((count - 1) / length[-1]) if length[-1] > 0 else length
    return np.stack([np.interp(at, np.arange(count), node) for node in nodes], 1)

"""A drawing as another pen and a slightly different hand would have made it, drawn as the window draws."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from preprocessing.glyph import arc_length
from preprocessing.stroke_candidates import segment_strokes

NODE = 0.25  # of a drawing's size, between the points along a stroke that jitter moves on their own


@dataclass(frozen=True)
class Variation:
    """How much one drawing varies from epoch to epoch. Ranges are uniform.

    Attributes:
        pen: least and greatest width of the pen, in pixels of the glyph.
        slant: greatest horizontal shift in relation to height, to either side.
        aspect: greatest factor by which width grows or shrinks against height; its logarithm is uniform.
        jitter: standard deviation of a smooth wobble of the points, as a share of the drawing's size.
        cut: probability that one end of one stroke is missing.
        longest_cut: greatest share of that stroke's length which then is missing, below 1.
    """

    pen: tuple[float, float] = (1.8, 3.6)
    slant: float = 0.25
    aspect: float = 1.25
    jitter: float = 0.01
    cut: float = 0.1
    longest_cut: float = 0.12

    def draw(self, strokes: Sequence[np.ndarray], rng: np.random.Generator) -> np.ndarray:
        """A glyph of strokes, varied at random.

        Args:
            strokes: each float64, (points, 2), some of them with points.

        Returns:
            float32, (28, 28), ink 1 on 0.
        """
        pen = rng.uniform(*self.pen)
        segmentations = segment_strokes(self.vary(strokes, rng), single=True, pen=pen)
        return segmentations[0].lines[0][0].glyph

    def vary(self, strokes: Sequence[np.ndarray], rng: np.random.Generator) -> list[np.ndarray]:
        """Strokes as the same writer might have drawn them another time: as for `draw`, in their own unit.

        Those without points are left out.
        """
        varied = [stroke for stroke in strokes if len(stroke)]
        if rng.random() < self.cut:
            place = int(rng.integers(len(varied)))
            varied[place] = _without_end(varied[place], rng.uniform(0, self.longest_cut), rng.random() < 0.5)
        low, high = np.min([s.min(0) for s in varied], 0), np.max([s.max(0) for s in varied], 0)
        size = float((high - low).max())
        wobbling = [stroke + self.jitter * size * _wobble(stroke, NODE * size, rng) for stroke in varied]
        slant = rng.uniform(-self.slant, self.slant)
        widest = math.log(self.aspect)
        wide = math.exp(rng.uniform(-widest, widest))
        hand = np.array([[wide, 0], [wide * slant, 1]])  # (x, y) becomes (wide (x + slant y), y)
        return [stroke @ hand for stroke in wobbling]


def _without_end(stroke: np.ndarray, share: float, last: bool) -> np.ndarray:
    """The stroke without a `share`, in [0, 1), of its way at its last or its first end."""
    if last:
        return _without_end(stroke[::-1], share, False)[::-1]
    way = arc_length(stroke)
    gone = share * way[-1]
    start = [np.interp(gone, way, stroke[:, axis]) for axis in (0, 1)]
    return np.concatenate([[start], stroke[way > gone]])


def _wobble(stroke: np.ndarray, apart: float, rng: np.random.Generator) -> np.ndarray:
    """A displacement of each point, (points, 2), with standard deviation 1 where it is drawn, which is
    every `apart` of the way; in between it changes evenly."""
    way = arc_length(stroke)
    count = 2 + int(way[-1] / apart) if apart > 0 else 1
    nodes = rng.standard_normal((2, count))
    at = way * ((count - 1) / way[-1]) if way[-1] > 0 else way
    return np.stack([np.interp(at, np.arange(count), node) for node in nodes], 1)

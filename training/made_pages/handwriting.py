"""Handwriting for made pages: digits of real hands, signs, and scribbles that are neither."""

from dataclasses import dataclass, field

import numpy as np

from preprocessing.stroke_files import StrokeSample
from training.made_pages.drawing import Points, Rng
from training.stroke_augmentation import Variation

# Strokes of each sign in a box as high as a digit: x from 0, y from 0 (top) to 1 (baseline).
SIGNS: dict[str, list[list[tuple[float, float]]]] = {
    "+": [[(0, 0.55), (0.55, 0.55)], [(0.27, 0.28), (0.27, 0.82)]],
    "-": [[(0, 0.55), (0.5, 0.53)]],
    "x": [[(0, 0.35), (0.45, 0.85)], [(0.45, 0.33), (0, 0.86)]],
    "=": [[(0, 0.45), (0.5, 0.44)], [(0, 0.66), (0.5, 0.65)]],
    "/": [[(0.4, -0.05), (0, 1.05)]],
    "(": [[(0.25, -0.1), (0.06, 0.2), (0, 0.5), (0.07, 0.8), (0.25, 1.1)]],
    ")": [[(0, -0.1), (0.19, 0.2), (0.25, 0.5), (0.18, 0.8), (0, 1.1)]],
    ".": [[(0, 0.96), (0.03, 0.99)]],
    ",": [[(0.08, 0.92), (0.07, 1.05), (0, 1.2)]],
    ":": [[(0, 0.4), (0.02, 0.43)], [(0, 0.88), (0.02, 0.91)]],
    "%": [
        [(0.12, 0.1), (0, 0.25), (0.13, 0.4), (0.25, 0.24), (0.12, 0.1)],
        [(0.6, 0.05), (0.1, 0.95)],
        [(0.55, 0.6), (0.45, 0.75), (0.56, 0.9), (0.68, 0.74), (0.55, 0.6)],
    ],
    "÷": [[(0, 0.55), (0.5, 0.55)], [(0.25, 0.3), (0.26, 0.32)], [(0.25, 0.78), (0.26, 0.8)]],
}


# Digits of straight lines, as some people write them: with a foot, a flag, a bar.
STRAIGHT: dict[str, list[list[list[tuple[float, float]]]]] = {
    "1": [
        [[(0.3, 0), (0.28, 1)]],
        [[(0, 0.35), (0.3, 0), (0.3, 1)]],
        [[(0.1, 0.25), (0.35, 0), (0.35, 1)], [(0.1, 1), (0.6, 1)]],
        [[(0, 0.6), (0.45, 0), (0.4, 1)]],
    ],
    "2": [[[(0, 0.2), (0.1, 0), (0.5, 0), (0.55, 0.3), (0, 1), (0.6, 1)]]],
    "4": [
        [[(0.35, 0), (0, 0.65), (0.6, 0.65)], [(0.42, 0.35), (0.4, 1)]],
        [[(0, 0), (0, 0.55), (0.5, 0.55)], [(0.5, 0), (0.5, 1)]],
    ],
    "5": [[[(0.55, 0), (0.05, 0), (0.03, 0.42), (0.4, 0.4), (0.55, 0.7), (0.35, 1), (0, 0.95)]]],
    "7": [
        [[(0, 0), (0.6, 0), (0.2, 1)]],
        [[(0, 0.05), (0.6, 0), (0.25, 1)], [(0.12, 0.5), (0.6, 0.48)]],
        [[(0, 0.2), (0, 0), (0.55, 0), (0.3, 1)]],
    ],
}
STRAIGHT_SHARE = 0.35  # of the digits that STRAIGHT has


@dataclass
class Symbol:
    """A digit or sign as it was written.

    Attributes:
        strokes: in units of the digit's height, the left top corner of its box at (0, 0); empty if `image`
            is set.
        width: in the same unit.
        image: float32, (28, 28), a digit of MNIST cropped to its ink and scaled to height 1; or None.
    """

    strokes: list[Points]
    width: float
    image: np.ndarray | None = None


@dataclass
class Hands:
    """The digits that pages are written with.

    Attributes:
        drawings: stroke samples by writer and label.
        images: MNIST's digits, uint8 (N, 28, 28); may be empty.
        labels: of these, (N,).
        variation: how much strokes vary.
    """

    drawings: dict[int | str, dict[int, list[StrokeSample]]]
    images: np.ndarray
    labels: np.ndarray
    variation: Variation = field(default_factory=lambda: Variation(slant=0.3, aspect=1.3, jitter=0.008))
    _by_label: dict[int, np.ndarray] = field(default_factory=dict)

    def hand(self, rng: Rng) -> "Hand":
        """Return one person's hand."""
        writers = list(self.drawings)
        mnist = len(self.images) > 0 and rng.random() < 0.25
        return Hand(self, None if mnist else writers[rng.integers(len(writers))], rng)

    def images_of(self, label: int) -> np.ndarray:
        """Return the indices of MNIST's digits of a class."""
        if label not in self._by_label:
            self._by_label[label] = np.flatnonzero(self.labels == label)
        return self._by_label[label]


class Hand:
    """One person's hand: a writer of strokes, or MNIST's digits.

    Args:
        hands: the digits of all.
        writer: key of `hands.drawings`; None for MNIST's digits.
        rng: source of all random choices.
    """

    def __init__(self, hands: Hands, writer: int | str | None, rng: Rng) -> None:
        self.hands, self.writer, self.rng = hands, writer, rng
        self.slant = rng.normal(0, 0.12)

    def write(self, char: str) -> Symbol:
        """Write a digit or a sign."""
        rng = self.rng
        if char in SIGNS:
            strokes = [np.array(stroke, float) for stroke in SIGNS[char]]
            size = 1 if char in ".,:" else rng.uniform(0.75, 1.3)
            strokes = [(s - (0.2, 0.5)) * size * (rng.uniform(0.8, 1.25), 1) + (0.2, 0.5) for s in strokes]
            if char == "." and rng.random() < 0.3:
                strokes = [s + (0, -0.02) for s in strokes]
            strokes = [smooth(s + rng.normal(0, 0.012, s.shape)) for s in strokes]
            left = min(s[:, 0].min() for s in strokes)
            strokes = [s - (left, 0) for s in strokes]
            return Symbol(strokes, max(s[:, 0].max() for s in strokes))
        label = int(char)
        if char in STRAIGHT and rng.random() < STRAIGHT_SHARE:
            return self._straight(char)
        if self.writer is None:
            chosen = self.hands.images_of(label)
            return _symbol_of_image(self.hands.images[chosen[rng.integers(len(chosen))]])
        samples = self.hands.drawings[self.writer][label]
        drawing = samples[rng.integers(len(samples))]
        strokes = [smooth(s) for s in self.hands.variation.vary(drawing.strokes, rng)]
        strokes = [s + (-self.slant * s[:, 1:2] * (1, 0)) for s in strokes]
        low = np.min([s.min(0) for s in strokes], 0)
        high = np.max([s.max(0) for s in strokes], 0)
        height = max(high[1] - low[1], 0.3 * (high[0] - low[0]), 1e-6)
        strokes = [(s - low) / height for s in strokes]
        return Symbol(strokes, (high[0] - low[0]) / height)

    def _straight(self, char: str) -> Symbol:
        """Write a digit of straight lines."""
        rng = self.rng
        shape = STRAIGHT[char][rng.integers(len(STRAIGHT[char]))]
        stretch, slant = rng.uniform(0.75, 1.3), self.slant + rng.normal(0, 0.05)
        strokes = [
            np.array(stroke) * (stretch, 1) + rng.normal(0, 0.02, (len(stroke), 2)) for stroke in shape
        ]
        strokes = [stroke - slant * stroke[:, 1:2] * (1, 0) for stroke in strokes]
        low, high = np.min([s.min(0) for s in strokes], 0), np.max([s.max(0) for s in strokes], 0)
        strokes = [(stroke - low) / (high[1] - low[1]) for stroke in strokes]
        return Symbol(strokes, (high[0] - low[0]) / (high[1] - low[1]))


def _symbol_of_image(image: np.ndarray) -> Symbol:
    rows, columns = np.flatnonzero(image.max(1) > 60), np.flatnonzero(image.max(0) > 60)
    crop = image[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    return Symbol([], crop.shape[1] / crop.shape[0], crop)


def smooth(points: Points) -> Points:
    """Return a stroke through the same points without corners (a Catmull-Rom spline)."""
    if len(points) < 3:
        return points
    padded = np.concatenate([2 * points[:1] - points[1:2], points, 2 * points[-1:] - points[-2:-1]])
    p0, p1, p2, p3 = padded[:-3], padded[1:-2], padded[2:-1], padded[3:]
    t = np.linspace(0, 1, 3, endpoint=False)[:, None, None]
    curve = 0.5 * (
        2 * p1 + (p2 - p0) * t + (2 * p0 - 5 * p1 + 4 * p2 - p3) * t**2 + (3 * p1 - p0 - 3 * p2 + p3) * t**3
    )
    return np.concatenate([curve.transpose(1, 0, 2).reshape(-1, 2), points[-1:]])


def scribble(rng: Rng, width: float) -> list[Points]:
    """Return handwriting that is neither digit nor sign: loops like a word, of height about 1 and `width`."""
    count = max(4, int(width * rng.uniform(4, 8)))
    x = np.sort(rng.uniform(0, width, count)) + rng.normal(0, 0.12, count)
    y = np.where(np.arange(count) % 2, rng.uniform(0.3, 0.6, count), rng.uniform(0.8, 1.0, count))
    y[rng.random(count) < 0.15] = rng.uniform(0, 0.2)
    y[rng.random(count) < 0.1] = rng.uniform(1.1, 1.4)
    return [smooth(np.stack([x, y], 1))]

"""Make examples of signs, touching digits and fragments from strokes.

Digits come from people's strokes. Everything is in units of the height of the line's digits: a digit reaches
from y = 0 to y = 1, the baseline is at y = 1.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageDraw
from scipy import ndimage

from preprocessing.candidates import Place
from preprocessing.glyph import depths, draw_depths, draw_strokes, resampled
from recognition.symbols import KINDS, numbers_of
from training.made_signs import SIGN_MAKERS, Rng, Strokes, letter, line, wobbled

Digit = tuple[int, Strokes]  # label and strokes

FIRST_IS_1 = 0.2  # share of groups of digits that are made to begin with a 1
SCRATCHED = 0.4  # share of crossed-out digits with a scratch, of those without a line


@dataclass(frozen=True)
class Example:
    """A glyph with its place and what it is.

    Attributes:
        glyph: float32, (28, 28).
        place: float32, (4,), from `symbols.numbers_of`.
        kind: index into KINDS.
    """

    glyph: np.ndarray
    place: np.ndarray
    kind: int


def make_example(digits: Sequence[Digit], rng: Rng) -> Example | None:
    """Make a random example; None if chance made one that could be anything.

    Args:
        digits: people's digits with their labels, y downwards.
        rng: source of all random choices.
    """
    style = Style.of(rng)
    chance = rng.random()
    if chance < 0.34:
        label, strokes = digits[int(rng.integers(len(digits)))]
        kind, strokes = str(label), style.digit(strokes, rng)
        if rng.random() < 0.4:
            strokes = _with_neighbours(strokes, digits, style, rng)
    elif chance < 0.64:
        kind = str(rng.choice(list(SIGN_MAKERS)))
        strokes = style.slanted(SIGN_MAKERS[kind](rng))
    elif chance < 0.83:
        kind, strokes = "several", several(digits, style, rng)
    elif chance < 0.87:
        kind, strokes = "crossed out", _crossed_out(digits, style, rng)
    else:
        kind, strokes = "other", _other(digits, style, rng)
    if not strokes:
        return None
    glyph = _glyph(strokes, style.pen, rng)
    if glyph is None:
        return None
    points = np.concatenate(strokes)
    low, high = points.min(0), points.max(0)
    width, height = high - low + style.pen
    offset = (low + high)[1] / 2 - 0.5
    alone = rng.random() < (0.25 if kind not in SIGN_MAKERS else 0.08)
    noise = math.exp(rng.normal(0, 0.1))
    if alone:
        line_height, offset = max(height, 0.3 * width), 0.0
    else:
        line_height, offset = (1 + style.pen) * noise, offset + rng.normal(0, 0.07)
    line_height = max(line_height, 1e-9)
    place = Place(width / line_height, height / line_height, offset / line_height, alone)
    return Example(glyph, numbers_of(place), KINDS.index(kind))


@dataclass(frozen=True)
class Style:
    """What the symbols of one hand have in common: slant, pen width in heights of a digit."""

    slant: float
    pen: float

    @classmethod
    def of(cls, rng: Rng) -> "Style":
        """Return a random style."""
        return cls(float(rng.normal(0.08, 0.14)), float(np.exp(rng.uniform(np.log(0.03), np.log(0.2)))))

    def slanted(self, strokes: Strokes, share: float = 0.5) -> Strokes:
        """Slant strokes, signs usually less than digits."""
        matrix = np.array([[1, 0], [-self.slant * share, 1]])
        return [stroke @ matrix for stroke in strokes]

    def digit(self, strokes: Strokes, rng: Rng) -> Strokes:
        """Return a digit of about height 1 that stands on the baseline."""
        low = np.min([s.min(0) for s in strokes], 0)
        high = np.max([s.max(0) for s in strokes], 0)
        height, width = high[1] - low[1], high[0] - low[0]
        scale = 1 / max(height, 0.6 * width, 1e-9)
        grown = math.exp(rng.normal(0, 0.1))
        stretch = np.array([math.exp(rng.normal(0, 0.13)), 1]) * scale * grown
        foot = rng.normal(0, 0.05)
        placed = [wobbled((s - [low[0], high[1]]) * stretch, 0.01, rng) + [0, 1 + foot] for s in strokes]
        return self.slanted(placed, 1)


def _any(digits: Sequence[Digit], rng: Rng) -> Strokes:
    return digits[int(rng.integers(len(digits)))][1]


def several(digits: Sequence[Digit], style: Style, rng: Rng) -> Strokes:
    """Return two to four digits side by side, which may touch or overlap, or a digit beside a sign.

    A fifth begin with a 1 on purpose: joined to the next digit, it is easily taken for a part of it.
    """
    parts: list[Strokes] = []
    if rng.random() < FIRST_IS_1:
        ones = [strokes for label, strokes in digits if label == 1]
        parts += [style.digit(ones[int(rng.integers(len(ones)))], rng)] if ones else []
    for _ in range(len(parts), int(rng.choice([2, 2, 2, 3, 4]))):
        if parts and rng.random() < 0.12:
            sign = SIGN_MAKERS[str(rng.choice(["+", "-", ".", ",", "=", "/", ")"]))](rng)
            parts.append(style.slanted(sign))
        else:
            parts.append(style.digit(_any(digits, rng), rng))
    gap = rng.uniform(-0.22, 0.35)
    placed, right = [], None
    for part in parts:
        left = min(s[:, 0].min() for s in part)
        shift = 0.0 if right is None else right + gap + rng.normal(0, 0.04) - left
        placed += [s + [shift, 0] for s in part]
        right = max(s[:, 0].max() for s in placed)
    return placed


def _with_neighbours(strokes: Strokes, digits: Sequence[Digit], style: Style, rng: Rng) -> Strokes:
    """Return a digit with what a cut leaves of those that touch it, and without what it takes away."""
    kept = strokes
    for side in rng.choice([-1, 1], int(rng.integers(1, 3)), replace=False):
        points = np.concatenate(strokes)
        edge = points[:, 0].max() if side > 0 else points[:, 0].min()
        other = style.digit(_any(digits, rng), rng)
        x = np.concatenate(other)[:, 0]
        start = x.min() if side > 0 else x.max()
        overlap = rng.uniform(-0.02, 0.16)
        moved = [s + [edge - start - side * overlap, 0] for s in other]
        cut = edge - side * (overlap / 2 + rng.normal(0, 0.03))
        slope = rng.normal(0, 0.1)
        kept = [
            piece
            for stroke in [*kept, *moved]
            for piece in _clipped(stroke, lambda p: side * (p[:, 0] - slope * (p[:, 1] - 0.5) - cut) < 0)  # noqa: B023
        ]
    return kept


def _clipped(stroke: np.ndarray, inside: Callable[[np.ndarray], np.ndarray]) -> Strokes:
    """Return the pieces of a stroke whose points satisfy a condition."""
    points = resampled(stroke, 0.03)
    flags = inside(points)
    bounds = np.flatnonzero(np.diff(flags.astype(int))) + 1
    pieces = zip(np.split(points, bounds), np.split(flags, bounds), strict=True)
    return [piece for piece, kept in pieces if kept[0] and len(piece) > 1]


def _other(digits: Sequence[Digit], style: Style, rng: Rng) -> Strokes:
    """Return what is neither a digit nor a sign."""
    chance = rng.random()
    if chance < 0.4:
        return fragment(digits, style, rng)
    if chance < 0.7:  # the rest of a bad cut: part of one digit with part of the next
        return _cut(several(digits, style, rng), rng, both=True)
    if chance < 0.82:
        return scribble(rng)
    return letter(rng)


def fragment(digits: Sequence[Digit], style: Style, rng: Rng) -> Strokes:
    """Return a part of one digit."""
    strokes = style.digit(_any(digits, rng), rng)
    if rng.random() < 0.4:  # cut from top to bottom
        return _cut(strokes, rng)
    turned = [s[:, ::-1] for s in strokes]
    return [s[:, ::-1] for s in _cut(turned, rng)]


def _cut(strokes: Strokes, rng: Rng, both: bool = False) -> Strokes:
    """Return what is left of strokes beyond a steep line, or between two of them.

    Nothing is returned if too little or nearly all would remain.
    """
    points = np.concatenate(strokes)
    low, high = points[:, 0].min(), points[:, 0].max()
    slope = rng.normal(0, 0.2)
    shares = np.sort(rng.uniform(0.2, 0.8, 2)) if both else [rng.uniform(0.25, 0.75), 2.0]
    left, right = (low + share * (high - low) for share in shares)

    def inside(points: np.ndarray) -> np.ndarray:
        x = points[:, 0] - slope * (points[:, 1] - 0.5)
        return (x > left) & (x < right)

    kept = [piece for stroke in strokes for piece in _clipped(stroke, inside)]
    length = sum(np.hypot(*np.diff(piece, axis=0).T).sum() for piece in kept)
    return kept if length > 0.35 * np.ptp(points, axis=0).max() else []


def scribble(rng: Rng) -> Strokes:
    """Return a random smooth curve with many turns."""
    count = int(rng.integers(7, 16))
    nodes = rng.uniform(0, 1, (count, 2)) * [rng.uniform(0.6, 2), rng.uniform(0.6, 1.2)]
    at = np.linspace(0, count - 1, 12 * count)
    return [np.stack([_smooth(np.interp(at, np.arange(count), nodes[:, i])) for i in (0, 1)], 1)]


def _smooth(values: np.ndarray) -> np.ndarray:
    return np.convolve(np.pad(values, 4, mode="edge"), np.ones(9) / 9, "valid")


def _crossed_out(digits: Sequence[Digit], style: Style, rng: Rng) -> Strokes:
    """Return digits under a line, a zigzag or a scratch of many short lines that crosses them out."""
    strokes = style.digit(_any(digits, rng), rng) if rng.random() < 0.5 else several(digits, style, rng)
    points = np.concatenate(strokes)
    low, high = points.min(0) - 0.15, points.max(0) + 0.15
    if rng.random() < 0.5 and high[0] - low[0] > 1:
        lines = int(rng.integers(1, 4))
        return strokes + [
            line((low[0], rng.uniform(0.3, 0.7)), (high[0], rng.uniform(0.3, 0.7)), rng) for _ in range(lines)
        ]
    if rng.random() < SCRATCHED:
        middle = low + (high - low) * rng.uniform(0.35, 0.65, 2)
        reach = 0.5 * (high - low).min() * rng.uniform(0.7, 1.2)
        return strokes + [_short_line(middle, reach, rng) for _ in range(int(rng.integers(4, 9)))]
    turns = int(rng.integers(4, 9))
    x = np.where(np.arange(turns) % 2 == 0, low[0], high[0]) + rng.normal(0, 0.1, turns)
    y = np.linspace(low[1], high[1], turns) + rng.normal(0, 0.08, turns)
    return [*strokes, resampled(np.stack([x, y], 1), 0.05)]


def _short_line(middle: np.ndarray, reach: float, rng: Rng) -> np.ndarray:
    """Return a line in a random direction, about `reach` long to both sides of a point near `middle`."""
    angle = rng.uniform(0, math.pi)
    along = np.array([math.cos(angle), math.sin(angle)]) * reach * rng.uniform(0.6, 1.2)
    at = middle + rng.normal(0, 0.15 * reach, 2)
    return line(tuple(at - along), tuple(at + along), rng)


def _glyph(strokes: Strokes, pen: float, rng: Rng) -> np.ndarray | None:
    """Draw strokes as a glyph: as from the window, or as from a picture of them."""
    points = np.concatenate(strokes)
    low, high = points.min(0), points.max(0)
    if rng.random() < 0.4:
        return draw_strokes(strokes, (*low, *high), float(rng.uniform(1.8, 3.4)))
    unit = float(np.exp(rng.uniform(np.log(16), np.log(70))))  # pixels for the height of a digit
    width = max(1.0, pen * unit)
    margin = width + 2
    size = np.ceil((high - low) * unit + 2 * margin).astype(int)
    if size.max() > 500:
        return None
    scale = 3
    picture = Image.new("L", tuple((size * scale).tolist()))
    canvas = ImageDraw.Draw(picture)
    radius = width / 2 * scale
    for stroke in strokes:
        at = [tuple(p) for p in ((stroke - low) * unit + margin) * scale]
        if len(at) > 1:
            canvas.line(at, 255, max(1, round(2 * radius)), "curve")
        for x, y in (at[0], at[-1]):
            canvas.ellipse((x - radius, y - radius, x + radius, y + radius), 255)
    grey = np.asarray(picture.resize(tuple(size.tolist()), Image.Resampling.BOX), np.float32) / 255
    grey += rng.normal(0, rng.uniform(0, 0.18), grey.shape)
    mask = grey > rng.uniform(0.3, 0.65)
    if rng.random() < 0.5:
        mask = _without_specks(mask)
    if not mask.any():
        return None
    rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
    return draw_depths(depths(mask[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]))


def _without_specks(mask: np.ndarray) -> np.ndarray:
    labels, count = ndimage.label(mask, np.ones((3, 3)))
    areas = np.bincount(labels.ravel())
    areas[0] = 0
    return (areas > 0.03 * areas.max())[labels] & mask if count else mask

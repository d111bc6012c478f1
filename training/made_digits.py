"""Digits as strokes, drawn from random parameters, where people's hands differ most.

MNIST shows the hands of one country. Elsewhere a 1 has a flag that may be as long as its stem, a 7 has a bar,
a 4 is open at the top. `make_digit` writes such forms. Shapes that could be two digits are not made: the long
flag of a 1 rises steeply, and the roof of a 7 is flat.

All strokes are in units of the digit's height, x to the right and y down, from y = 0 (top) to y = 1.
"""

from collections.abc import Callable

import numpy as np

from preprocessing.glyph import resampled
from training.made_pages.handwriting import smooth
from training.made_signs import Rng, Strokes, wobbled

WOBBLE = 0.012  # standard deviation of smooth noise along a stroke
SHARE_OF_ONES = 0.4  # of the made digits; they differ most


def make_digit(rng: Rng) -> tuple[int, Strokes]:
    """Make a random digit.

    Args:
        rng: source of all random choices.

    Returns:
        Its label, 0 to 9, and its strokes, each float64, (points, 2).
    """
    others = [label for label in WRITERS if label != 1]
    label = 1 if rng.random() < SHARE_OF_ONES else int(rng.choice(others))
    strokes = WRITERS[label](rng)
    return label, [wobbled(resampled(stroke, 0.04), WOBBLE, rng) for stroke in strokes]


def _points(rng: Rng, *points: tuple[float, float], noise: float = 0.025) -> np.ndarray:
    """Return points that are moved a little at random, (points, 2)."""
    return np.array(points, float) + rng.normal(0, noise, (len(points), 2))


def _arc(
    rng: Rng, middle: tuple[float, float], size: tuple[float, float], start: float, end: float
) -> np.ndarray:
    """Return part of an ellipse: `size` holds both half axes, angles are in turns."""
    angle = 2 * np.pi * np.linspace(start, end, max(4, int(16 * abs(end - start))))
    around = np.stack([np.cos(angle), np.sin(angle)], 1) * size
    return around + middle + rng.normal(0, 0.012, around.shape)


def _one(rng: Rng) -> Strokes:
    """Return a 1 with a flag of any length and slope, with or without a foot.

    A flag beyond two thirds of the stem's length rises by 42 degrees or more, a shorter one by 24 or more: a
    flatter one might be the roof of a 7.
    """
    flag = rng.uniform(0.12, 1.05)
    lowest = 42 if flag > 0.67 else 24
    rise = np.radians(rng.uniform(lowest, 75))
    lean = rng.normal(0.08, 0.12)  # of the stem: how far to the left of its top it ends
    top = np.array([0.0, 0.0])
    start = top + flag * np.array([-np.cos(rise), np.sin(rise)])
    foot = np.array([-lean, 1.0])
    bend = start + (top - start) * rng.uniform(0.3, 0.7) + rng.normal(0, 0.04 * flag, 2)
    rounded = rng.random() < 0.25
    upstroke = smooth(np.stack([start, bend, top]))
    stem = smooth(np.stack([top, (top + foot) / 2 + [rng.normal(0, 0.025), 0], foot]))
    if rounded:
        whole = [smooth(np.concatenate([[start, bend], [top + [0, 0.03]], stem[len(stem) // 3 :: 2]]))]
    elif rng.random() < 0.1:
        whole = [upstroke + rng.normal(0, 0.02, 2), stem]
    else:
        whole = [np.concatenate([upstroke, stem[1:]])]
    if flag < 0.7 and rng.random() < 0.3:  # a longer flag would enclose a triangle with the foot
        width, tilt = rng.uniform(0.3, 0.8), rng.normal(0, 0.03)
        left = foot + [-width * rng.uniform(0.4, 0.6), rng.normal(0, 0.02) + tilt]
        whole.append(np.stack([left, left + [width, -2 * tilt]]))
    return whole


def _seven(rng: Rng) -> Strokes:
    """Return a 7 with a flat roof, often with a bar or a serif."""
    barred = rng.random() < 0.65
    width, rise = rng.uniform(0.45 if barred else 0.6, 0.9), rng.normal(0, 0.05)
    end = (width * rng.uniform(-0.1, 0.65), 1.0)
    roof = _points(rng, (0, rise), (width * 0.5, rng.normal(0, 0.04)), (width, -rise / 2), noise=0.015)
    bend = rng.normal(0, 0.06)
    middle = ((width + end[0]) / 2 + bend, 0.5)
    stem = smooth(_points(rng, (roof[-1][0], roof[-1][1]), middle, end, noise=0.01))
    whole = np.concatenate([smooth(roof), stem[1:]])
    if rng.random() < 0.35:
        serif = np.array([[roof[0][0] + rng.normal(0, 0.03), rng.uniform(0.1, 0.28)]])
        whole = np.concatenate([serif, whole])
    strokes = [whole]
    if barred:
        y = rng.uniform(0.38, 0.62)
        x = float(np.interp(y, stem[:, 1], stem[:, 0]))
        left, right = rng.uniform(0.12, 0.4, 2)
        tilt = rng.normal(0, 0.06)
        strokes.append(_points(rng, (x - left, y + tilt), (x + right, y - tilt), noise=0.01))
    return strokes


def _four(rng: Rng) -> Strokes:
    """Return an open or a closed 4, of one or two strokes."""
    width, bar = rng.uniform(0.5, 0.85), rng.uniform(0.5, 0.72)
    stem_x = width * rng.uniform(0.6, 0.85)
    top = rng.uniform(0, 0.45)  # where the stem begins
    if rng.random() < 0.6:  # open: the left stroke ends apart from the stem
        start = stem_x * rng.uniform(0, 0.55)
        left = _points(rng, (start, rng.uniform(0, 0.12)), (0, bar), (width, bar + rng.normal(0, 0.03)))
        stem = _points(rng, (stem_x, top), (stem_x - rng.normal(0.03, 0.04), 1))
        return [left, stem]
    closed = _points(rng, (stem_x, 0), (0, bar), (width, bar), noise=0.02)
    stem = _points(rng, (stem_x, rng.uniform(0, 0.05)), (stem_x - rng.normal(0.02, 0.03), 1), noise=0.015)
    return [closed, stem]


def _two(rng: Rng) -> Strokes:
    """Return a 2 with a loop at its foot, or an angular one with a round top."""
    width = rng.uniform(0.5, 0.8)
    top = smooth(
        _points(
            rng,
            (0.02 * width, rng.uniform(0.15, 0.3)),
            (0.3 * width, 0.02),
            (0.75 * width, 0.02),
            (0.95 * width, 0.25),
            (0.7 * width, 0.55),
        )
    )
    if rng.random() < 0.5:
        loop = smooth(
            _points(
                rng,
                (0.7 * width, 0.55),
                (0.2 * width, 0.95),
                (0.02 * width, 0.9),
                (0.15 * width, rng.uniform(0.68, 0.8)),
                (0.55 * width, 0.95),
                (width * rng.uniform(1, 1.2), rng.uniform(0.88, 1)),
            )
        )
        return [np.concatenate([top, loop[1:]])]
    foot = _points(rng, (0.02 * width, 1), (width * rng.uniform(0.9, 1.15), rng.uniform(0.94, 1.02)))
    return [np.concatenate([top, foot])]


def _zero(rng: Rng) -> Strokes:
    """Return a 0 that is crossed by a line, or has a dot inside."""
    width = rng.uniform(0.28, 0.42)
    begin, side = rng.uniform(0.6, 0.9), rng.choice([-1, 1])
    ring = _arc(rng, (0.4, 0.5), (width, 0.5), begin, begin + side * rng.uniform(0.97, 1.1))
    if rng.random() < 0.6:
        reach = rng.uniform(0.55, 1.1)  # within the ring or a little beyond
        across, down = reach * width * rng.uniform(0.6, 1), reach * 0.5 * rng.uniform(0.6, 1)
        line = _points(rng, (0.4 + across, 0.5 - down), (0.4 - across, 0.5 + down), noise=0.015)
        return [ring, line]
    return [ring, _points(rng, (0.4, 0.5), (0.41, 0.53), noise=0.03)]


def _nine(rng: Rng) -> Strokes:
    """Return a 9 with a straight or a curled stem."""
    width, height = rng.uniform(0.2, 0.34), rng.uniform(0.2, 0.32)
    ring = _arc(rng, (width, height), (width, height), 0.95, 0.95 - rng.uniform(0.85, 1.05))
    right = 2 * width
    straight = _points(rng, (right, 0.25), (right + rng.normal(-0.05, 0.06), 1))
    curled = smooth(
        _points(rng, (right, 0.25), (right, 0.75), (0.6 * right, 1), (0.05, rng.uniform(0.8, 0.97)))
    )
    return [np.concatenate([ring, straight if rng.random() < 0.5 else curled])]


def _six(rng: Rng) -> Strokes:
    """Return a 6, often with a short stem."""
    width, height = rng.uniform(0.22, 0.36), rng.uniform(0.22, 0.36)
    middle = (width, 1 - height)
    stem = smooth(
        _points(rng, (width * rng.uniform(0.9, 1.9), 0), (0.35 * width, 0.4), (0, 1 - height), noise=0.02)
    )
    return [np.concatenate([stem, _arc(rng, middle, (width, height), 0.5, -rng.uniform(0.42, 0.6))])]


def _eight(rng: Rng) -> Strokes:
    """Return an 8 that is begun anywhere, of one stroke or of two rings."""
    upper, lower = rng.uniform(0.18, 0.28), rng.uniform(0.2, 0.32)
    if rng.random() < 0.25:
        cut = rng.uniform(0.42, 0.52)
        rings = [((0.3, cut / 2), (upper, cut / 2)), ((0.3, (1 + cut) / 2), (lower, (1 - cut) / 2))]
        return [
            _arc(rng, *ring, start := rng.uniform(0, 1), start + rng.uniform(0.97, 1.08)) for ring in rings
        ]
    angle = 2 * np.pi * np.linspace(0, rng.uniform(0.98, 1.06), 26) + rng.uniform(0, 2 * np.pi)
    y = 0.5 - 0.5 * np.cos(angle)
    x = 0.3 + np.where(y < 0.5, upper, lower) * np.sin(2 * angle) * rng.choice([-1, 1])
    return [np.stack([x, y], 1) + rng.normal(0, 0.012, (len(angle), 2))]


def _five(rng: Rng) -> Strokes:
    """Return a 5 whose roof is a stroke of its own, which may not touch it."""
    width, neck = rng.uniform(0.4, 0.65), rng.uniform(0.05, 0.15)
    body = smooth(
        _points(
            rng,
            (neck, 0.42),
            (0.6 * width, 0.36),
            (width, 0.65),
            (0.6 * width, 0.98),
            (rng.uniform(-0.05, 0.1), rng.uniform(0.82, 0.95)),
        )
    )
    down = _points(rng, (neck + rng.normal(0.02, 0.02), rng.uniform(0, 0.06)), (neck, 0.4), noise=0.015)
    gap = rng.uniform(0, 0.12)
    roof = _points(
        rng, (neck + gap, 0), (width * rng.uniform(0.95, 1.3), rng.normal(-0.02, 0.04)), noise=0.015
    )
    return [np.concatenate([down, body]), roof]


WRITERS: dict[int, Callable[[Rng], Strokes]] = {
    0: _zero,
    1: _one,
    2: _two,
    4: _four,
    5: _five,
    6: _six,
    7: _seven,
    8: _eight,
    9: _nine,
}

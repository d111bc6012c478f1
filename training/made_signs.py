"""Signs and letters as strokes, drawn from random parameters.

Everything is in units of the height of the line's digits: a digit reaches from y = 0 to y = 1, the baseline
is at y = 1.
"""

from collections.abc import Callable, Sequence

import numpy as np

from preprocessing.glyph import resampled

Strokes = list[np.ndarray]
Rng = np.random.Generator


def wobbled(stroke: np.ndarray, amount: float, rng: Rng) -> np.ndarray:
    """Add smooth noise to a stroke.

    Args:
        stroke: float64, (points, 2).
        amount: standard deviation of the noise at its nodes, in the stroke's unit.
        rng: source of random numbers.
    """
    if len(stroke) < 2:
        return stroke
    nodes = rng.normal(0, amount, (2, 2 + len(stroke) // 4))
    at = np.linspace(0, nodes.shape[1] - 1, len(stroke))
    return stroke + np.stack([np.interp(at, np.arange(nodes.shape[1]), row) for row in nodes], 1)


def line(start: Sequence[float], end: Sequence[float], rng: Rng, bend: float = 0.06) -> np.ndarray:
    """Return a slightly bent line of 9 points."""
    share = np.linspace(0, 1, 9)[:, None]
    start, end = np.array(start, float), np.array(end, float)
    along = end - start
    across = np.array([-along[1], along[0]]) * rng.normal(0, bend)
    return start + share * along + 4 * share * (1 - share) * across + rng.normal(0, 0.004, (9, 2))


def _plus(rng: Rng) -> Strokes:
    width, height = rng.uniform(0.35, 0.95, 2)
    height = float(np.clip(height, 0.7 * width, 1.4 * width))
    x, y = rng.normal(0, 0.07, 2) * [width, height]
    middle = rng.normal(0.5, 0.1)
    tilt = rng.normal(0, 0.12, 2)
    return [
        line((-width / 2, middle + y - tilt[0] * width), (width / 2, middle + y + tilt[0] * width / 2), rng),
        line((x + tilt[1] * height, middle - height / 2), (x - tilt[1] * height, middle + height / 2), rng),
    ]


def _bar(rng: Rng, width: float, y: float) -> np.ndarray:
    tilt = rng.normal(0, 0.08) * width
    return line((-width / 2, y + tilt), (width / 2, y - tilt), rng)


def _minus(rng: Rng) -> Strokes:
    return [_bar(rng, rng.uniform(0.25, 1.0), rng.normal(0.52, 0.12))]


def _equals(rng: Rng) -> Strokes:
    width, apart = rng.uniform(0.35, 0.95), rng.uniform(0.15, 0.4)
    middle = rng.normal(0.52, 0.1)
    other = width * rng.uniform(0.75, 1.3)
    first, second = _bar(rng, width, middle - apart / 2), _bar(rng, other, middle + apart / 2)
    return (
        [first, second * [1, 0.5] + [0, 0.5 * (middle + apart / 2)]]
        if rng.random() < 0.7
        else [first, second]
    )


def _times(rng: Rng) -> Strokes:
    width = rng.uniform(0.35, 0.9)
    height = width * rng.uniform(0.75, 1.35)
    top = rng.normal(0.5 if rng.random() < 0.6 else 1 - height / 2, 0.08) - height / 2
    jitter = rng.normal(0, 0.06, (4, 2))
    corners = np.array([(0, 0), (width, height), (width, 0), (0, height)]) + jitter + [0, top]
    bend = 0.06 if rng.random() < 0.7 else 0.2
    return [line(corners[0], corners[1], rng, bend), line(corners[2], corners[3], rng, bend)]


def _dot(rng: Rng, x: float, y: float, size: float) -> np.ndarray:
    return np.array([x, y]) + rng.normal(0, size, (int(rng.integers(1, 5)), 2))


def _divide(rng: Rng) -> Strokes:
    width, apart, middle = rng.uniform(0.4, 0.9), rng.uniform(0.18, 0.4), rng.normal(0.52, 0.1)
    x = rng.normal(0, 0.06, 2)
    size = rng.uniform(0, 0.025)
    dots = [_dot(rng, x[i], middle + side * apart, size) for i, side in enumerate((-1, 1))]
    return [_bar(rng, width, middle), *dots]


def _arc(rng: Rng, side: int) -> Strokes:
    height = rng.uniform(0.9, 1.7)
    depth = height * rng.uniform(0.14, 0.38)
    angle = np.linspace(-1, 1, 15)
    power = rng.uniform(1.6, 2.6)
    x = side * depth * (np.abs(angle) ** power)
    return [np.stack([x, rng.normal(0.55, 0.1) + angle * height / 2], 1) + rng.normal(0, 0.006, (15, 2))]


def _open(rng: Rng) -> Strokes:
    return _arc(rng, 1)


def _close(rng: Rng) -> Strokes:
    return _arc(rng, -1)


def _slash(rng: Rng) -> Strokes:
    height = rng.uniform(1.0, 1.7)
    lean = height * rng.uniform(0.28, 0.85)
    top = rng.normal(0.52, 0.1) - height / 2
    return [line((lean, top), (0, top + height), rng, 0.03)]


def _point(rng: Rng) -> Strokes:
    return [_dot(rng, 0, rng.normal(0.98, 0.07), rng.uniform(0, 0.04))]


def _comma(rng: Rng) -> Strokes:
    height = rng.uniform(0.14, 0.42)
    top = rng.normal(0.95, 0.08)
    return [line((height * rng.uniform(0.0, 0.7), top), (0, top + height), rng, 0.15)]


def _colon(rng: Rng) -> Strokes:
    apart, middle, size = rng.uniform(0.25, 0.7), rng.normal(0.6, 0.1), rng.uniform(0, 0.035)
    lean = rng.normal(0, 0.04)
    return [_dot(rng, lean, middle - apart / 2, size), _dot(rng, -lean, middle + apart / 2, size)]


def _circle(rng: Rng, x: float, y: float, size: float) -> np.ndarray:
    angle = np.linspace(0, 2 * np.pi + rng.normal(0, 0.3), 14) + rng.uniform(0, 6)
    return np.stack([x + size * rng.uniform(0.7, 1.2) * np.cos(angle), y + size * np.sin(angle)], 1)


def _percent(rng: Rng) -> Strokes:
    height, size = rng.uniform(0.8, 1.3), rng.uniform(0.1, 0.22)
    width = height * rng.uniform(0.45, 0.9)
    top = rng.normal(0.5, 0.08) - height / 2
    jitter = rng.normal(0, 0.05, (2, 2))
    return [
        line((width, top), (0, top + height), rng, 0.03),
        _circle(rng, 0.12 * width + jitter[0, 0], top + 0.2 * height + jitter[0, 1], size),
        _circle(rng, 0.88 * width + jitter[1, 0], top + 0.8 * height + jitter[1, 1], size),
    ]


SIGN_MAKERS: dict[str, Callable[[Rng], Strokes]] = {
    "+": _plus,
    "-": _minus,
    "x": _times,
    "÷": _divide,
    "=": _equals,
    "(": _open,
    ")": _close,
    "/": _slash,
    ".": _point,
    ",": _comma,
    ":": _colon,
    "%": _percent,
}


LETTERS = {  # as polylines in a box of 1 by 1
    "A": [[(0, 1), (0.5, 0), (1, 1)], [(0.2, 0.6), (0.8, 0.6)]],
    "E": [[(0.8, 0), (0, 0), (0, 1), (0.8, 1)], [(0, 0.5), (0.7, 0.5)]],
    "F": [[(0.8, 0), (0, 0), (0, 1)], [(0, 0.5), (0.7, 0.5)]],
    "H": [[(0, 0), (0, 1)], [(1, 0), (1, 1)], [(0, 0.5), (1, 0.5)]],
    "K": [[(0, 0), (0, 1)], [(0.8, 0), (0, 0.55), (0.9, 1)]],
    "M": [[(0, 1), (0.1, 0), (0.5, 0.6), (0.9, 0), (1, 1)]],
    "N": [[(0, 1), (0, 0), (0.9, 1), (0.9, 0)]],
    "R": [[(0, 1), (0, 0), (0.7, 0.1), (0.7, 0.4), (0, 0.5), (0.9, 1)]],
    "V": [[(0, 0), (0.45, 1), (0.9, 0)]],
    "W": [[(0, 0), (0.25, 1), (0.5, 0.3), (0.75, 1), (1, 0)]],
    "Y": [[(0, 0), (0.5, 0.5)], [(1, 0), (0.3, 1)]],
    "m": [
        [(0, 1), (0.02, 0.35), (0.03, 0.5), (0.3, 0.35), (0.5, 0.5), (0.5, 1)],
        [(0.5, 0.5), (0.9, 0.35), (1, 1)],
    ],
    "w": [[(0, 0.4), (0.2, 1), (0.5, 0.5), (0.75, 1), (1, 0.4)]],
    "k": [[(0, 0), (0, 1)], [(0.6, 0.4), (0, 0.7), (0.7, 1)]],
    "e": [[(0, 0.65), (0.7, 0.65), (0.55, 0.4), (0.2, 0.42), (0, 0.7), (0.3, 1), (0.75, 0.9)]],
    "euro": [
        [(0.9, 0.15), (0.5, 0), (0.2, 0.3), (0.2, 0.7), (0.5, 1), (0.9, 0.9)],
        [(0, 0.4), (0.6, 0.4)],
        [(0, 0.6), (0.6, 0.6)],
    ],
    "dollar": [
        [(0.9, 0.15), (0.5, 0.1), (0.1, 0.3), (0.9, 0.7), (0.5, 0.9), (0.1, 0.85)],
        [(0.5, -0.1), (0.5, 1.1)],
    ],
}


def letter(rng: Rng) -> Strokes:
    """Return a letter that no digit resembles."""
    lines = LETTERS[str(rng.choice(list(LETTERS)))]
    width, height = rng.uniform(0.5, 1.1), rng.uniform(0.7, 1.2)
    jitter = rng.normal(0, 0.04)
    return [
        wobbled(resampled((corners + rng.normal(0, 0.05, corners.shape)) * [width, height], 0.08), 0.015, rng)
        + [0, 1 - height + jitter]
        for corners in map(np.array, lines)
    ]

"""Digits and signs as a person draws them, of our own design: for tests, screenshots and measurements."""

import gzip
import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from scipy.interpolate import CubicSpline

from gui.sample_digits import KEY_POINTS

Stroke = list[tuple[float, float]]

# Where the pen goes, as in `KEY_POINTS`; the curve between is `smooth`'s.
SIGN_POINTS: dict[str, list[Stroke]] = {
    "+": [[(50, 42), (51, 74), (49, 106)], [(18, 76), (50, 74), (83, 73)]],
    "-": [[(20, 76), (50, 74), (80, 73)]],
    "=": [[(20, 58), (50, 57), (80, 56)], [(21, 90), (50, 90), (82, 88)]],
    "/": [[(82, 0), (52, 72), (20, 142)]],
    ".": [[(50, 130), (54, 132), (53, 137), (47, 136), (48, 131), (52, 131)]],
    "(": [[(64, -4), (44, 30), (38, 72), (46, 112), (66, 146)]],
    ")": [[(36, -4), (56, 30), (62, 72), (54, 112), (34, 146)]],
}


def digit(number: int, middle: tuple[float, float], height: float) -> list[Stroke]:
    """The strokes of a digit, `height` high around `middle`, a point every few units."""
    return symbol(str(number), middle, height)


def symbol(name: str, middle: tuple[float, float], height: float, step: float = 2.5) -> list[Stroke]:
    """The strokes of a digit or sign; `height` is that of digits, and `middle` that of a digit there.

    Points are about `step` apart in a digit 140 high.
    """
    scale = height / 140
    return [
        [(middle[0] + (x - 50) * scale, middle[1] + (y - 70) * scale) for x, y in smooth(stroke, step)]
        for stroke in (KEY_POINTS[int(name)] if name.isdigit() else SIGN_POINTS[name])
    ]


def smooth(points: Stroke, step: float = 2.5) -> Stroke:
    """A curve through all points without a kink (a cubic spline), in points about `step` apart."""
    knots = np.array(points)
    distances = np.hypot(*np.diff(knots, axis=0).T)
    times = np.concatenate([[0], np.sqrt(distances).cumsum()])  # a pen is slower where it turns
    moments = np.linspace(0, times[-1], max(2, round(distances.sum() / step)))
    return [(float(x), float(y)) for x, y in CubicSpline(times, knots, bc_type="natural")(moments)]


# An unusual 8, which is read as a 4 or as no digit.
ODD: list[Stroke] = [[(20, 0), (20, 130)], [(70, 0), (70, 130)], [(20, 60), (70, 60)]]


def wobbly(strokes: Sequence[Stroke], seed: int, amount: float = 2.0) -> list[list[list[float]]]:
    """Return the strokes as if written once more: slightly turned, each point moved by `amount` or so."""
    rng = np.random.default_rng(seed)
    turn = np.eye(2) + rng.normal(0, 0.04, (2, 2))
    return [
        (np.array(stroke) @ turn + rng.normal(0, amount, (len(stroke), 2))).tolist() for stroke in strokes
    ]


def line_of(number: int, **more: object) -> dict[str, object]:
    """Return the line of a stroke file for a drawn digit, with further keys."""
    return {"label": number, "strokes": digit(number, (0, 0), 100), **more}


def write_strokes(path: Path, *lines: object) -> Path:
    """Write a stroke file, compressed if its name ends in .gz; lines that are no text become JSON."""
    content = "".join(f"{line if isinstance(line, str) else json.dumps(line)}\n" for line in lines).encode()
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(gzip.compress(content) if path.suffix == ".gz" else content)
    return path

"""Digits and signs as a person draws them, of our own design: for tests, screenshots and measurements."""

import gzip
import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from scipy.interpolate import CubicSpline

Stroke = list[tuple[float, float]]

# Where the pen goes, in a frame 100 wide and 140 high, y downwards; the curve between is `smooth`'s.
KEY_POINTS: dict[int, list[Stroke]] = {
    0: [
        [
            (58, 8),
            (36, 14),
            (16, 44),
            (12, 84),
            (26, 122),
            (50, 132),
            (76, 112),
            (88, 70),
            (80, 30),
            (60, 9),
            (50, 10),
        ]
    ],
    1: [[(34, 38), (48, 24), (60, 8), (57, 50), (54, 92), (51, 134)]],
    2: [
        [
            (18, 40),
            (24, 18),
            (46, 7),
            (72, 16),
            (78, 40),
            (64, 68),
            (40, 98),
            (16, 126),
            (30, 127),
            (60, 124),
            (92, 126),
        ]
    ],
    3: [
        [
            (20, 26),
            (34, 11),
            (56, 7),
            (74, 18),
            (74, 38),
            (60, 54),
            (40, 62),
            (44, 63),
            (66, 70),
            (80, 90),
            (76, 114),
            (56, 130),
            (34, 130),
            (14, 118),
        ],
    ],
    4: [
        [(44, 10), (36, 36), (24, 62), (12, 84), (30, 86), (58, 85), (92, 80)],
        [(70, 42), (67, 74), (63, 106), (60, 136)],
    ],
    5: [
        [
            (32, 14),
            (30, 36),
            (24, 60),
            (40, 54),
            (62, 58),
            (78, 78),
            (76, 104),
            (58, 126),
            (34, 130),
            (14, 120),
        ],
        [(32, 14), (54, 13), (84, 9)],
    ],
    6: [
        [
            (68, 8),
            (48, 24),
            (30, 52),
            (20, 84),
            (24, 114),
            (44, 132),
            (66, 126),
            (78, 106),
            (72, 84),
            (54, 76),
            (36, 84),
            (25, 102),
        ],
    ],
    7: [[(14, 18), (40, 16), (64, 15), (86, 12), (76, 42), (62, 76), (52, 106), (46, 136)]],
    8: [
        [
            (70, 22),
            (52, 8),
            (32, 16),
            (28, 36),
            (44, 56),
            (66, 76),
            (78, 102),
            (66, 126),
            (42, 132),
            (22, 118),
            (24, 94),
            (44, 72),
            (66, 50),
            (74, 30),
            (66, 15),
        ],
    ],
    9: [
        [
            (72, 32),
            (58, 12),
            (36, 14),
            (22, 34),
            (26, 58),
            (46, 66),
            (64, 54),
            (76, 23),
            (73, 54),
            (70, 84),
            (64, 112),
            (56, 136),
        ],
    ],
}

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

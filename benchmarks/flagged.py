"""Measure how 1s with a flag are read, beside 7s, drawn by other rules than those of training.

    python -m benchmarks.flagged --checkpoint ink

Each digit is a picture of 280x280 pixels. The flag of a 1 rises to the top of its stem at 40 to 75 degrees;
the roof of a 7 is flat.
"""

import argparse
import math

import numpy as np
import torch

from benchmarks.reading import draw
from benchmarks.unseen import read_as
from common.cli import ArgumentParser, number, run_script
from recognition.recognizer import Recognizer

FLAGS = (0.2, 0.4, 0.6, 0.8, 1.0)  # lengths, in lengths of the stem
HEIGHT, LEFT, TOP = 300, 180, 90  # of a digit on a sheet of 500 units
PENS = (5, 22)  # smallest and largest width in pixels of the picture

Rng = np.random.Generator
Strokes = list[np.ndarray]


def main() -> int:
    """Run the script and return its exit status."""
    args = parse_arguments()
    torch.set_num_threads(1)
    recognizer, rng = Recognizer(args.checkpoint), np.random.default_rng(args.seed)
    print(f"weights  {recognizer.checkpoint.describe()}\n")
    print("| drawn | digits | right | `?` |\n|---|---:|---:|---:|")
    for name, label, strokes in digits(args.count, rng):
        pictures = [draw(drawing, rng.uniform(*PENS)) for drawing in strokes]
        readings = [recognizer.read_image(picture, single=True) for picture in pictures]
        right = np.mean([read_as(reading) == label for reading in readings])
        unsure = np.mean([not reading or not reading[0].is_digit for reading in readings])
        print(f"| {name} | {len(readings):,} | {right:.1%} | {unsure:.1%} |", flush=True)
    return 0


def parse_arguments() -> argparse.Namespace:
    """Parse the command line."""
    parser = ArgumentParser("Measure how 1s with a flag are read, and 7s.")
    add = parser.add_argument
    add("--checkpoint", help="weights: a file, newest, shipped or ink (default: ink)")
    add("--count", type=number(int, at_least=1), default=200, help="digits of each form")
    add("--seed", type=number(int, at_least=0), default=0, help="of the digits")
    return parser.parse_args()


def digits(count: int, rng: Rng) -> list[tuple[str, str, list[Strokes]]]:
    """Return the name of each form, its label and `count` drawings."""
    ones = [
        (f"1, flag {flag:g} times its stem", "1", [one(flag, rng) for _ in range(count)]) for flag in FLAGS
    ]
    footed = ("1 with a foot", "1", [one(rng.uniform(0.2, 0.6), rng, foot=True) for _ in range(count)])
    sevens = ("7 without a bar", "7", [seven(False, rng) for _ in range(count)])
    return [*ones, footed, sevens, ("7 with a bar", "7", [seven(True, rng) for _ in range(count)])]


def one(flag: float, rng: Rng, foot: bool = False) -> Strokes:
    """Return a 1: a flag `flag` times as long as the stem, drawn in one stroke with it."""
    lean, rise = rng.uniform(-0.05, 0.2), math.radians(rng.uniform(40, 75))
    top = np.array([lean, 0.0])
    start = top + flag * np.array([-math.cos(rise), math.sin(rise)])
    strokes = [curve(start, top, rng), curve(top, np.array([0.0, 1.0]), rng)]
    strokes = [np.concatenate(strokes)]
    if foot:
        width = rng.uniform(0.15, 0.3)
        strokes.append(curve(np.array([-width, 1.0]), np.array([width, 1.0]), rng))
    return placed(strokes)


def seven(barred: bool, rng: Rng) -> Strokes:
    """Return a 7 whose roof slopes by 8 degrees at most."""
    width, slope = rng.uniform(0.5, 0.8), math.radians(rng.uniform(-8, 8))
    corner, end = np.array([width, 0.0]), np.array([rng.uniform(0.05, 0.4), 1.0])
    start = corner - width * np.array([1.0, math.tan(slope)])
    strokes = [np.concatenate([curve(start, corner, rng), curve(corner, end, rng)])]
    if barred:
        middle = (corner + end) / 2
        strokes.append(curve(middle - [0.25, 0], middle + [0.25, rng.uniform(-0.05, 0.05)], rng))
    return placed(strokes)


def curve(start: np.ndarray, end: np.ndarray, rng: Rng) -> np.ndarray:
    """Return a slightly bent line, (12, 2): a quadratic Bezier curve."""
    along = end - start
    bent = (start + end) / 2 + rng.normal(0, 0.06) * np.array([-along[1], along[0]])
    t = np.linspace(0, 1, 12)[:, None]
    return (1 - t) ** 2 * start + 2 * t * (1 - t) * bent + t**2 * end


def placed(strokes: Strokes) -> Strokes:
    """Return strokes of height 1 in the middle of a sheet of 500 units."""
    return [stroke * HEIGHT + [LEFT, TOP] for stroke in strokes]


if __name__ == "__main__":
    run_script(main)

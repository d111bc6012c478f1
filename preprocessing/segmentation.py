"""Divide a line into numbers, and group its pieces into possible digits.

Where boxes leave a question open, such as whether `1 0` is one wide digit or two, both answers become
candidates.
"""

from collections.abc import Sequence
from itertools import pairwise

import numpy as np

from common.geometry import Box, around, middle
from preprocessing.line_finding import SAME_HEIGHT, size

SPECK_SIZE = 0.3  # a smaller piece may be dirt; as a share of the height of the tallest piece
FLAT_RATIO = 0.2  # height over width below which a piece may be a line rather than a digit
MAX_PIECES = 4  # of one digit
MAX_GAP = 0.3  # between the pieces of a digit, in heights of the line
MAX_WIDTH = 1.6  # of a digit, in heights of the line
LONE_GAP = 2.0  # between numbers of a line with few digits, in heights


def find_gaps(boxes: Sequence[Box]) -> list[int]:
    """Return after which pieces of a line a new number begins.

    A gap separates numbers if it is wide for the digits' height and much wider than most gaps of its line.

    Args:
        boxes: the pieces from left to right.

    Returns:
        Indices of the last piece of each number but the last.
    """
    height = max(float(np.median([size(box) for box in boxes])), 1e-12)
    tall = [box for box in boxes if size(box) >= SAME_HEIGHT[0] * height]
    if len(tall) < 4:  # too few to tell what is usual
        widest, longest = LONE_GAP * height, 0.0
    else:
        usual = np.quantile([_apart(*pair) for pair in pairwise(tall)], 0.4, axis=0)
        gap, step = np.maximum(usual, 0)
        widest, longest = max(0.7 * height, gap + 0.5 * height, 2 * gap), 1.5 * step
    apart = [_apart(*pair) for pair in pairwise(boxes)]
    return [i for i, (gap, step) in enumerate(apart) if gap > widest and step > longest]


def _apart(first: Box, second: Box) -> tuple[float, float]:
    """Return the gap between two boxes and the step from centre to centre."""
    return second[0] - first[2], middle(second)[0] - middle(first)[0]


def possible_digits(boxes: Sequence[Box], joined: Sequence[bool]) -> list[tuple[int, int]]:
    """Return the runs of neighbouring pieces that may form one digit.

    Args:
        boxes: the pieces of one line, from left to right.
        joined: whether each piece touches the one to its right; runs of touching pieces may be of any width.

    Returns:
        Pairs (start, stop), each for `boxes[start:stop]`.
    """
    height = np.median([bottom - top for _, top, _, bottom in boxes])
    height = max(height, around(boxes)[3] - around(boxes)[1]) if len(boxes) < 3 else height
    runs = []
    for start in range(len(boxes)):
        for stop in range(start + 1, min(start + MAX_PIECES, len(boxes)) + 1):
            left, _, right, _ = around(boxes[start:stop])
            gaps = [
                after[0] - before[2]
                for before, after in zip(boxes[start:], boxes[start + 1 : stop], strict=False)
            ]
            near = all(gap < MAX_GAP * height for gap in gaps)
            if (
                stop == start + 1
                or all(joined[start : stop - 1])
                or (near and right - left < MAX_WIDTH * height)
            ):
                runs.append((start, stop))
    return runs


def small_pieces(boxes: Sequence[Box]) -> list[int]:
    """Return the indices of the pieces of a line that may be dirt: small and flat ones."""
    tallest = max(bottom - top for _, top, _, bottom in boxes)
    sizes = [(right - left, bottom - top) for left, top, right, bottom in boxes]
    return [
        index
        for index, (width, height) in enumerate(sizes)
        if max(height, width) < SPECK_SIZE * tallest or height < FLAT_RATIO * width
    ]

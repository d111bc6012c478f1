"""Group the pieces of a line into possible digits.

Where boxes leave a question open, such as whether `1 0` is one wide digit or two, both answers become
candidates.
"""

from collections.abc import Sequence

import numpy as np

from common.geometry import Box, around

SPECK_SIZE = 0.3  # a smaller piece may be dirt; as a share of the height of the tallest piece
FLAT_RATIO = 0.2  # height over width below which a piece may be a line rather than a digit
MAX_PIECES = 4  # of one digit
MAX_GAP = 0.3  # between the pieces of a digit, in heights of the line
MAX_WIDTH = 1.6  # of a digit, in heights of the line


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

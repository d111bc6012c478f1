"""Group the boxes of pieces of ink into lines, and the pieces of a line into possible digits.

Only bounding boxes are used, so strokes and the connected parts of a picture are treated alike. Where boxes
leave a question open, such as whether `1 0` is one wide digit or two, both answers become candidates.
"""

from collections.abc import Iterable, Sequence

import numpy as np

from common.geometry import Box, around

SPECK_SIZE = 0.3  # a smaller piece may be dirt; as a share of the height of the tallest piece
FLAT_RATIO = 0.2  # height over width below which a piece may be a line rather than a digit
TALL_HEIGHT = 0.5  # a shorter piece does not start a line; as a share of the height of the tallest piece
MAX_PIECES = 4  # of one digit
MAX_GAP = 0.3  # between the pieces of a digit, in heights of the line
MAX_WIDTH = 1.6  # of a digit, in heights of the line


def find_lines(boxes: Sequence[Box]) -> list[list[list[int]]]:
    """Group boxes into lines of pieces.

    Boxes above one another in a line, such as the two strokes of a 5, form one piece. Specks that are far
    from any line are dropped.

    Returns:
        Lines from top to bottom, each a list of pieces from left to right, each a list of indices into
        `boxes`.
    """
    if not boxes:
        return []
    heights = np.array([bottom - top for _, top, _, bottom in boxes])
    # Half the width counts as height, so that a lone dash is kept.
    sizes = np.array([max(bottom - top, 0.5 * (right - left)) for left, top, right, bottom in boxes])
    tallest = sizes.max()
    lines: list[list[int]] = []
    middle = [(top + bottom) / 2 for _, top, _, bottom in boxes]
    for index in sorted(np.flatnonzero(sizes >= TALL_HEIGHT * tallest), key=lambda i: middle[i]):
        for line in lines:
            if _overlap(boxes[index], around([boxes[i] for i in line]), axis=1) > 0.5:
                line.append(int(index))
                break
        else:
            lines.append([int(index)])
    bands = [around([boxes[i] for i in line]) for line in lines]
    for index in np.flatnonzero(sizes < TALL_HEIGHT * tallest):
        gaps = [_distance(boxes[index], band) for band in bands]
        nearest = int(np.argmin(gaps))
        if gaps[nearest] < MAX_GAP * (bands[nearest][3] - bands[nearest][1]):
            if heights[index] >= 0.04 * tallest or sizes[index] >= 0.1 * tallest:
                lines[nearest].append(int(index))
        elif sizes[index] >= SPECK_SIZE * tallest:
            lines.append([int(index)])
            bands.append(boxes[index])
    lines.sort(key=lambda line: around([boxes[i] for i in line])[1])
    return [_pieces(line, boxes) for line in lines]


def _pieces(line: list[int], boxes: Sequence[Box]) -> list[list[int]]:
    """Group the boxes of a line into pieces, from left to right."""
    heights = {index: boxes[index][3] - boxes[index][1] for index in line}
    tallest = max(heights.values())
    highest_first = sorted(line, key=lambda i: -heights[i])
    return _stacked(((i, 0.5 if heights[i] < TALL_HEIGHT * tallest else 0.7) for i in highest_first), boxes)


def side_by_side(indices: Sequence[int], boxes: Sequence[Box]) -> list[list[int]]:
    """Group boxes that stand mostly above one another; groups go from left to right."""
    widest_first = sorted(indices, key=lambda i: boxes[i][0] - boxes[i][2])
    return _stacked(((i, 0.3) for i in widest_first), boxes)


def _stacked(thresholds: Iterable[tuple[int, float]], boxes: Sequence[Box]) -> list[list[int]]:
    """Add boxes one by one to the group that each overlaps most horizontally.

    Args:
        thresholds: the index of each box, and the overlap below which it starts a new group.
        boxes: all boxes.

    Returns:
        The groups from left to right.
    """
    groups: list[list[int]] = []
    for index, threshold in thresholds:
        overlaps = [_overlap(boxes[index], around([boxes[i] for i in group]), axis=0) for group in groups]
        if overlaps and max(overlaps) > threshold:
            groups[int(np.argmax(overlaps))].append(index)
        else:
            groups.append([index])
    return sorted(groups, key=lambda group: sum(around([boxes[i] for i in group])[::2]))


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


def _overlap(first: Box, second: Box, axis: int) -> float:
    """Return the shared extent along `axis` (0: x, 1: y) as a share of the smaller extent, 0 to 1."""
    low, high = max(first[axis], second[axis]), min(first[axis + 2], second[axis + 2])
    smaller = min(first[axis + 2] - first[axis], second[axis + 2] - second[axis])
    if smaller <= 0:
        return float(high >= low)
    return max(0.0, high - low) / smaller


def _distance(first: Box, second: Box) -> float:
    """Return the distance between two boxes, 0 if they touch."""
    horizontal = max(first[0] - second[2], second[0] - first[2], 0)
    vertical = max(first[1] - second[3], second[1] - first[3], 0)
    return float(np.hypot(horizontal, vertical))

"""Which pieces of ink stand in one line, and which of them may be one digit together.

Works on bounding boxes alone, so strokes and the connected parts of a picture are treated alike. What is
left open here (is `1 0` one wide digit or two?) is offered as candidates; the network decides.
"""

from collections.abc import Iterable, Sequence

import numpy as np

from common.geometry import Box, around

SPECK = 0.3  # of the tallest piece's height: what is smaller and away from any line is no digit
FLAT = 0.2  # height over width: what is flatter is a line and no digit
TALL = 0.5  # of it: what is smaller does not make a line of its own
MOST_PIECES = 4  # that a digit may fall into
WIDEST_GAP = 0.3  # between pieces of a digit, in heights of the line
WIDEST_DIGIT = 1.6  # in heights of the line


def find_lines(boxes: Sequence[Box]) -> list[list[list[int]]]:
    """Lines from top to bottom, in each the pieces from left to right, each a list of indices into `boxes`.

    Boxes above one another in a line, as the two strokes of a 5, share a piece. Specks are left out.
    """
    if not boxes:
        return []
    heights = np.array([bottom - top for _, top, _, bottom in boxes])
    # A bar is as tall as it is long: a lone dash is ink too.
    sizes = np.array([max(bottom - top, 0.5 * (right - left)) for left, top, right, bottom in boxes])
    tallest = sizes.max()
    lines: list[list[int]] = []
    middle = [(top + bottom) / 2 for _, top, _, bottom in boxes]
    for index in sorted(np.flatnonzero(sizes >= TALL * tallest), key=lambda i: middle[i]):
        for line in lines:
            if _overlap(boxes[index], around([boxes[i] for i in line]), axis=1) > 0.5:
                line.append(int(index))
                break
        else:
            lines.append([int(index)])
    bands = [around([boxes[i] for i in line]) for line in lines]
    for index in np.flatnonzero(sizes < TALL * tallest):
        gaps = [_gap(boxes[index], band) for band in bands]
        nearest = int(np.argmin(gaps))
        if gaps[nearest] < WIDEST_GAP * (bands[nearest][3] - bands[nearest][1]):
            if heights[index] >= 0.04 * tallest or sizes[index] >= 0.1 * tallest:
                lines[nearest].append(int(index))
        elif sizes[index] >= SPECK * tallest:
            lines.append([int(index)])
            bands.append(boxes[index])
    lines.sort(key=lambda line: around([boxes[i] for i in line])[1])
    return [_pieces(line, boxes) for line in lines]


def _pieces(line: list[int], boxes: Sequence[Box]) -> list[list[int]]:
    heights = {index: boxes[index][3] - boxes[index][1] for index in line}
    tallest = max(heights.values())
    highest_first = sorted(line, key=lambda i: -heights[i])
    return _stacked(((i, 0.5 if heights[i] < TALL * tallest else 0.7) for i in highest_first), boxes)


def side_by_side(indices: Sequence[int], boxes: Sequence[Box]) -> list[list[int]]:
    """Groups of boxes from left to right; those in a group stand mostly above one another."""
    widest_first = sorted(indices, key=lambda i: boxes[i][0] - boxes[i][2])
    return _stacked(((i, 0.3) for i in widest_first), boxes)


def _stacked(wanted: Iterable[tuple[int, float]], boxes: Sequence[Box]) -> list[list[int]]:
    """Groups from left to right: each box joins the one that it stands above or below most, if their
    overlap is more than what is given with it."""
    groups: list[list[int]] = []
    for index, least in wanted:
        overlaps = [_overlap(boxes[index], around([boxes[i] for i in group]), axis=0) for group in groups]
        if overlaps and max(overlaps) > least:
            groups[int(np.argmax(overlaps))].append(index)
        else:
            groups.append([index])
    return sorted(groups, key=lambda group: sum(around([boxes[i] for i in group])[::2]))


def possible_digits(boxes: Sequence[Box], joined: Sequence[bool]) -> list[tuple[int, int]]:
    """Runs of neighbouring pieces that may be one digit: (start, stop) for boxes[start:stop].

    Args:
        boxes: the pieces of one line, from left to right.
        joined: whether each touches the one to its right, so that together they may be as wide as they are.
    """
    height = np.median([bottom - top for _, top, _, bottom in boxes])
    height = max(height, around(boxes)[3] - around(boxes)[1]) if len(boxes) < 3 else height
    runs = []
    for start in range(len(boxes)):
        for stop in range(start + 1, min(start + MOST_PIECES, len(boxes)) + 1):
            left, _, right, _ = around(boxes[start:stop])
            gaps = [
                after[0] - before[2]
                for before, after in zip(boxes[start:], boxes[start + 1 : stop], strict=False)
            ]
            near = all(gap < WIDEST_GAP * height for gap in gaps)
            if (
                stop == start + 1
                or all(joined[start : stop - 1])
                or (near and right - left < WIDEST_DIGIT * height)
            ):
                runs.append((start, stop))
    return runs


def small_pieces(boxes: Sequence[Box]) -> list[int]:
    """Indices of the pieces of a line that may be dirt: small ones and flat ones."""
    tallest = max(bottom - top for _, top, _, bottom in boxes)
    return [
        index
        for index, (left, top, right, bottom) in enumerate(boxes)
        if max(bottom - top, right - left) < SPECK * tallest or bottom - top < FLAT * (right - left)
    ]


def _overlap(first: Box, second: Box, axis: int) -> float:
    """Shared extent along `axis` (0: x, 1: y) as a share of the smaller extent, 0 to 1."""
    low, high = max(first[axis], second[axis]), min(first[axis + 2], second[axis + 2])
    least = min(first[axis + 2] - first[axis], second[axis + 2] - second[axis])
    if least <= 0:
        return float(high >= low)
    return max(0.0, high - low) / least


def _gap(first: Box, second: Box) -> float:
    """Distance between two boxes, 0 if they touch."""
    aside = max(first[0] - second[2], second[0] - first[2], 0)
    above = max(first[1] - second[3], second[1] - first[3], 0)
    return float(np.hypot(aside, above))

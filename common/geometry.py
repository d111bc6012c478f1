"""Points and boxes: plain numbers in any unit, y downwards."""

import math
from collections.abc import Iterator, Sequence
from itertools import pairwise

Point = tuple[float, float]  # x, y
Box = tuple[float, float, float, float]  # left, top, right, bottom


def dense(points: Sequence[Point], step: float) -> Iterator[Point]:
    """Yield the points of a polyline and, between them, as many more as leave no gap larger than `step`."""
    yield points[0]
    for (x0, y0), (x1, y1) in pairwise(points):
        pieces = max(1, math.ceil(math.hypot(x1 - x0, y1 - y0) / step))
        for piece in range(1, pieces):
            share = piece / pieces
            yield x0 + (x1 - x0) * share, y0 + (y1 - y0) * share
        yield x1, y1


def distance(point: Point, start: Point, end: Point) -> float:
    """Return the distance from `point` to the line segment from `start` to `end`, which may coincide."""
    along_x, along_y = end[0] - start[0], end[1] - start[1]
    length = along_x**2 + along_y**2
    share = 0.0
    if length > 0:
        share = ((point[0] - start[0]) * along_x + (point[1] - start[1]) * along_y) / length
        share = min(1.0, max(0.0, share))
    return math.hypot(point[0] - start[0] - share * along_x, point[1] - start[1] - share * along_y)


def box_of(points: Sequence[Point]) -> Box:
    """Return the bounding box of at least one point."""
    across, down = zip(*points, strict=True)
    return min(across), min(down), max(across), max(down)


def around(boxes: Sequence[Box]) -> Box | None:
    """Return the bounding box of all boxes, or None if there are none."""
    if not boxes:
        return None
    left, top, right, bottom = zip(*boxes, strict=True)
    return min(left), min(top), max(right), max(bottom)


def middle(box: Box) -> Point:
    """Return the centre of a box."""
    return (box[0] + box[2]) / 2, (box[1] + box[3]) / 2


def longest_side(box: Box) -> float:
    """Return the width or the height of a box, whichever is larger."""
    return max(box[2] - box[0], box[3] - box[1])


def holds(box: Box, point: Point) -> bool:
    """Return whether the point lies in the box or on its border."""
    return box[0] <= point[0] <= box[2] and box[1] <= point[1] <= box[3]


def grown(box: Box, by: float) -> Box:
    """Return the box with each side moved outwards by `by`."""
    return box[0] - by, box[1] - by, box[2] + by, box[3] + by


def overlap(first: Box, second: Box) -> bool:
    """Return whether two boxes share at least one point."""
    return first[0] <= second[2] and second[0] <= first[2] and first[1] <= second[3] and second[1] <= first[3]

"""Points, boxes, and the curve of a pen. Plain numbers in any unit, y downwards."""

import math
from collections.abc import Iterator, Sequence
from itertools import pairwise

Point = tuple[float, float]
Box = tuple[float, float, float, float]  # left, top, right, bottom

SPACING = 0.75, 4.0  # between the points that a curve is drawn through: of the pen's width, at least
STEP = 4.0  # between points on a curve


def spacing(width: float) -> float:
    """How far apart the points are that a pen's curve is drawn through."""
    return max(SPACING[0] * width, SPACING[1])


def knots(points: Sequence[Point], apart: float) -> list[Point]:
    """The first and the last of `points`, and of those between as many as are `apart`.

    A mouse counts whole pixels: a curve through points that are close together would tremble.
    """
    kept = [points[0]]
    for point in points[1:-1]:
        if math.dist(point, kept[-1]) >= apart:
            kept.append(point)
    return [*kept, *points[1:][-1:]]


def curve(points: Sequence[Point], step: float = STEP) -> list[Point]:
    """A smooth line from the first of `points` to the last, near those between (a cubic B-spline)."""
    line = [points[0]]
    if len(points) > 1:
        ends = mirrored(points[1], points[0]), mirrored(points[-2], points[-1])
        controls = [ends[0], *points, ends[1]]
        for four in zip(controls, controls[1:], controls[2:], controls[3:], strict=False):
            line += span(*four, step)
    return line


def span(a: Point, b: Point, c: Point, d: Point, step: float = STEP) -> list[Point]:
    """The part of a curve that leads from near `b` to near `c`, between points `a` and `d`.

    Points at most `step` apart, the first left out.
    """
    pieces = max(1, math.ceil(max(math.dist(a, b), math.dist(b, c), math.dist(c, d)) / step))
    line = []
    for piece in range(1, pieces + 1):
        t = piece / pieces
        e, f = (1 - t) ** 3 / 6, (3 * t**3 - 6 * t**2 + 4) / 6
        g, h = (3 * (t + t**2 - t**3) + 1) / 6, t**3 / 6
        x = e * a[0] + f * b[0] + g * c[0] + h * d[0]
        y = e * a[1] + f * b[1] + g * c[1] + h * d[1]
        line.append((x, y))
    return line


def mirrored(point: Point, at: Point) -> Point:
    """As far on the other side of `at`: with it beyond an end, a curve starts at that end."""
    return 2 * at[0] - point[0], 2 * at[1] - point[1]


def dense(points: Sequence[Point], step: float) -> Iterator[Point]:
    """The points with others on the straight lines between them, so that none is further than `step`."""
    yield points[0]
    for (x0, y0), (x1, y1) in pairwise(points):
        pieces = max(1, math.ceil(math.hypot(x1 - x0, y1 - y0) / step))
        for piece in range(1, pieces):
            share = piece / pieces
            yield x0 + (x1 - x0) * share, y0 + (y1 - y0) * share
        yield x1, y1


def distance(point: Point, start: Point, end: Point) -> float:
    """From `point` to the straight line between `start` and `end`, which may be the same."""
    along_x, along_y = end[0] - start[0], end[1] - start[1]
    length = along_x**2 + along_y**2
    share = 0.0
    if length > 0:
        share = ((point[0] - start[0]) * along_x + (point[1] - start[1]) * along_y) / length
        share = min(1.0, max(0.0, share))
    return math.hypot(point[0] - start[0] - share * along_x, point[1] - start[1] - share * along_y)


def box_of(points: Sequence[Point]) -> Box:
    across, down = zip(*points, strict=True)
    return min(across), min(down), max(across), max(down)


def around(boxes: Sequence[Box]) -> Box | None:
    """The smallest box that holds all of `boxes`; None for no boxes."""
    if not boxes:
        return None
    left, top, right, bottom = zip(*boxes, strict=True)
    return min(left), min(top), max(right), max(bottom)


def middle(box: Box) -> Point:
    return (box[0] + box[2]) / 2, (box[1] + box[3]) / 2


def holds(box: Box, point: Point) -> bool:
    return box[0] <= point[0] <= box[2] and box[1] <= point[1] <= box[3]


def grown(box: Box, by: float) -> Box:
    return box[0] - by, box[1] - by, box[2] + by, box[3] + by


def overlap(first: Box, second: Box) -> bool:
    return first[0] <= second[2] and second[0] <= first[2] and first[1] <= second[3] and second[1] <= first[3]

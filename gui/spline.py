"""The smooth curve of a pen: a cubic B-spline through sampled points, y downwards."""

import math
from collections.abc import Sequence
from itertools import pairwise

from common.geometry import Point

STEP = 4.0  # largest distance between points of a curve
SPACING_IN_WIDTHS = 0.75  # distance between control points, in widths of the pen
MIN_SPACING = 4.0
# Of a line whose width follows the speed: a narrowing per pen width and point, its limit, and its inertia.
NARROWING, NARROWEST, INERTIA = 0.35, 0.7, 0.85


def spacing(width: float) -> float:
    """Return the distance between control points for a pen of this width."""
    return max(SPACING_IN_WIDTHS * width, MIN_SPACING)


def knots(points: Sequence[Point], apart: float) -> list[Point]:
    """Return the control points: the first and the last point, and between them those at least `apart`.

    A mouse reports whole pixels: a curve through points that are close together would wobble.
    """
    return [points[place] for place in knot_places(points, apart)]


def knot_places(points: Sequence[Point], apart: float) -> list[int]:
    """Return the indices of the control points among the points."""
    kept = [0]
    for place, point in enumerate(points[1:-1], 1):
        if math.dist(point, points[kept[-1]]) >= apart:
            kept.append(place)
    return [*kept, len(points) - 1] if len(points) > 1 else kept


def curve(points: Sequence[Point], step: float = STEP) -> list[Point]:
    """Return the cubic B-spline with these control points, from the first of them to the last.

    Args:
        points: control points, at least one.
        step: largest distance between points of the result.
    """
    line = [points[0]]
    if len(points) > 1:
        ends = mirrored(points[1], points[0]), mirrored(points[-2], points[-1])
        controls = [ends[0], *points, ends[1]]
        for four in zip(controls, controls[1:], controls[2:], controls[3:], strict=False):
            line += span(*four, step)
    return line


def span(a: Point, b: Point, c: Point, d: Point, step: float = STEP) -> list[Point]:
    """Return one segment of the B-spline with control points a, b, c, d, which leads from near b to near c.

    Its points are at most `step` apart; the first one is left out.
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
    """Return the reflection of `point` in `at`: as extra control point it makes a curve start at `at`."""
    return 2 * at[0] - point[0], 2 * at[1] - point[1]


def narrowed(before: float, pace: float, width: float) -> float:
    """Return the factor of a line's width at a control point, 1 for a slow pen and less for a fast one.

    Args:
        before: the factor at the control point before; 1 at the first.
        pace: the mean distance between the sampled points since then: a pen is sampled at a steady rate.
        width: of the pen.
    """
    wanted = min(1.0, max(NARROWEST, 1.05 - NARROWING * pace / width))
    return INERTIA * before + (1 - INERTIA) * wanted


def factors(points: Sequence[Point], places: Sequence[int], width: float) -> list[float]:
    """Return the factors of the width at the control points with these indices."""
    found = [1.0]
    for last, place in pairwise(places):
        pace = math.dist(points[place], points[last]) / (place - last)
        found.append(narrowed(found[-1], pace, width))
    return found

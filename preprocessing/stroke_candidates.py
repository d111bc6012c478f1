"""Candidates for digits from pen strokes."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from scipy import ndimage

from common.geometry import Box, around, grown, longest_side
from preprocessing.candidates import Rendering, Segmentation, line_candidates
from preprocessing.glyph import PEN_WIDTH, draw_strokes, resampled
from preprocessing.image_files import InkError
from preprocessing.line_finding import find_lines, side_by_side, typical_height
from preprocessing.stroke_files import MAX_COORDINATE, MAX_STROKES, MIN_COORDINATE

MAX_PARTS = 150  # of a drawing; one with more is a scribble
TOUCH_DISTANCE = 0.04  # strokes that come closer touch; as a share of the largest stroke's size

WIDE = 0.8  # width over height of touching strokes that may be several digits
TALL = 0.6  # height of strokes that may be digits, as a share of the height of all that touch
RELATIVE_PEN = 0.08  # width of the pen relative to the height of a line's digits, if strokes were drawn

Strokes = Sequence[Sequence[Sequence[float]]]


def segment_strokes(strokes: Strokes, single: bool = False, pen: float = PEN_WIDTH) -> Segmentation:
    """Find the candidates for digits in a drawing.

    Args:
        strokes: each a sequence of points (x, y), in any unit, y downwards. A single point is a dot.
        single: whether all strokes form one digit.
        pen: width of the pen that draws the glyphs, in pixels of the glyph, below 20.

    Returns:
        The candidates of each line; none for a drawing without points.

    Raises:
        InkError: if a point is not a pair of finite numbers, or there are more than 5,000 strokes.
    """
    if len(strokes) > MAX_STROKES:
        raise InkError(f"{len(strokes):,} strokes are too many: at most {MAX_STROKES:,} can be read at once")
    points = [_as_points(stroke) for stroke in strokes]
    points = [stroke for stroke in points if len(stroke)]
    if not points:
        return []
    largest = max(np.abs(stroke).max() for stroke in points)
    # Squares of extreme coordinates would overflow or vanish.
    unit = 1 / largest if largest > 1e9 or 0 < largest < 1e-9 else 1.0
    points = [stroke * unit for stroke in points]
    boxes = [(*stroke.min(0), *stroke.max(0)) for stroke in points]
    joined_to_next: set[int] = set()
    lines = [[list(range(len(points)))]] if single else _stroke_lines(points, boxes, joined_to_next)

    def draw(indices: list[int]) -> Rendering:
        left, top, right, bottom = around([boxes[i] for i in indices])
        box = tuple(float(side / unit) for side in (left, top, right, bottom))
        return Rendering(draw_strokes([points[i] for i in indices], (left, top, right, bottom), pen), box)

    page = line_candidates(lines, boxes, draw, joined_to_next, RELATIVE_PEN)
    return [[replace(candidate, place=None) for candidate in line] for line in page] if single else page


def _stroke_lines(
    points: list[np.ndarray], boxes: list[Box], joined_to_next: set[int]
) -> list[list[list[int]]]:
    """Return lines of pieces, each a list of strokes.

    Strokes that touch but stand side by side become separate pieces. Strokes of a piece that touches the one
    to its right are added to `joined_to_next`.
    """
    groups = _touching(points, boxes)
    if len(groups) > MAX_PARTS:
        return [[list(range(len(points)))]]
    group_boxes = [around([boxes[i] for i in group]) for group in groups]
    half_pen = RELATIVE_PEN * typical_height(group_boxes) / 2
    group_boxes = [grown(box, half_pen) for box in group_boxes]  # a tap, such as a point, has a size too
    lines = []
    for line in find_lines(group_boxes):
        pieces = []
        for piece in line:
            parts = [part for group in piece for part in _split_group(groups[group], boxes)]
            if len(piece) > 1:
                parts = [[index for part in parts for index in part]]
            joined_to_next.update(index for part in parts[:-1] for index in part)
            pieces += parts
        lines.append(pieces)
    if sum(map(len, lines)) > MAX_PARTS:
        joined_to_next.clear()
        return [[list(range(len(points)))]]
    return lines


def _split_group(group: list[int], boxes: list[Box]) -> list[list[int]]:
    """Split touching strokes into those that stand side by side; a scribble of very many stays whole.

    In a group as wide as several digits, each stroke as tall as a digit may be one.
    """
    if len(group) > MAX_PARTS:
        return [group]
    left, top, right, bottom = around([boxes[i] for i in group])
    if right - left <= WIDE * (bottom - top):
        return side_by_side(group, boxes)
    tall = {i for i in group if boxes[i][3] - boxes[i][1] > TALL * (bottom - top)}
    return side_by_side(group, boxes, apart=tall)


def _touching(points: list[np.ndarray], boxes: list[Box]) -> list[list[int]]:
    """Group the strokes that touch: those that run through connected cells of a grid."""
    left, top, right, bottom = around(boxes)
    extent = longest_side((left, top, right, bottom))
    cell = max(TOUCH_DISTANCE * max(map(longest_side, boxes)), extent / 1000) or 1.0
    grid = np.zeros((int((bottom - top) / cell) + 1, int((right - left) / cell) + 1), bool)
    starts = []
    for stroke in points:
        cells = ((resampled(stroke, cell / 2) - (left, top)) / cell).astype(int)
        grid[cells[:, 1], cells[:, 0]] = True
        starts.append(cells[0])
    labels, _ = ndimage.label(grid, np.ones((3, 3)))
    groups: dict[int, list[int]] = {}
    for index, (column, row) in enumerate(starts):
        groups.setdefault(int(labels[row, column]), []).append(index)
    return list(groups.values())


def _as_points(stroke: Sequence[Sequence[float]]) -> np.ndarray:
    """Return the points of a stroke, float64 (points, 2).

    Raises:
        InkError: if they are not pairs of finite numbers.
    """
    try:
        points = np.asarray(stroke, dtype=np.float64)
    except (TypeError, ValueError):
        raise InkError("a stroke must be a list of points [x, y]") from None
    if points.size == 0:
        return np.zeros((0, 2))
    if points.ndim != 2 or points.shape[1] != 2:
        raise InkError("a stroke must be a list of points [x, y]")
    if not np.isfinite(points).all():
        raise InkError("a stroke has a point that is not finite")
    return np.where(np.abs(points) < MIN_COORDINATE, 0, points.clip(-MAX_COORDINATE, MAX_COORDINATE))

"""Strokes or a picture in, MNIST-like digits out: what may stand there, as candidates in reading order.

Where it is uncertain which ink makes one digit, all that is likely is offered, and the network decides.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from PIL import Image
from scipy import ndimage

from geometry import Box, around
from glyph import PEN, depths, draw_depths, draw_strokes, pen_width, way_along
from picture import Ink, InkError, find_ink, open_picture
from segment import find_lines, possible_digits, side_by_side, small_pieces
from stroke_files import MAX_STROKES

__all__ = ["Box", "Candidate", "InkError", "Page", "open_picture", "page_from_image", "page_from_strokes"]

TOUCH = 0.04  # of the largest stroke: strokes that come closer touch
BLOB = 0.4  # ink that is as thick as this share of its longest side has not been written
LARGEST = 1e300  # coordinates beyond it count as it, those below its inverse as 0
LEANING = 0.4  # ink along the picture's border, as a share of its longest side, that is no digit cut off
MOST_PARTS = 150  # of a page that are told apart: the largest of a picture; more strokes are one scribble

Drawn = tuple[np.ndarray, Box, int]  # a glyph, its box, its doubts
Strokes = Sequence[Sequence[Sequence[float]]]


@dataclass(frozen=True)
class Candidate:
    """Ink that may be one digit.

    Attributes:
        start, stop: it is made of these of its line's pieces (start, ..., stop - 1).
        glyph: float32, (28, 28), ink 1 on 0, as MNIST's images; None to leave it out as no part of a digit.
        box: left, top, right, bottom, in the coordinates of the drawing or picture.
        doubts: assumptions that taking it for a digit needs, such as a cut through connected ink.
    """

    start: int
    stop: int
    glyph: np.ndarray | None
    box: Box
    doubts: int = 0


@dataclass(frozen=True)
class Version:
    """One way to see a page.

    Attributes:
        lines: from top to bottom, each all its candidates. A line is read by a chain of candidates, each of
            which starts where the one before stops.
        doubts: how many likelier ways there are.
    """

    lines: list[list[Candidate]]
    doubts: int = 0


@dataclass(frozen=True)
class Page:
    """What may stand on a drawing or a picture.

    Attributes:
        versions: ways to see it, the likeliest first, none if it is blank.
    """

    versions: list[Version]


def page_from_strokes(strokes: Strokes, single: bool = False, pen: float = PEN) -> Page:
    """What was drawn.

    Args:
        strokes: each a sequence of points (x, y), in any unit, y downwards. One point makes a dot.
        single: all of it is one digit.
        pen: width of the pen that glyphs are drawn with, in their pixels, below 20.

    Raises:
        InkError: if something is not a finite point, or there are more than 5,000 strokes.
    """
    if len(strokes) > MAX_STROKES:
        raise InkError(f"{len(strokes):,} strokes are too many: at most {MAX_STROKES:,} can be read at once")
    points = [_as_points(stroke) for stroke in strokes]
    points = [stroke for stroke in points if len(stroke)]
    if not points:
        return Page([])
    largest = max(np.abs(stroke).max() for stroke in points)
    # So that no square overflows or vanishes.
    unit = 1 / largest if largest > 1e9 or 0 < largest < 1e-9 else 1.0
    points = [stroke * unit for stroke in points]
    boxes = [(*stroke.min(0), *stroke.max(0)) for stroke in points]
    joined_to_next: set[int] = set()
    lines = [[list(range(len(points)))]] if single else _stroke_lines(points, boxes, joined_to_next)

    def draw(indices: list[int]) -> Drawn:
        left, top, right, bottom = around([boxes[i] for i in indices])
        box = tuple(float(side / unit) for side in (left, top, right, bottom))
        return draw_strokes([points[i] for i in indices], (left, top, right, bottom), pen), box, 0

    return Page([Version(_candidates(lines, boxes, draw, joined_to_next))])


def page_from_image(image: Image.Image, single: bool = False) -> Page:
    """What stands on a picture of any mode, dark on light or light on dark.

    Args:
        image: as `open_picture` gives it.
        single: all of its ink that belongs together is one digit.

    Raises:
        InkError: if the picture cannot be converted to colours.
    """
    return Page(
        [
            Version(_single(ink) if single else _lines(ink), place + ink.doubts)
            for place, ink in enumerate(find_ink(image))
        ]
    )


def _candidates(
    lines: list[list[list[int]]],
    boxes: Sequence[Box],
    draw: Callable[[list[int]], Drawn],
    joined_to_next: set[int],
) -> list[list[Candidate]]:
    """All possible digits of each line; a piece in `joined_to_next` touches the one to its right."""
    candidates = []
    for pieces in lines:
        piece_boxes = [around([boxes[i] for i in piece]) for piece in pieces]
        joined = [not joined_to_next.isdisjoint(piece) for piece in pieces]
        alone = len(lines) == len(pieces) == 1
        dirt = [] if alone else small_pieces(piece_boxes)
        line = [Candidate(piece, piece + 1, None, piece_boxes[piece], 1) for piece in dirt]
        for start, stop in possible_digits(piece_boxes, joined):
            glyph, box, doubts = draw([index for piece in pieces[start:stop] for index in piece])
            if doubts and stop == start + 1 and not alone:
                line.append(Candidate(start, stop, None, box, 2))
            doubts += (start > 0 and joined[start - 1]) + joined[stop - 1]
            line.append(Candidate(start, stop, glyph, box, doubts))
        for place, piece in enumerate(pieces):
            at_joints = (place > 0 and joined[place - 1]) + joined[place]
            largest = max(piece, key=lambda i: max(boxes[i][3] - boxes[i][1], boxes[i][2] - boxes[i][0]))
            others = [boxes[i] for i in piece if i != largest]
            # What stands above or below a digit may be dirt, what stands within may not: a face is no 0.
            if others and not any(_encloses(boxes[largest], other) for other in others):
                glyph, box, doubts = draw([largest])
                line.append(Candidate(place, place + 1, glyph, box, doubts + at_joints + 1))
        candidates.append(line)
    return candidates


def _stroke_lines(
    points: list[np.ndarray], boxes: list[Box], joined_to_next: set[int]
) -> list[list[list[int]]]:
    """Lines of pieces, each a list of strokes. Strokes that touch and stand side by side are pieces of
    their own, noted in `joined_to_next`."""
    groups = _touching(points, boxes)
    if len(groups) > MOST_PARTS:
        return [[list(range(len(points)))]]
    group_boxes = [around([boxes[i] for i in group]) for group in groups]
    lines = []
    for line in find_lines(group_boxes):
        pieces = []
        for piece in line:
            parts = [part for group in piece for part in _parts(groups[group], boxes)]
            if len(piece) > 1:
                parts = [[index for part in parts for index in part]]
            joined_to_next.update(index for part in parts[:-1] for index in part)
            pieces += parts
        lines.append(pieces)
    if sum(map(len, lines)) > MOST_PARTS:
        joined_to_next.clear()
        return [[list(range(len(points)))]]
    return lines


def _parts(group: list[int], boxes: list[Box]) -> list[list[int]]:
    """Strokes that touch as the digits that they may be; so many that they are a scribble stay together."""
    return side_by_side(group, boxes) if len(group) <= MOST_PARTS else [group]


def _touching(points: list[np.ndarray], boxes: list[Box]) -> list[list[int]]:
    """Strokes that touch, grouped: they lie in connected cells of a grid."""
    left, top, right, bottom = around(boxes)
    sizes = [max(box[2] - box[0], box[3] - box[1]) for box in boxes]
    extent = max(right - left, bottom - top)
    cell = max(TOUCH * max(sizes), extent / 1000) or 1.0
    grid = np.zeros((int((bottom - top) / cell) + 1, int((right - left) / cell) + 1), bool)
    starts = []
    for stroke in points:
        cells = ((_dense(stroke, cell / 2) - (left, top)) / cell).astype(int)
        grid[cells[:, 1], cells[:, 0]] = True
        starts.append(cells[0])
    labels, _ = ndimage.label(grid, np.ones((3, 3)))
    groups: dict[int, list[int]] = {}
    for index, (column, row) in enumerate(starts):
        groups.setdefault(int(labels[row, column]), []).append(index)
    return list(groups.values())


def _dense(stroke: np.ndarray, spacing: float) -> np.ndarray:
    """Points along the stroke, at most `spacing` apart."""
    if len(stroke) < 2:
        return stroke
    way = way_along(stroke)
    at = np.linspace(0, way[-1], int(min(way[-1] / spacing, 100_000)) + 2)
    return np.stack([np.interp(at, way, stroke[:, axis]) for axis in (0, 1)], 1)


def _as_points(stroke: Sequence[Sequence[float]]) -> np.ndarray:
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
    return np.where(np.abs(points) < 1 / LARGEST, 0, points.clip(-LARGEST, LARGEST))


def _single(ink: Ink) -> list[list[Candidate]]:
    """The one line of one piece: the main part of the ink alone, with its neighbours, and all ink."""
    labels = _connected(ink.mask)
    boxes = _boxes(labels)
    count = len(boxes)
    areas = np.bincount(labels.ravel())[1:]
    height, width = ink.mask.shape
    centre = np.array([((b[0] + b[2]) / width - 1, (b[1] + b[3]) / height - 1) for b in boxes])
    touches = np.array([b[0] == 0 or b[1] == 0 or b[2] == width or b[3] == height for b in boxes])
    weight = areas * np.exp(-0.5 * (centre**2).sum(1)) * np.where(touches, 0.2, 1)
    main = int(weight.argmax())
    near, box = {main}, boxes[main]
    specks = areas < 0.02 * areas[main]
    while True:
        size = max(box[2] - box[0], box[3] - box[1])
        more = {
            i
            for i in range(count)
            if i not in near
            and not specks[i]
            and (touches[main] or not touches[i])
            and _fits(boxes[i], box, size)
        }
        if not more:
            break
        near |= more
        box = around([boxes[i] for i in near])
    choices = dict.fromkeys([frozenset(near), frozenset([main]), frozenset(np.flatnonzero(~specks).tolist())])
    if any(_encloses(boxes[main], boxes[i]) for i in near - {main}):  # a face is no 0
        del choices[frozenset([main])]
    draw = _drawer(labels, boxes, ink)
    line = [Candidate(0, 1, *draw(sorted(choice))) for choice in choices]
    return [[replace(candidate, doubts=candidate.doubts + place) for place, candidate in enumerate(line)]]


def _fits(box: Box, digit: Box, size: float) -> bool:
    gap = max(box[0] - digit[2], digit[0] - box[2], box[1] - digit[3], digit[1] - box[3])
    width, height = box[2] - box[0], box[3] - box[1]
    flat = min(width, height) < 0.25 * max(width, height)  # what is left of a ruled line, if it is long
    return gap <= max(0.25 * size, 2) and max(width, height) < (1.2 if flat else 2) * size


def _encloses(outer: Box, inner: Box) -> bool:
    x, y = (inner[0] + inner[2]) / 2, (inner[1] + inner[3]) / 2
    return outer[0] < x < outer[2] and outer[1] < y < outer[3]


def _connected(mask: np.ndarray) -> np.ndarray:
    """Connected parts of the ink, numbered from 1, the largest MOST_PARTS of them: int, (H, W)."""
    labels, count = ndimage.label(mask, np.ones((3, 3)))
    areas = np.bincount(labels.ravel(), minlength=count + 1)[1:]
    kept = np.argsort(-areas, kind="stable")[:MOST_PARTS]
    kept = kept[areas[kept] > 0.002 * areas.max()]
    number = np.zeros(count + 1, int)
    number[np.sort(kept) + 1] = np.arange(len(kept)) + 1
    return number[labels]


def _boxes(labels: np.ndarray) -> list[Box]:
    slices = ndimage.find_objects(labels)
    return [(at[1].start, at[0].start, at[1].stop, at[0].stop) if at else (0, 0, 0, 0) for at in slices]


def _drawer(labels: np.ndarray, boxes: list[Box], ink: Ink) -> Callable[[list[int]], Drawn]:
    """Draws what is made of some of the parts. Ink at the picture's border and blobs are doubtful: they may
    be shadows, or the table under the sheet."""
    height, width = labels.shape

    def draw(indices: list[int]) -> Drawn:
        left, top, right, bottom = around([boxes[i] for i in indices])
        wanted = np.zeros(len(boxes) + 1, bool)
        wanted[np.array(indices) + 1] = True
        mask = wanted[labels[top:bottom, left:right]]
        depth = depths(mask)
        edges = [(left == 0, mask[:, 0]), (top == 0, mask[0]), (right == width, mask[:, -1])]
        edges.append((bottom == height, mask[-1]))
        contact = sum(int(edge.sum()) for touches, edge in edges if touches)
        doubts = (contact > 0) + 2 * (contact > LEANING * max(mask.shape))
        doubts += 2 * (2 * depth.max() > BLOB * max(mask.shape))
        x, y = ink.scale
        return draw_depths(depth), (left / x, top / y, right / x, bottom / y), doubts

    return draw


def _lines(ink: Ink) -> list[list[Candidate]]:
    labels = _connected(ink.mask)
    joined_to_next: set[int] = set()
    boxes = _boxes(labels)
    lines = [
        [part for piece in line for part in _cut(labels, boxes, piece, joined_to_next)]
        for line in find_lines(boxes)
    ]
    boxes = _boxes(labels)
    return _candidates(lines, boxes, _drawer(labels, boxes, ink), joined_to_next)


def _cut(labels: np.ndarray, boxes: list[Box], piece: list[int], joined_to_next: set[int]) -> list[list[int]]:
    """`piece` as the parts that it may fall into if it is several touching digits.

    Cuts are vertical, where little ink lies above one another. `labels` gets new numbers for the parts;
    `joined_to_next` those that are cut from the part to their right.
    """
    left, top, right, bottom = around([boxes[i] for i in piece])
    height, width = bottom - top, right - left
    if width < 0.9 * height or height < 8:
        return [piece]
    view = labels[top:bottom, left:right]
    mask = np.isin(view, np.array(piece) + 1)
    profile = ndimage.gaussian_filter1d(mask.sum(0).astype(float), 0.03 * height)
    margin = int(0.25 * height)
    low = profile == ndimage.minimum_filter1d(profile, 2 * margin + 1)
    low[:margin] = low[width - margin :] = False
    pen = pen_width(depths(mask))
    columns = np.flatnonzero(low & (profile < 2.2 * pen))
    columns = columns[np.diff(columns, prepend=-height) > margin / 2]
    columns = columns[np.argsort(profile[columns], kind="stable")[:3]]
    if not len(columns):
        return [piece]
    parts, start = [], 0
    for stop in [*sorted(columns.tolist()), width]:
        part = np.zeros_like(mask)
        part[:, start:stop] = mask[:, start:stop]
        number = labels.max() + 1
        view[part] = number
        if stop != width:
            joined_to_next.add(int(number) - 1)
        parts.append([int(number) - 1])
        start = stop
    return parts

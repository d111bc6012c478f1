"""Strokes or a picture in, MNIST-like digits out.

Whatever the size, the place and the pen, ink is brought to the form of MNIST's images: longest side 20
pixels, MNIST's pen width, soft edges, centre of mass on pixel 14. Strokes are drawn afresh from their
points; a picture's ink is redrawn from the distance to its outline. Both are the same computation: a
signed distance to the ink's edge at each of the 28x28 pixels.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from PIL import Image
from scipy import ndimage

from picture import Ink, InkError, find_ink, open_picture
from segment import Box, find_lines, possible_digits, union

__all__ = ["Box", "Candidate", "InkError", "Page", "open_picture", "page_from_image", "page_from_strokes"]

SIZE, LONGEST, CENTRE = 28, 20, 14  # of MNIST's images, in pixels
PEN = 2.5  # width of the pen, in pixels of those images
SOFT = 2.0  # width of its soft edge
MOST_CHANGE = 1.0  # pixels by which each side of a picture's strokes may be moved to get there
MOST_PARTS = 500  # connected parts of a picture that are looked at, the largest
SPACING = 0.3  # pixels between the points that a stroke is drawn from

Strokes = Sequence[Sequence[Sequence[float]]]


@dataclass(frozen=True)
class Candidate:
    """Ink that may be one digit.

    Attributes:
        start, stop: it is made of these of its line's pieces (start, ..., stop - 1).
        glyph: float32, (28, 28), ink 1 on 0, as MNIST's images.
        box: left, top, right, bottom, in the coordinates of the drawing or picture.
        cuts: how many of its sides were cut out of connected ink.
    """

    start: int
    stop: int
    glyph: np.ndarray
    box: Box
    cuts: int = 0


@dataclass(frozen=True)
class Page:
    """What may stand on a drawing or a picture.

    Attributes:
        versions: ways to see it, none if it is blank. Each is a list of lines from top to bottom, each line
            all its candidates. A line is read by a chain of candidates, each of which starts where the one
            before stops.
    """

    versions: list[list[list[Candidate]]]


def page_from_strokes(strokes: Strokes, single: bool = False) -> Page:
    """What was drawn.

    Args:
        strokes: each a sequence of points (x, y), in any unit, y downwards. One point makes a dot.
        single: all of it is one digit.

    Raises:
        InkError: if something is not a finite point.
    """
    points = [_as_points(stroke) for stroke in strokes]
    points = [stroke for stroke in points if len(stroke)]
    if not points:
        return Page([])
    largest = max(np.abs(stroke).max() for stroke in points)
    unit = 1 / largest if largest > 1e9 or 0 < largest < 1e-9 else 1.0  # so that no square overflows
    points = [stroke * unit for stroke in points]
    boxes = [(*stroke.min(0), *stroke.max(0)) for stroke in points]
    lines = [[list(range(len(points)))]] if single else find_lines(boxes)

    def draw(indices: list[int]) -> tuple[np.ndarray, Box]:
        left, top, right, bottom = union([boxes[i] for i in indices])
        box = tuple(float(side / unit) for side in (left, top, right, bottom))
        return _draw_strokes([points[i] for i in indices], (left, top, right, bottom)), box

    return Page([[_candidates(line, boxes, draw) for line in lines]])


def page_from_image(image: Image.Image, single: bool = False) -> Page:
    """What stands on a picture of any mode, dark on light or light on dark.

    Args:
        image: as `open_picture` gives it.
        single: all of its ink that belongs together is one digit.

    Raises:
        InkError: if the picture cannot be converted to colours.
    """
    versions = [_single(ink) if single else _lines(ink) for ink in find_ink(image)]
    return Page([version for version in versions if version])


def _candidates(
    pieces: list[list[int]],
    boxes: Sequence[Box],
    draw: Callable[[list[int]], tuple[np.ndarray, Box]],
    is_cut: Callable[[int], bool] = lambda piece: False,
) -> list[Candidate]:
    """All possible digits of a line; `is_cut` says whether a piece is cut from the one after it."""
    piece_boxes = [union([boxes[i] for i in piece]) for piece in pieces]
    candidates = []
    for start, stop in possible_digits(piece_boxes):
        glyph, box = draw([index for piece in pieces[start:stop] for index in piece])
        cuts = int(start > 0 and is_cut(start - 1)) + int(is_cut(stop - 1))
        candidates.append(Candidate(start, stop, glyph, box, cuts))
    return candidates


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
    return points


def _draw_strokes(strokes: list[np.ndarray], box: Box) -> np.ndarray:
    low, high = np.array(box[:2]), np.array(box[2:])
    extent = (high - low).max()
    scale = (LONGEST - PEN) / extent if extent > 0 else 0.0
    scaled = [_thinned((stroke - low) * scale) + PEN / 2 for stroke in strokes]
    starts = np.concatenate([stroke[: max(1, len(stroke) - 1)] for stroke in scaled])
    ends = np.concatenate([stroke[min(1, len(stroke) - 1) :] for stroke in scaled])

    def depth(pixels: np.ndarray) -> np.ndarray:
        return PEN / 2 - _distance(pixels, starts, ends)

    return _render((high - low) * scale + PEN, depth)


def _thinned(stroke: np.ndarray) -> np.ndarray:
    """The stroke without points that lie closer than SPACING along its way; its ends stay."""
    if len(stroke) < 3:
        return stroke
    way = np.concatenate([[0], np.hypot(*np.diff(stroke, axis=0).T).cumsum()])
    keep = np.diff(np.floor(way / SPACING), prepend=-1) > 0
    keep[-1] = True
    return stroke[keep]


def _distance(pixels: np.ndarray, starts: np.ndarray, ends: np.ndarray) -> np.ndarray:
    """From each of (N, 2) pixels to the nearest of (M, 2) to (M, 2) line segments: (N,)."""
    nearest = np.full(len(pixels), np.inf)
    for at in range(0, len(starts), 1024):  # bounds the memory of long scribbles
        start, along = starts[at : at + 1024], ends[at : at + 1024] - starts[at : at + 1024]
        squared = (along**2).sum(1)
        away = pixels[:, None] - start
        share = ((away * along).sum(-1) / np.maximum(squared, 1e-12)).clip(0, 1)
        away -= share[..., None] * along
        np.minimum(nearest, np.sqrt((away**2).sum(-1)).min(1), out=nearest)
    return nearest


def _draw_mask(mask: np.ndarray) -> np.ndarray:
    """The glyph of a mask cropped to its ink: bool, (H, W)."""
    height, width = mask.shape
    padded = np.pad(mask, 1)
    inside = ndimage.distance_transform_edt(padded)
    outline = inside[1:-1, 1:-1] - ndimage.distance_transform_edt(~padded)[1:-1, 1:-1]
    longest = max(height, width)
    pen = _pen_width(inside)
    # Moving each side by `change` makes the strokes as wide as MNIST's once the longest side is 20 pixels.
    change = (PEN * longest - LONGEST * pen) / (2 * (LONGEST - PEN))
    limit = MOST_CHANGE * longest / LONGEST
    change = float(np.clip(change, -limit, limit))
    scale = LONGEST / (longest + 2 * change)
    outline = np.pad(outline, 1, mode="edge")
    if scale < 1:
        outline = ndimage.gaussian_filter(outline, 0.3 / scale)

    def depth(pixels: np.ndarray) -> np.ndarray:
        at = pixels / scale - change - 0.5  # in (x, y) of the mask's pixels
        edge = at.clip([0, 0], [width - 1, height - 1])
        value = ndimage.map_coordinates(outline, (edge + 1).T[::-1], order=1)
        return (value - np.hypot(*(at - edge).T) + change) * scale

    return _render((np.array([width, height]) + 2 * change) * scale, depth)


def _pen_width(inside: np.ndarray) -> float:
    """Typical stroke width: twice the median depth along the middle of the strokes."""
    ridge = inside[(inside == ndimage.maximum_filter(inside, 3)) & (inside > 0)]
    return 2 * float(np.median(ridge))


def _render(extent: np.ndarray, depth: Callable[[np.ndarray], np.ndarray]) -> np.ndarray:
    """Ink of `extent` (width, height) pixels as MNIST has it.

    Args:
        depth: how far inside the ink, in pixels, each of (N, 2) points lies, counted from the top left
            corner of its box; negative outside.
    """
    corner = np.round(CENTRE - extent / 2)
    rows, columns = np.mgrid[:SIZE, :SIZE]
    pixels = np.stack([columns, rows], -1).reshape(-1, 2) + 0.5 - corner
    return centred((depth(pixels).reshape(SIZE, SIZE) / SOFT + 0.5).clip(0, 1))


def centred(glyph: np.ndarray) -> np.ndarray:
    """`glyph` shifted by whole pixels, so that its centre of mass rounds to (14, 14): float32, (28, 28)."""
    total = glyph.sum()
    if total == 0:
        return glyph.astype(np.float32)
    pixels = np.arange(SIZE)
    shift = [int(np.floor(CENTRE - (glyph.sum(axis) @ pixels) / total + 0.5)) for axis in (1, 0)]
    return ndimage.shift(glyph.astype(np.float32), shift, order=0, mode="constant")


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
        box = union([boxes[i] for i in near])
    choices = {frozenset([main]), frozenset(near), frozenset(np.flatnonzero(~specks).tolist())}
    draw = _drawer(labels, boxes, ink.scale)
    return [[Candidate(0, 1, *draw(sorted(choice))) for choice in sorted(choices, key=len)]]


def _fits(box: Box, digit: Box, size: float) -> bool:
    gap = max(box[0] - digit[2], digit[0] - box[2], box[1] - digit[3], digit[1] - box[3])
    return gap <= max(0.25 * size, 2) and max(box[2] - box[0], box[3] - box[1]) < 1.2 * size


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


def _drawer(
    labels: np.ndarray, boxes: list[Box], scale: float
) -> Callable[[list[int]], tuple[np.ndarray, Box]]:
    def draw(indices: list[int]) -> tuple[np.ndarray, Box]:
        left, top, right, bottom = box = union([boxes[i] for i in indices])
        wanted = np.zeros(len(boxes) + 1, bool)
        wanted[np.array(indices) + 1] = True
        return _draw_mask(wanted[labels[top:bottom, left:right]]), tuple(float(side / scale) for side in box)

    return draw


def _lines(ink: Ink) -> list[list[Candidate]]:
    labels = _connected(ink.mask)
    lines = find_lines(_boxes(labels))
    cut_after: set[int] = set()
    lines = [[part for piece in line for part in _cut(labels, piece, cut_after)] for line in lines]
    boxes = _boxes(labels)
    draw = _drawer(labels, boxes, ink.scale)
    return [
        _candidates(line, boxes, draw, lambda piece, line=line: line[piece][0] in cut_after) for line in lines
    ]


def _cut(labels: np.ndarray, piece: list[int], cut_after: set[int]) -> list[list[int]]:
    """`piece` as the parts that it may fall into if it is several touching digits.

    Cuts are vertical, where little ink lies above one another. `labels` gets new numbers for the parts;
    `cut_after` those that are cut from the part to their right.
    """
    boxes = _boxes(labels)
    left, top, right, bottom = union([boxes[i] for i in piece])
    height, width = bottom - top, right - left
    if width < 0.9 * height or height < 8:
        return [piece]
    view = labels[top:bottom, left:right]
    mask = np.isin(view, np.array(piece) + 1)
    profile = ndimage.gaussian_filter1d(mask.sum(0).astype(float), 0.03 * height)
    margin = int(0.25 * height)
    low = profile == ndimage.minimum_filter1d(profile, 2 * margin + 1)
    low[:margin] = low[width - margin :] = False
    pen = _pen_width(ndimage.distance_transform_edt(np.pad(mask, 1)))
    columns = np.flatnonzero(low & (profile < 2.2 * pen))
    columns = columns[np.diff(columns, prepend=-height) > margin / 2]
    columns = columns[np.argsort(profile[columns], kind="stable")[:3]]
    parts, start = [], 0
    for stop in [*sorted(columns.tolist()), width]:
        part = np.zeros_like(mask)
        part[:, start:stop] = mask[:, start:stop]
        number = labels.max() + 1
        view[part] = number
        if stop != width:
            cut_after.add(int(number) - 1)
        parts.append([int(number) - 1])
        start = stop
    return parts

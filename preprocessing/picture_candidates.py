"""Candidates for digits from a picture."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
from PIL import Image
from scipy import ndimage

from common.geometry import Box, around
from preprocessing.binarization import InkMask, ink_masks
from preprocessing.candidates import (
    MAX_PARTS,
    Candidate,
    Rendering,
    Segmentation,
    encloses,
    line_candidates,
)
from preprocessing.glyph import depths, draw_depths, pen_width
from preprocessing.segmentation import find_lines

BLOB_THICKNESS = 0.4  # thickness over longest side above which ink is penalised as a blob
BORDER_CONTACT = 0.4  # contact with the border over longest side above which ink is penalised


def segment_picture(image: Image.Image, single: bool = False) -> list[Segmentation]:
    """Find the candidates for digits in a picture, dark on light or light on dark.

    Args:
        image: of any mode and size, as `open_picture` returns it.
        single: whether all ink that belongs together forms one digit.

    Returns:
        One segmentation for each hypothesis about what is ink, the likeliest first; none for a blank picture.

    Raises:
        InkError: if the picture cannot be converted to RGB.
    """
    return [
        Segmentation(_single(ink) if single else _lines(ink), place + ink.penalty)
        for place, ink in enumerate(ink_masks(image))
    ]


def _single(ink: InkMask) -> list[list[Candidate]]:
    """Return the candidates for one digit: the main part with its neighbours, it alone, and all ink."""
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
            and _belongs_to(boxes[i], box, size)
        }
        if not more:
            break
        near |= more
        box = around([boxes[i] for i in near])
    choices = dict.fromkeys([frozenset(near), frozenset([main]), frozenset(np.flatnonzero(~specks).tolist())])
    if any(encloses(boxes[main], boxes[i]) for i in near - {main}):  # a face is not a 0
        del choices[frozenset([main])]
    draw = _renderer(labels, boxes, ink)
    line = [Candidate(0, 1, *draw(sorted(choice))) for choice in choices]
    return [[replace(candidate, penalty=candidate.penalty + place) for place, candidate in enumerate(line)]]


def _belongs_to(box: Box, digit: Box, size: float) -> bool:
    """Return whether a part is near and small enough to belong to a digit whose longest side is `size`."""
    gap = max(box[0] - digit[2], digit[0] - box[2], box[1] - digit[3], digit[1] - box[3])
    width, height = box[2] - box[0], box[3] - box[1]
    flat = min(width, height) < 0.25 * max(width, height)  # if long, a rest of a ruled line
    return gap <= max(0.25 * size, 2) and max(width, height) < (1.2 if flat else 2) * size


def _connected(mask: np.ndarray) -> np.ndarray:
    """Return the connected parts of the ink, numbered from 1, at most MAX_PARTS of them: int, (H, W)."""
    labels, count = ndimage.label(mask, np.ones((3, 3)))
    areas = np.bincount(labels.ravel(), minlength=count + 1)[1:]
    kept = np.argsort(-areas, kind="stable")[:MAX_PARTS]
    kept = kept[areas[kept] > 0.002 * areas.max()]
    number = np.zeros(count + 1, int)
    number[np.sort(kept) + 1] = np.arange(len(kept)) + 1
    return number[labels]


def _boxes(labels: np.ndarray) -> list[Box]:
    """Return the box of each numbered part, in pixels."""
    slices = ndimage.find_objects(labels)
    return [(at[1].start, at[0].start, at[1].stop, at[0].stop) if at else (0, 0, 0, 0) for at in slices]


def _renderer(labels: np.ndarray, boxes: list[Box], ink: InkMask) -> Callable[[list[int]], Rendering]:
    """Return a function that renders given parts as one glyph.

    Ink along the picture's border and blobs get a penalty: they may be shadows, or the table below the sheet.
    """
    height, width = labels.shape

    def draw(indices: list[int]) -> Rendering:
        left, top, right, bottom = around([boxes[i] for i in indices])
        chosen = np.zeros(len(boxes) + 1, bool)
        chosen[np.array(indices) + 1] = True
        mask = chosen[labels[top:bottom, left:right]]
        depth = depths(mask)
        edges = [(left == 0, mask[:, 0]), (top == 0, mask[0]), (right == width, mask[:, -1])]
        edges.append((bottom == height, mask[-1]))
        contact = sum(int(edge.sum()) for touches, edge in edges if touches)
        penalty = (contact > 0) + 2 * (contact > BORDER_CONTACT * max(mask.shape))
        penalty += 2 * (2 * depth.max() > BLOB_THICKNESS * max(mask.shape))
        x, y = ink.scale
        return draw_depths(depth), (left / x, top / y, right / x, bottom / y), penalty

    return draw


def _lines(ink: InkMask) -> list[list[Candidate]]:
    """Return the candidates of each line of a page."""
    labels = _connected(ink.mask)
    joined_to_next: set[int] = set()
    boxes = _boxes(labels)
    lines = [
        [part for piece in line for part in _cut(labels, boxes, piece, joined_to_next)]
        for line in find_lines(boxes)
    ]
    boxes = _boxes(labels)
    return line_candidates(lines, boxes, _renderer(labels, boxes, ink), joined_to_next)


def _cut(labels: np.ndarray, boxes: list[Box], piece: list[int], joined_to_next: set[int]) -> list[list[int]]:
    """Cut a piece that is wide enough for several touching digits.

    Cuts are vertical, through the columns with the least ink.

    Args:
        labels: the numbered parts, as `_connected` returns them; new parts are numbered in place.
        boxes: the box of each part.
        piece: indices of the piece's parts.
        joined_to_next: gets the indices of parts that were cut from the one to their right.

    Returns:
        The pieces after the cuts: `piece` itself if there are none.
    """
    left, top, right, bottom = around([boxes[i] for i in piece])
    height, width = bottom - top, right - left
    if width < 0.9 * height or height < 8:
        return [piece]
    view = labels[top:bottom, left:right]
    mask = np.isin(view, np.array(piece) + 1)
    profile = ndimage.gaussian_filter1d(mask.sum(0).astype(float), 0.03 * height)
    margin = int(0.25 * height)
    minimum = profile == ndimage.minimum_filter1d(profile, 2 * margin + 1)
    minimum[:margin] = minimum[width - margin :] = False
    pen = pen_width(depths(mask))
    columns = np.flatnonzero(minimum & (profile < 2.2 * pen))
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

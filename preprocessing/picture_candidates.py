"""Strokes or a picture in, MNIST-like digits out: what may stand there, as candidates in reading order.

Where it is uncertain which ink makes one digit, all that is likely is offered, and the network decides.
"""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
from PIL import Image
from scipy import ndimage

from common.geometry import Box, around
from preprocessing.binarization import InkMask, find_ink
from preprocessing.candidates import (
    MOST_PARTS,
    Candidate,
    Drawn,
    Segmentation,
    encloses,
    line_candidates,
)
from preprocessing.glyph import depths, draw_depths, pen_width
from preprocessing.segmentation import find_lines

BLOB = 0.4  # ink that is as thick as this share of its longest side has not been written
LEANING = 0.4  # ink along the picture's border, as a share of its longest side, that is no digit cut off


def segment_picture(image: Image.Image, single: bool = False) -> list[Segmentation]:
    """What stands on a picture of any mode, dark on light or light on dark.

    Args:
        image: as `open_picture` gives it.
        single: all of its ink that belongs together is one digit.

    Raises:
        InkError: if the picture cannot be converted to colours.
    """
    return [
        Segmentation(_single(ink) if single else _lines(ink), place + ink.doubts)
        for place, ink in enumerate(find_ink(image))
    ]


def _single(ink: InkMask) -> list[list[Candidate]]:
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
    if any(encloses(boxes[main], boxes[i]) for i in near - {main}):  # a face is no 0
        del choices[frozenset([main])]
    draw = _drawer(labels, boxes, ink)
    line = [Candidate(0, 1, *draw(sorted(choice))) for choice in choices]
    return [[replace(candidate, doubts=candidate.doubts + place) for place, candidate in enumerate(line)]]


def _fits(box: Box, digit: Box, size: float) -> bool:
    gap = max(box[0] - digit[2], digit[0] - box[2], box[1] - digit[3], digit[1] - box[3])
    width, height = box[2] - box[0], box[3] - box[1]
    flat = min(width, height) < 0.25 * max(width, height)  # what is left of a ruled line, if it is long
    return gap <= max(0.25 * size, 2) and max(width, height) < (1.2 if flat else 2) * size


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


def _drawer(labels: np.ndarray, boxes: list[Box], ink: InkMask) -> Callable[[list[int]], Drawn]:
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


def _lines(ink: InkMask) -> list[list[Candidate]]:
    labels = _connected(ink.mask)
    joined_to_next: set[int] = set()
    boxes = _boxes(labels)
    lines = [
        [part for piece in line for part in _cut(labels, boxes, piece, joined_to_next)]
        for line in find_lines(boxes)
    ]
    boxes = _boxes(labels)
    return line_candidates(lines, boxes, _drawer(labels, boxes, ink), joined_to_next)


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

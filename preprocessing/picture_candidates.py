"""Candidates for digits from a picture."""

from collections.abc import Callable

import numpy as np
from scipy import ndimage

from common.geometry import Box, around, longest_side
from preprocessing.candidates import Candidate, Rendering, Segmentation, encloses, line_candidates
from preprocessing.glyph import depths, draw_depths
from preprocessing.ink_mask import InkMask
from preprocessing.line_finding import find_lines
from preprocessing.touching import TouchingInk

MAX_PARTS = 1000  # of the ink; smaller ones are dropped
BLOB_THICKNESS = 0.4  # thickness over longest side above which ink is penalised as a blob
BORDER_CONTACT = 0.6  # contact with the border over longest side above which ink is penalised


def segment_ink(ink: InkMask, single: bool = False) -> Segmentation:
    """Find the candidates for digits in the ink of a picture.

    Args:
        ink: of the picture, with at least one pixel of ink.
        single: whether all ink that belongs together forms one digit.
    """
    return _single(ink) if single else _lines(ink)


def _single(ink: InkMask) -> Segmentation:
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
        size = longest_side(box)
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
    drawn = [draw(sorted(choice)) for choice in choices]
    return [[Candidate(0, 1, d.glyph, d.box, d.penalty + place) for place, d in enumerate(drawn)]]


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
    if len(kept) == count:
        return labels
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
        box = (left, top, right, bottom)
        touching = TouchingInk(mask, ink, (left, top))
        probability = ink.probability_of(mask, (left, top))
        return Rendering(draw_depths(depth), ink.box(box), penalty, contact > 0, touching, probability)

    return draw


def _lines(ink: InkMask) -> Segmentation:
    """Return the candidates of each line of a page."""
    labels = _connected(ink.mask)
    boxes = _boxes(labels)
    return line_candidates(find_lines(boxes), boxes, _renderer(labels, boxes, ink))

"""Turn what the ink network says of a picture into a mask of the ink."""

from dataclasses import replace

import numpy as np
import torch
from PIL import Image
from scipy import ndimage
from torch.nn import functional

from pages.finder import CLOSE_PIXELS, InkView, find_writing, look, pixels_of
from pages.plain_pictures import find_plain_ink
from pages.printed_lines import (
    LEAST_CONTRAST,
    pen_width,
    without_faint,
    without_line_parts,
    without_ruled_lines,
    without_thin,
)
from preprocessing.ink_mask import InkMask

SECOND_LOOK = 1.3  # scale of the second look at the same part
INK, SURE_INK = 0.1, 0.35  # probability of ink, and that which each part of the ink reaches somewhere
LOW = 0.45  # height, relative to the digits', of parts that are rather rests of lines
SURE_LOW_INK = 0.65  # as SURE_INK, for parts lower than LOW
# A point: its sides and its height above the foot of a digit, relative to the digits; the share of its
# box that it fills; the probability of ink, which may be low for what has the ink's colour.
POINT_SIZE, POINT_RISE, POINT_SHARE, POINT_INK = (0.06, 0.3), 0.25, 0.55, 0.03
LARGEST_DIGIT = 2.2  # longest side of a digit, relative to the height of most
TALLEST_BAR = 4.5  # a 1 alone, whose height is hard to tell
HALO = 8  # pixels of the mask by which it may be wider than the ink's colour
COLOURED_SHARE = 0.3  # of a part of the ink that has most ink's colour at least, for that to give its shape
JOINED_SHARE = 0.02  # of a part that the network found at least, for the rest to be added
LIKELY_SHARE, LEAST_DIGIT = 0.15, 0.7  # the same of a part with low ones; its height, relative to the digits'
SPECK = 0.003  # area of the smallest part of the ink, in squares of the digits' height


def find_ink(image: Image.Image, pixels: tuple[int, int, int, int] | None = None) -> InkMask | None:
    """Return what a pen wrote in a picture; None for a blank picture.

    Args:
        image: of any mode and size, as `open_picture` returns it.
        pixels: left, top, right and bottom of the part to read; None for all of it.

    Raises:
        InkError: if the picture's mode cannot be converted to RGB.
    """
    if pixels:
        ink = find_ink(image.crop(pixels))
        return ink and replace(ink, origin=(ink.origin[0] + pixels[0], ink.origin[1] + pixels[1]))
    if ink := find_plain_ink(image):
        return ink
    view = find_writing(image)
    if view.height is None:
        return None
    view = _seen_twice(image, view)
    logits = _fine_logits(view)
    mask = _mask(image, view, logits)
    left, top = view.box[:2]
    if left == 0 and view.box[2] == image.width and mask.any():
        mask = without_ruled_lines(mask, logits)
    if not mask.any():
        return None
    scale = (mask.shape[1] / (view.box[2] - left), mask.shape[0] / (view.box[3] - top))
    probabilities = (255 / (1 + np.exp(-logits))).round().astype(np.uint8)
    return InkMask(mask, scale, (left, top), probabilities)


def _seen_twice(image: Image.Image, view: InkView) -> InkView:
    """Return a view with its logits averaged with those at another scale, whose errors are others."""
    height, width = view.logits.shape
    factor = SECOND_LOOK if height * width * SECOND_LOOK**2 < CLOSE_PIXELS else 1 / SECOND_LOOK
    other = look(image, view.box, view.scale[0] * factor).logits
    resized = functional.interpolate(torch.from_numpy(other)[None, None], (height, width), mode="bilinear")
    return replace(view, logits=(view.logits + resized[0, 0].numpy()) / 2)


def _fine_logits(view: InkView) -> np.ndarray:
    """Return the logits of a view, float32, at twice its resolution unless it is large, with large digits."""
    logits = torch.from_numpy(np.ascontiguousarray(view.logits))[None, None]
    if logits.numel() <= CLOSE_PIXELS // 2 or view.height < 50:
        logits = functional.interpolate(logits, scale_factor=2, mode="bilinear")
    return logits[0, 0].numpy()


def _mask(image: Image.Image, view: InkView, logits: np.ndarray) -> np.ndarray:
    """Return the ink of a view, bool, of the shape of `logits`, which are those of the view or finer ones."""
    factor = logits.shape[0] / view.logits.shape[0]
    ink = logits > np.log(INK / (1 - INK))
    labels, count = ndimage.label(ink, np.ones((3, 3)))
    if not count:
        return ink
    numbers = np.arange(count + 1)
    best = ndimage.maximum(logits, labels, numbers)
    areas = np.bincount(labels.ravel(), minlength=count + 1)
    height = factor * view.height
    tall = np.array([0, *(rows.stop - rows.start for rows, _ in ndimage.find_objects(labels))]) > LOW * height
    sure = (best > np.log(SURE_INK / (1 - SURE_INK))) & (areas >= SPECK * height**2)
    sure[0] = False
    kept = sure & (tall | (best > np.log(SURE_LOW_INK / (1 - SURE_LOW_INK))))
    kept = kept if kept.any() else sure
    mask = kept[labels]
    return _by_colour(mask, sure[labels], logits, image, view) if mask.any() else mask


def without_crumbs(shape: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """Return the shape that its colour gives ink, without the little that ink of another colour has of it.

    Args:
        shape: bool, (H, W), what has the colour of most ink.
        mask: bool, (H, W), the ink.
    """
    parts, count = ndimage.label(mask, np.ones((3, 3)))
    shares = ndimage.mean(shape, parts, np.arange(count + 1))
    return shape & ((parts == 0) | (shares >= COLOURED_SHARE)[parts])


def _by_colour(
    mask: np.ndarray, likely: np.ndarray, logits: np.ndarray, image: Image.Image, view: InkView
) -> np.ndarray:
    """Return the ink with the shape that its colour gives it, where that is clear.

    What has the ink's colour and is joined to it is ink: of a straight stroke the network may miss a part.
    Only what is no larger than a digit counts: a digit may stand on a line of the same colour.

    Args:
        mask: bool, (H, W), the ink that was found, some of it True.
        likely: bool, (H, W), the same with parts that are low: they may be of a digit, such as a faint 1.
        logits: (H, W), of ink.
        image: the whole picture.
        view: in which it was found, of any resolution.
    """
    size, factor = mask.shape[::-1], len(mask) / len(view.logits)
    pixels = Image.fromarray(pixels_of(image, view.box, factor * view.scale[0]))
    pixels = np.asarray(pixels.resize(size, Image.Resampling.BILINEAR), np.float32)
    height = factor * view.height
    near = ndimage.binary_dilation(mask, iterations=4)
    paper = ndimage.binary_dilation(near, iterations=max(4, int(height / 8))) & ~near
    if not paper.any():
        return mask
    mask = without_faint(mask, pixels)
    tone = np.median(pixels[paper], axis=0)
    mask = without_line_parts(mask, pixels - tone, height)
    if not mask.any():
        return mask
    contrast = np.median(pixels[mask & (logits >= np.median(logits[mask]))], axis=0) - tone
    if np.abs(contrast).max() < LEAST_CONTRAST:
        return mask
    labels, count = ndimage.label((pixels - tone) @ contrast > 0.5 * contrast @ contrast, np.ones((3, 3)))
    shares, likely_shares = (ndimage.mean(ink, labels, np.arange(count + 1)) for ink in (mask, likely))
    clear = np.zeros(count + 1, bool)
    boxes = ndimage.find_objects(labels)
    for number, (rows, columns) in enumerate(boxes, 1):
        inside = rows.start > 0 and columns.start > 0 and rows.stop < len(mask) and columns.stop < size[0]
        tall, wide = rows.stop - rows.start, columns.stop - columns.start
        largest = height * (TALLEST_BAR if wide < 0.4 * tall else LARGEST_DIGIT)
        found = shares[number] > JOINED_SHARE or (
            likely_shares[number] > LIKELY_SHARE and tall > LEAST_DIGIT * height
        )
        clear[number] = inside and max(tall, wide) <= largest and found
    likeliest = ndimage.maximum(logits, labels, np.arange(count + 1))
    likely_points = np.flatnonzero((likeliest > np.log(POINT_INK / (1 - POINT_INK))) & ~clear)
    clear[_points(labels, boxes, likely_points[likely_points > 0], clear, height)] = True
    shape = without_crumbs(clear[labels], mask)
    # What the network has not found is about as thick as the pen, or else a printed line that the ink meets.
    thick = ndimage.binary_dilation(mask | without_thin(shape, pen_width(mask)), np.ones((3, 3)))
    shape &= thick
    return shape | (mask & ~ndimage.binary_dilation(shape, iterations=HALO))


def _points(
    labels: np.ndarray,
    boxes: list[tuple[slice, slice]],
    numbers: np.ndarray,
    clear: np.ndarray,
    height: float,
) -> list[int]:
    """Return which parts are round, as large as a point, and beside the foot of a digit.

    Args:
        labels: int, (H, W), the number of each part, from 1.
        boxes: rows and columns of each part.
        numbers: of the parts that may be points.
        clear: bool, (parts + 1,), which parts are ink for sure.
        height: of the digits.
    """
    digits = [boxes[number - 1] for number in np.flatnonzero(clear)]
    digits = [box for box in digits if box[0].stop - box[0].start > LEAST_DIGIT * height]
    foot, left, right = (
        np.array([getattr(box[axis], side) for box in digits])
        for axis, side in ((0, "stop"), (1, "start"), (1, "stop"))
    )
    smallest, largest = (share * height for share in POINT_SIZE)
    points = []
    for number in numbers:
        rows, columns = boxes[number - 1]
        sides = rows.stop - rows.start, columns.stop - columns.start
        if not smallest <= min(sides) <= max(sides) <= largest:
            continue
        gap = np.maximum(columns.start - right, left - columns.stop)
        beside = (gap > 0) & (gap < height) & (np.abs(rows.stop - foot) < POINT_RISE * height)
        if beside.any() and (labels[rows, columns] == number).mean() >= POINT_SHARE:
            points.append(int(number))
    return points

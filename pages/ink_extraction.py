"""Turn what the ink network says of a picture into a mask of the ink."""

from dataclasses import replace

import numpy as np
import torch
from PIL import Image
from scipy import ndimage
from torch.nn import functional

from pages.finder import CLOSE_PIXELS, View, find_writing, look, pixels_of
from pages.plain_pictures import find_plain_ink
from pages.printed_lines import (
    LEAST_CONTRAST,
    pen_width,
    without_line_parts,
    without_ruled_lines,
    without_thin,
)
from preprocessing.ink_mask import InkMask

SECOND_LOOK = 1.3  # scale of the second look at the same part
INK, SURE_INK = 0.1, 0.35  # probability of ink, and that which each part of the ink reaches somewhere
LOW = 0.45  # height, relative to the digits', of parts that are rather rests of lines
SURE_LOW_INK = 0.65  # as SURE_INK, for parts lower than LOW
LARGEST_DIGIT = 2.2  # longest side of a digit, relative to the height of most
TALLEST_BAR = 4.5  # a 1 alone, whose height is hard to tell
HALO = 8  # pixels of the mask by which it may be wider than the ink's colour
JOINED_SHARE = 0.02  # of a part that the network found at least, for the rest to be added
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
    mask = _mask(image, view)
    left, top = view.box[:2]
    if left == 0 and view.box[2] == image.width:
        mask = without_ruled_lines(mask)
    if not mask.any():
        return None
    scale = (mask.shape[1] / (view.box[2] - left), mask.shape[0] / (view.box[3] - top))
    return InkMask(mask, scale, origin=(left, top))


def _seen_twice(image: Image.Image, view: View) -> View:
    """Return a view with its logits averaged with those at another scale, whose errors are others."""
    height, width = view.logits.shape
    factor = SECOND_LOOK if height * width * SECOND_LOOK**2 < CLOSE_PIXELS else 1 / SECOND_LOOK
    other = look(image, view.box, view.scale[0] * factor).logits
    resized = functional.interpolate(torch.from_numpy(other)[None, None], (height, width), mode="bilinear")
    return replace(view, logits=(view.logits + resized[0, 0].numpy()) / 2)


def _mask(image: Image.Image, view: View) -> np.ndarray:
    """Return the ink of a view at twice its resolution, bool."""
    logits = torch.from_numpy(np.ascontiguousarray(view.logits))[None, None]
    if logits.numel() <= CLOSE_PIXELS // 2 or view.height < 50:
        logits = functional.interpolate(logits, scale_factor=2, mode="bilinear")
    logits = logits[0, 0].numpy()
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
    return _by_colour(mask, logits, image, view) if mask.any() else mask


def _by_colour(mask: np.ndarray, logits: np.ndarray, image: Image.Image, view: View) -> np.ndarray:
    """Return the ink with the shape that its colour gives it, where that is clear.

    What has the ink's colour and is joined to it is ink: of a straight stroke the network may miss a part.
    Only what is no larger than a digit counts: a digit may stand on a line of the same colour.

    Args:
        mask: bool, (H, W), the ink that was found, some of it True.
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
    tone = np.median(pixels[paper], axis=0)
    mask = without_line_parts(mask, pixels - tone, height)
    if not mask.any():
        return mask
    contrast = np.median(pixels[mask & (logits >= np.median(logits[mask]))], axis=0) - tone
    if np.abs(contrast).max() < LEAST_CONTRAST:
        return mask
    labels, count = ndimage.label((pixels - tone) @ contrast > 0.5 * contrast @ contrast, np.ones((3, 3)))
    shares = ndimage.mean(mask, labels, np.arange(count + 1))
    clear = np.zeros(count + 1, bool)
    for number, (rows, columns) in enumerate(ndimage.find_objects(labels), 1):
        inside = rows.start > 0 and columns.start > 0 and rows.stop < len(mask) and columns.stop < size[0]
        tall, wide = rows.stop - rows.start, columns.stop - columns.start
        largest = height * (TALLEST_BAR if wide < 0.4 * tall else LARGEST_DIGIT)
        clear[number] = inside and max(tall, wide) <= largest and shares[number] > JOINED_SHARE
    shape = clear[labels]
    # What the network has not found is about as thick as the pen, or else a printed line that the ink meets.
    thick = ndimage.binary_dilation(mask | without_thin(shape, pen_width(mask)), np.ones((3, 3)))
    shape &= thick
    return shape | (mask & ~ndimage.binary_dilation(shape, iterations=HALO))

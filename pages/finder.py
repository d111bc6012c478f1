"""Find the writing in a picture of any size with the ink network, and look at it closely.

A small view of the whole picture shows where something is written and how high the digits are. If they are
too small or too large there, the part of the picture with the writing is looked at again, at the scale at
which digits are about READING_HEIGHT pixels high.
"""

import functools
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from scipy import ndimage
from torch.nn import functional

from common.device import return_freed_memory
from common.files import PROJECT
from common.geometry import Box
from pages.ink_network import HEIGHT_STEP, STRIDE, InkNetwork, border_colour, load
from preprocessing.image_files import as_rgb
from preprocessing.ink_mask import InkMask

WEIGHTS = PROJECT / "checkpoints" / "ink_network.pt"
VIEW_SIDES = (320, 640, 960, 1280)  # of views of the whole picture, as if it were square: finer until sure
SMALL_VIEW = 112  # side of the last view, for blurred digits that fill a picture
SURE = 3.5  # certainty that is enough
CLOSE_PIXELS = 768 * 768  # of a close view
LONGEST_SIDE = 4096  # of a view: the network's input is at least SMALLEST_CANVAS wide
SMALLEST_SIDE = 56  # a smaller picture is enlarged
MAX_ENLARGEMENT = 4.0  # of small digits
READING_HEIGHT = 40  # of digits, in pixels of the view that is read
GOOD_HEIGHTS = (26, 80)  # of digits in a view that needs no second look
SECOND_LOOK = 1.3  # scale of the second look at the same part
MARGIN = 32  # of paper around a view, both sides together, in pixels
SMALLEST_CANVAS = 160  # sides of the network's input: it has learned from large pages
INK, SURE_INK = 0.1, 0.35  # probability of ink, and that which each part of the ink reaches somewhere
LEAST_CONTRAST = 20  # of ink on paper, 0 to 255, whose colour tells what is joined to it
LARGEST_DIGIT = 2.2  # longest side of a digit, relative to the height of most
TALLEST_BAR = 4.5  # a 1 alone, whose height is hard to tell
HALO = 8  # pixels of the mask by which it may be wider than the ink's colour
JOINED_SHARE = 0.02  # of a part that the network found at least, for the rest to be added
BORDER = 3  # pixels of the mask at its border in which a line may fade
LINE_THICKNESS = 0.12  # of a ruled line at most, relative to the height of the picture
SURE_LOW_INK = 0.65  # the same for parts lower than LOW, which are rather rests of lines
LOW = 0.45  # relative to the digits' height
SPECK = 0.003  # area of the smallest part of the ink, in squares of the digits' height


@dataclass(frozen=True)
class View:
    """What the network found in a part of the picture.

    Attributes:
        box: the part, in pixels of the picture.
        scale: pixels of the view for one of the picture, along x and y.
        logits: float32, (H, W), of ink.
        height: of the digits, in pixels of the view; None if there is no ink.
    """

    box: Box
    scale: tuple[float, float]
    logits: np.ndarray
    height: float | None

    @property
    def certainty(self) -> float:
        """The mean of the largest logits; -inf if there is no ink."""
        if self.height is None:
            return -np.inf
        count = min(self.logits.size, max(20, self.logits.size // 2000))
        return float(np.partition(self.logits.ravel(), -count)[-count:].mean())


@functools.cache
def network(path: Path = WEIGHTS) -> InkNetwork:
    """Return the shipped network, loaded once."""
    return load(path)


def ink_masks(image: Image.Image) -> list[InkMask]:
    """Return what a pen wrote in a picture: one mask, or none for a blank picture.

    Args:
        image: of any mode and size.

    Raises:
        InkError: if the picture's mode cannot be converted to RGB.
    """
    view = find_writing(image)
    if view.height is None:
        return []
    view = _seen_twice(image, view)
    mask = _mask(image, view)
    left, top = view.box[:2]
    if left == 0 and view.box[2] == image.width:
        mask = without_ruled_lines(mask)
    if not mask.any():
        return []
    scale = (mask.shape[1] / (view.box[2] - left), mask.shape[0] / (view.box[3] - top))
    return [InkMask(mask, scale, origin=(left, top))]


def _seen_twice(image: Image.Image, view: View) -> View:
    """Return a view with its logits averaged with those at another scale, whose errors are others."""
    height, width = view.logits.shape
    factor = SECOND_LOOK if height * width * SECOND_LOOK**2 < CLOSE_PIXELS else 1 / SECOND_LOOK
    other = look(image, view.box, view.scale[0] * factor).logits
    resized = functional.interpolate(torch.from_numpy(other)[None, None], (height, width), mode="bilinear")
    return replace(view, logits=(view.logits + resized[0, 0].numpy()) / 2)


def find_writing(image: Image.Image) -> View:
    """Look at a picture until the digits are of a good height for reading."""
    width, height = image.size
    whole = (0, 0, width, height)
    enlarged = max(1.0, SMALLEST_SIDE / min(width, height))
    enlarged = min(enlarged, LONGEST_SIDE / max(width, height))
    view = None
    for side in VIEW_SIDES:
        scale = min(side / (width * height) ** 0.5, enlarged)
        if view:
            return_freed_memory()  # of the view before
        seen = look(image, whole, scale)
        if view is None or seen.certainty > view.certainty:
            view = seen
        if scale >= 1 or (seen.certainty > SURE and seen.height >= GOOD_HEIGHTS[0]):
            break
        if seen.certainty > SURE and side > VIEW_SIDES[0]:
            break
    if view.height is None:
        view = look(image, whole, min(enlarged, SMALL_VIEW / (width * height) ** 0.5))
    if view.height is None or GOOD_HEIGHTS[0] <= view.height <= GOOD_HEIGHTS[1]:
        return view
    scale = view.scale[0]
    box = _written_box(view, image.size)
    wide, high = box[2] - box[0], box[3] - box[1]
    most = min(
        MAX_ENLARGEMENT * enlarged, (CLOSE_PIXELS / (wide * high)) ** 0.5, LONGEST_SIDE / max(wide, high)
    )
    closer = min(scale * READING_HEIGHT / view.height, most)
    if 0.8 < closer / scale < 1.25:
        return view
    close = look(image, box, closer)
    return view if close.height is None else close


def look(image: Image.Image, box: Box, scale: float) -> View:
    """Run the network on a part of a picture.

    Args:
        image: of any mode and size.
        box: the part, in whole pixels of the picture.
        scale: pixels of the view for one pixel of the picture.
    """
    pixels = _pixels(image, box, scale)
    height, width = pixels.shape[:2]
    padded = [max(SMALLEST_CANVAS, -(-(side + MARGIN) // STRIDE) * STRIDE) for side in (height, width)]
    top, left = (padded[0] - height) // 2, (padded[1] - width) // 2
    canvas = np.empty((*padded, 3), np.uint8)
    canvas[:] = border_colour(pixels)
    canvas[top : top + height, left : left + width] = pixels
    with torch.inference_mode():
        batch = torch.from_numpy(canvas).permute(2, 0, 1)[None].float() / 255
        logits, heights = network()(batch.contiguous(memory_format=torch.channels_last))
    cells = functional.avg_pool2d(logits.sigmoid()[:, None], HEIGHT_STEP)[0, 0].numpy()
    found = _typical_height(heights[0].numpy(), cells)
    logits = logits[0, top : top + height, left : left + width].numpy()
    scale = width / (box[2] - box[0]), height / (box[3] - box[1])
    return View(box, scale, logits, found)


def _pixels(image: Image.Image, box: Box, scale: float) -> np.ndarray:
    """Return a part of a picture, uint8 (H, W, 3), resized."""
    part = image if tuple(box) == (0, 0, *image.size) else image.crop(box)
    size = max(1, round(part.width * scale)), max(1, round(part.height * scale))
    step = int(min(part.width / size[0], part.height / size[1]) / 1.5)
    if step >= 2:
        if part.mode.startswith(("I", "F")):  # to convert all of it would take a gigabyte
            part = part.resize((part.width // step, part.height // step), Image.Resampling.NEAREST)
        else:
            part = (part if part.mode in ("L", "LA", "RGB", "RGBA") else as_rgb(part)).reduce(step)
    part = as_rgb(part)
    if part.size != size:
        part = part.resize(size, Image.Resampling.BICUBIC)
    return np.asarray(part)


def _typical_height(heights: np.ndarray, ink: np.ndarray) -> float | None:
    """Return the median of the digits' heights, weighted by ink: (cells, cells) each; None without ink."""
    weights = np.where(ink > 0.04, ink, 0).ravel()
    if weights.sum() < 0.08:
        return None
    # Large digits have more cells: each counts by the number of digits that it stands for.
    values = heights.ravel()
    order = np.argsort(values)
    passed = np.cumsum((weights / np.exp2(values))[order])
    return float(np.exp2(values[order][np.searchsorted(passed, passed[-1] / 2)]))


def _written_box(view: View, size: tuple[int, int]) -> Box:
    """Return the box around what is written, with a margin, in whole pixels of the picture."""
    sure = ndimage.binary_opening(view.logits > 0, iterations=1) if view.height > 30 else view.logits > 0
    sure = sure if sure.any() else view.logits > view.logits.max() - 1e-3
    rows, columns = np.flatnonzero(sure.any(1)), np.flatnonzero(sure.any(0))
    margin = 1.0 * view.height + 4
    (x, y), (left, top) = view.scale, view.box[:2]
    return (
        max(0, int(left + (columns[0] - margin) / x)),
        max(0, int(top + (rows[0] - margin) / y)),
        min(size[0], int(np.ceil(left + (columns[-1] + margin) / x))),
        min(size[1], int(np.ceil(top + (rows[-1] + margin) / y))),
    )


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
    return _by_colour(mask, image, view) if mask.any() else mask


def _by_colour(mask: np.ndarray, image: Image.Image, view: View) -> np.ndarray:
    """Return the ink with the shape that its colour gives it, where that is clear.

    What has the ink's colour and is joined to it is ink: of a straight stroke the network may miss a part.
    Only what is no larger than a digit counts: a digit may stand on a line of the same colour.

    Args:
        mask: bool, (H, W), the ink that was found, some of it True.
        image: the whole picture.
        view: in which it was found, of any resolution.
    """
    size, factor = mask.shape[::-1], len(mask) / len(view.logits)
    logits = np.asarray(Image.fromarray(view.logits).resize(size, Image.Resampling.BILINEAR))
    pixels = Image.fromarray(_pixels(image, view.box, factor * view.scale[0]))
    pixels = np.asarray(pixels.resize(size, Image.Resampling.BILINEAR), np.float32)
    height = factor * view.height
    near = ndimage.binary_dilation(mask, iterations=4)
    paper = ndimage.binary_dilation(near, iterations=max(4, int(height / 8))) & ~near
    if not paper.any():
        return mask
    tone = np.median(pixels[paper], axis=0)
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
    return shape | (mask & ~ndimage.binary_dilation(shape, iterations=HALO))


def without_ruled_lines(mask: np.ndarray) -> np.ndarray:
    """Remove thin strokes that come level from the left or right border: rests of ruled lines.

    A digit that was cut out close has such ends too, the bar of a 7 for one, but it also reaches the upper
    and the lower border.

    Args:
        mask: bool, (H, W), the ink of a picture over its whole width.

    Returns:
        The same mask, or a copy without the lines up to where they meet other ink.
    """
    if mask[0].any() and mask[-1].any():
        return mask
    cleared = mask.copy()
    for side in (cleared, cleared[:, ::-1]):
        for start, stop in _runs(side[:, min(BORDER, mask.shape[1] - 1)]):
            if stop - start <= LINE_THICKNESS * len(mask):
                _erase_line(side, start, stop)
    return cleared


def _erase_line(mask: np.ndarray, start: int, stop: int) -> None:
    """Erase a line from the left border as far as it stays thin, in place; it has rows `start:stop` there."""
    thickest = 2 * (stop - start) + 2
    for x in range(mask.shape[1]):
        run = next((run for run in _runs(mask[:, x]) if run[0] < stop and run[1] > start), None)
        if run is None and x <= BORDER:
            continue
        if run is None or run[1] - run[0] > thickest:
            return
        start, stop = run
        mask[start:stop, x] = False


def _runs(column: np.ndarray) -> list[tuple[int, int]]:
    """Return the start and stop of each run of True in a column."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], column, [False]]).astype(np.int8)))
    return [(int(start), int(stop)) for start, stop in zip(edges[::2], edges[1::2], strict=True)]

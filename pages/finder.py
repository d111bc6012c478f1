"""Find the writing in a picture of any size with the ink network, and look at it closely.

A small view of the whole picture shows where something is written and how high the digits are. If they are
too small or too large there, the part of the picture with the writing is looked at again, at the scale at
which digits are about READING_HEIGHT pixels high.
"""

import functools
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from scipy import ndimage
from torch import Tensor
from torch.nn import functional

from common.device import return_freed_memory
from common.files import PROJECT
from common.geometry import Box
from pages.ink_network import HEIGHT_STEP, STRIDE, InkNetwork, border_colour, load
from preprocessing.image_files import as_rgb

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
MARGIN = 32  # of paper around a view, both sides together, in pixels
MAX_AT_ONCE = 1024 * 1024  # pixels of the network's input, for which it takes 200 MB
OVERLAP = 128  # rows of an input that is divided, a multiple of STRIDE: its logits differ by less than 0.2
SMALLEST_CANVAS = 160  # sides of the network's input: it has learned from large pages


@dataclass(frozen=True)
class InkView:
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
        """The mean of the largest logits, of fewer if there is little ink; -inf if there is none."""
        if self.height is None:
            return -np.inf
        count = min(self.logits.size // 2000, np.count_nonzero(self.logits > 0))
        count = min(max(count, 20), self.logits.size)
        return float(np.partition(self.logits.ravel(), -count)[-count:].mean())


@functools.cache
def network(path: Path = WEIGHTS) -> InkNetwork:
    """Return the shipped network, loaded once."""
    return load(path)


def find_writing(image: Image.Image) -> InkView:
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
        # Writing found in the first view may be too small to be seen well; a finer one is then enough.
        enough = seen.certainty > SURE and (seen.height >= GOOD_HEIGHTS[0] or side > VIEW_SIDES[0])
        if enough or scale >= 1:
            break
    if view.certainty < SURE:
        small = look(image, whole, min(enlarged, SMALL_VIEW / (width * height) ** 0.5))
        view = max(view, small, key=lambda seen: seen.certainty)
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


def look(image: Image.Image, box: Box, scale: float) -> InkView:
    """Run the network on a part of a picture.

    Args:
        image: of any mode and size.
        box: the part, in whole pixels of the picture.
        scale: pixels of the view for one pixel of the picture.
    """
    pixels = pixels_of(image, box, scale)
    height, width = pixels.shape[:2]
    padded = [max(SMALLEST_CANVAS, -(-(side + MARGIN) // STRIDE) * STRIDE) for side in (height, width)]
    top, left = (padded[0] - height) // 2, (padded[1] - width) // 2
    canvas = np.empty((*padded, 3), np.uint8)
    canvas[:] = border_colour(pixels)
    canvas[top : top + height, left : left + width] = pixels
    logits, heights = _run_network(canvas)
    cells = functional.avg_pool2d(logits.sigmoid()[None], HEIGHT_STEP)[0].numpy()
    found = _typical_height(heights.numpy(), cells)
    logits = logits[top : top + height, left : left + width].numpy()
    scale = width / (box[2] - box[0]), height / (box[3] - box[1])
    return InkView(box, scale, logits, found)


def _run_network(canvas: np.ndarray) -> tuple[Tensor, Tensor]:
    """Return logits of ink, (H, W), and log2 of heights for a picture, uint8 (H, W, 3).

    The halves of a large one are looked at one after the other, which takes less memory.
    """
    height, middle = len(canvas), len(canvas) // 2 // STRIDE * STRIDE
    if canvas[..., 0].size <= MAX_AT_ONCE:
        middle, parts = height, [(0, height)]
    else:
        parts = [(0, middle + OVERLAP), (middle - OVERLAP, height)]
    kept: tuple[list[Tensor], list[Tensor]] = [], []
    for (start, stop), (first, last) in zip(parts, ((0, middle), (middle, height)), strict=False):
        with torch.inference_mode():
            answers = network()(torch.from_numpy(canvas[start:stop]).permute(2, 0, 1)[None].float().div_(255))
        if len(parts) > 1:
            return_freed_memory()
        for found, answer, step in zip(kept, answers, (1, HEIGHT_STEP), strict=True):
            found.append(answer[0, (first - start) // step : (last - start) // step])
    return torch.cat(kept[0]), torch.cat(kept[1])


def pixels_of(image: Image.Image, box: Box, scale: float) -> np.ndarray:
    """Return a part of a picture, resized.

    Args as for `look`.

    Returns:
        uint8, (H, W, 3).

    Raises:
        InkError: if the picture's mode cannot be converted to RGB.
    """
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


def _written_box(view: InkView, size: tuple[int, int]) -> Box:
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

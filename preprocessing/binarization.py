"""Tell ink from paper in a picture.

In a photograph the edge of a shadow, a ruled line or the table may be as dark as the pen. Therefore several
hypotheses are returned, and the recognizer picks the one whose digits it reads best.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageFilter
from scipy import ndimage
from skimage.filters import threshold_otsu

from preprocessing.image_files import WORKING_PIXELS, WORKING_SIDE, as_rgb, reduced

MIN_CONTRAST = 0.04  # pixels that differ less from the paper, as a share of its brightness, are never ink
POLARITY_PENALTY = 2  # of the less likely polarity
LINE_SLOPES = np.linspace(-0.26, 0.26, 53)  # of ruled lines: tangents of up to 15 degrees
STROKE_WIDTHS = (0.4, 0.2, 0.1)  # widest strokes to look for, one mask each; shares of the shorter side


@dataclass(frozen=True)
class InkMask:
    """One hypothesis about which pixels are ink.

    Attributes:
        mask: bool, (H, W), True for ink, in the resized working copy of the picture.
        scale: pixels of the working copy for one pixel of the original, along x and along y.
        penalty: 0 for the likelier polarity (dark on light, or light on dark), else POLARITY_PENALTY.
    """

    mask: np.ndarray
    scale: tuple[float, float]
    penalty: int = 0


def ink_masks(image: Image.Image) -> list[InkMask]:
    """Return all hypotheses about which pixels are ink, the likeliest first.

    Args:
        image: of any mode and size.

    Returns:
        Masks that differ from one another; none for a blank picture.

    Raises:
        InkError: if the picture's mode cannot be converted to RGB.
    """
    pixels, scale = _working_copy(image)
    if min(pixels.shape[:2]) < 2:
        return []
    found: list[InkMask] = []
    for place, inverted in enumerate(_polarities(pixels)):
        # The minimum over the channels shows a pen of any colour on paper of any colour.
        grey = (255 - pixels if inverted else pixels).min(2)
        bilevel = _bilevel(grey)
        for mask in _photograph_masks(grey) if bilevel is None else [bilevel]:
            cleaned = _without_lines(_without_frame(mask))
            if not cleaned.any() and ndimage.label(mask)[1] > 2:
                continue  # blank ruled paper; a single line may be a 1
            for candidate in (cleaned, mask):
                if candidate.any() and not any(_nearly_equal(candidate, ink.mask) for ink in found):
                    found.append(InkMask(candidate, scale, place * POLARITY_PENALTY))
    return found


def _working_copy(image: Image.Image) -> tuple[np.ndarray, tuple[float, float]]:
    """Return the resized picture, RGB, float32 (H, W, 3) in [0, 255], and its scale along x and y."""
    width, height = image.size
    image = as_rgb(reduced(image))
    scale = min((WORKING_PIXELS / (width * height)) ** 0.5, max(1.0, WORKING_SIDE / min(width, height)))
    size = (max(1, round(scale * width)), max(1, round(scale * height)))
    if size != image.size:
        image = image.resize(size, Image.Resampling.BICUBIC)
    return np.asarray(image, np.float32), (size[0] / width, size[1] / height)


def _polarities(pixels: np.ndarray) -> list[bool]:
    """Return whether the ink is lighter than the paper, the likelier answer first, both if uncertain.

    Ink differs most from the median of its neighbourhood. A small neighbourhood works in uneven light, a
    large one for thick strokes.
    """
    small = Image.fromarray(pixels.mean(2).astype(np.uint8))
    small.thumbnail((48, 48))
    grey = np.asarray(small, np.float32)
    answers = []
    for share in (6, 2):
        difference = grey - ndimage.median_filter(grey, max(grey.shape) // share | 1)
        answers.append(bool((difference**3).sum() > 0))
    return list(dict.fromkeys(reversed(answers)))


def _bilevel(grey: np.ndarray) -> np.ndarray | None:
    """Return the ink of a scan or drawing in two even tones, bool (H, W); None for any other picture."""
    if np.ptp(grey) < 255 * MIN_CONTRAST:
        return None
    level = threshold_otsu(grey)
    dark = grey <= level
    within = dark * grey[dark].std() + ~dark * grey[~dark].std()
    two_tones = grey.std() > 4 * np.sqrt((within**2).mean())
    thin = ndimage.distance_transform_edt(dark).max() < 0.3 * min(grey.shape)
    return dark if two_tones and thin else None


def _photograph_masks(grey: np.ndarray) -> Iterator[np.ndarray]:
    """Yield the ink of a photograph, bool (H, W), for each of STROKE_WIDTHS."""
    side = min(grey.shape)
    smooth = Image.fromarray(grey.astype(np.uint8)).filter(ImageFilter.MedianFilter(3))
    smooth = ndimage.gaussian_filter(np.asarray(smooth, np.float32), max(0.6, side / 500))
    for share in STROKE_WIDTHS:
        contrast = _contrast(smooth, int(share * side))
        if (level := _threshold(contrast)) is not None:
            yield contrast > level


def _contrast(grey: np.ndarray, widest: int) -> np.ndarray:
    """Return how much darker each pixel is than the paper around it, 0 to 1.

    The brightness of the paper is estimated by a grey closing, which removes dark strokes narrower than
    `widest` pixels. Uneven light and the shadows of hands are wider and count as paper.
    """
    reach = min(widest | 1, 2 * min(grey.shape) - 1)
    padded = np.pad(grey, reach, mode="symmetric")
    paper = ndimage.grey_closing(padded, size=(reach, reach))[reach:-reach, reach:-reach]
    paper = ndimage.gaussian_filter(paper, min(grey.shape) / 60)
    return ((paper - grey) / (paper + 20)).clip(0, 1)


def _threshold(contrast: np.ndarray) -> float | None:
    """Return the contrast above which a pixel is ink, or None if there is no ink.

    The threshold lies midway between the means of ink and paper, but above the paper's noise.

    Source: Ridler and Calvard, "Picture Thresholding Using an Iterative Selection Method", 1978.
    """
    median = np.median(contrast)
    noise = 1.48 * np.median(np.abs(contrast - median)) + 0.004
    minimum = max(MIN_CONTRAST, median + 4 * noise)
    level = max(threshold_otsu(contrast), minimum)
    for _ in range(20):
        ink = contrast > level
        if not ink.any():
            return None
        next_level = max((contrast[ink].mean() + contrast[~ink].mean()) / 2, minimum)
        if abs(next_level - level) < 1e-3:
            break
        level = next_level
    return float(level)


def _without_frame(mask: np.ndarray) -> np.ndarray:
    """Return `mask` without dark bands along the picture's borders, such as the table below a sheet."""
    mask = mask.copy()
    for side in (mask, mask[::-1], mask.T, mask.T[::-1]):
        covered = side[: len(side) // 7].mean(1) > 0.6
        if covered[:3].any():
            side[: np.flatnonzero(covered)[-1] + 3] = False
    return mask


def _without_lines(mask: np.ndarray) -> np.ndarray:
    """Return `mask` without the thin straight lines of ruled paper, which cross most of the picture.

    Where a stroke crosses such a line, the stroke is kept.
    """
    mask = mask.copy()
    for view in (mask, mask.T):
        columns, tops, bottoms = _vertical_runs(view)
        thin = bottoms - tops < max(5, 0.06 * min(mask.shape))
        columns, tops, bottoms = columns[thin], tops[thin], bottoms[thin]
        for run in np.flatnonzero(_on_lines(columns, (tops + bottoms) / 2, view.shape)):
            view[tops[run] : bottoms[run], columns[run]] = False
    return mask


def _vertical_runs(mask: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the column, the first row and the row after the last of every vertical run of ink."""
    steps = np.diff(mask.T.astype(np.int8), axis=1, prepend=0, append=0)
    columns, tops = np.nonzero(steps == 1)
    return columns, tops, np.nonzero(steps == -1)[1]


def _on_lines(x: np.ndarray, y: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    """Return which of the points (x, y) lie on a line from left to right, at up to 15 degrees.

    Uses a Hough transform.
    """
    height, width = shape
    found = np.zeros(len(x), bool)
    reach = int(LINE_SLOPES[-1] * width / 2) + 2
    for slope in LINE_SLOPES:
        rise = np.sort(slope * (np.arange(width) - width / 2))
        rows = np.round(y - slope * (x - width / 2)).astype(int) + reach
        count = np.convolve(np.bincount(rows, minlength=height + 2 * reach), np.ones(5), "same")
        level = np.arange(len(count)) - reach
        # Number of columns of the picture that the line at each level crosses.
        length = np.searchsorted(rise, height - level) - np.searchsorted(rise, -level)
        full = (count > 0.8 * length) & (length > 0.4 * width)
        found |= np.convolve(full, np.ones(5), "same")[rows] > 0
    return found


def _nearly_equal(first: np.ndarray, second: np.ndarray) -> bool:
    """Return whether two masks share more than 97 % of their ink."""
    return bool((first & second).sum() > 0.97 * (first | second).sum())

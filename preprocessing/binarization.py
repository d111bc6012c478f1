"""Ink or paper: masks of the pixels of a picture that are ink.

What counts as ink is not certain in a photograph: a shadow's edge, a ruled line or a dark table may be as
dark as the pen. So several hypotheses are returned, and the recognizer picks the one whose digits it reads
best.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageFilter
from scipy import ndimage
from skimage.filters import threshold_otsu

from preprocessing.image_files import PIXELS, SHORTEST, as_rgb, reduced

FAINTEST = 0.04  # of the paper's brightness: what differs less from paper is never ink
UNLIKELY = 2  # doubts of the less likely polarity
SLOPES = np.linspace(-0.26, 0.26, 53)  # of ruled lines: tangents of up to 15 degrees
BACKGROUNDS = (0.4, 0.2, 0.1)  # widest stroke that counts as ink, as a share of the shorter side


@dataclass(frozen=True)
class InkMask:
    """One way to tell ink from paper.

    Attributes:
        mask: bool, (H, W), True for ink, of the picture that was worked on.
        scale: pixels of that picture for one pixel of the original, along x and along y.
        doubts: 0 where the likelier of dark on light and light on dark was taken, else UNLIKELY.
    """

    mask: np.ndarray
    scale: tuple[float, float]
    doubts: int = 0


def find_ink(image: Image.Image) -> list[InkMask]:
    """Ways to tell ink from paper in `image` (any mode and size), all different, the likeliest first.

    None if it is blank.

    Raises:
        InkError: if the picture's mode cannot be converted to colours.
    """
    pixels, scale = _working_copy(image)
    if min(pixels.shape[:2]) < 2:
        return []
    found: list[InkMask] = []
    for place, inverted in enumerate(_polarities(pixels)):
        # The darkest channel shows a pen of any colour on paper of any colour.
        grey = (255 - pixels if inverted else pixels).min(2)
        even = _bilevel(grey)
        for mask in _uneven(grey) if even is None else [even]:
            cleaned = _without_lines(_without_frame(mask))
            if not cleaned.any() and ndimage.label(mask)[1] > 2:
                continue  # ruled paper with nothing on it; a lone line may be a 1
            for version in (cleaned, mask):
                if version.any() and not any(_nearly_equal(version, ink.mask) for ink in found):
                    found.append(InkMask(version, scale, place * UNLIKELY))
    return found


def _working_copy(image: Image.Image) -> tuple[np.ndarray, tuple[float, float]]:
    """RGB, float32 (H, W, 3) in [0, 255], and its scale along x and y."""
    width, height = image.size
    image = as_rgb(reduced(image))
    scale = min((PIXELS / (width * height)) ** 0.5, max(1.0, SHORTEST / min(width, height)))
    size = (max(1, round(scale * width)), max(1, round(scale * height)))
    if size != image.size:
        image = image.resize(size, Image.Resampling.BICUBIC)
    return np.asarray(image, np.float32), (size[0] / width, size[1] / height)


def _polarities(pixels: np.ndarray) -> list[bool]:
    """Whether the ink is lighter than the paper: the likelier answer first, both where it is uncertain.

    Ink is what differs most from its surroundings, whose brightness is their median. Narrow surroundings
    tell it in uneven light, wide ones for thick strokes.
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
    """The ink of a scan or a drawing in two even tones, bool (H, W); None for any other picture."""
    if np.ptp(grey) < 255 * FAINTEST:
        return None
    level = threshold_otsu(grey)
    dark = grey <= level
    within = dark * grey[dark].std() + ~dark * grey[~dark].std()
    even = grey.std() > 4 * np.sqrt((within**2).mean())
    thin = ndimage.distance_transform_edt(dark).max() < 0.3 * min(grey.shape)
    return dark if even and thin else None


def _uneven(grey: np.ndarray) -> Iterator[np.ndarray]:
    """The ink of a photograph, bool (H, W), for ever narrower strokes."""
    side = min(grey.shape)
    smooth = Image.fromarray(grey.astype(np.uint8)).filter(ImageFilter.MedianFilter(3))
    smooth = ndimage.gaussian_filter(np.asarray(smooth, np.float32), max(0.6, side / 500))
    for share in BACKGROUNDS:
        contrast = _contrast(smooth, int(share * side))
        if (level := _threshold(contrast)) is not None:
            yield contrast > level


def _contrast(grey: np.ndarray, widest: int) -> np.ndarray:
    """How much darker than the paper around it, 0 to 1, each pixel is.

    The paper is what remains of the picture when everything dark and narrower than `widest` pixels is
    filled in (grey closing), so uneven light and the shadows of hands do not count as ink.
    """
    reach = min(widest | 1, 2 * min(grey.shape) - 1)
    padded = np.pad(grey, reach, mode="symmetric")
    paper = ndimage.grey_closing(padded, size=(reach, reach))[reach:-reach, reach:-reach]
    paper = ndimage.gaussian_filter(paper, min(grey.shape) / 60)
    return ((paper - grey) / (paper + 20)).clip(0, 1)


def _threshold(contrast: np.ndarray) -> float | None:
    """The contrast above which a pixel is ink: midway between the means of ink and paper (Ridler and
    Calvard, 1978), but clear of the paper's noise; None if nothing is."""
    usual = np.median(contrast)
    noise = 1.48 * np.median(np.abs(contrast - usual)) + 0.004
    least = max(FAINTEST, usual + 4 * noise)
    level = max(threshold_otsu(contrast), least)
    for _ in range(20):
        ink = contrast > level
        if not ink.any():
            return None
        next_level = max((contrast[ink].mean() + contrast[~ink].mean()) / 2, least)
        if abs(next_level - level) < 1e-3:
            break
        level = next_level
    return float(level)


def _without_frame(mask: np.ndarray) -> np.ndarray:
    """`mask` without dark bands along the picture's borders, as of the table under a sheet."""
    mask = mask.copy()
    for side in (mask, mask[::-1], mask.T, mask.T[::-1]):
        covered = side[: len(side) // 7].mean(1) > 0.6
        if covered[:3].any():
            side[: np.flatnonzero(covered)[-1] + 3] = False
    return mask


def _without_lines(mask: np.ndarray) -> np.ndarray:
    """`mask` without the thin straight lines that run through most of the picture, as of ruled paper.

    Where a stroke crosses such a line it stays.
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
    """Column, first row and row after the last of every vertical run of ink."""
    steps = np.diff(mask.T.astype(np.int8), axis=1, prepend=0, append=0)
    columns, tops = np.nonzero(steps == 1)
    return columns, tops, np.nonzero(steps == -1)[1]


def _on_lines(x: np.ndarray, y: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    """Which of the points (x, y) lie on a line from left to right, at up to 15 degrees: a Hough transform."""
    height, width = shape
    found = np.zeros(len(x), bool)
    reach = int(SLOPES[-1] * width / 2) + 2
    for slope in SLOPES:
        rise = np.sort(slope * (np.arange(width) - width / 2))
        rows = np.round(y - slope * (x - width / 2)).astype(int) + reach
        count = np.convolve(np.bincount(rows, minlength=height + 2 * reach), np.ones(5), "same")
        level = np.arange(len(count)) - reach
        # How many columns of the picture the line at each level runs through.
        length = np.searchsorted(rise, height - level) - np.searchsorted(rise, -level)
        full = (count > 0.8 * length) & (length > 0.4 * width)
        found |= np.convolve(full, np.ones(5), "same")[rows] > 0
    return found


def _nearly_equal(first: np.ndarray, second: np.ndarray) -> bool:
    return bool((first & second).sum() > 0.97 * (first | second).sum())

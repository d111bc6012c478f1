"""Find the ink of a small picture on even paper by its tone, for which no network is needed."""

import numpy as np
from PIL import Image
from scipy import ndimage

from preprocessing.image_files import as_rgb
from preprocessing.ink_mask import InkMask

LARGEST_SIDE = 64  # of such a picture, in pixels: larger ones may show lines, boxes or print
MASK_SIDE = 84  # of the mask, about; of a larger picture its own
EVEN = 12  # most that paper differs from its tone, 0 to 255
EVEN_BORDER, EVEN_SHARE = 0.95, 0.97  # shares that are even paper: of the border, of what is not near the ink
LEAST_CONTRAST = 60  # of ink on paper, 0 to 255
INK_SHARE = 0.6  # of all pixels at most


def find_plain_ink(image: Image.Image) -> InkMask | None:
    """Return the ink of a small picture if its paper is even and its ink clear, else None.

    Args:
        image: of any mode and size.

    Raises:
        InkError: if the picture's mode cannot be converted to RGB.
    """
    if max(image.size) > LARGEST_SIDE or min(image.size) < 3:
        return None
    grey = image if image.mode == "L" else as_rgb(image).convert("L")
    tones = np.asarray(grey, np.float32)
    border = np.concatenate([tones[0], tones[-1], tones[1:-1, 0], tones[1:-1, -1]])
    paper = np.median(border)
    if (np.abs(border - paper) <= EVEN).mean() < EVEN_BORDER:
        return None
    lightest, darkest = tones.max() - paper, paper - tones.min()
    contrast = lightest if lightest > darkest else -darkest
    if max(lightest, darkest) < LEAST_CONTRAST or min(lightest, darkest) > EVEN:
        return None
    near = ndimage.binary_dilation((tones - paper) / contrast > 0.5, np.ones((3, 3)), iterations=2)
    even = np.abs(tones - paper)[~near] <= EVEN
    if near.mean() > INK_SHARE or not even.size or even.mean() < EVEN_SHARE:
        return None
    finer = max(1, round(MASK_SIDE / max(image.size)))
    size = (finer * image.width, finer * image.height)
    resized = np.asarray(grey.resize(size, Image.Resampling.BICUBIC), np.float32)
    return InkMask((resized - paper) / contrast > 0.5, (float(finer), float(finer)))

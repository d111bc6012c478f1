"""Ink in the form of MNIST's images: longest side 20 pixels, MNIST's pen width, soft edges, centre of mass
on pixel 14 after a shift by whole pixels.

Strokes are drawn afresh from their points, a picture's ink from the distance to its outline. Both are the
same computation: how deep inside the ink, or how far outside, each of the 28x28 pixels lies.
"""

from collections.abc import Callable

import numpy as np
from scipy import ndimage
from scipy.spatial import cKDTree

from common.geometry import Box

SIZE, LONGEST, CENTRE = 28, 20, 14  # of MNIST's images, in pixels
PEN = 2.5  # width of the pen, in pixels of those images
SOFT = 2.2  # width of its soft edge
PENS = (2.0, 3.6)  # the width of a picture's strokes is brought into this range
MOST_CHANGE = 1.0  # pixels by which each side of a stroke may be moved to get there
MOST_BLUR = 30  # pixels; of a strip of thousands of pixels, no digit, more would take seconds
MOST_SEGMENTS = 4_000  # for which the distance is computed exactly
SPACING = 0.3  # pixels between the points that a stroke is drawn from
_PIXELS = np.stack(np.meshgrid(np.arange(SIZE), np.arange(SIZE)), -1).reshape(-1, 2) + 0.5  # (x, y)


def draw_strokes(strokes: list[np.ndarray], box: Box, pen: float = PEN) -> np.ndarray:
    """The glyph of strokes.

    Args:
        strokes: each float64, (points, 2), at least one point.
        box: around all of them.
        pen: width of the pen, in pixels of the glyph, below 20.

    Returns:
        float32, (28, 28), ink 1 on 0.
    """
    low, high = np.array(box[:2]), np.array(box[2:])
    extent = (high - low).max()
    scale = (LONGEST - pen) / extent if extent > 0 else 0.0
    scaled = [_thinned((stroke - low) * scale) + pen / 2 for stroke in strokes]
    starts = np.concatenate([stroke[: max(1, len(stroke) - 1)] for stroke in scaled])
    ends = np.concatenate([stroke[min(1, len(stroke) - 1) :] for stroke in scaled])

    inked = (high - low) * scale + pen

    def depth(pixels: np.ndarray) -> np.ndarray:
        inside = np.full(len(pixels), -SOFT)  # paper, as far from the ink as makes no difference
        margin = SOFT / 2 + SPACING
        near = ((pixels > -margin) & (pixels < inked + margin)).all(1)
        inside[near] = pen / 2 - _distance(pixels[near], starts, ends)
        return inside

    return _render(inked, depth)


def _thinned(stroke: np.ndarray) -> np.ndarray:
    """The stroke without points that lie closer than SPACING along its way; its ends stay."""
    if len(stroke) < 3:
        return stroke
    way = way_along(stroke)
    keep = np.diff(np.floor(way / SPACING), prepend=-1) > 0
    keep[-1] = True
    return stroke[keep]


def way_along(stroke: np.ndarray) -> np.ndarray:
    """How far the pen has gone at each of a stroke's points: (points,), from 0."""
    return np.concatenate([[0], np.hypot(*(stroke[1:] - stroke[:-1]).T).cumsum()])


def _distance(pixels: np.ndarray, starts: np.ndarray, ends: np.ndarray) -> np.ndarray:
    """From each of (N, 2) pixels to the nearest of (M, 2) to (M, 2) line segments: (N,)."""
    along = ends - starts
    if len(starts) > MOST_SEGMENTS:
        # So many lie close together: nearest of the cells that they run through.
        steps = np.linspace(0, 1, 16)[:, None, None]
        across, down = np.round((starts + steps * along).reshape(-1, 2) / SPACING).astype(int).T
        cells = np.zeros(2 * [round(LONGEST / SPACING) + 1], bool)
        cells[across, down] = True
        return cKDTree(np.argwhere(cells) * SPACING).query(pixels)[0]
    length = np.hypot(*along.T)
    # A point has no direction, and any will do.
    ahead = np.where(length[:, None] > 1e-6, along / np.maximum(length, 1e-6)[:, None], (1.0, 0.0))
    aside = ahead[:, ::-1] * (-1, 1)
    # Each pixel as seen from the middle of each segment: beyond which end, how far to which side. Of shape
    # (M, N), since the least of many rows is found faster than the least within each of many rows.
    middle = (starts + ends) / 2
    beyond = np.abs(ahead @ pixels.T - (ahead * middle).sum(1, keepdims=True))
    beyond -= length[:, None] / 2
    np.maximum(beyond, 0, out=beyond)
    beside = aside @ pixels.T - (aside * middle).sum(1, keepdims=True)
    beyond *= beyond
    beside *= beside
    beyond += beside
    return np.sqrt(beyond.min(0))


def depths(mask: np.ndarray) -> np.ndarray:
    """How deep in the ink each pixel of `mask`, bool (H, W), lies, with a border of paper: (H + 2, W + 2)."""
    return ndimage.distance_transform_edt(np.pad(mask, 1))


def draw_depths(inside: np.ndarray) -> np.ndarray:
    """The glyph of a picture's ink: float32, (28, 28), ink 1 on 0.

    Args:
        inside: as `depths` gives it, of a mask cropped to its ink.
    """
    outline = (inside - ndimage.distance_transform_edt(inside == 0))[1:-1, 1:-1]
    height, width = outline.shape
    longest = max(height, width)
    pen = pen_width(inside)
    # Moving each side by `change` brings the strokes to MNIST's widths once the longest side is 20 pixels.
    wanted = float(np.clip(LONGEST * pen / longest, *PENS))
    change = (wanted * longest - LONGEST * pen) / (2 * (LONGEST - wanted))
    limit = MOST_CHANGE * longest / LONGEST
    change = float(np.clip(change, -limit, limit))
    scale = LONGEST / (longest + 2 * change)
    outline = np.pad(outline, 1, mode="edge")
    if scale < 1:
        outline = ndimage.gaussian_filter(outline, min(0.3 / scale, MOST_BLUR))

    def depth(pixels: np.ndarray) -> np.ndarray:
        at = pixels / scale - change - 0.5  # in (x, y) of the mask's pixels
        edge = at.clip([0, 0], [width - 1, height - 1])
        value = ndimage.map_coordinates(outline, (edge + 1).T[::-1], order=1)
        return (value - np.hypot(*(at - edge).T) + change) * scale

    return _render((np.array([width, height]) + 2 * change) * scale, depth)


def pen_width(inside: np.ndarray) -> float:
    """Typical stroke width: twice the median depth along the middle of the strokes."""
    ridge = inside[(inside == ndimage.maximum_filter(inside, 3)) & (inside > 0)]
    return 2 * float(np.median(ridge))


def _render(extent: np.ndarray, depth: Callable[[np.ndarray], np.ndarray]) -> np.ndarray:
    """Ink of `extent` (width, height) pixels as MNIST has it.

    Args:
        depth: how far inside the ink, in pixels, each of (N, 2) points lies, counted from the top left
            corner of its box; negative outside.
    """
    corner = np.round(CENTRE - extent / 2)
    return centred((depth(_PIXELS - corner).reshape(SIZE, SIZE) / SOFT + 0.5).clip(0, 1))


def centred(glyph: np.ndarray) -> np.ndarray:
    """`glyph` shifted by whole pixels, so that its centre of mass rounds to (14, 14): float32, (28, 28)."""
    total = glyph.sum()
    if total == 0:
        return glyph.astype(np.float32)
    pixels = np.arange(SIZE)
    shift = [-int(np.floor((glyph.sum(axis) @ pixels) / total - CENTRE + 0.5)) for axis in (1, 0)]
    return ndimage.shift(glyph.astype(np.float32), shift, order=0, mode="constant")

"""Draw ink as a glyph: a 28x28 image in the form of MNIST's.

The longest side of the ink is 20 pixels, strokes are as wide as MNIST's and have soft edges, and a shift by
whole pixels brings the centre of mass to pixel 14.

Strokes are drawn from their points, the ink of a picture from the distance to its outline. Either way the
signed distance of each pixel to the edge of the ink is computed, positive inside.
"""

from collections.abc import Callable

import numpy as np
from scipy import ndimage

from common.geometry import Box

# Of MNIST's images, in pixels: side of the image, longest side of the ink, place of the centre of mass.
SIZE, LONGEST, CENTRE = 28, 20, 14
PEN_WIDTH = 2.5  # of the pen that draws strokes; this and all below in pixels of the glyph
EDGE_WIDTH = 2.2  # of the soft edge
PICTURE_PEN_WIDTHS = (2.0, 3.6)  # range to which the width of a picture's strokes is adjusted
MAX_PEN_CHANGE = 1.0  # by which each side of a stroke may be moved for that
MAX_BLUR = 30  # in pixels of the picture; a strip of thousands of pixels, not a digit, would take seconds
MAX_SEGMENTS = 4_000  # of strokes, for which the distance is computed exactly
SPACING = 0.3  # between the points that a stroke is drawn from
_PIXELS = np.stack(np.meshgrid(np.arange(SIZE), np.arange(SIZE)), -1).reshape(-1, 2) + 0.5  # (x, y)


def draw_strokes(strokes: list[np.ndarray], box: Box, pen: float = PEN_WIDTH) -> np.ndarray:
    """Draw strokes as a glyph.

    Args:
        strokes: each float64, (points, 2), with at least one point.
        box: the bounding box of all strokes.
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
        inside = np.full(len(pixels), -EDGE_WIDTH)  # white; farther pixels look the same
        margin = EDGE_WIDTH / 2 + SPACING
        near = ((pixels > -margin) & (pixels < inked + margin)).all(1)
        inside[near] = pen / 2 - _distance(pixels[near], starts, ends)
        return inside

    return _render(inked, depth)


def _thinned(stroke: np.ndarray) -> np.ndarray:
    """Return a stroke without points closer than SPACING to the one before; both ends are kept."""
    if len(stroke) < 3:
        return stroke
    keep = np.diff(np.floor(arc_length(stroke) / SPACING), prepend=-1) > 0
    keep[-1] = True
    return stroke[keep]


def arc_length(stroke: np.ndarray) -> np.ndarray:
    """Return the length of a stroke from its start to each of its points: (points,), from 0."""
    return np.concatenate([[0], np.hypot(*(stroke[1:] - stroke[:-1]).T).cumsum()])


def resampled(stroke: np.ndarray, spacing: float) -> np.ndarray:
    """Return points along a stroke that are at most `spacing` apart; at most 100,002 of them.

    Args:
        stroke: float64, (points, 2).
        spacing: in the stroke's unit, above 0.
    """
    if len(stroke) < 2:
        return stroke
    length = arc_length(stroke)
    at = np.linspace(0, length[-1], int(min(length[-1] / spacing, 100_000)) + 2)
    return np.stack([np.interp(at, length, stroke[:, axis]) for axis in (0, 1)], 1)


def _distance(pixels: np.ndarray, starts: np.ndarray, ends: np.ndarray) -> np.ndarray:
    """Return the distance from each pixel to the nearest line segment.

    Args:
        pixels: (N, 2).
        starts, ends: of the segments, (M, 2) each.

    Returns:
        (N,).
    """
    along = ends - starts
    if len(starts) > MAX_SEGMENTS:
        from scipy.spatial import cKDTree  # rarely needed, and a twentieth of a script's start

        # Segments are short then, so the distance to the nearest cell that one crosses is precise enough.
        steps = np.linspace(0, 1, 16)[:, None, None]
        across, down = np.round((starts + steps * along).reshape(-1, 2) / SPACING).astype(int).T
        cells = np.zeros(2 * [round(LONGEST / SPACING) + 1], bool)
        cells[across, down] = True
        return cKDTree(np.argwhere(cells) * SPACING).query(pixels)[0]
    length = np.hypot(*along.T)
    # The direction of a segment of length 0 does not matter.
    ahead = np.where(length[:, None] > 1e-6, along / np.maximum(length, 1e-6)[:, None], (1.0, 0.0))
    aside = ahead[:, ::-1] * (-1, 1)
    # Coordinates of each pixel relative to the middle of each segment, along and across it. The shape is
    # (M, N), as the minimum over the first axis is faster than over the last.
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
    """Return the distance of each pixel to the nearest paper, 0 on paper.

    Args:
        mask: bool, (H, W), True for ink.

    Returns:
        float64, (H + 2, W + 2): `mask` with a border of paper, in pixels.
    """
    return ndimage.distance_transform_edt(np.pad(mask, 1))


def draw_depths(inside: np.ndarray) -> np.ndarray:
    """Draw the ink of a picture as a glyph.

    Args:
        inside: from `depths`, of a mask cropped to its ink.

    Returns:
        float32, (28, 28), ink 1 on 0.
    """
    outline = (inside - ndimage.distance_transform_edt(inside == 0))[1:-1, 1:-1]
    height, width = outline.shape
    longest = max(height, width)
    pen = pen_width(inside)
    # With each edge moved by `change`, strokes have the target width once the longest side is 20 pixels.
    target = float(np.clip(LONGEST * pen / longest, *PICTURE_PEN_WIDTHS))
    change = (target * longest - LONGEST * pen) / (2 * (LONGEST - target))
    limit = MAX_PEN_CHANGE * longest / LONGEST
    change = float(np.clip(change, -limit, limit))
    scale = LONGEST / (longest + 2 * change)
    outline = np.pad(outline, 1, mode="edge")
    if scale < 1:
        outline = ndimage.gaussian_filter(outline, min(0.3 / scale, MAX_BLUR))

    def depth(pixels: np.ndarray) -> np.ndarray:
        at = pixels / scale - change - 0.5  # in (x, y) of the mask's pixels
        edge = at.clip([0, 0], [width - 1, height - 1])
        value = ndimage.map_coordinates(outline, (edge + 1).T[::-1], order=1)
        return (value - np.hypot(*(at - edge).T) + change) * scale

    return _render((np.array([width, height]) + 2 * change) * scale, depth)


def pen_width(inside: np.ndarray) -> float:
    """Return the typical stroke width in pixels: twice the median depth along the middle of the strokes.

    Args:
        inside: from `depths`.
    """
    ridge = inside[(inside == ndimage.maximum_filter(inside, 3)) & (inside > 0)]
    return 2 * float(np.median(ridge))


def _render(extent: np.ndarray, depth: Callable[[np.ndarray], np.ndarray]) -> np.ndarray:
    """Draw ink in the middle of a glyph, with soft edges.

    Args:
        extent: width and height of the ink in pixels.
        depth: signed distance in pixels to the edge of the ink, positive inside, of (N, 2) points (x, y)
            relative to the top left corner of the ink's box.

    Returns:
        float32, (28, 28), ink 1 on 0.
    """
    corner = np.round(CENTRE - extent / 2)
    return centred((depth(_PIXELS - corner).reshape(SIZE, SIZE) / EDGE_WIDTH + 0.5).clip(0, 1))


def centred(glyph: np.ndarray) -> np.ndarray:
    """Shift a glyph by whole pixels so that its centre of mass rounds to (14, 14): float32, (28, 28)."""
    total = glyph.sum()
    if total == 0:
        return glyph.astype(np.float32)
    pixels = np.arange(SIZE)
    shift = [-int(np.floor((glyph.sum(axis) @ pixels) / total - CENTRE + 0.5)) for axis in (1, 0)]
    return ndimage.shift(glyph.astype(np.float32), shift, order=0, mode="constant")


def to_uint8(ink: np.ndarray) -> np.ndarray:
    """Return ink in [0, 1] as uint8, 0 to 255, rounded."""
    return (ink * 255).round().astype(np.uint8)

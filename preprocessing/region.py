"""The part of a picture or drawing that is read."""

import math
from collections.abc import Sequence

import numpy as np

from common.geometry import Box, around, holds, middle, overlap
from common.messages import UserError


def pixels_in(region: Box, size: tuple[int, int], name: str) -> tuple[int, int, int, int]:
    """Return the pixels of a picture that a region touches: left, top, right, bottom.

    Args:
        region: in pixels of the picture, not empty.
        size: width and height of the picture.
        name: of the picture, for messages.

    Raises:
        UserError: if there are none.
    """
    left, top, right, bottom = region
    width, height = size
    if left >= width or top >= height or right <= 0 or bottom <= 0:
        raise UserError(f"{name}: the region lies outside of its {width:,} x {height:,} pixels")
    return max(0, int(left)), max(0, int(top)), min(width, math.ceil(right)), min(height, math.ceil(bottom))


def strokes_in(region: Box, strokes: Sequence[np.ndarray], name: str) -> list[np.ndarray]:
    """Return the strokes whose bounding box has its middle in a region.

    Args:
        region: in the unit of the strokes.
        strokes: each float64, (points, 2).
        name: of the drawing, for messages.

    Raises:
        UserError: if the region lies outside of the drawing. Of a blank one no region does.
    """
    strokes = [stroke for stroke in strokes if len(stroke)]
    boxes = [(*stroke.min(0).tolist(), *stroke.max(0).tolist()) for stroke in strokes]
    whole = around(boxes)
    if whole and not overlap(whole, region):
        corners = "{:.6g},{:.6g} to {:.6g},{:.6g}".format(*whole)
        raise UserError(f"{name}: the region lies outside of the drawing, which goes from {corners}")
    return [stroke for stroke, box in zip(strokes, boxes, strict=True) if holds(region, middle(box))]

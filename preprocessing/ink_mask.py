"""Which pixels of a picture are ink."""

from dataclasses import dataclass

import numpy as np

from common.geometry import Box


@dataclass(frozen=True)
class InkMask:
    """Which pixels of a picture, or of a part of it, are ink.

    Attributes:
        mask: bool, (H, W), True for ink, of a resized copy of the picture or of the part.
        scale: pixels of the mask for one pixel of the original, along x and along y.
        origin: x, y of the mask's top left corner in the original.
    """

    mask: np.ndarray
    scale: tuple[float, float]
    origin: tuple[float, float] = (0.0, 0.0)

    def turned(self, degrees: int) -> "InkMask":
        """Return the mask turned clockwise by a multiple of 90 degrees, as that of a picture of its size."""
        return InkMask(np.ascontiguousarray(np.rot90(self.mask, -degrees // 90)), (1.0, 1.0))

    def box(self, box: Box) -> Box:
        """Return the box in the original of a box in the mask."""
        left, top, right, bottom = box
        (across, down), (x, y) = self.scale, self.origin
        edges = (x + left / across, y + top / down, x + right / across, y + bottom / down)
        return tuple(float(edge) for edge in edges)

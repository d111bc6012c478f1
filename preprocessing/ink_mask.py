"""Which pixels of a picture are ink."""

from dataclasses import dataclass, replace

import numpy as np

from common.geometry import Box

SURE, SURE_PIXELS = 248, 20  # probability of a pixel without doubt, of 255; number of them where ink is sure


@dataclass(frozen=True)
class InkMask:
    """Which pixels of a picture, or of a part of it, are ink.

    Attributes:
        mask: bool, (H, W), True for ink, of a resized copy of the picture or of the part.
        scale: pixels of the mask for one pixel of the original, along x and along y.
        origin: x, y of the mask's top left corner in the original.
        probabilities: uint8, (H, W), of each pixel to be ink, 255 for 1, where a network found the ink; else
            None.
    """

    mask: np.ndarray
    scale: tuple[float, float]
    origin: tuple[float, float] = (0.0, 0.0)
    probabilities: np.ndarray | None = None

    def in_larger(self, times: int) -> "InkMask":
        """Return the mask as that of a picture whose sides are so many times as long."""
        (across, down), (x, y) = self.scale, self.origin
        return replace(self, scale=(across / times, down / times), origin=(times * x, times * y))

    def sure_part(self) -> "InkMask | None":
        """Return the mask of what is more likely ink than not; None if nothing is, or no network found it.

        It may have pixels that `mask` lacks: what was left out of that, for its colour or as a line, counts
        again here.
        """
        if self.probabilities is None or not (sure := self.probabilities >= 128).any():
            return None
        return replace(self, mask=sure)

    @property
    def is_sure(self) -> bool:
        """Whether a few pixels at least are ink without a doubt."""
        return self.probabilities is None or np.count_nonzero(self.probabilities >= SURE) >= SURE_PIXELS

    def turned(self, degrees: int) -> "InkMask":
        """Return the mask turned clockwise by a multiple of 90 degrees, as that of a picture of its size."""
        mask, probabilities = (
            None if values is None else np.ascontiguousarray(np.rot90(values, -degrees // 90))
            for values in (self.mask, self.probabilities)
        )
        return InkMask(mask, (1.0, 1.0), probabilities=probabilities)

    def probability_of(self, part: np.ndarray, corner: tuple[int, int]) -> float | None:
        """Return the probability of a part to be ink, the mean over its pixels; None if no network found it.

        Args:
            part: bool, (h, w), with at least one pixel of ink.
            corner: x, y of the part's top left corner in the mask.
        """
        if self.probabilities is None:
            return None
        x, y = corner
        return float(self.probabilities[y : y + part.shape[0], x : x + part.shape[1]][part].mean() / 255)

    def box(self, box: Box) -> Box:
        """Return the box in the original of a box in the mask."""
        left, top, right, bottom = box
        (across, down), (x, y) = self.scale, self.origin
        edges = (x + left / across, y + top / down, x + right / across, y + bottom / down)
        return tuple(float(edge) for edge in edges)

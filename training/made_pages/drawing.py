"""Draw on made pages: layers of lines with soft edges, pens, and noise."""

from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageDraw
from scipy import ndimage

Rng = np.random.Generator
Points = np.ndarray  # float, (N, 2): x to the right, y downwards

OVER = 3  # oversampling of what is drawn


@dataclass(frozen=True)
class Pen:
    """What a hand writes with.

    Attributes:
        width: of the line, as a share of the digit's height.
        colour: RGB, (3,), in [0, 255].
        strength: how much of the paper the ink covers, 0 to 1.
        grain: share of the ink that is lost where the paper is rough (pencil, chalk), 0 to 1.
        gaps: share of the line that is missing (a ballpoint that skips), 0 to 1.
        modulation: by how much the width varies along a stroke.
    """

    width: float
    colour: np.ndarray
    strength: float = 1.0
    grain: float = 0.0
    gaps: float = 0.0
    modulation: float = 0.0


class Layer:
    """Coverage of a picture by something drawn, with soft edges.

    Args:
        size: height and width of the picture.
    """

    def __init__(self, size: tuple[int, int]) -> None:
        self.size = size
        self.image = Image.new("L", (size[1] * OVER, size[0] * OVER))
        self.pen = ImageDraw.Draw(self.image)
        self.empty = True

    def line(self, points: Points, width: float, modulation: float = 0.0, rng: Rng | None = None) -> None:
        """Draw a line with round ends; points and width in pixels of the picture."""
        self.empty = False
        at = points * OVER
        width = max(width * OVER, 1.0)
        if modulation and rng is not None and len(at) > 4:
            for start in range(0, len(at) - 1, 4):
                part = width * float(np.clip(rng.normal(1, modulation), 0.4, 1.8))
                self._segment(at[start : start + 5], max(part, 1.0))
        else:
            self._segment(at, width)

    def _segment(self, at: Points, width: float) -> None:
        self.pen.line([tuple(p) for p in at.tolist()], fill=255, width=max(1, round(width)))
        if width > 2.5:
            radius = width / 2
            for x, y in at.tolist():
                self.pen.ellipse((x - radius, y - radius, x + radius, y + radius), fill=255)

    def polygon(self, points: Points) -> None:
        """Fill a polygon; points in pixels of the picture."""
        self.empty = False
        self.pen.polygon([tuple(p) for p in (points * OVER).tolist()], fill=255)

    def ellipse(self, x: float, y: float, radius: float) -> None:
        """Fill a circle."""
        self.empty = False
        x, y, radius = x * OVER, y * OVER, max(radius * OVER, 0.7)
        self.pen.ellipse((x - radius, y - radius, x + radius, y + radius), fill=255)

    def paste(self, image: np.ndarray, corners: Points) -> None:
        """Draw an image, uint8 (h, w), into the parallelogram of its left top, right top and left bottom."""
        self.empty = False
        height, width = image.shape
        origin, right, down = corners * OVER
        forward = np.stack([(right - origin) / width, (down - origin) / height], 1)
        if abs(np.linalg.det(forward)) < 1e-6:
            return
        reach = np.stack([origin, right, down, right + down - origin])
        low = np.floor(reach.min(0) - 1).astype(int)
        high = np.ceil(reach.max(0) + 1).astype(int)
        low, high = low.clip(0), np.minimum(high, self.image.size)
        if (high <= low).any():
            return
        inverse = np.linalg.inv(forward)
        offset = inverse @ (low - origin)
        data = (*inverse[0], offset[0], *inverse[1], offset[1])
        patch = Image.fromarray(image).transform(
            tuple((high - low).tolist()), Image.Transform.AFFINE, data, Image.Resampling.BICUBIC
        )
        # An edge of about a pixel, however much the image was enlarged.
        steep = max(1.0, abs(np.linalg.det(forward)) ** 0.5 / OVER)
        patch = patch.point(lambda v: int(min(255, max(0, (v - 118) * steep + 118))))
        self.image.paste(255, tuple(low.tolist()), patch)

    def coverage(self) -> np.ndarray:
        """Return the coverage, float32 (H, W), 0 to 1."""
        if self.empty:
            return np.zeros(self.size, np.float32)
        return np.asarray(self.image.reduce(OVER), np.float32) / 255


def noise(size: tuple[int, int], scale: float, rng: Rng) -> np.ndarray:
    """Return smooth noise, float32 (H, W), of mean 0 and deviation 1, with features of `scale` pixels."""
    height, width = size
    small = (max(2, round(height / scale) + 2), max(2, round(width / scale) + 2))
    field_ = rng.standard_normal(small, np.float32)
    if scale <= 1:
        return np.resize(field_, size) if field_.shape != size else field_
    image = Image.fromarray(field_).resize((width, height), Image.Resampling.BICUBIC)
    return np.asarray(image)


def worn(cover: np.ndarray, pen: Pen, height: float, rng: Rng) -> np.ndarray:
    """Return the coverage of a pen's line with its grain, gaps and strength."""
    cover = cover * pen.strength
    if pen.grain:
        rough = noise(cover.shape, max(1.0, rng.uniform(0.5, 2.0) * height / 40), rng)
        cover = cover * (1 - pen.grain * (rough > rng.uniform(-0.3, 0.9)))
    if pen.gaps:
        skips = noise(cover.shape, max(1.5, 0.12 * height), rng)
        cover = cover * (
            1 - 0.9 * ndimage.gaussian_filter((skips > 2 - 3 * pen.gaps).astype(np.float32), 0.5)
        )
    return cover

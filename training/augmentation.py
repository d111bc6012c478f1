"""Random distortions of whole batches of images, on their device.

Each image has its own parameters, drawn from one generator. Parameters are drawn and applied separately, so
that several processes can draw those of a whole batch, and each can apply those of its share.
"""

import math
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

SIZE = 28
ELASTIC_GRID = 7  # one random displacement every 4 pixels


@dataclass(frozen=True)
class Augmentation:
    """How strongly images are distorted. Each affine parameter is uniform in [-value, value].

    Attributes:
        rotation: degrees.
        scale: relative change of width and, independently, of height.
        shear: horizontal shift in relation to height.
        shift: pixels, along each axis.
        elastic: standard deviation in pixels of the displacement at the nodes of a 4-pixel grid
            (after Simard et al., "Best Practices for Convolutional Neural Networks", 2003).
        erase: probability that a box of the image is blanked (Zhong et al., "Random Erasing Data
            Augmentation", 2017).
        erase_size: largest side of that box in pixels; the smallest is 2.
        pen: largest change of the pen's width, in [0, 1]: at 1 strokes grow or shrink by up to a pixel on
            each side.
        mixup: probability that an image is blended, at a uniform ratio, with another of its batch (Zhang et
            al., "mixup: Beyond Empirical Risk Minimization", 2018).
    """

    rotation: float = 12.0
    scale: float = 0.12
    shear: float = 0.12
    shift: float = 2.0
    elastic: float = 0.33
    erase: float = 0.0
    erase_size: float = 8.0
    pen: float = 0.0
    mixup: float = 0.0

    def draw(self, count: int, generator: torch.Generator) -> "Distortion":
        """Draw parameters for `count` images, on the generator's device."""
        device = generator.device

        def uniform(width: float) -> Tensor:
            return width * (2 * torch.rand(count, generator=generator, device=device) - 1)

        angle = uniform(math.radians(self.rotation))
        wide, high = 1 + uniform(self.scale), 1 + uniform(self.scale)
        shear = uniform(self.shear)
        right, down = uniform(2 * self.shift / SIZE), uniform(2 * self.shift / SIZE)
        cos, sin = angle.cos(), angle.sin()
        # The rows of rotation @ shear @ scale, with the shift as third column.
        affine = torch.stack(
            [cos * wide, (cos * shear - sin) * high, right] + [sin * wide, (sin * shear + cos) * high, down],
            dim=1,
        ).view(count, 2, 3)
        nodes = torch.randn(count, 2, ELASTIC_GRID, ELASTIC_GRID, generator=generator, device=device).mul_(
            2 * self.elastic / SIZE
        )
        box = torch.rand(count, 5, generator=generator, device=device)
        chosen = box[:, :1] < self.erase
        half = (2 + box[:, 1:3] * (self.erase_size - 2)) / 2 * chosen
        boxes = torch.cat([box[:, 3:5] * SIZE, half], dim=1)
        pen = uniform(self.pen) if self.pen else None
        blend = torch.rand(count, 2, generator=generator, device=device) if self.mixup else None
        if blend is not None:
            blend = blend[:, 0] * (blend[:, 1] < self.mixup)
        return Distortion(affine, nodes, boxes, pen, blend)


@dataclass(frozen=True)
class Distortion:
    """Parameters of the distortion of a batch; `distortion[rows]` are those of some of its images.

    Attributes:
        affine: float32, (N, 2, 3), maps output to input coordinates, both in [-1, 1] as in `affine_grid`.
        nodes: float32, (N, 2, 7, 7), displacements at the nodes of the elastic grid, in these coordinates.
        boxes: float32, (N, 4), centre (x, y) and half of width and height of the blanked box, in pixels.
        pen: float32, (N,), in [-1, 1], from thinner to thicker strokes; None for no change.
        blend: float32, (N,), in [0, 1], the share of the other image; None for no blending.
    """

    affine: Tensor
    nodes: Tensor
    boxes: Tensor
    pen: Tensor | None
    blend: Tensor | None

    def __getitem__(self, rows: slice) -> "Distortion":
        drawn = (self.affine, self.nodes, self.boxes, self.pen, self.blend)
        return Distortion(*(None if values is None else values[rows] for values in drawn))

    def to(self, device: torch.device) -> "Distortion":
        """Return the parameters on `device`, without waiting for them."""
        drawn = (self.affine, self.nodes, self.boxes, self.pen, self.blend)
        return Distortion(
            *(None if values is None else values.to(device, non_blocking=True) for values in drawn)
        )

    def apply(self, ink: Tensor) -> Tensor:
        """Return distorted copies of `ink`: both float32, (N, 1, 28, 28), in [0, 1]."""
        grid = F.affine_grid(self.affine, list(ink.shape), align_corners=False)
        bend = F.interpolate(self.nodes, size=SIZE, mode="bicubic", align_corners=False)
        grid = grid + bend.permute(0, 2, 3, 1)
        ink = F.grid_sample(ink, grid, mode="bilinear", padding_mode="zeros", align_corners=False)
        pixel = torch.arange(SIZE, device=ink.device) + 0.5
        x, y, half_width, half_height = self.boxes[:, :, None].unbind(1)
        columns, rows = (pixel - x).abs() < half_width, (pixel - y).abs() < half_height
        ink = ink.masked_fill((rows[:, :, None] & columns[:, None, :])[:, None], 0)
        if self.pen is not None:
            thick, thin = F.max_pool2d(ink, 3, 1, 1), -F.max_pool2d(-ink, 3, 1, 1)
            pen = self.pen[:, None, None, None]
            ink = ink + pen.clamp(min=0) * (thick - ink) - pen.clamp(max=0) * (thin - ink)
        return self.mix(ink).clamp_(0, 1)  # interpolation may overshoot by a rounding error

    def mix(self, values: Tensor) -> Tensor:
        """Blend each row with the row at the same distance from the other end.

        Args:
            values: (N, ...), images or probabilities of classes. Each process blends within its own share.

        Returns:
            The same shape and dtype.
        """
        if self.blend is None:
            return values
        return values.lerp(values.flip(0), self.blend.view(-1, *[1] * (values.ndim - 1)))

"""The ink network: which pixels of a picture a pen wrote, and how high the digits are."""

from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from checkpointing import archive
from common.folding import fold_batch_norm

HEIGHT_STEP = 8  # pixels of the picture for one cell of the map of heights
STRIDE = 32  # the network's input has sides that are multiples of this
KIND = "ink network"  # of the file of weights


def border_colour(pixels: np.ndarray) -> np.ndarray:
    """Return the paper's colour at a picture's border, uint8 (3,), to pad it with.

    Args:
        pixels: uint8, (H, W, 3).
    """
    border = np.concatenate([pixels[0], pixels[-1], pixels[:, 0], pixels[:, -1]])
    return np.median(border, axis=0).astype(np.uint8)


def _block(inputs: int, outputs: int, stride: int = 1, dilation: int = 1) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, 3, stride, dilation, dilation=dilation, bias=False),
        nn.BatchNorm2d(outputs),
        nn.ReLU(inplace=True),
    )


class InkNetwork(nn.Module):
    """An encoder and decoder with skip connections, from the half to 1/32 of the picture's resolution.

    Source: Ronneberger, Fischer and Brox, "U-Net: Convolutional Networks for Biomedical Image Segmentation",
    2015.
    """

    def __init__(self) -> None:
        super().__init__()
        self.down1 = nn.Sequential(nn.Conv2d(3, 24, 4, 2, 1), nn.ReLU(inplace=True), _block(24, 24))
        self.down2 = nn.Sequential(_block(24, 32, 2), _block(32, 32))
        self.down3 = nn.Sequential(_block(32, 40, 2), _block(40, 40))
        self.down4 = nn.Sequential(_block(40, 56, 2), _block(56, 56))
        self.down5 = nn.Sequential(_block(56, 56, 2), _block(56, 56, dilation=2))
        self.up4 = _block(56 + 56, 48)
        self.up3 = _block(48 + 40, 40)
        self.up2 = nn.Sequential(_block(40 + 32, 32), _block(32, 32))
        self.up1 = nn.Sequential(_block(32 + 24, 24), nn.Conv2d(24, 4, 3, 1, 1), nn.PixelShuffle(2))
        self.height = nn.Conv2d(40, 1, 1)

    def forward(self, pictures: Tensor) -> tuple[Tensor, Tensor]:
        """Find the ink.

        Args:
            pictures: (N, 3, H, W), in [0, 1], sides multiples of STRIDE.

        Returns:
            Logits of "written by a pen", (N, H, W), and log2 of the digits' height in pixels, meaningful
            where there is ink, (N, H / HEIGHT_STEP, W / HEIGHT_STEP).
        """
        x1 = self.down1(pictures - 0.5)
        x2 = self.down2(x1)
        x3 = self.down3(x2)
        x4 = self.down4(x3)
        y = self.up4(torch.cat([_twice(self.down5(x4)), x4], 1))
        y = self.up3(torch.cat([_twice(y), x3], 1))
        heights = self.height(y)[:, 0] + 5
        y = self.up2(torch.cat([_twice(y), x2], 1))
        y = torch.cat([_twice(y), x1], 1)
        del x1, x2, x3, x4  # the largest layer of a large picture takes hundreds of MB
        return self.up1(y)[:, 0], heights


def _twice(features: Tensor) -> Tensor:
    return nn.functional.interpolate(features, scale_factor=2)


def save(path: Path, network: InkNetwork, training: dict[str, int]) -> None:
    """Write a network's weights in half precision.

    Args:
        path: the file to write.
        network: on the CPU.
        training: how it was trained.

    Raises:
        UserError: if the file cannot be written; `path` is then unchanged.
    """
    archive.write_network(path, KIND, network, {"training": training})


def load(path: Path) -> InkNetwork:
    """Read a network that `save` wrote, to find ink with: its batch norms are folded into the convolutions.

    Raises:
        CheckpointError: if the file is missing, damaged, or holds something else.
    """
    network = fold_batch_norm(archive.read_network(path, KIND, InkNetwork()))
    return network.to(memory_format=torch.channels_last)

"""ImprovedResNet18: a residual network for 28x28 handwritten digits, 696,042 parameters.

    input 1x28x28                                                             shape after
    stem    conv 3x3 1->32, batch norm, ReLU, max pool 2x2                    32x14x14
    layer1  2 residual blocks 32->32                                          32x14x14
    layer2  residual block 32->64 stride 2 with downsample, block 64->64      64x7x7
    layer3  residual block 64->128 stride 2 with downsample, block 128->128   128x4x4
    pool    global average pooling                                            128
    fc      dropout, linear 128->10                                           10

Residual blocks follow He et al., "Deep Residual Learning for Image Recognition" (2015), figure 2.
"""

import torch
import torch.fx
from torch import Tensor, nn

# Mean and standard deviation of all pixels of MNIST's 60,000 training images, ink in [0, 1].
MNIST_MEAN = 0.1307
MNIST_STD = 0.3081


def conv3x3(in_channels: int, out_channels: int, stride: int = 1) -> nn.Conv2d:
    """Return a 3x3 convolution with padding 1 and without bias, since batch norm follows it."""
    return nn.Conv2d(in_channels, out_channels, 3, stride=stride, padding=1, bias=False)


class ResidualBlock(nn.Module):
    """Convolution, batch norm, ReLU, convolution, batch norm, addition of the shortcut, ReLU.

    The shortcut is the identity or, where the shape changes, a strided 1x1 convolution with batch norm.

    Args:
        in_channels: channels of the input.
        out_channels: channels of the output.
        stride: stride of the first convolution and of the shortcut.
    """

    def __init__(self, in_channels: int, out_channels: int, stride: int = 1) -> None:
        super().__init__()
        self.conv1 = conv3x3(in_channels, out_channels, stride)
        self.bn1 = nn.BatchNorm2d(out_channels)
        self.conv2 = conv3x3(out_channels, out_channels)
        self.bn2 = nn.BatchNorm2d(out_channels)
        self.relu = nn.ReLU(inplace=True)
        self.downsample: nn.Module = nn.Identity()
        if stride != 1 or in_channels != out_channels:
            self.downsample = nn.Sequential(
                nn.Conv2d(in_channels, out_channels, 1, stride=stride, bias=False),
                nn.BatchNorm2d(out_channels),
            )

    def forward(self, x: Tensor) -> Tensor:
        """Return the block's output.

        Args:
            x: (N, in_channels, H, W).

        Returns:
            (N, out_channels, ceil(H / stride), ceil(W / stride)), at least 0.
        """
        out = self.relu(self.bn1(self.conv1(x)))
        out = self.bn2(self.conv2(out))
        return self.relu(out + self.downsample(x))


class ImprovedResNet18(nn.Module):
    """Digit classifier: ink in, one logit for each class out.

    It can be exported with `torch.export` and traced with `torch.fx`, with any batch size.

    Args:
        num_classes: number of classes, at least 1.
        dropout: probability in [0, 1) of dropping each of the pooled features in training.
        width: factor of all channels, at least 1. 1 is the design; wider networks are meant as members of a
            committee that teaches it. Shapes are given for width 1.

    Raises:
        ValueError: if an argument is out of range.
    """

    mean: Tensor
    std: Tensor

    def __init__(self, num_classes: int = 10, dropout: float = 0.5, width: int = 1) -> None:
        super().__init__()
        if num_classes < 1:
            raise ValueError(f"num_classes must be at least 1, not {num_classes}")
        if not 0 <= dropout < 1:
            raise ValueError(f"dropout must be in [0, 1), not {dropout}")
        if width < 1:
            raise ValueError(f"width must be at least 1, not {width}")
        self.width = width
        first, second, third = 32 * width, 64 * width, 128 * width  # channels of the stages
        # Normalisation is part of the model, so that training and reading cannot normalise differently.
        self.register_buffer("mean", torch.tensor(MNIST_MEAN))
        self.register_buffer("std", torch.tensor(MNIST_STD))
        self.stem = nn.Sequential(
            conv3x3(1, first), nn.BatchNorm2d(first), nn.ReLU(inplace=True), nn.MaxPool2d(2)
        )
        self.layer1 = nn.Sequential(ResidualBlock(first, first), ResidualBlock(first, first))
        self.layer2 = nn.Sequential(ResidualBlock(first, second, stride=2), ResidualBlock(second, second))
        self.layer3 = nn.Sequential(ResidualBlock(second, third, stride=2), ResidualBlock(third, third))
        self.pool = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten())
        self.dropout = nn.Dropout(dropout)
        self.fc = nn.Linear(third, num_classes)
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")

    def features(self, ink: Tensor) -> Tensor:
        """Return the pooled features in front of dropout and classifier.

        Args and Raises as in `forward`.

        Returns:
            (N, 128), at least 0.
        """
        return self.pool(self.stages(ink)[-1])

    def stages(self, ink: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Return the outputs of layer1, layer2 and layer3.

        Args and Raises as in `forward`.

        Returns:
            (N, 32, 14, 14), (N, 64, 7, 7) and (N, 128, 4, 4), at least 0.
        """
        check_form(ink)
        x = (ink.to(self.mean.dtype) - self.mean) / self.std
        first = self.layer1(self.stem(x))
        second = self.layer2(first)
        return first, second, self.layer3(second)

    def forward(self, ink: Tensor) -> Tensor:
        """Return logits: apply softmax for probabilities.

        Args:
            ink: floating point, (N, 1, 28, 28), in [0, 1]: 0 for paper, 1 for full ink. The range is not
                checked here, since that would make a GPU wait; `check_ink` checks it.

        Returns:
            (N, num_classes).

        Raises:
            ValueError: if `ink` has another shape or dtype.
        """
        return self.fc(self.dropout(self.features(ink)))


@torch.fx.wrap  # a traced network calls it, too
def check_form(ink: Tensor) -> None:
    """Raise ValueError unless `ink` is a floating-point tensor of shape (N, 1, 28, 28)."""
    if not isinstance(ink, Tensor):
        raise ValueError(f"expected ink as a torch.Tensor, not {type(ink).__name__}")
    if ink.ndim != 4 or ink.shape[1:] != (1, 28, 28):
        raise ValueError(f"expected ink of shape (N, 1, 28, 28), not {tuple(ink.shape)}")
    if not ink.is_floating_point():
        raise ValueError(f"expected floating-point ink in [0, 1], not {ink.dtype}")


def check_ink(ink: Tensor) -> Tensor:
    """Return `ink` if the network can take it: the check where ink from outside enters the program.

    Args:
        ink: expected to be floating point, (N, 1, 28, 28), in [0, 1].

    Raises:
        ValueError: if it has another shape or dtype, or values outside [0, 1].
    """
    check_form(ink)
    if not ((ink >= 0) & (ink <= 1)).all():  # false for NaN too
        raise ValueError("expected ink in [0, 1]: 0 for paper, 1 for full ink, no NaN")
    return ink

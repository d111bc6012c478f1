"""Distillation: a student learns the mean probabilities of a committee of trained networks.

Source: Hinton et al., "Distilling the Knowledge in a Neural Network", 2015. Teacher and student see the same
distorted image, as in Beyer et al., "Knowledge distillation: A good teacher is patient and consistent", 2022.
"""

import copy
import itertools
from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from checkpointing.checkpoint import weights_digest


class Committee(nn.Module):
    """Averages the probabilities of several networks, which are copied and frozen.

    Args:
        networks: at least one, all with the same classes, on the CPU.
        ink: sources of other people's digits that they have learned from: `Checkpoint.ink` of all of them.

    Attributes:
        digests: the `weights_digest` of each network.
    """

    def __init__(self, networks: Sequence[nn.Module], ink: Sequence[dict] = ()) -> None:
        super().__init__()
        self.ink = list(ink)
        self.digests = [weights_digest(network.state_dict()) for network in networks]
        self.members = nn.ModuleList(fold_batch_norm(network) for network in networks)
        self.requires_grad_(False)

    @torch.no_grad()
    def forward(self, ink: Tensor) -> Tensor:
        """Return probabilities, float32, (N, classes), for `ink`, (N, 1, 28, 28), in [0, 1]."""
        return torch.stack([member(ink).float().softmax(1) for member in self.members]).mean(0)


def fold_batch_norm(network: nn.Module) -> nn.Module:
    """Return a copy in evaluation mode with each batch norm folded into the convolution before it.

    It computes the same up to rounding errors, and faster.
    """
    network = copy.deepcopy(network).eval()
    for parent in list(network.modules()):
        children = list(parent.named_children())
        for (conv_name, conv), (norm_name, norm) in itertools.pairwise(children):
            if isinstance(conv, nn.Conv2d) and isinstance(norm, nn.BatchNorm2d):
                setattr(parent, conv_name, fuse_conv_bn_eval(conv, norm))
                setattr(parent, norm_name, nn.Identity())
    return network

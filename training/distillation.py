"""Distillation: a student learns the mean probabilities of a committee of trained networks.

At a temperature above 1 it learns more of what the committee holds possible beside its answer.

Source: Hinton et al., "Distilling the Knowledge in a Neural Network", 2015. Teacher and student see the same
distorted image, as in Beyer et al., "Knowledge distillation: A good teacher is patient and consistent", 2022.
"""

import math
from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from checkpointing import checkpoint, lookup
from checkpointing.checkpoint import weights_digest
from common.folding import fold_batch_norm
from model import ImprovedResNet18


class Committee(nn.Module):
    """Averages the probabilities of several networks, which are copied and frozen.

    Args:
        networks: at least one, all with the same classes, on the CPU.
        ink: sources of other people's digits that they have learned from: `Checkpoint.ink` of all of them.

    Attributes:
        digests: the `weights_digest` of each network.
    """

    def __init__(self, networks: Sequence[ImprovedResNet18], ink: Sequence[dict] = ()) -> None:
        super().__init__()
        self.ink = list(ink)
        self.digests = [weights_digest(network.state_dict()) for network in networks]
        self.members = nn.ModuleList(fold_batch_norm(network) for network in networks)
        self.requires_grad_(False)

    @torch.no_grad()
    def forward(self, ink: Tensor) -> Tensor:
        """Return probabilities, float32, (N, classes), for `ink`, (N, 1, 28, 28), in [0, 1]."""
        return torch.stack([member(ink).float().softmax(1) for member in self.members]).mean(0)

    @torch.no_grad()
    def log_probabilities(self, ink: Tensor) -> Tensor:
        """Return the logarithms of what `forward` returns; the classifiers compute in float32."""
        logits = torch.stack([logits_in_float32(member, ink) for member in self.members])
        return logits.log_softmax(2).logsumexp(0) - math.log(len(self.members))


def load_committee(choices: Sequence[str], dataset: str) -> Committee:
    """Load the networks that --teacher names, each as for `lookup.find`."""
    teachers = [checkpoint.load(lookup.find(choice, dataset)) for choice in choices]
    return Committee([t.model for t in teachers], [source for t in teachers for source in t.ink])


class Float32Classifier(nn.Module):
    """Computes the logits of a network in float32, also where autocast is on.

    Args:
        network: the network; its features are computed as autocast says.
    """

    def __init__(self, network: ImprovedResNet18) -> None:
        super().__init__()
        self.network = network

    def forward(self, ink: Tensor) -> Tensor:
        """Return logits, float32, (N, classes), for `ink`, (N, 1, 28, 28), in [0, 1]."""
        return logits_in_float32(self.network, ink)


def logits_in_float32(network: ImprovedResNet18, ink: Tensor) -> Tensor:
    """Return logits, float32, (N, classes): bfloat16 would round them to 8 bits."""
    features = network.features(ink)
    with torch.autocast(ink.device.type, enabled=False):
        return network.fc(network.dropout(features.float()))


def tempered_loss(logits: Tensor, targets: Tensor, temperatures: Tensor) -> Tensor:
    """Compute the mean of T^2 KL(targets || softmax(logits / T)).

    The factor keeps the size of the gradients as T grows.

    Args:
        logits: float32, (N, classes).
        targets: float32, (N, classes), probabilities at temperature T.
        temperatures: float32, (N,), T of each row.

    Returns:
        A scalar, at least 0 up to rounding.
    """
    log_probabilities = (logits / temperatures[:, None]).log_softmax(1)
    divergence = F.kl_div(log_probabilities, targets, reduction="none").sum(1)
    return (temperatures**2 * divergence).mean()

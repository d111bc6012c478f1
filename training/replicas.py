"""Copies of a network that share its weights, each of which learns from a share of every batch in its thread.

Batch norm takes its statistics over a replica's share, as `DistributedDataParallel` does over a process's.
"""

import copy
from collections.abc import Callable, Iterator

import torch
from torch import Tensor, nn

from common.threads import ThreadTeam
from training.distributed import World

SMALLEST_SHARE = 64  # images, over which batch norm takes its statistics


class Replicas:
    """Replicas of a network, over which batches of this process are spread.

    Args:
        network: the first replica; the others share its parameters.
        count: number of replicas.
        threads: of PyTorch in each of them, if there are several.
        world: this process among those that train together.
        average_statistics: whether the running statistics of batch norm differ between replicas or processes.
    """

    def __init__(
        self, network: nn.Module, count: int, threads: int, world: World, average_statistics: bool
    ) -> None:
        self.networks = [network, *(replica_of(network) for _ in range(count - 1))]
        self.parts = [World(world.rank * count + k, world.size * count) for k in range(count)]
        self.world, self.average_statistics = world, average_statistics
        self.team = ThreadTeam(count, threads)
        if count > 1:
            for module in (module for network in self.networks for module in network.modules()):
                if type(module) is nn.Dropout:
                    module.__class__ = SeededDropout

    def gradients(self, compute: Callable[[nn.Module, World], Tensor]) -> Tensor:
        """Compute the gradients of a step, summed over all replicas and processes, into the first network.

        Args:
            compute: called with each replica and its part of the batch; computes the gradients and returns
                a tensor of sums, such as those of loss and errors.

        Returns:
            The sum of what `compute` returns, over the replicas of this process.
        """
        first, *others = self.networks
        for other in others:
            for mine, own in zip(statistics(other), statistics(first), strict=True):
                mine.copy_(own)
        for network in self.networks:
            network.zero_grad()
        results = self.team.map(lambda pair: compute(*pair), zip(self.networks, self.parts, strict=True))
        self._combine()
        return sum(results[1:], start=results[0])  # in their order, whichever ended first

    def _combine(self) -> None:
        """Sum the gradients and average the running statistics, into the first network."""
        first, *others = self.networks
        own = shared(first, self.average_statistics)
        for other in others:
            for total, summand in zip(own, shared(other, self.average_statistics), strict=True):
                total.add_(summand)
        if self.world.size > 1:  # in one sum, since each costs a round trip
            flat = self.world.sum(torch.cat([tensor.flatten() for tensor in own]))
            for total, part in zip(own, flat.split([tensor.numel() for tensor in own]), strict=True):
                total.copy_(part.view(total.shape))
        if self.average_statistics:
            for tensor in statistics(first):
                tensor.div_(self.parts[0].size)


class SeededDropout(nn.Dropout):
    """Dropout with random numbers of its own, since threads would draw from PyTorch's in any order."""

    seed = 0

    def forward(self, x: Tensor) -> Tensor:
        """Drop elements of `x` in training mode, and scale up the others."""
        if not self.training or not self.p:
            return x
        kept = torch.empty_like(x).bernoulli_(1 - self.p, generator=torch.Generator().manual_seed(self.seed))
        return x * kept.div_(1 - self.p)


def seed_dropout(network: nn.Module, seed: int) -> None:
    """Seed the dropout of a replica, or PyTorch's random numbers if it is the only one."""
    own = [module for module in network.modules() if isinstance(module, SeededDropout)]
    for module in own:
        module.seed = seed
    if not own:
        torch.manual_seed(seed)


def replica_count(threads: int, share: int) -> int:
    """Return how many replicas `threads` threads train on a process's `share` of a batch.

    Returns:
        The largest divisor of `threads` that leaves each replica at least `SMALLEST_SHARE` images, else 1.
    """
    fitting = (n for n in range(1, threads + 1) if threads % n == 0 and share // n >= SMALLEST_SHARE)
    return max(fitting, default=1)


def replica_of(network: nn.Module) -> nn.Module:
    """Return a copy of `network` whose parameters share memory with its own, with gradients of their own."""
    shared = {id(parameter): nn.Parameter(parameter.detach()) for parameter in network.parameters()}
    return copy.deepcopy(network, shared)


def statistics(network: nn.Module) -> Iterator[Tensor]:
    """Return the running mean and variance of each batch norm, (channels,) each."""
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            yield from (module.running_mean, module.running_var)


def shared(network: nn.Module, with_statistics: bool) -> list[Tensor]:
    """Return the gradient of each parameter and, if asked for, the running statistics of batch norm."""
    gradients = [parameter.grad for parameter in network.parameters()]
    return [*gradients, *statistics(network)] if with_statistics else gradients

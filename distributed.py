"""Training in several processes at once, as started by torchrun: who this process is, and sums over all.

Without torchrun everything here works on a world of one process and costs nothing.
"""

import gc
import os
from dataclasses import dataclass
from typing import Any

import torch
import torch.distributed as dist
import torch.nn.functional as F
from torch import Tensor, nn

from runtime import UserError


@dataclass(frozen=True)
class World:
    """This process (`rank`, 0 to `size` - 1) among `size` processes that train together."""

    rank: int = 0
    size: int = 1

    @property
    def is_main(self) -> bool:
        """Whether this is the one process that prints and writes."""
        return self.rank == 0

    def share(self, count: int) -> slice:
        """The rows of a batch of `count` that are this process's."""
        return slice(self.rank * count // self.size, (self.rank + 1) * count // self.size)

    def sum(self, values: Tensor) -> Tensor:
        """The sum of `values` over all processes, the same on each."""
        if self.size > 1:
            dist.all_reduce(values)
        return values

    def any(self, flag: bool, device: torch.device) -> bool:
        """Whether `flag` is true in at least one process."""
        return bool(self.sum(torch.tensor(float(flag), device=device))) if self.size > 1 else flag

    def tell(self, value: str) -> str:
        """What the main process calls with, in every process, once it has called."""
        values = [value]
        if self.size > 1:
            dist.broadcast_object_list(values)
        return values[0]


def join_world(device: torch.device) -> tuple[World, torch.device]:
    """Meet the other processes that torchrun started; this process's place and its device.

    Gloo connects CPUs, NCCL one CUDA device for each process.

    Raises:
        UserError: if there are fewer CUDA devices than processes on this machine.
    """
    size = int(os.environ.get("WORLD_SIZE", 1))
    if size == 1:
        return World(), device
    if device.type == "mps":  # nothing connects several of them
        device = torch.device("cpu")
    if device.type == "cuda":
        local = int(os.environ["LOCAL_RANK"])
        if local >= torch.cuda.device_count():
            raise UserError(
                f"{torch.cuda.device_count()} CUDA devices are too few for torchrun's processes: "
                "lower --nproc-per-node or use --device cpu"
            )
        device = torch.device("cuda", local)
        torch.cuda.set_device(device)
    dist.init_process_group("nccl" if device.type == "cuda" else "gloo")
    return World(dist.get_rank(), size), device


def leave_world(world: World) -> None:
    """The counterpart of `join_world`, for when nothing uses a `DistributedDataParallel` any more.

    One that outlived this call would end Gloo's connection while it holds Python's lock, and wait for
    Gloo's thread, which may itself wait for the lock to free a tensor: neither would ever go on.
    """
    if world.size > 1:
        gc.collect()  # exceptions that others caught may hold the frames in which one was used
        dist.destroy_process_group()


class SharedBatchNorm2d(nn.BatchNorm2d):
    """Batch norm over the batches of all processes, so that several train as one would.

    `torch.nn.SyncBatchNorm` does the same but not on a CPU. Every process must have equally many rows.
    """

    def forward(self, x: Tensor) -> Tensor:
        if not self.training:
            return super().forward(x)
        count = x.numel() // x.shape[1] * dist.get_world_size()
        with torch.no_grad():
            _, mean, inverse = torch.native_batch_norm(
                x, self.weight, self.bias, None, None, training=True, momentum=0, eps=self.eps
            )
            moments = torch.stack([mean, inverse**-2 - self.eps + mean.square()])
            dist.all_reduce(moments)
            mean, square = moments / dist.get_world_size()
            variance = (square - mean.square()).clamp_min(0)  # which rounding may bring below
            self.running_mean.lerp_(mean, self.momentum)
            self.running_var.lerp_(variance * count / (count - 1), self.momentum)
            self.num_batches_tracked += 1
        return _Normalize.apply(x, self.weight, self.bias, mean, variance, self.eps)


class _Normalize(torch.autograd.Function):
    """Batch norm by a given mean and variance, with the gradient of those that depend on the batches of all
    processes (Ioffe and Szegedy, "Batch Normalization", 2015).

    It is put together from the stock layer's kernels for evaluation, each of which passes over x once.
    """

    @staticmethod
    def forward(
        ctx: Any, x: Tensor, weight: Tensor, bias: Tensor, mean: Tensor, variance: Tensor, eps: float
    ) -> Tensor:
        ctx.save_for_backward(x, weight, mean, variance)
        ctx.eps = eps
        return F.batch_norm(x, mean, variance, weight, bias, eps=eps)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        x, weight, mean, variance = ctx.saved_tensors
        # As if mean and variance were constants.
        for_x, for_weight, for_bias = torch.ops.aten.native_batch_norm_backward(
            grad, x, weight, mean, variance, None, None, False, ctx.eps, [True, True, True]
        )
        # Those of weight and bias stay each process's own: DistributedDataParallel takes their mean.
        shared = torch.stack([for_weight, for_bias])
        dist.all_reduce(shared)
        scale = weight * (variance + ctx.eps).rsqrt()
        slope, offset = shared * scale / (x.numel() // x.shape[1] * dist.get_world_size())
        for_x = for_x - F.batch_norm(x, mean, variance, slope, offset, eps=ctx.eps)
        return for_x, for_weight, for_bias, None, None, None


def share_batch_norm(module: nn.Module) -> None:
    """Let every batch norm in `module` take its statistics over all processes."""
    for child in module.modules():
        if type(child) is nn.BatchNorm2d:
            child.__class__ = SharedBatchNorm2d  # same parameters and buffers, other forward

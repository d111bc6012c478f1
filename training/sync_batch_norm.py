"""Batch norm whose statistics are taken over the batches of all processes that train together."""

from typing import Any

import torch
import torch.distributed as dist
import torch.nn.functional as F
from torch import Tensor, nn


class SyncBatchNorm2d(nn.BatchNorm2d):
    """Batch norm with statistics over the batches of all processes, each of the same size.

    Several processes then train as one would. `torch.nn.SyncBatchNorm` does the same, but not on a CPU.
    """

    def forward(self, x: Tensor) -> Tensor:
        """Normalise `x`, (N, channels, H, W); update the running statistics in training mode."""
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
            variance = (square - mean.square()).clamp_min(0)  # rounding may make it negative
            self.running_mean.lerp_(mean, self.momentum)
            self.running_var.lerp_(variance * count / (count - 1), self.momentum)
            self.num_batches_tracked += 1
        return _Normalize.apply(x, self.weight, self.bias, mean, variance, self.eps)


class _Normalize(torch.autograd.Function):
    """Batch norm with a given mean and variance, whose gradient takes into account that they depend on x.

    Composed of PyTorch's kernels for evaluation mode, each of which reads x once.

    Source: Ioffe and Szegedy, "Batch Normalization", 2015.
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
        # The gradient for constant mean and variance.
        for_x, for_weight, for_bias = torch.ops.aten.native_batch_norm_backward(
            grad, x, weight, mean, variance, None, None, False, ctx.eps, [True, True, True]
        )
        # Gradients of weight and bias are returned unreduced: those of all parameters are summed later.
        shared = torch.stack([for_weight, for_bias])
        dist.all_reduce(shared)
        scale = weight * (variance + ctx.eps).rsqrt()
        slope, offset = shared * scale / (x.numel() // x.shape[1] * dist.get_world_size())
        for_x = for_x - F.batch_norm(x, mean, variance, slope, offset, eps=ctx.eps)
        return for_x, for_weight, for_bias, None, None, None


def convert_batch_norm(module: nn.Module) -> None:
    """Replace every batch norm in `module` by `SyncBatchNorm2d`, in place."""
    for child in module.modules():
        if type(child) is nn.BatchNorm2d:
            child.__class__ = SyncBatchNorm2d  # same parameters and buffers, other forward

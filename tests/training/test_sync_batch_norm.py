"""Synchronised batch norm is batch norm if there is one process; of two, see test_distributed.py."""

from collections.abc import Iterator

import pytest
import torch
import torch.distributed as dist
from torch import nn

from training.sync_batch_norm import SyncBatchNorm2d, convert_batch_norm


@pytest.fixture
def one_process() -> Iterator[None]:
    dist.init_process_group("gloo", store=dist.HashStore(), rank=0, world_size=1)
    yield
    dist.destroy_process_group()


@pytest.mark.usefixtures("one_process")
def test_one_process_computes_what_batch_norm_does():
    """Outputs, gradients and running statistics, and the outputs in evaluation mode."""
    torch.manual_seed(0)
    stock, x = nn.BatchNorm2d(5, momentum=0.3), 2 + 3 * torch.randn(6, 5, 4, 4)
    ours, weights = nn.Sequential(nn.BatchNorm2d(5, momentum=0.3)), torch.randn(6, 5, 4, 4)
    convert_batch_norm(ours)
    assert isinstance(ours[0], SyncBatchNorm2d)
    inputs = [x.clone().requires_grad_() for _ in range(2)]
    outputs = [module(x) for module, x in zip((stock, ours), inputs, strict=True)]
    for output in outputs:
        (output * weights).sum().backward()
    torch.testing.assert_close(*outputs, rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(*(x.grad for x in inputs), rtol=1e-4, atol=1e-5)
    for name in ("weight", "bias"):
        gradients = (getattr(module, name).grad for module in (stock, ours[0]))
        torch.testing.assert_close(*gradients, rtol=1e-4, atol=1e-4, msg=name)
    for name, buffer in stock.named_buffers():
        torch.testing.assert_close(ours[0].get_buffer(name), buffer, rtol=1e-4, atol=1e-5, msg=name)
    torch.testing.assert_close(ours.eval()(x), stock.eval()(x), rtol=1e-4, atol=1e-4)

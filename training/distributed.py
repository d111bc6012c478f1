"""Training in several processes that torchrun started: ranks, and communication between them.

Without torchrun the world is one process, and communication does nothing.
"""

import os
from dataclasses import dataclass

import torch
import torch.distributed as dist
from torch import Tensor

from common.messages import UserError


@dataclass(frozen=True)
class World:
    """This process among those that train together.

    Attributes:
        rank: number of this process, 0 to `size` - 1.
        size: number of processes.
    """

    rank: int = 0
    size: int = 1

    @property
    def is_main(self) -> bool:
        """Whether this is rank 0, which alone prints and writes."""
        return self.rank == 0

    def share(self, count: int) -> slice:
        """Return this process's rows of a batch of `count`."""
        return slice(self.rank * count // self.size, (self.rank + 1) * count // self.size)

    def sum(self, values: Tensor) -> Tensor:
        """Sum `values` over all processes, in place, and return them."""
        if self.size > 1:
            dist.all_reduce(values)
        return values

    def any(self, flag: bool) -> bool:
        """Return whether `flag` is true in at least one process. GPUs do not wait: CPUs communicate."""
        return bool(self.sum(torch.tensor(float(flag)))) if self.size > 1 else flag

    def broadcast(self, value: str) -> str:
        """Broadcast rank 0's string to all processes, and return it."""
        values = [value]
        if self.size > 1:
            dist.broadcast_object_list(values)
        return values[0]


ONE_PROCESS = World()


def join_world(device: torch.device) -> tuple[World, torch.device]:
    """Connect to the other processes that torchrun started.

    CPUs communicate by Gloo, CUDA devices, one for each process, by NCCL.

    Args:
        device: where to compute, as `pick_device` returns it.

    Returns:
        This process among the others, and its device.

    Raises:
        UserError: if there are fewer CUDA devices than processes on this machine.
    """
    size = int(os.environ.get("WORLD_SIZE", 1))
    if size == 1:
        return World(), device
    if device.type == "mps":  # it has no backend for communication
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
    dist.init_process_group("cpu:gloo,cuda:nccl" if device.type == "cuda" else "gloo")
    return World(dist.get_rank(), size), device


def leave_world(world: World) -> None:
    """Disconnect from the other processes."""
    if world.size > 1:
        dist.destroy_process_group()

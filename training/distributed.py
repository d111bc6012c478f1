"""Training in several processes at once, as started by torchrun: who this process is, and sums over all.

Without torchrun everything here works on a world of one process and costs nothing.
"""

import gc
import os
from dataclasses import dataclass

import torch
import torch.distributed as dist
from torch import Tensor

from common.messages import UserError


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

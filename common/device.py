"""Pick and describe the device to compute on. PyTorch is imported inside the functions only."""

from __future__ import annotations

import ctypes
import platform
from typing import TYPE_CHECKING

from common.messages import UserError

if TYPE_CHECKING:
    import torch


def pick_device(name: str, threads: int | None = None) -> torch.device:
    """Return the device to compute on and set the number of CPU threads.

    Args:
        name: "cpu", "cuda", "mps", or "auto" for the first of CUDA, MPS and CPU that is available.
        threads: number of CPU threads; None for PyTorch's choice.

    Raises:
        UserError: if this machine or this build of PyTorch lacks the device.
    """
    import torch  # takes seconds, in which the window already opens

    if threads:
        torch.set_num_threads(threads)
    torch.backends.cudnn.allow_tf32 = False  # "off" of --amp means full precision on a GPU too
    available = {
        "cuda": torch.cuda.is_available(),
        "mps": torch.backends.mps.is_available(),
        "cpu": True,
    }
    if name == "auto":
        name = next(candidate for candidate, there in available.items() if there)
    if not available[name]:
        raise UserError(f"PyTorch finds no {name} device here: use --device cpu or --device auto")
    return torch.device(name)


def describe_device(device: torch.device) -> str:
    """Return the device in words, as in "cpu, 4 threads" or "cuda, NVIDIA H200"."""
    import torch

    if device.type == "cuda":
        return f"cuda, {torch.cuda.get_device_name(device)}"
    if device.type == "mps":
        return "mps"
    return f"cpu, {torch.get_num_threads()} threads"


def keep_freed_memory() -> None:
    """Make glibc keep freed memory for the next tensor; do nothing where there is no glibc.

    By default glibc returns every large block to the system, so each training step pays for some ten
    thousand new pages. See mallopt(3).
    """
    if platform.libc_ver()[0] == "glibc":
        libc, largest = ctypes.CDLL(None), 2**31 - 1
        for setting in (-1, -3):  # M_TRIM_THRESHOLD, M_MMAP_THRESHOLD
            libc.mallopt(setting, largest)


def return_freed_memory() -> None:
    """Make glibc return freed memory to the system; do nothing where there is no glibc.

    For a process that waits for work: glibc keeps the gaps between used blocks, which grow with every
    picture read. See malloc_trim(3).
    """
    if platform.libc_ver()[0] == "glibc":
        ctypes.CDLL(None).malloc_trim(0)

"""Work that is shared by threads, in each of which PyTorch computes on its own.

PyTorch's own threads wait for one another in every operator: if another program keeps one of them from its
core, all of them wait. Threads that have a piece of work each wait once, at its end.
"""

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import TypeVar

import torch

Item = TypeVar("Item")
Result = TypeVar("Result")


class ThreadTeam:
    """Threads that call a function with one item each, and end when the team is deleted.

    Args:
        size: number of threads, at least 1. A team of one is the calling thread itself.
        threads_each: threads of PyTorch in each of several.
    """

    def __init__(self, size: int, threads_each: int = 1) -> None:
        self.size, self.threads_each, self._pool = size, threads_each, None
        if size > 1:
            self._pool = ThreadPoolExecutor(size, "team", torch.set_num_threads, (threads_each,))

    def map(self, function: Callable[[Item], Result], items: Iterable[Item]) -> list[Result]:
        """Return what `function` returns for each of `items`, in their order."""
        if self._pool is None:
            return list(map(function, items))
        with self.in_step():
            return list(self._pool.map(function, items))

    @contextmanager
    def in_step(self) -> Iterator[None]:
        """Limit PyTorch in the calling thread to `threads_each` too, for work between calls of `map`."""
        own = torch.get_num_threads()
        if self._pool:
            torch.set_num_threads(self.threads_each)
        try:
            yield
        finally:
            torch.set_num_threads(own)  # also for MKL, whose number is that of the thread that came last


def thread_team(device: torch.device) -> ThreadTeam:
    """Return a team of as many threads as PyTorch has on a CPU, or the calling thread for a GPU."""
    return ThreadTeam(torch.get_num_threads() if device.type == "cpu" else 1)

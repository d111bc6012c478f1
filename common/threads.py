"""Work that is shared by threads, in each of which PyTorch computes on its own.

PyTorch's own threads wait for one another in every operator: if another program keeps one of them from its
core, all of them wait. Threads that have a piece of work each wait once, at its end.
"""

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import torch

Item = TypeVar("Item")
Result = TypeVar("Result")


class ThreadTeam:
    """Threads that call a function with one item each.

    Args:
        size: number of threads, at least 1. A team of one is the calling thread itself.
        threads_each: threads of PyTorch in each of them.
    """

    def __init__(self, size: int, threads_each: int = 1) -> None:
        self.size = size
        self._pool = None
        if size > 1:
            own = torch.get_num_threads()
            self._pool = ThreadPoolExecutor(size, "team", torch.set_num_threads, (threads_each,))
            self.map(lambda _: None, range(size))
            torch.set_num_threads(own)

    def map(self, function: Callable[[Item], Result], items: Iterable[Item]) -> list[Result]:
        """Return what `function` returns for each of `items`, in their order."""
        return list(map(function, items) if self._pool is None else self._pool.map(function, items))

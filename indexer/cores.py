"""Work shared out to the cores: one thread each, and in each of them torch computes alone.

Threads that share a product wait for each other after it, and they wait by spinning. On a machine that has other work
this took five times the processor's time; texts are independent, so each core can have its own.
"""

from collections.abc import Callable, Generator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from typing import TypeVar

import torch
from threadpoolctl import ThreadpoolController

Item = TypeVar("Item")
Result = TypeVar("Result")


def cores() -> int:
    """Return how many cores the caller may use: torch's setting, which follows OMP_NUM_THREADS."""
    return torch.get_num_threads()


def side_by_side(work: Callable[[Item], Result], items: Sequence[Item]) -> Generator[Result, None, None]:
    """Yield the results in the order of the items; close it to leave out what has not begun."""
    threads = min(cores(), len(items))
    if threads < 2:
        yield from (_alone(work, item) for item in items)
        return
    with ThreadPoolExecutor(threads) as pool:
        yield from pool.map(lambda item: _alone(work, item), items)


def _alone(work: Callable[[Item], Result], item: Item) -> Result:
    # Asked first: a new thread gets torch's setting when it first asks, which would undo the limit.
    torch.get_num_threads()
    with _openmp().limit(limits=1):
        return work(item)


@cache
def _openmp() -> ThreadpoolController:
    return ThreadpoolController().select(user_api="openmp")

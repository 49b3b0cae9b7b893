"""Threads of our own over blocks of respondents, each with linear algebra on one thread.

A matrix product that BLAS spreads over cores ends when the slowest does, and waits thousands of times a fit: beside
other work on one of the cores it takes several times longer. Blocks wait for each other once a sum, and everything
between the products is shared out too. Sums are taken in the order of the blocks, so no thread count changes a digit.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from functools import cache
from typing import Any, TypeVar

from threadpoolctl import ThreadpoolController

_MOST = 8  # each thread holds a block of numbers, 10 to 30 MB

Part = TypeVar("Part")
Answer = TypeVar("Answer")


@contextmanager
def own_threads() -> Iterator[int]:
    """How many threads to use: as many as BLAS would, which is kept to one meanwhile.

    So OPENBLAS_NUM_THREADS and its like, and ``threadpoolctl.threadpool_limits``, say how many these may be.
    """
    blas = _blas()
    threads = max((library["num_threads"] for library in blas.info()), default=1)
    with blas.limit(limits=1):
        yield min(threads, _MOST)


def in_order(function: Callable[[Part], Answer], parts: Sequence[Part], threads: int) -> Iterator[Answer]:
    """What ``function`` makes of each of ``parts``, in their order; few answers wait at a time."""
    if threads == 1 or len(parts) == 1:
        yield from map(function, parts)
        return
    with ThreadPoolExecutor(threads) as pool:
        waiting: deque[Future[Answer]] = deque()
        for part in parts:
            waiting.append(pool.submit(function, part))
            if len(waiting) > threads:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()


@cache
def _blas() -> Any:
    """The linear algebra libraries loaded; to look for them takes longer than a small fit."""
    return ThreadpoolController().select(user_api="blas")

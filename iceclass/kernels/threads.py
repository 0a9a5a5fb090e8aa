"""Threads over molecules: compiled kernels that release the GIL, each on its own range of rows."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache
from itertools import pairwise
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from threadpoolctl import ThreadpoolController

BLOCK = 256
"""Ranges start at multiples of it, however many threads there are."""

_count: ContextVar[int | None] = ContextVar("iceclass_threads", default=None)


def thread_count() -> int:
    """How many threads the kernels use: what :func:`threads` set, else ``NUMBA_NUM_THREADS``.

    Numba's default for the latter is the number of cores this process may run on.
    """
    count = _count.get()
    if count is None:
        from numba import config

        count = int(config.NUMBA_NUM_THREADS)  # type: ignore[attr-defined]
    return count


@contextmanager
def threads(count: int) -> Iterator[None]:
    """Use ``count`` threads inside the ``with`` block; the results do not depend on it."""
    token = _count.set(max(1, int(count)))
    try:
        yield
    finally:
        _count.reset(token)


def over_rows(work: Callable[[int, int], None], n_rows: int) -> None:
    """Call ``work(start, stop)`` so that the ranges cover ``range(n_rows)`` once, in threads.

    ``work`` must release the GIL to gain anything and write to its own rows only. Four ranges a
    thread even out rows of unequal cost, none smaller than a block but for the last. An exception
    of ``work`` is raised here. NumPy's products within ``work`` run in its own thread alone.
    """
    blocks = -(-n_rows // BLOCK)
    workers = min(thread_count(), max(1, blocks // 2))
    with _blas().limit(limits=1):
        if workers == 1:
            work(0, n_rows)
            return
        chunks = min(4 * workers, blocks)
        bounds = [min(blocks * k // chunks * BLOCK, n_rows) for k in range(chunks + 1)]
        ranges = pairwise(bounds)  # each range is taken by one thread, this one among them

        def take() -> None:
            for start, stop in ranges:
                work(start, stop)

        others = [_pool(workers - 1).submit(take) for _ in range(workers - 1)]
        try:
            take()
        finally:
            wait(others)
        for other in others:
            other.result()


@cache
def _pool(size: int) -> ThreadPoolExecutor:
    """Threads that wait for work; to start new ones each time takes half a millisecond."""
    return ThreadPoolExecutor(size, thread_name_prefix="iceclass")


os.register_at_fork(after_in_child=_pool.cache_clear)


@cache
def _blas() -> ThreadpoolController:
    """The linear algebra under NumPy, whose threads would compete with ours."""
    import numpy  # noqa: F401  (only what is loaded is found)
    from threadpoolctl import ThreadpoolController

    return ThreadpoolController().select(user_api="blas")

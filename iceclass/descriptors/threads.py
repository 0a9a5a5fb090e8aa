"""Threads over molecules: compiled kernels that release the GIL, each on its own range of rows."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from contextvars import ContextVar
from itertools import pairwise

SMALLEST_CHUNK = 512
"""Rows below which a further thread costs more than it gains."""

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
    thread even out rows of unequal cost. An exception of ``work`` is raised here.
    """
    workers = min(thread_count(), max(1, n_rows // SMALLEST_CHUNK))
    if workers == 1:
        work(0, n_rows)
        return
    chunks = min(4 * workers, n_rows // SMALLEST_CHUNK)
    bounds = [n_rows * k // chunks for k in range(chunks + 1)]
    with ThreadPoolExecutor(workers) as pool:
        for done in [pool.submit(work, a, b) for a, b in pairwise(bounds)]:
            done.result()

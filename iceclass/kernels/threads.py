"""Threads over molecules: compiled kernels that release the GIL, each on its own range of rows."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache
from itertools import pairwise
from threading import Condition, Lock
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from threadpoolctl import ThreadpoolController

BLOCK = 240
"""Ranges start at multiples of it, however many threads there are. It is divisible by the widths of
vectors, and by the rows that a network's kernel has in registers at a time."""

_WORTH_HELP = 16
"""Blocks of rows whose work takes so long that it is divided where nobody helps yet."""

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


class Team:
    """As many threads as there are cores to use, each at a piece of work of its own.

    A member whose work can be divided (:func:`over_rows`) gets the help of those that have nothing
    to do, from the beginning or later: so many small pieces are done side by side, and a large one
    is shared out.

    Parameters
    ----------
    size
        How many threads compute at a time, helpers included.
    """

    def __init__(self, size: int) -> None:
        self.size = size
        self._free = size
        self._changed = Condition()

    @contextmanager
    def member(self) -> Iterator[None]:
        """Compute in this thread as one of the team, once there is a place."""
        with self._changed:
            self._changed.wait_for(lambda: self._free > 0)
            self._free -= 1
        token = _team.set(self)
        try:
            with threads(self.size):
                yield
        finally:
            _team.reset(token)
            self.give_back(1)

    def borrow(self, most: int) -> int:
        """Take the places nobody has, up to so many; their number."""
        with self._changed:
            taken = min(most, self._free)
            self._free -= taken
        return taken

    def give_back(self, count: int) -> None:
        """Leave so many places to others."""
        with self._changed:
            self._free += count
            self._changed.notify(count)


_team: ContextVar[Team | None] = ContextVar("iceclass_team", default=None)


def over_rows(work: Callable[[int, int], None], n_rows: int) -> None:
    """Call ``work(start, stop)`` so that the ranges cover ``range(n_rows)`` once, in threads.

    ``work`` must release the GIL to gain anything and write to its own rows only. Four ranges a
    thread even out rows of unequal cost, none smaller than a block but for the last. An exception
    of ``work`` is raised here. NumPy's products within ``work`` run in its own thread alone.
    """
    blocks, team = -(-n_rows // BLOCK), _team.get()
    most = min(thread_count(), max(1, blocks // 2)) - 1
    helpers = most if team is None else team.borrow(most)
    if helpers > 0:
        chunks = min(4 * (helpers + 1), blocks)
    else:  # somebody may join in later, if it takes long
        chunks = min(4 * (most + 1), blocks // _WORTH_HELP)
    with products_in_one_thread():
        if chunks <= 1:
            work(0, n_rows)
            return
        bounds = [min(blocks * k // chunks * BLOCK, n_rows) for k in range(chunks + 1)]
        ranges = pairwise(bounds)  # each range is taken by one thread, this one among them
        others: list[Future[None]] = []

        def help_out() -> None:
            try:
                for start, stop in ranges:
                    work(start, stop)
            finally:
                if team is not None:
                    team.give_back(1)

        def ask(count: int) -> None:
            size = thread_count() if team is None else team.size
            others.extend(_pool(size - 1).submit(help_out) for _ in range(count))

        ask(helpers)
        try:
            for start, stop in ranges:
                work(start, stop)
                if team is not None and len(others) < most:
                    ask(team.borrow(most - len(others)))
        finally:
            wait(others)
        for other in others:
            other.result()


@contextmanager
def products_in_one_thread() -> Iterator[None]:
    """Inside the block, NumPy's products of matrices use no threads of their own.

    Threads may be in blocks at the same time: what was set before returns with the last of them.
    """
    with _products.lock:
        if _products.users == 0:
            _products.limit = _blas().limit(limits=1)
        _products.users += 1
    try:
        yield
    finally:
        with _products.lock:
            _products.users -= 1
            if _products.users == 0:
                _products.limit.restore_original_limits()


class _Products:
    """Who is in :func:`products_in_one_thread`, and what returns afterwards."""

    def __init__(self) -> None:
        self.lock = Lock()
        self.users = 0
        self.limit: Any = None


_products = _Products()


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

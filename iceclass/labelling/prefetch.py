"""Reading in advance and computing side by side, in threads beside that which takes the results."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from queue import Queue
from threading import Condition, Event, Thread
from typing import TypeVar

from iceclass.kernels.threads import Team, products_in_one_thread, thread_count

T = TypeVar("T")
R = TypeVar("R")


_AHEAD = 4
"""Items for every thread that wait for their turn: the reader need not be in time for each."""


class _End:
    """Put in a queue after the last item; holds the error that ended it, if one did."""

    def __init__(self, error: BaseException | None = None) -> None:
        self.error = error


def prefetch(items: Iterable[T], depth: int = 1) -> Generator[T]:
    """The items, up to ``depth`` more of them made in a thread while one is being used.

    An exception of ``items`` comes after the items before it. Leaving early ends the thread.
    """
    waiting: Queue[T | _End] = Queue(depth)
    stopped = Event()

    def make() -> None:
        error: BaseException | None = None
        try:
            for item in items:
                waiting.put(item)
                if stopped.is_set():
                    break
        except BaseException as caught:
            error = caught
        waiting.put(_End(error))

    thread = Thread(target=make, name="iceclass-reader", daemon=True)
    thread.start()
    try:
        while not isinstance(item := waiting.get(), _End):
            yield item
        if item.error is not None:
            raise item.error
    finally:
        stopped.set()
        while thread.is_alive():  # it may be waiting for room
            while not waiting.empty():
                waiting.get()
            thread.join(0.01)


class _Room:
    """How much may be under way at a time; something always may."""

    def __init__(self, size: int) -> None:
        self._size, self._taken, self._closed = size, 0, False
        self._changed = Condition()

    def take(self, weight: int) -> bool:
        """Wait until there is room; False if there never will be."""
        with self._changed:
            self._changed.wait_for(
                lambda: self._closed or self._taken == 0 or self._taken + weight <= self._size
            )
            self._taken += weight
            return not self._closed

    def give_back(self, weight: int) -> None:
        with self._changed:
            self._taken -= weight
            self._changed.notify()

    def close(self) -> None:
        """Nothing more is to be begun."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()


def side_by_side(
    items: Iterable[T], work: Callable[[T], R], weight: Callable[[T], int], room: int
) -> Generator[tuple[T, Future[R]]]:
    """The items in their order, each with the ``work`` on it that is done or under way.

    Made in a thread of their own, worked on by a :class:`Team` of as many threads as the kernels
    use. Four items for each of these threads, or fewer, are ahead of the one that is used, of a
    total ``weight`` of at most ``room``, but for one. An exception of
    ``items`` comes after the items before it. Leaving early ends the threads.
    """
    team, space = Team(thread_count()), _Room(room)
    pool = ThreadPoolExecutor(team.size, thread_name_prefix="iceclass-worker")

    def do(item: T) -> R:
        with team.member():
            return work(item)

    def begun() -> Generator[tuple[T, Future[R]]]:
        for item in items:
            if not space.take(weight(item)):
                return
            yield item, pool.submit(do, item)

    with products_in_one_thread(), closing(prefetch(begun(), _AHEAD * team.size)) as started:
        try:
            for item, result in started:
                yield item, result
                space.give_back(weight(item))
        finally:
            space.close()
            pool.shutdown(cancel_futures=True)

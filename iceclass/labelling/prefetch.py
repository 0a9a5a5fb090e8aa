"""Reading in advance and writing in the background: threads beside the one that computes."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable
from contextlib import contextmanager
from queue import Queue
from threading import Event, Thread
from typing import Generic, TypeVar

T = TypeVar("T")


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


class BackgroundWriter(Generic[T]):
    """Hands items to ``write`` in a thread, in order; :meth:`put` waits while ``depth`` wait.

    The error of ``write`` is raised by the next :meth:`put`, or by :func:`background_writer` at
    its end; no item is written after it.
    """

    def __init__(self, write: Callable[[T], None], depth: int = 1) -> None:
        self._waiting: Queue[T | _End] = Queue(depth)
        self._error: BaseException | None = None
        self._thread = Thread(target=self._run, args=(write,), name="iceclass-writer", daemon=True)
        self._thread.start()

    def _run(self, write: Callable[[T], None]) -> None:
        while not isinstance(item := self._waiting.get(), _End):
            if self._error is None:
                try:
                    write(item)
                except BaseException as error:
                    self._error = error

    def put(self, item: T) -> None:
        """Hand over an item."""
        if self._error is not None:
            raise self._error
        self._waiting.put(item)

    def join(self) -> None:
        """Wait until all items have been written."""
        self._waiting.put(_End())
        self._thread.join()


@contextmanager
def background_writer(write: Callable[[T], None], depth: int = 1) -> Generator[BackgroundWriter[T]]:
    """A :class:`BackgroundWriter`; when the block ends, well or not, all items are written."""
    worker = BackgroundWriter(write, depth)
    try:
        yield worker
    finally:
        worker.join()
    if worker._error is not None:
        raise worker._error

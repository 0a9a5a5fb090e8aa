"""Reading ahead and writing behind: threads beside the one that computes."""

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


def ahead(items: Iterable[T], depth: int = 1) -> Generator[T]:
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


class Behind(Generic[T]):
    """Hands items to ``use`` in a thread, in order; :meth:`put` waits while ``depth`` wait.

    The error of ``use`` is raised by the next :meth:`put`, or by :func:`behind` at its end;
    no item is used after it.
    """

    def __init__(self, use: Callable[[T], None], depth: int = 1) -> None:
        self._waiting: Queue[T | _End] = Queue(depth)
        self._error: BaseException | None = None
        self._thread = Thread(target=self._run, args=(use,), name="iceclass-writer", daemon=True)
        self._thread.start()

    def _run(self, use: Callable[[T], None]) -> None:
        while not isinstance(item := self._waiting.get(), _End):
            if self._error is None:
                try:
                    use(item)
                except BaseException as error:
                    self._error = error

    def put(self, item: T) -> None:
        """Hand over an item."""
        if self._error is not None:
            raise self._error
        self._waiting.put(item)

    def join(self) -> None:
        """Wait until all items have been used."""
        self._waiting.put(_End())
        self._thread.join()


@contextmanager
def behind(use: Callable[[T], None], depth: int = 1) -> Generator[Behind[T]]:
    """A :class:`Behind`; when the block ends, well or not, all items have been used."""
    worker = Behind(use, depth)
    try:
        yield worker
    finally:
        worker.join()
    if worker._error is not None:
        raise worker._error

"""No more points than a figure can show, of a series of any length."""

from __future__ import annotations

from typing import Generic, TypeVar

T = TypeVar("T")

POINTS = 2000
"""Points of a curve from which on every other one may be left out: several a pixel."""


class Thinned(Generic[T]):
    """Keeps every k-th of the items that come, evenly: k doubles when there are many.

    Parameters
    ----------
    points
        From ``points`` to twice as many items are kept, all of them if there are fewer.
    """

    def __init__(self, points: int = POINTS) -> None:
        self._points, self._stride, self._count = points, 1, 0
        self._items: list[T] = []
        self._last: T | None = None

    def add(self, item: T) -> None:
        """The next item."""
        if len(self._items) == 2 * self._points:
            self._items, self._stride = self._items[::2], 2 * self._stride
        if self._count % self._stride == 0:
            self._items.append(item)
        self._last, self._count = item, self._count + 1

    def items(self) -> list[T]:
        """Those that are kept, and the last one in any case."""
        if self._last is None or (self._count - 1) % self._stride == 0:
            return self._items
        return [*self._items, self._last]

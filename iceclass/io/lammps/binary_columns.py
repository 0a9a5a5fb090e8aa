"""The columns of a binary dump, converted when they are first asked for."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

_EXACT = 2.0**53  # doubles beyond are not all whole numbers
_WHOLE = frozenset(["id", "mol", "proc", "procp1", "type", "ix", "iy", "iz"])


class BinaryColumns(Mapping[str, NDArray[Any]]):
    """Name → (M,) array, read-only: int64 for whole ids, types and image flags, else float64.

    Parameters
    ----------
    names
        Column names in file order.
    data
        (M, columns) float64 in either byte order.
    """

    def __init__(self, names: tuple[str, ...], data: NDArray[np.float64]) -> None:
        self.names, self.n_rows = names, len(data)
        self._data = data
        self._known: dict[str, NDArray[Any]] = {}

    def __getitem__(self, name: str) -> NDArray[Any]:
        if name not in self._known:
            if name not in self.names:
                raise KeyError(name)
            column = self._data[:, self.names.index(name)]
            array: NDArray[Any] = column.astype(np.float64)
            if name in _WHOLE or name.startswith("i_"):
                with np.errstate(invalid="ignore"):
                    whole = column.astype(np.int64)
                if np.array_equal(whole, column) and np.abs(column).max(initial=0.0) <= _EXACT:
                    array = whole
            array.setflags(write=False)
            self._known[name] = array
        return self._known[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self.names)

    def __len__(self) -> int:
        return len(self.names)

    def __repr__(self) -> str:
        return f"BinaryColumns({self.n_rows} rows: {' '.join(self.names)})"

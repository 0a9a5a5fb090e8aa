"""The columns of a binary dump, converted when they are first asked for."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from iceclass.errors import InputError

_WHOLE = frozenset(["id", "mol", "proc", "procp1", "type", "ix", "iy", "iz"])


class BinaryColumns(Mapping[str, NDArray[Any]]):
    """Name → (M,) array, read-only: int64 for ids, types and image flags, else float64.

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
            whole = name in _WHOLE or name.startswith("i_")
            array = _integers(column, name) if whole else column.astype(np.float64)
            array.setflags(write=False)
            self._known[name] = array
        return self._known[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self.names)

    def __len__(self) -> int:
        return len(self.names)

    def __repr__(self) -> str:
        return f"BinaryColumns({self.n_rows} rows: {' '.join(self.names)})"


def _integers(column: NDArray[np.float64], name: str) -> NDArray[np.int64]:
    with np.errstate(invalid="ignore"):
        out = column.astype(np.int64)
    wrong = np.flatnonzero(~((out == column) & (np.abs(column) <= 2.0**53)))
    if len(wrong):
        raise InputError(
            f"{name} of atom {wrong[0] + 1} of {len(column)} is not a whole number: "
            f"{float(column[wrong[0]]):g}"
        )
    return out

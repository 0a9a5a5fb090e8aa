"""Memory: how much of it this machine has, and arrays that lie well in it."""

from __future__ import annotations

import ctypes
import os
from contextlib import suppress
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

LINE = 64
"""Bytes of a cache line and of the widest vectors."""


@cache
def machine_memory() -> int:
    """Bytes of memory the machine has."""
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, ValueError, OSError):  # not told by this system
        return 1 << 46


def too_much(needed: int) -> str:
    """What to say of so many bytes: that the machine does not have them; empty if it does."""
    if needed <= machine_memory():
        return ""
    return (
        f"that takes {needed / 2**30:,.0f} GiB or more, "
        f"and this machine has {machine_memory() / 2**30:,.0f} GiB"
    )


def give_back() -> None:
    """Let the system have what was freed: of large arrays, glibc keeps up to 64 MiB a thread."""
    # another C library has no such function, or there is none of that name
    with suppress(AttributeError, OSError, TypeError):
        ctypes.CDLL(None).malloc_trim(0)


def aligned_rows(n_rows: int, n_columns: int, dtype: Any) -> NDArray[Any]:
    """A new C-contiguous array of whose rows each is the whole cache lines that hold so many."""
    kind = np.dtype(dtype)
    lanes = LINE // kind.itemsize
    shape = n_rows, -(-n_columns // lanes) * lanes
    room = np.empty(shape[0] * shape[1] + lanes, dtype=kind)
    first = -room.ctypes.data % LINE // kind.itemsize
    return room[first : first + shape[0] * shape[1]].reshape(shape)

"""Whether Numba has compiled the kernels on this machine before."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from iceclass.neighbours.candidates import bin_candidates


def is_compiled() -> bool:
    """Whether the cache holds the kernel that all descriptors begin with.

    Numba compiles a function when it is first called and keeps the result (``NUMBA_CACHE_DIR``,
    or beside the source, or in the user's cache). An answer for the terminal: a cache of another
    processor, or of an older version, is taken for one of this.
    """
    kernel: Any = bin_candidates
    directory = Path(kernel.stats.cache_path)
    return any(directory.glob(f"{kernel.py_func.__module__.split('.')[-1]}.*.nbi"))

"""A quick start: what a command line leaves out until it is under way."""

from __future__ import annotations

import gc
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any

_BLAS = "scipy.linalg.cython_blas"


@contextmanager
def nothing_collected() -> Iterator[None]:
    """What is imported inside stays: it is not searched for garbage, now or later."""
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.enable()


@cache
def load_compiled() -> None:
    """Run a compiled function, for which Numba loads all it knows of.

    That begins with an import of SciPy's linear algebra, a tenth of a second, to see whether it is
    there. Nothing compiled here calls it, so Numba does not find it; whoever else imports it does.
    """
    from iceclass.io.text.blocks import as_array, line_feeds

    modules: dict[str, Any] = sys.modules
    hidden = _BLAS not in modules
    if hidden:
        modules[_BLAS] = None
    try:
        with nothing_collected():
            line_feeds(as_array(b""))
    finally:
        if hidden:
            del modules[_BLAS]

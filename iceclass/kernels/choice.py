"""Which twin of a kernel runs: vector instructions, or plain loops.

``ICECLASS_KERNELS`` says it: ``plain``, ``vector``, or ``auto`` (the default), which is vectors
unless they cannot be compiled, as with a release of Numba or llvmlite that nobody has tried yet.
"""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable
from typing import Any

from iceclass.errors import InputError

VARIABLE = "ICECLASS_KERNELS"
CHOICES = ("auto", "vector", "plain")

_unusable: list[str] = []
"""Why vectors cannot be compiled here; empty unless that has been tried."""


def kernels() -> str:
    """``"vector"`` or ``"plain"``: what :func:`run` will use next.

    Raises
    ------
    InputError
        ``ICECLASS_KERNELS`` is set to something else than auto, vector and plain.
    """
    chosen = os.environ.get(VARIABLE, "auto")
    if chosen not in CHOICES:
        raise InputError(f"{VARIABLE} is {chosen!r}, expected one of {', '.join(CHOICES)}")
    if chosen == "auto":
        return "plain" if _unusable else "vector"
    return chosen


def run(kernel: Callable[..., Any], *arguments: Any) -> Any:
    """``kernel(simd, *arguments)``, with ``simd`` True for vectors and None for plain loops.

    Where vectors fail and plain loops do not, these are used from then on, and a RuntimeWarning
    says why.
    """
    if kernels() == "plain":
        return kernel(None, *arguments)
    try:
        return kernel(True, *arguments)
    except MemoryError:
        raise
    except Exception as error:
        if os.environ.get(VARIABLE) == "vector":
            raise
        result = kernel(None, *arguments)  # what is wrong with the arguments is raised here
        _fall_back(error)
        return result


def _fall_back(error: Exception) -> None:
    import llvmlite
    import numba

    if not _unusable:
        reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
        _unusable.append(reason)
        warnings.warn(
            f"the vector code does not compile with Numba {numba.__version__} and llvmlite "
            f"{llvmlite.__version__} ({reason}); plain loops do the same, more slowly",
            RuntimeWarning,
            stacklevel=3,
        )

"""How much this machine can hold: asked before anything of an announced size is made."""

from __future__ import annotations

import os
from functools import cache


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

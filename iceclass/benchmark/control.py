"""Arithmetic without memory: how much a further thread can gain on this machine at all.

Two processors of a virtual machine may be two threads of one core, or be shared with others.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

from numba import njit

STEPS = 20_000_000


@njit(cache=True, nogil=True)
def _mix(steps: int) -> int:  # pragma: no cover
    """Eight chains of additions and exclusive ors that depend on their neighbours."""
    a, b, c, d, e, f, g, h = 1, 2, 3, 4, 5, 6, 7, 8
    for i in range(steps):
        a, b, c, d = (a ^ i) + b, (b + i) ^ c, (c ^ i) + d, (d + i) ^ e
        e, f, g, h = (e ^ i) + f, (f + i) ^ g, (g ^ i) + h, (h + i) ^ a
    return a + b + c + d + e + f + g + h


def spin(threads: int) -> None:
    """The same amount of work, shared out among threads that have nothing in common."""
    with ThreadPoolExecutor(threads) as pool:
        for done in [pool.submit(_mix, STEPS // threads) for _ in range(threads)]:
            done.result()

"""Timing several things fairly: in turn, many times, wall clock and processor time beside it."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from math import ceil
from statistics import median
from typing import Any

LEAST = 0.03
"""Seconds that one sample lasts at least; shorter calls are repeated within it."""


@dataclass(frozen=True)
class Timing:
    """What one piece of work took, sample by sample.

    Attributes
    ----------
    wall, cpu
        µs per molecule. By the clock on the wall, and the processor time of all threads of the
        process, which other programs on the machine hardly change.
    """

    wall: tuple[float, ...]
    cpu: tuple[float, ...]

    def by(self, basis: str) -> tuple[float, ...]:
        """The samples of ``"wall"`` or ``"cpu"``."""
        samples: tuple[float, ...] = getattr(self, basis)
        return samples

    def median(self, basis: str) -> float:
        """µs per molecule, the median of the samples."""
        return median(self.by(basis))


@dataclass(frozen=True)
class Ratio:
    """How many times as fast, sample by sample: each divides two samples taken in turn."""

    samples: tuple[float, ...]

    @classmethod
    def of(cls, slow: Timing, fast: Timing, basis: str) -> Ratio:
        """Time of ``slow`` over time of ``fast``."""
        pairs = zip(slow.by(basis), fast.by(basis), strict=True)
        return cls(tuple(a / b for a, b in pairs))

    @property
    def median(self) -> float:
        return median(self.samples)

    @property
    def low(self) -> float:
        return min(self.samples)

    @property
    def high(self) -> float:
        return max(self.samples)


def alternate(
    calls: Mapping[Any, tuple[Callable[[], object], int]], repeats: int
) -> dict[Any, Timing]:
    """Time each call ``repeats`` times, all of them in turn in every round.

    ``calls`` has the work and the number of molecules it is for. Each is called once before, so
    that nothing that happens on first use (compilation, tables) is counted.
    """
    inner = {}
    for key, (call, _) in calls.items():
        call()
        began = time.perf_counter()
        call()
        inner[key] = ceil(LEAST / max(time.perf_counter() - began, 1e-6))
    wall: dict[Any, list[float]] = {key: [] for key in calls}
    cpu: dict[Any, list[float]] = {key: [] for key in calls}
    for _ in range(repeats):
        for key, (call, molecules) in calls.items():
            scale = 1e6 / (inner[key] * molecules)
            clock, processor = time.perf_counter(), time.process_time()
            for _ in range(inner[key]):
                call()
            cpu[key].append((time.process_time() - processor) * scale)
            wall[key].append((time.perf_counter() - clock) * scale)
    return {key: Timing(tuple(wall[key]), tuple(cpu[key])) for key in calls}

"""The slope of a series in time, with an error that knows of correlation in time.

The slope is that of least squares. Its standard error comes from blocks of frames: with
u_b = Σ_(t in b) (t − t̄) r_t over the residuals r of block b, the variance of the slope is
k / (k − 2) Σ_b u_b² / (Σ_t (t − t̄)²)² for k blocks (the cluster-robust estimate; Liang & Zeger,
Biometrika 73, 13 (1986), doi 10.1093/biomet/73.1.13), which is right where blocks are longer than
the correlation. As in block averaging, blocks are made longer, 1, 2, 4, … frames, and the largest
error counts (see :mod:`iceclass.analysis.statistics`).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from iceclass.errors import InputError

MIN_BLOCKS = 8
"""Blocks from which on an error is believed: it is then known to about a quarter of itself."""


@dataclass(frozen=True)
class Trend:
    """A slope over T frames.

    Attributes
    ----------
    slope
        Of the values, in their unit over that of the times.
    standard_error
        Of the slope; ``None`` for fewer than three frames.
    frames, block, blocks
        T, frames in a block, and how many blocks the error is from.
    converged
        Whether blocks longer than these gave no larger error. If not, as always below 64 frames,
        the error is likely too small.
    """

    slope: float
    standard_error: float | None
    frames: int
    block: int
    blocks: int
    converged: bool


def trend(times: ArrayLike, values: ArrayLike) -> Trend:
    """The slope of (T,) values over (T,) times.

    Raises
    ------
    InputError
        Fewer than two different times, or numbers that are not finite.
    """
    t, y = np.asarray(times, dtype=np.float64), np.asarray(values, dtype=np.float64)
    if t.ndim != 1 or t.shape != y.shape:
        raise InputError(f"{y.shape} values at {t.shape} times, expected (T,) of both")
    if not (np.isfinite(t).all() and np.isfinite(y).all()):
        raise InputError("times or values of a slope contain NaN or infinite numbers")
    t = t - t.mean() if len(t) else t
    spread = float((t**2).sum())
    if not spread > 0.0:
        raise InputError("a slope needs values at two different times")
    slope = float((t * y).sum() / spread)
    frames = len(t)
    if frames < 3:
        return Trend(slope, None, frames, 1, frames, False)
    moments = t * (y - y.mean() - slope * t)
    largest, block = (0.0, 1), 1
    while frames // block >= MIN_BLOCKS or block == 1:
        sums = np.add.reduceat(moments, np.arange(0, frames, block))
        k = len(sums)
        error = float(np.sqrt(k / (k - 2) * (sums**2).sum()) / spread)
        if error > largest[0]:
            largest = error, block
        block *= 2
    error, longest, block = largest[0], block // 2, largest[1]
    converged = frames >= 8 * MIN_BLOCKS and block < longest
    return Trend(slope, error, frames, block, -(-frames // block), converged)

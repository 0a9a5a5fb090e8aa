"""Means over the frames of a trajectory, with standard errors that know of correlation in time.

Block averaging: Flyvbjerg & Petersen, J. Chem. Phys. 91, 461 (1989), doi:10.1063/1.457480. Frames
are joined in blocks of 1, 2, 4, … and the standard error of the mean is estimated from the block
means as if they were independent. It grows with the length of the blocks until they are longer
than the correlation. The length is chosen as by Lee et al., Phys. Rev. E 83, 066706 (2011),
doi:10.1103/PhysRevE.83.066706: the shortest b with b³ > 2 T (σ/σ_1)⁴, for T frames, the naive
error σ_1, and here for σ the largest error from blocks of up to b frames.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from iceclass.errors import InputError

MIN_BLOCKS = 8
"""Blocks from which on an error is believed; it is then known to about a quarter of itself."""

_LEVELS = 14
CHUNK = 2**_LEVELS
"""Values that are kept of a series that is averaged as it comes."""


@dataclass(frozen=True)
class BlockAverage:
    """A mean over T frames and its standard error.

    Attributes
    ----------
    mean
        The mean.
    standard_error
        Of the mean; ``None`` for fewer than two frames. Where :attr:`converged` is false it is
        likely too small: the largest estimate from blocks of any length with 8 blocks or more
        (from single frames, if there are fewer than 16).
    frames
        T.
    block
        Frames in a block.
    blocks
        How many blocks the estimate is from; its own relative uncertainty is about
        1/√(2 (blocks − 1)).
    converged
        Whether the blocks are longer than the correlation in time, and 8 or more. False for
        trajectories that are short, or that change from beginning to end; always false below 64
        frames.
    """

    mean: float
    standard_error: float | None
    frames: int
    block: int
    blocks: int
    converged: bool


def block_average(values: ArrayLike) -> BlockAverage:
    """The mean of (T,) values, evenly spaced in time, and its standard error.

    Raises
    ------
    InputError
        No values, or some that are not finite.
    """
    series = np.asarray(values, dtype=np.float64)
    if series.ndim != 1 or len(series) == 0:
        raise InputError(f"values have shape {series.shape}, expected (T,) with one or more")
    if not np.isfinite(series).all():
        raise InputError("values to average contain NaN or infinite numbers")
    running = RunningAverages(1)
    for value in series:
        running.add(value)
    return running.averages()[0]


@dataclass(frozen=True)
class _Moments:
    """Number, sum and summed squared deviations from the mean of (n,) values."""

    n: int = 0
    total: float = 0.0
    squares: float = 0.0

    @classmethod
    def of(cls, values: NDArray[np.float64]) -> Self:
        total = values.sum()
        return cls(len(values), float(total), float(((values - total / len(values)) ** 2).sum()))

    def __add__(self, other: _Moments) -> _Moments:
        """Of both together: Chan, Golub & LeVeque, Am. Stat. 37, 242 (1983)."""
        if 0 in (self.n, other.n):
            return self if other.n == 0 else other
        n = self.n + other.n
        shift = other.total / other.n - self.total / self.n
        between = shift * shift * self.n * other.n / n
        return _Moments(n, self.total + other.total, self.squares + other.squares + between)

    @property
    def naive_error(self) -> float:
        """Standard error of the mean, were the values independent."""
        return float(np.sqrt(self.squares / (self.n - 1)) / np.sqrt(self.n))


class RunningAverages:
    """Block averages of K series whose values come one after the other, K at a time.

    The values are kept until there are :data:`CHUNK` of them; of these the moments of the means
    over blocks of every length are taken, and the values forgotten. So memory is the same for any
    number of values, and up to a chunk the averages are those of an array, bit for bit.

    Parameters
    ----------
    columns
        K.
    """

    def __init__(self, columns: int) -> None:
        self._columns = columns
        self._chunk = np.empty((CHUNK, columns))
        self._filled = 0
        self._moments = [_no_moments(columns) for _ in range(_LEVELS)]
        self._low, self._high = np.full(columns, np.inf), np.full(columns, -np.inf)
        self._chunks: RunningAverages | None = None  # the means of whole chunks

    def add(self, row: ArrayLike) -> None:
        """The next (K,) finite values."""
        self._chunk[self._filled] = row
        self._filled += 1
        if self._filled == CHUNK:
            self._low, self._high = self._range()
            self._moments, means = self._up_to_now()
            if self._chunks is None:
                self._chunks = RunningAverages(self._columns)
            self._chunks.add(means[:, 0])
            self._filled = 0

    def totals(self) -> list[float]:
        """(K,) sums."""
        return [moments.total for moments in self._up_to_now()[0][0]]

    def averages(self) -> list[BlockAverage]:
        """(K,) means and their standard errors, of one or more values."""
        low, high = self._range()
        columns = list(zip(*self._levels(), strict=True))
        return [_block_average(c, low[k] == high[k]) for k, c in enumerate(columns)]

    def _range(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """(K,) smallest and largest values."""
        chunk = self._chunk[: self._filled]
        low = chunk.min(axis=0, initial=np.inf)
        return np.minimum(self._low, low), np.maximum(self._high, chunk.max(0, initial=-np.inf))

    def _levels(self) -> list[list[_Moments]]:
        """Moments of the means over blocks of 1, 2, 4, … values, each of K series."""
        levels = self._up_to_now()[0]
        return levels if self._chunks is None else levels + self._chunks._levels()

    def _up_to_now(self) -> tuple[list[list[_Moments]], NDArray[np.float64]]:
        """Moments up to blocks of half a chunk, and (K, blocks) means of the next longer ones."""
        series = self._chunk[: self._filled].T
        levels = []
        for before in self._moments:
            more = map(_Moments.of, series) if series.shape[1] else _no_moments(self._columns)
            levels.append([a + b for a, b in zip(before, more, strict=True)])
            pairs = series[:, : series.shape[1] // 2 * 2].reshape(self._columns, -1, 2)
            series = pairs.mean(axis=2)  # an odd one is left out
        return levels, series


def _no_moments(columns: int) -> list[_Moments]:
    return [_Moments()] * columns


def _block_average(levels: Sequence[_Moments], constant: bool) -> BlockAverage:
    """From the moments of the means over blocks of 1, 2, 4, … values."""
    frames = levels[0].n
    mean = levels[0].total / frames
    if frames == 1:
        return BlockAverage(mean, None, 1, 1, 1, False)
    if constant:  # the same in every frame: nothing to estimate a correlation from
        return BlockAverage(mean, 0.0, frames, 1, frames, frames >= 8 * MIN_BLOCKS)
    largest = (0.0, 1)
    naive = levels[0].naive_error
    for level, moments in enumerate(levels):
        error, block = moments.naive_error, 2**level
        if error > largest[0]:
            largest = error, block
        enough = block**3 > 2 * frames * (largest[0] / naive) ** 4
        if enough and moments.n >= MIN_BLOCKS:
            return BlockAverage(mean, error, frames, block, moments.n, True)
        if moments.n < 2 * MIN_BLOCKS:
            break
    return BlockAverage(mean, largest[0], frames, largest[1], frames // largest[1], False)


def as_json(statistics: Mapping[str, BlockAverage]) -> dict[str, dict[str, Any]]:
    """Plain dicts by phase, for a JSON summary."""
    return {name: asdict(average) for name, average in statistics.items()}

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
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from iceclass.errors import InputError
from iceclass.io.output.csv_tables import write_csv

MIN_BLOCKS = 8
"""Blocks from which on an error is believed; it is then known to about a quarter of itself."""

COLUMNS = ("phase", "mean", "standard_error", "frames", "block", "blocks", "converged")


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
    mean, frames = float(series.mean()), len(series)
    if frames == 1:
        return BlockAverage(mean, None, 1, 1, 1, False)
    if np.ptp(series) == 0.0:  # the same in every frame: nothing to estimate a correlation from
        return BlockAverage(mean, 0.0, frames, 1, frames, frames >= 8 * MIN_BLOCKS)
    largest = (0.0, 1)
    naive, block = _naive_error(series), 1
    while True:
        error = _naive_error(series)
        if error > largest[0]:
            largest = error, block
        enough = block**3 > 2 * frames * (largest[0] / naive) ** 4
        if enough and len(series) >= MIN_BLOCKS:
            return BlockAverage(mean, error, frames, block, len(series), True)
        if len(series) < 2 * MIN_BLOCKS:
            return BlockAverage(mean, largest[0], frames, largest[1], frames // largest[1], False)
        pairs = series[: len(series) // 2 * 2].reshape(-1, 2)  # an odd one is left out
        series, block = pairs.mean(axis=1), 2 * block


def _naive_error(series: NDArray[np.float64]) -> float:
    """Standard error of the mean of independent values."""
    return float(series.std(ddof=1) / np.sqrt(len(series)))


def phase_statistics(counts: ArrayLike, columns: Sequence[str]) -> dict[str, BlockAverage]:
    """Mean fraction of every phase over the frames.

    Parameters
    ----------
    counts
        (T, C + 1). Molecules of each phase in each frame; every frame weighs the same.
    columns
        The names of the C + 1 columns, as of :attr:`iceclass.labelling.label.Labels.columns`.

    Raises
    ------
    InputError
        No frames, or a frame without molecules.
    """
    table = np.asarray(counts, dtype=np.float64)
    if table.ndim != 2 or table.shape[1] != len(columns) or len(table) == 0:
        raise InputError(f"counts have shape {table.shape}, expected (T, {len(columns)})")
    molecules = table.sum(axis=1)
    if not (molecules > 0).all():
        raise InputError("a frame has no molecules", frame=int(np.argmin(molecules > 0)))
    fractions = table / molecules[:, None]
    return {name: block_average(fractions[:, k]) for k, name in enumerate(columns)}


def as_json(statistics: Mapping[str, BlockAverage]) -> dict[str, dict[str, Any]]:
    """Plain dicts by phase, for a JSON summary."""
    return {name: asdict(average) for name, average in statistics.items()}


def write_statistics(
    path: str | Path, statistics: Mapping[str, BlockAverage], *, force: bool = False
) -> Path:
    """Write a row for every phase, in :data:`COLUMNS`; an unknown error is an empty field."""
    rows = (
        (
            name,
            f"{a.mean:.6f}",
            "" if a.standard_error is None else f"{a.standard_error:.6f}",
            a.frames,
            a.block,
            a.blocks,
            str(a.converged).lower(),
        )
        for name, a in statistics.items()
    )
    return write_csv(path, COLUMNS, rows, force=force)

"""How far relaxed structures are from the experiment: volume, and the first cell vector."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from iceclass.crystals.database import Entry
from iceclass.crystals.faults import mass_density

PUBLISHED: Mapping[str, tuple[float, float, float, float]] = {
    "ani1x": (3.0, 8.4, 1.2, 6.1),
    "ani1ccx": (1.6, 10.0, 1.2, 6.8),
}
"""Calculator → mean and standard deviation of ΔV, then of Δ|a₁|, %, of 3000 molecular crystals."""


@dataclass(frozen=True)
class Normal:
    """A Gaussian fitted to n values by maximum likelihood.

    Attributes
    ----------
    mean, deviation
        %.
    mean_error, deviation_error
        Their standard errors, σ/√n and σ/√(2n): Fisher information of a Gaussian.
    """

    n: int
    mean: float
    deviation: float

    @property
    def mean_error(self) -> float:
        return self.deviation / np.sqrt(max(self.n, 1))

    @property
    def deviation_error(self) -> float:
        return self.deviation / np.sqrt(2.0 * max(self.n, 1))

    def __str__(self) -> str:
        return (
            f"{self.mean:.2f}({self.mean_error:.2f}), {self.deviation:.2f}"
            f"({self.deviation_error:.2f})"
        )


@dataclass(frozen=True, eq=False)
class Comparison:
    """One calculator's structures against the experiment.

    Attributes
    ----------
    calculator
        Its name.
    sources, before, after
        (K,) of those that were relaxed: file, phase in the CIF file and after the relaxation.
    volume, length
        (K,) float64, %. Relative errors of the volume and of |a₁|.
    failed
        Source → reason, of the others.
    """

    calculator: str
    sources: tuple[str, ...]
    before: tuple[str, ...]
    after: tuple[str, ...]
    volume: NDArray[np.float64]
    length: NDArray[np.float64]
    failed: Mapping[str, str]

    @property
    def fits(self) -> tuple[Normal, Normal]:
        """Gaussians of the errors of the volume and of |a₁|."""
        return fit(self.volume), fit(self.length)


def fit(values: NDArray[np.float64]) -> Normal:
    """The Gaussian of some values."""
    if not len(values):
        return Normal(0, float("nan"), float("nan"))
    return Normal(len(values), float(values.mean()), float(values.std()))


def compare(
    relaxed: Sequence[Entry], originals: Mapping[str, Entry], calculator: str
) -> Comparison:
    """Errors of relaxed structures; the originals by source.

    The experimental volume is that of the CIF file's cell, or follows from the density that the
    file states, where it does; then |a₁| is scaled with it.
    """
    good = [e for e in relaxed if not e.fault]
    volume, length = [], []
    for entry in good:
        start = originals[entry.source]
        swollen = entry.atoms.get_volume() / start.atoms.get_volume()
        longer = entry.atoms.cell.lengths()[0] / start.atoms.cell.lengths()[0]
        # of the experiment's volume to the file's cell
        experiment = mass_density(start.atoms) / start.density if start.density else 1.0
        volume.append(100.0 * (swollen / experiment - 1.0))
        length.append(100.0 * (longer / experiment ** (1.0 / 3.0) - 1.0))
    return Comparison(
        calculator,
        tuple(e.source for e in good),
        tuple(originals[e.source].phase for e in good),
        tuple(e.phase for e in good),
        np.array(volume),
        np.array(length),
        {e.source: e.message for e in relaxed if e.fault},
    )

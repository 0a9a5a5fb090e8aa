"""What a trajectory of oxygens shows of its structure and its motion, before anybody judges it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from iceclass.datasets.unwrapping import checked_frames, unwrapped
from iceclass.errors import InputError
from iceclass.external.ovito import chill_plus
from iceclass.frame import Frame
from iceclass.neighbours.cell_list import neighbour_list

R_MAX = 10.0
"""Å; how far the radial distribution function is measured."""

BIN = 0.05
"""Å; its bins."""

SHELL = 3.3
"""Å; neighbours up to here are counted as the first shell, in every phase alike."""

FIRST_PEAK = (2.2, 3.4)
"""Å; where the nearest neighbours are looked for. Hydrogen bonds are 2.7 to 2.9 Å long in every
phase; closer than 2.2 Å the oxygens overlap (σ of TIP4P/Ice is 3.17 Å, its repulsion there a
hundred kT at 300 K), and beyond 3.4 Å begins the second shell of the dense phases."""

SECOND_PEAK = (0.6, 5.5)
"""Å beyond the first peak, and Å: where the second one is looked for. In a tetrahedral network it
is at √(8/3) of the first, 4.5 Å, and in HDA at 3.3 Å and more, 0.6 beyond the first; the third
shell begins at about 5.5 Å (Soper & Ricci, Phys. Rev. Lett. 84, 2881 (2000))."""

LONG_RANGE = 7.0
"""Å; from here on a liquid's or glass's g(r) is within some hundredths of 1: three shells, of
2.8, 4.5 and 6.8 Å, are behind."""

_SMOOTHING = np.array([0.25, 0.5, 0.25])


@dataclass(frozen=True, eq=False)
class RadialDistribution:
    """The O–O radial distribution function, mean over frames, and its landmarks.

    Attributes
    ----------
    r, g
        (bins,) float64, Å and dimensionless: bin centres, and the density of neighbours there in
        units of the mean density.
    first_peak, first_peak_height
        Å and dimensionless: the nearest neighbours.
    first_minimum, first_minimum_height
        The lowest place between the two peaks: how empty the gap between the shells is.
    second_peak, second_peak_height
        The highest place from 0.6 Å beyond the first peak to 5.5 Å.
    coordination
        Neighbours of a molecule closer than 3.3 Å.
    long_range_order
        Root mean square of g − 1 between 7 and 10 Å: nearly 0 where nothing is periodic.
    """

    r: NDArray[np.float64]
    g: NDArray[np.float64]
    first_peak: float
    first_peak_height: float
    first_minimum: float
    first_minimum_height: float
    second_peak: float
    second_peak_height: float
    coordination: float
    long_range_order: float


def radial_distribution(frames: Sequence[Frame]) -> RadialDistribution:
    """g(r) of all frames to 10 Å in bins of 0.05 Å; landmarks after smoothing over three bins.

    Linear in N: neighbours come from the cell list, periodic images beyond half a cell included.

    Raises
    ------
    InputError
        No frame, or a frame without a volume or with fewer than two molecules.
    """
    edges = np.arange(0.0, R_MAX + BIN / 2, BIN)
    r = (edges[1:] + edges[:-1]) / 2
    shells = 4.0 / 3.0 * np.pi * np.diff(edges**3)
    g, near = np.zeros(len(r)), []
    for k, frame in enumerate(checked_frames(frames)):
        if frame.volume == 0.0 or frame.n_molecules < 2:
            raise InputError("expected a box and two molecules at least", frame=k)
        distances = neighbour_list(frame, R_MAX)[3]
        counts = np.histogram(distances, edges)[0]
        g += counts * frame.volume / (frame.n_molecules**2 * shells)
        near.append(np.count_nonzero(distances < SHELL) / frame.n_molecules)
    g /= len(frames)
    smooth = np.convolve(g, _SMOOTHING, mode="same")
    first = _highest(smooth, r, *FIRST_PEAK)
    second = _highest(smooth, r, r[first] + SECOND_PEAK[0], SECOND_PEAK[1])
    lowest = first + int(np.argmin(smooth[first : second + 1]))
    far = (r > LONG_RANGE) & (r < R_MAX)
    return RadialDistribution(
        r=r,
        g=g,
        first_peak=float(r[first]),
        first_peak_height=float(smooth[first]),
        first_minimum=float(r[lowest]),
        first_minimum_height=float(smooth[lowest]),
        second_peak=float(r[second]),
        second_peak_height=float(smooth[second]),
        coordination=float(np.mean(near)),
        long_range_order=float(np.sqrt(np.mean((smooth[far] - 1.0) ** 2))),
    )


def _highest(g: NDArray[np.float64], r: NDArray[np.float64], low: float, high: float) -> int:
    """Index of the largest value between two distances."""
    inside = np.flatnonzero((r >= low) & (r <= high))
    return int(inside[np.argmax(g[inside])])


def mean_square_displacement(frames: Sequence[Frame]) -> NDArray[np.float64]:
    """(T,) float64, Å². Mean over molecules and time origins, by lag in frames; 0 at lag 0.

    Of the :func:`~iceclass.datasets.unwrapping.unwrapped` paths with the affine change of the box
    taken out: displacements are those of fractional coordinates times the mean cell. The drift of
    the whole is subtracted.

    Raises
    ------
    InputError
        No frame, or frames of different numbers of molecules.
    """
    path, cells = unwrapped(frames)
    positions = path @ cells.mean(axis=0)
    positions -= positions.mean(axis=1, keepdims=True)
    return np.array(
        [0.0]
        + [
            float(np.mean(np.sum((positions[lag:] - positions[:-lag]) ** 2, axis=2)))
            for lag in range(1, len(frames))
        ]
    )


def ice_fractions(frames: Sequence[Frame]) -> tuple[float, float]:
    """Fractions of molecules that OVITO's CHILL+ calls hexagonal and cubic ice, over all frames.

    Interfacial ice and hydrate count as neither; see :mod:`iceclass.external.ovito`.

    Raises
    ------
    MissingDependencyError
        OVITO is not installed.
    InputError
        No frame.
    """
    called = np.concatenate([chill_plus(frame) for frame in checked_frames(frames)])
    return float(np.mean(called == "ih")), float(np.mean(called == "ic"))

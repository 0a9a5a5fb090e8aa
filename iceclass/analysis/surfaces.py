"""The quasi-liquid layer on the free surfaces of an ice slab.

A slab ends where its density falls below half of that of its middle. On either side of its middle
the molecules that are of no crystal are counted, and spread at the density of the middle over the
area: that thickness asks for no position of an interface that is rough, but counts defects inside
the slab as well (as by Conde, Vega & Patrykiejew, J. Chem. Phys. 129, 014702 (2008),
doi 10.1063/1.2940195, and later work).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter1d

from iceclass.analysis.profile import along
from iceclass.errors import InputError
from iceclass.frame import Frame

LAYER = 0.25
SMOOTHING = 1.0
"""Å, thickness of the layers of the density, and standard deviation of the Gaussian over them:
narrow against a molecule, for it moves the end of a slab by nothing and blurs it little."""

VACUUM = 8.0
"""Å without a slab from which on its sides are free surfaces: beyond the second neighbours."""


@dataclass(frozen=True)
class Slab:
    """The slab of a frame and its two surface layers.

    Attributes
    ----------
    low, high
        Å along the axis, where it begins and ends; ``high`` may lie beyond the cell's end.
    density
        Molecules per Å³ in the middle half of it.
    lower, upper
        Å, thickness of the quasi-liquid layer on either side.
    """

    low: float
    high: float
    density: float
    lower: float
    upper: float

    @property
    def thickness(self) -> float:
        """Å, of the quasi-liquid layer, the mean of both sides."""
        return 0.5 * (self.lower + self.upper)


def find_slab(frame: Frame, ordered: NDArray[np.bool_], axis: str = "z") -> Slab | None:
    """The slab across an axis, or ``None`` where there are no free surfaces.

    Parameters
    ----------
    frame
        N molecules; the cell spans all three directions.
    ordered
        (N,) which of them are crystalline.
    axis
        As of :class:`iceclass.analysis.profile.Profile`.

    Raises
    ------
    InputError
        No extent along the axis, or no area across it.
    """
    if ordered.shape != (frame.n_molecules,):
        raise InputError(f"{ordered.shape} molecules ordered, expected ({frame.n_molecules},)")
    fraction, low, extent, periodic = along(frame, axis)
    if frame.volume == 0.0:
        raise InputError(
            f"the cell has no area across {axis}: {frame.cell.tolist()}",
            hint="surface layers need a slab in a box",
        )
    area = frame.volume / extent
    if not periodic:  # room for what lies beyond an open cell
        reach = float(fraction.min()), float(fraction.max())
        room = 2.0 * VACUUM / extent
        low += (reach[0] - room) * extent
        extent *= reach[1] - reach[0] + 2.0 * room
        fraction = (fraction - reach[0] + room) / (reach[1] - reach[0] + 2.0 * room)
    n = max(8, round(extent / LAYER))
    width = extent / n
    counts = np.bincount(np.clip((fraction * n).astype(np.int64), 0, n - 1), minlength=n)
    # layers of a crystal must not be told from a gap: wide enough first, then sharper ends
    coarse = gaussian_filter1d(counts.astype(np.float64), 2.0 / width, mode="wrap")
    matter = coarse > 0.1 * coarse.max()
    gap, length = _longest_gap(matter)
    if length * width < VACUUM:
        return None
    shift = (gap + length // 2) % n
    place = (fraction * n - shift) % n
    density = gaussian_filter1d(np.roll(counts, -shift).astype(np.float64), SMOOTHING / width)
    inside = np.flatnonzero(np.roll(matter, -shift))
    quarter = (inside[-1] - inside[0]) / 4
    middle = density[int(inside[0] + quarter) : int(inside[-1] - quarter) + 1].mean()
    begin, end = _half(density, middle), n - _half(density[::-1], middle)
    centre = 0.5 * (begin + end)
    number = float(middle) / (width * area)
    loose = ~ordered
    lower, upper = (
        float((loose & side).sum()) / (area * number) for side in (place < centre, place >= centre)
    )
    return Slab(
        low + (begin + shift) % n * width,
        low + (begin + shift) % n * width + (end - begin) * width,
        number,
        lower,
        upper,
    )


def _longest_gap(matter: NDArray[np.bool_]) -> tuple[int, int]:
    """First layer and number of layers of the longest gap in matter, across the boundary."""
    n = len(matter)
    changes = np.flatnonzero(matter != np.roll(matter, 1))
    if not len(changes):
        return 0, 0
    lengths = np.diff(np.append(changes, changes[0] + n))
    lengths = np.where(matter[changes], 0, lengths)
    k = int(lengths.argmax())
    return int(changes[k]), int(lengths[k])


def _half(density: NDArray[np.float64], middle: float) -> float:
    """Where a density first reaches half of that of the middle, in layers from its beginning."""
    k = int(np.argmax(density >= 0.5 * middle))
    before, after = density[k - 1] if k else 0.0, density[k]
    return k + 0.5 - float((after - 0.5 * middle) / (after - before))

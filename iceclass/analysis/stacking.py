"""Ice I as a pile of layers: which axis they lie across, their sequence, how cubic they are.

Ice I is a pile of puckered bilayers. The bonds between two bilayers are eclipsed where the upper
one follows in the opposite sense (hexagonal, ``h``), staggered where it follows in the same one
(cubic, ``c``); a molecule is labelled by the bond it has along the pile (see
:mod:`iceclass.generation.stacking`). So the letter between two bilayers is that of most
molecules in the upper half of the lower and the lower half of the upper one.

The axis is that of the bonds along which the molecules lie best in bilayers: the direction n and
spacing d for which the structure factor |Σ exp(2πi n·r / d)| / N is largest. Of cubic ice, all
four are as good. A perfect pile has 1/√2, since the halves of a bilayer are a quarter of d apart.

Cubicity and the memory of sequences: Malkin et al., Phys. Chem. Chem. Phys. 17, 60 (2015),
doi 10.1039/C4CP02893G.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize

SPACING = (3.4, 3.9)
"""Å, where the distance of bilayers is looked for: 3.66 Å in Ih at 250 K, a/√3 in Ic."""

MIN_ORDER = 0.35
"""Half of a perfect pile's structure factor; below it there are no layers to tell apart."""

MIN_LAYER = 4
"""Molecules between two bilayers from which on their letter is told."""

UNTOLD = "?"
"""Letter of a layer with as many cubic as hexagonal molecules, or too few of both."""


@dataclass(frozen=True, eq=False)
class Stacking:
    """The layers of a piece of ice I.

    Attributes
    ----------
    axis
        (3,) float64, unit vector across the layers.
    spacing
        Å, distance of the bilayers.
    order
        The structure factor of the layers, up to 0.71.
    hexagonal, cubic
        (L,) int64, molecules of either kind between one bilayer and the next, along the axis.
    """

    axis: NDArray[np.float64]
    spacing: float
    order: float
    hexagonal: NDArray[np.int64]
    cubic: NDArray[np.int64]

    @property
    def sequence(self) -> str:
        """A letter a layer, ``h``, ``c`` or :data:`UNTOLD`, without untold ones at the ends."""
        letters = np.select(
            [
                self.hexagonal + self.cubic < MIN_LAYER,
                self.hexagonal > self.cubic,
                self.cubic > self.hexagonal,
            ],
            [UNTOLD, "h", "c"],
            UNTOLD,
        )
        return "".join(letters.tolist()).strip(UNTOLD)


def cubicity(hexagonal: int, cubic: int) -> float | None:
    """Share of cubic molecules in ice I; ``None`` without a molecule."""
    total = hexagonal + cubic
    return cubic / total if total else None


def stacking(
    positions: NDArray[np.float64], bonds: NDArray[np.float64], cubic: NDArray[np.bool_]
) -> Stacking | None:
    """The layers of a connected piece of ice I, or ``None`` where there are none to see.

    Parameters
    ----------
    positions
        (n, 3) float64, Å, put together across periodic boundaries.
    bonds
        (P, 3) float64, Å. From each molecule to its neighbours.
    cubic
        (n,) bool. Labelled Ic; the others are Ih.
    """
    if len(positions) < 2 * MIN_LAYER or not len(bonds):
        return None
    best: tuple[float, NDArray[np.float64], float] | None = None
    spacings = np.linspace(*SPACING, 26)
    for axis in _directions(bonds):
        along = positions @ axis
        factors = np.abs(np.exp(2j * np.pi * along / spacings[:, None]).mean(axis=1))
        k = int(factors.argmax())
        if best is None or factors[k] > best[0]:
            best = float(factors[k]), axis, float(spacings[k])
    assert best is not None
    axis, spacing = _refined(positions, best[1], best[2])
    phase = np.exp(2j * np.pi * (positions @ axis) / spacing).mean()
    if abs(phase) < MIN_ORDER:
        return None
    place = positions @ axis / spacing - np.angle(phase) / (2 * np.pi)
    # above the middle of its bilayer, a molecule's bond along the pile leads up, else down
    gap = np.floor(place).astype(np.int64)
    gap -= gap.min()
    counts = [np.bincount(gap[kind], minlength=gap.max() + 1) for kind in (~cubic, cubic)]
    return Stacking(axis, spacing, float(abs(phase)), counts[0], counts[1])


def runs(sequences: Sequence[str]) -> dict[str, list[int]]:
    """Lengths of the runs of hexagonal and of cubic layers in all sequences, in order."""
    found: dict[str, list[int]] = {"h": [], "c": []}
    for sequence in sequences:
        before = ""
        for letter in sequence:
            if letter in found:
                if letter == before:
                    found[letter][-1] += 1
                else:
                    found[letter].append(1)
            before = letter
    return found


def followers(sequences: Sequence[str]) -> dict[str, int]:
    """How often ``hh``, ``hc``, ``ch`` and ``cc`` stand in the sequences.

    A stacking fault of Ih is a ``c``, one of Ic an ``h``; hc + ch count the changes.
    """
    pairs = [a + b for sequence in sequences for a, b in pairwise(sequence)]
    return {pair: pairs.count(pair) for pair in ("hh", "hc", "ch", "cc")}


def _directions(bonds: NDArray[np.float64], most: int = 2000) -> list[NDArray[np.float64]]:
    """Mean directions of the bonds, those within 25° taken together, ± the same."""
    units = bonds[:: max(1, len(bonds) // most)]
    units = units / np.linalg.norm(units, axis=1)[:, None]
    left = np.ones(len(units), dtype=bool)
    directions = []
    while left.any():
        axis = units[np.flatnonzero(left)[0]]
        for _ in range(2):
            cosine = units @ axis
            near = np.abs(cosine) > np.cos(np.radians(25.0))
            axis = (units[near] * np.sign(cosine[near])[:, None]).sum(axis=0)
            axis /= np.linalg.norm(axis)
        # what is far from every common direction goes alone
        left &= ~near
        left[np.flatnonzero(left)[:1]] = False
        directions.append((int(near.sum()), axis))
    directions.sort(key=lambda found: -found[0])
    return [axis for _, axis in directions[:40]]


def _refined(
    positions: NDArray[np.float64], axis: NDArray[np.float64], spacing: float
) -> tuple[NDArray[np.float64], float]:
    """Axis and spacing at the maximum of the structure factor near these."""
    across = np.linalg.svd(axis[None])[2][1:]

    def vector(tilt: NDArray[np.float64]) -> NDArray[np.float64]:
        tilted = axis + tilt[:2] @ across
        return tilted / np.linalg.norm(tilted)

    def loss(tilt: NDArray[np.float64]) -> float:
        d = spacing * (1.0 + tilt[2])
        if not SPACING[0] <= d <= SPACING[1]:
            return 0.0
        return -float(np.abs(np.exp(2j * np.pi * (positions @ vector(tilt)) / d).mean()))

    start = np.zeros((4, 3))
    start[1:] = np.diag([0.05, 0.05, 0.005])
    found = minimize(
        loss,
        start[0],
        method="Nelder-Mead",
        options={"initial_simplex": start, "xatol": 1e-4, "fatol": 1e-5},
    )
    best = found.x if found.fun < loss(start[0]) else start[0]
    return vector(best), spacing * (1.0 + float(best[2]))

"""Water told by its geometry alone: an atom with two others where O has its H."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from iceclass.io.water.distances import Lattice, close_pairs
from iceclass.io.water.kinds import Key, Species

BOND = (0.75, 1.25)  # Å, of O–H: 0.87 (OPC) to 1.0 (SPC/E), and thermal motion of flexible models
ALONE = 1.55  # Å; closer neighbours that are not bonded tell of another molecule than water
ANGLE = (90.0, 130.0)  # degrees
SAMPLE = 40  # atoms of each kind that are looked at


def sample_of(rows: NDArray[np.int64]) -> NDArray[np.int64]:
    """Up to SAMPLE rows, evenly spread."""
    if len(rows) <= SAMPLE:
        return rows
    return rows[np.linspace(0, len(rows) - 1, SAMPLE).astype(np.int64)]


def neighbours_of(
    sample: NDArray[np.int64], positions: NDArray[np.float64], lattice: Lattice
) -> tuple[NDArray[np.int64], NDArray[np.float64], NDArray[np.int64]]:
    return close_pairs(
        sample,
        positions,
        ALONE,
        8,
        lattice.cell,
        lattice.inverse,
        lattice.periodic,
        lattice.shifts,
    )


@dataclass(frozen=True)
class Water:
    """Kinds (indices into the keys of the species) that form water by their geometry.

    Attributes
    ----------
    oxygens, hydrogens
        The kinds.
    distance
        Mean O–H distance, Å.
    ratio
        Number of hydrogens over number of oxygens.
    """

    oxygens: tuple[int, ...]
    hydrogens: tuple[int, ...]
    distance: float
    ratio: float


def find_water(
    species: Species,
    positions: NDArray[np.float64],
    lattice: Lattice,
    oxygens: tuple[Key, ...] = (),
) -> tuple[Water | None, str]:
    """The kinds that form water, or none and what was found instead.

    Parameters
    ----------
    species
        The kinds, M atoms.
    positions
        (M, 3) Å.
    lattice
        The periodic cell.
    oxygens
        The kinds that are known to be oxygen; else exactly one is looked for.
    """
    candidates: list[tuple[float, int, tuple[int, ...]]] = []
    for k, key in enumerate(species.keys):
        if oxygens and key not in oxygens:
            continue
        sample = sample_of(np.flatnonzero(species.codes == k))
        partners, bonds = _water_partners(k, sample, species, positions, lattice)
        if len(bonds) < 2 * 0.6 * len(sample):
            continue
        kinds, often = np.unique(partners, return_counts=True)
        hydrogens = tuple(int(h) for h in kinds[often >= 0.05 * len(partners)])
        if all(_held_by_one(h, k, species, positions, lattice) for h in hydrogens):
            candidates.append((float(np.mean(bonds)), k, hydrogens))
    candidates.sort(reverse=True)
    best: list[tuple[float, int, tuple[int, ...]]] = []
    for candidate in candidates:  # a virtual site has the same hydrogens, but nearer
        if not any(set(candidate[2]) & set(kept[2]) for kept in best):
            best.append(candidate)
    if not best:
        return None, "no kind of atom has two others at 0.75 to 1.25 Å as oxygen has in water"
    if len(best) > 1 and not oxygens:
        found = " and ".join(sorted(str(species.keys[k]) for _, k, _ in best))
        return None, f"{species.kind} {found} all look like the oxygen of water"
    counts = np.bincount(species.codes, minlength=len(species.keys))
    found_o = tuple(k for _, k, _ in best)
    found_h = tuple(sorted({h for _, _, hydrogens in best for h in hydrogens}))
    ratio = float(counts[list(found_h)].sum() / counts[list(found_o)].sum())
    return Water(found_o, found_h, best[0][0], ratio), ""


def _water_partners(
    kind: int,
    sample: NDArray[np.int64],
    species: Species,
    positions: NDArray[np.float64],
    lattice: Lattice,
) -> tuple[list[int], list[float]]:
    """Kinds and distances of the partners of those sample atoms that look like water oxygens."""
    partners: list[int] = []
    bonds: list[float] = []
    neighbours, distances, counts = neighbours_of(sample, positions, lattice)
    for i, others, lengths, count in zip(sample, neighbours, distances, counts, strict=True):
        if count > 8:
            continue
        real = [
            (d, j) for d, j in zip(lengths[:count], others[:count], strict=True) if d >= BOND[0]
        ]
        if len(real) != 2 or any(d > BOND[1] or species.codes[j] == kind for d, j in real):
            continue
        vectors = [_shortest(positions[j] - positions[i], lattice) for _, j in real]
        cosine = vectors[0] @ vectors[1] / (real[0][0] * real[1][0])
        if ANGLE[0] <= np.degrees(np.arccos(np.clip(cosine, -1.0, 1.0))) <= ANGLE[1]:
            partners += [int(species.codes[j]) for _, j in real]
            bonds += [float(d) for d, _ in real]
    return partners, bonds


def _shortest(vector: NDArray[np.float64], lattice: Lattice) -> NDArray[np.float64]:
    turns = np.where(lattice.periodic, np.rint(vector @ lattice.inverse), 0.0)
    images = vector - turns @ lattice.cell + lattice.shifts
    best: NDArray[np.float64] = images[np.argmin(np.einsum("ij,ij->i", images, images))]
    return best


def _held_by_one(
    kind: int, oxygen: int, species: Species, positions: NDArray[np.float64], lattice: Lattice
) -> bool:
    """Whether at least half the atoms of a kind have exactly one of the oxygens as partner."""
    sample = sample_of(np.flatnonzero(species.codes == kind))
    neighbours, distances, counts = neighbours_of(sample, positions, lattice)
    held = 0
    for others, lengths, count in zip(neighbours, distances, np.minimum(counts, 8), strict=True):
        near = others[:count][(lengths[:count] >= BOND[0]) & (lengths[:count] <= BOND[1])]
        held += int(np.count_nonzero(species.codes[near] == oxygen) == 1)
    return 2 * held >= len(sample)

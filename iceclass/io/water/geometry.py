"""Water told by its geometry alone: an atom with two others where O has its H."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from iceclass.errors import InputError
from iceclass.io.water.bonds import REACH, TOO_CLOSE
from iceclass.io.water.kinds import AtomKinds, Key
from iceclass.neighbours import Lattice, nearest, pairs

BOND = (0.75, 1.25)
"""Å, of O–H: 0.87 (OPC) to 1.0 (SPC/E), and the thermal motion of flexible models, whose
standard deviation is below 0.08 Å at 400 K."""

WIDE_BOND = (TOO_CLOSE, REACH)
"""Å, tried where nothing is found within BOND."""

ALONE = 1.55
"""Å. Closer neighbours that are not bonded tell of another molecule than water: C–C is 1.54 Å; the
next hydrogen of a neighbour in water and ice is beyond 1.6 Å."""

ANGLE = (90.0, 130.0)
"""Degrees, of H–O–H: 104.5 to 109.5 in the models, and thermal motion."""

SAMPLE = 40
"""Atoms of each kind that are looked at, evenly spread."""

_MOST_WATER = 0.6
"""Of the sample of a kind, that has to look like water's oxygen: the rest may be of molecules cut
by an open boundary, or reacting."""

_RARE_PARTNER = 0.05
"""Of the partners of a kind: kinds that are met more rarely are no hydrogens of it."""


def sample_of(rows: NDArray[np.int64]) -> NDArray[np.int64]:
    """Up to SAMPLE rows, evenly spread."""
    if len(rows) <= SAMPLE:
        return rows
    return rows[np.linspace(0, len(rows) - 1, SAMPLE).astype(np.int64)]


@dataclass(frozen=True)
class Surroundings:
    """What is closer than a radius to one atom: (Z,) rows, distances (Å), and (Z, 3) vectors."""

    rows: NDArray[np.int64]
    distances: NDArray[np.float64]
    vectors: NDArray[np.float64]


def surroundings(
    sample: NDArray[np.int64], positions: NDArray[np.float64], lattice: Lattice, radius: float
) -> list[Surroundings]:
    """What is around each atom of a sample (rows of the (M, 3) positions), but for itself."""
    found = pairs(positions, lattice.cell, lattice.periodic, radius, points=positions[sample])
    out = []
    for i, row in enumerate(sample):
        part = slice(found.offsets[i], found.offsets[i + 1])
        others = found.indices[part]
        away = (others != row) | (found.distances[part] > 1e-6)  # its images count
        out.append(
            Surroundings(others[away], found.distances[part][away], found.vectors[part][away])
        )
    return out


@dataclass(frozen=True)
class Water:
    """Kinds (indices into the keys) that form water by their geometry.

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
    kinds: AtomKinds,
    positions: NDArray[np.float64],
    lattice: Lattice,
    oxygens: tuple[Key, ...] | None = None,
) -> Water | None:
    """The kinds that form water, or none.

    Parameters
    ----------
    kinds
        The kinds, M atoms.
    positions
        (M, 3) Å.
    lattice
        The periodic cell.
    oxygens
        The kinds that may be oxygen; default: any.
    """
    for bond in (BOND, WIDE_BOND):
        water = _find_water(kinds, positions, lattice, oxygens, bond)
        if water is not None:
            return water
    return None


def _find_water(
    kinds: AtomKinds,
    positions: NDArray[np.float64],
    lattice: Lattice,
    oxygens: tuple[Key, ...] | None,
    bond: tuple[float, float],
) -> Water | None:
    samples = [sample_of(np.flatnonzero(kinds.codes == k)) for k in range(len(kinds.keys))]
    around = surroundings(np.concatenate(samples), positions, lattice, max(ALONE, bond[1]))
    ends = np.cumsum([len(sample) for sample in samples]).tolist()
    parts = [around[end - len(s) : end] for s, end in zip(samples, ends, strict=True)]
    candidates: list[tuple[float, int, tuple[int, ...]]] = []
    for k, key in enumerate(kinds.keys):
        if oxygens is not None and key not in oxygens:
            continue
        partners, bonds = _water_partners(k, parts[k], kinds, bond)
        if len(bonds) < 2 * _MOST_WATER * len(samples[k]):
            continue
        partner_kinds, often = np.unique(partners, return_counts=True)
        hydrogens = tuple(int(h) for h in partner_kinds[often >= _RARE_PARTNER * len(partners)])
        if all(_held_by_one(k, parts[h], kinds, bond) for h in hydrogens):
            candidates.append((float(np.mean(bonds)), k, hydrogens))
    candidates.sort(reverse=True)
    best: list[tuple[float, int, tuple[int, ...]]] = []
    for candidate in candidates:  # a virtual site has the same hydrogens, but nearer
        upon = _kinds_within(parts[candidate[1]], kinds, BOND[0])
        if not any(set(candidate[2]) & set(kept[2]) and kept[1] in upon for kept in best):
            best.append(candidate)
    if not best:
        return None
    counts = np.bincount(kinds.codes, minlength=len(kinds.keys))
    found_o = tuple(sorted(k for _, k, _ in best))
    found_h = tuple(sorted({h for _, _, hydrogens in best for h in hydrogens}))
    ratio = float(counts[list(found_h)].sum() / counts[list(found_o)].sum())
    return Water(found_o, found_h, best[0][0], ratio)


def _water_partners(
    kind: int, sample: list[Surroundings], kinds: AtomKinds, bond: tuple[float, float]
) -> tuple[list[int], list[float]]:
    """Kinds and distances of the partners of those sample atoms that look like water oxygens."""
    partners: list[int] = []
    bonds: list[float] = []
    for around in sample:
        real = np.flatnonzero(around.distances >= bond[0])
        others = kinds.codes[around.rows[real]]
        lengths = around.distances[real]
        if len(real) != 2 or np.any(lengths > bond[1]) or np.any(others == kind):
            continue
        first, second = around.vectors[real]
        cosine = first @ second / lengths.prod()
        if ANGLE[0] <= np.degrees(np.arccos(np.clip(cosine, -1.0, 1.0))) <= ANGLE[1]:
            partners += others.tolist()
            bonds += lengths.tolist()
    return partners, bonds


def _kinds_within(sample: list[Surroundings], kinds: AtomKinds, radius: float) -> set[int]:
    """The kinds of the atoms that are closer than ``radius`` to at least half of a sample."""
    counts: dict[int, int] = {}
    for around in sample:
        for k in set(kinds.codes[around.rows[around.distances < radius]].tolist()):
            counts[k] = counts.get(k, 0) + 1
    return {k for k, count in counts.items() if 2 * count >= len(sample)}


def _held_by_one(
    oxygen: int, sample: list[Surroundings], kinds: AtomKinds, bond: tuple[float, float]
) -> bool:
    """Whether at least half the atoms of a kind have exactly one of the oxygens as partner."""
    held = 0
    for around in sample:
        near = around.rows[(around.distances >= bond[0]) & (around.distances <= bond[1])]
        held += int(np.count_nonzero(kinds.codes[near] == oxygen) == 1)
    return 2 * held >= len(sample)


def virtual_kinds(
    kinds: AtomKinds,
    candidates: list[int],
    oxygens: NDArray[np.bool_],
    positions: NDArray[np.float64],
    lattice: Lattice,
) -> set[int]:
    """Those of the ``candidates`` (indices into the keys) whose atoms lie upon oxygens.

    Parameters
    ----------
    oxygens
        (K,) which kinds are oxygen.
    """
    sites = positions[oxygens[kinds.codes]]
    found = set()
    for k in candidates:
        sample = sample_of(np.flatnonzero(kinds.codes == k))
        index, _ = nearest(positions[sample], sites, lattice.cell, lattice.periodic, BOND[0])
        if 2 * np.count_nonzero(index >= 0) >= len(sample):
            found.add(k)
    return found


_UNITS = (("bohr", 0.529177), ("nm", 10.0))
"""Names and lengths in Å of units in which files are met."""

_OXYGENS = (2.45, 3.15)
"""Å, of the nearest oxygen in water and ices: 2.75 Å, at 2 GPa and 400 K no less than 2.45."""

_ENOUGH = 20
"""Atoms of which a median distance says something."""

_ALIKE = (0.1, 0.8)
"""Relative width within which most nearest distances lie in water, and how many: in a vapour, whose
oxygens may be as far apart as water's would be in bohr, they are all different."""


def check_bonds(kinds: AtomKinds, positions: NDArray[np.float64], lattice: Lattice) -> None:
    """Raise InputError where water is found as soon as lengths are in bohr or nm."""
    for name, length in _UNITS:
        try:
            scaled = Lattice.of(lattice.cell * length, lattice.periodic, REACH)
            water = _find_water(kinds, positions * length, scaled, None, BOND)
        except InputError:
            continue
        if water is not None:
            raise _other_units("O–H", water.distance / length, name, length)


def check_contacts(sites: NDArray[np.float64], lattice: Lattice) -> None:
    """Raise InputError where (N, 3) oxygens without hydrogens are as far apart as in bohr or nm."""
    if len(sites) < _ENOUGH:
        return
    sample = sample_of(np.arange(len(sites)))[::2]
    reach = 1.1 * _OXYGENS[1] / _UNITS[0][1]
    others = np.delete(sites, sample, axis=0)
    _, closest = nearest(sites[sample], others, lattice.cell, lattice.periodic, reach)
    median = float(np.median(closest))
    if not np.isfinite(median) or np.mean(np.abs(closest / median - 1.0) < _ALIKE[0]) < _ALIKE[1]:
        return
    for name, length in _UNITS:
        if _OXYGENS[0] <= median * length <= _OXYGENS[1]:
            raise _other_units("O–O", median, name, length)


def _other_units(what: str, distance: float, name: str, length: float) -> InputError:
    return InputError(
        f"lengths seem to be in {name}: the distance {what} is {distance:.3g}, which is "
        f"{distance * length:.3g} Å then, and none of water's if it is in Å",
        hint=f"tell the units: --units {name}",
    )

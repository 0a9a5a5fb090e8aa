"""Which molecule every atom belongs to, and which of the molecules are water."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from iceclass.io.water.bonds import REACH, SHORTEST, SURE, TOO_CLOSE, attach, confirm, split
from iceclass.io.water.kinds import HYDROGEN, OTHER, OXYGEN
from iceclass.neighbours import Lattice, nearest

_MANY = 1 << 20

_DENSE_IDS = 4_000_000
"""Ids up to which a table by id is made, whatever the number of atoms: 64 MB."""


class MoleculeFinder:
    """Assigns hydrogens to oxygens, frame after frame.

    The partner of the frame before is tried first; of the first frame, the oxygen with the same
    molecule id, or without these that which would have it if each had two hydrogens in the order of
    the atoms. Where it is not within :data:`~.bonds.SURE`, the nearest atom within
    :data:`~.bonds.REACH` is searched for, in time linear in the number of atoms. Protons that hop
    change their molecule.

    Parameters
    ----------
    topology
        (B, 2) rows of atoms that are bonded, as the file or its topology says; they count before
        distances.

    Attributes
    ----------
    n_oxygens
        Number of oxygens of the last frame, water's or not.
    counts
        (n_oxygens,) Hydrogens bound to each of them.
    """

    def __init__(self, topology: NDArray[np.int64] | None = None) -> None:
        self.topology = topology
        self.n_oxygens = 0
        self.counts = np.empty(0, np.int8)
        self._ids: NDArray[np.int64] | None = None
        self._rows = np.empty(0, np.int64)
        self._partner = np.empty(0, np.int64)

    def assign(
        self,
        roles: NDArray[np.int8],
        positions: NDArray[np.float64],
        lattice: Lattice,
        ids: NDArray[np.int64] | None = None,
        mol: Callable[[], NDArray[Any]] | None = None,
        *,
        water_only: bool = False,
    ) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Sites and molecules of one frame.

        Parameters
        ----------
        roles
            (M,) OXYGEN, HYDROGEN, OTHER or IGNORED.
        positions
            (M, 3) Å, wrapped or not.
        lattice
            The periodic cell, exact up to REACH.
        ids
            (M,) atom ids, where the file has them.
        mol
            Gives the (M,) molecule ids, where the file has them; called when they are needed.
        water_only
            Whether an oxygen is a site only if two hydrogens, and neither a third one nor an atom
            whose role is OTHER, are bound to it. A hydrogen may then be bound to an OTHER atom.

        Returns
        -------
        sites
            (N,) rows of the oxygens, in file order.
        molecule
            (M,) index into ``sites``; −1 for atoms of no molecule, and for hydrogens without an
            oxygen within REACH (unless the molecule ids name one).
        """
        sites, rows, molecule = split(roles, OXYGEN, HYDROGEN)
        self.n_oxygens, self.counts = len(sites), np.zeros(len(sites), np.int8)
        if len(rows) == 0 or len(sites) == 0:
            return (sites[:0], np.full(len(roles), -1)) if water_only else (sites, molecule)
        others = np.flatnonzero(roles == OTHER) if water_only else sites[:0]
        heavy = np.concatenate([sites, others]) if len(others) else sites
        fixed = None if self.topology is None else _bonded_to(self.topology, rows, roles)
        named, surely = None, True
        guess = self._remembered(rows, ids)
        if guess is None:
            named = _by_molecule_id(sites, rows, mol)
            guess = _in_order(sites, rows, ids) if named is None else named.copy()
            surely = named is not None
        partner = np.zeros(len(roles), bool)
        partner[heavy] = True
        cell = (lattice.cell, lattice.inverse, lattice.periodic, lattice.shifts)
        if confirm(guess, rows, partner, positions, *cell, 0.0 if surely else TOO_CLOSE):
            least = TOO_CLOSE if water_only else 0.0
            for atoms, reach in [(sites, SURE)] * (len(others) > 0) + [(heavy, REACH)]:
                lost = np.flatnonzero(guess < 0)
                index, distance = nearest(
                    positions[rows[lost]], positions[atoms], lattice.cell, lattice.periodic, reach
                )
                guess[lost] = np.where((index < 0) | (distance < least), -1, atoms[index])
            if np.any(guess < 0):
                named = _by_molecule_id(sites, rows, mol) if named is None else named
                if named is not None:
                    guess = np.where(guess < 0, named, guess)
        if fixed is not None:
            guess = np.where(fixed >= 0, fixed, guess)
        self.counts = attach(molecule, rows, guess, len(sites))
        self._ids = None if ids is None else _narrow(ids)
        self._rows, self._partner = _narrow(rows), _narrow(guess)
        if water_only:
            water = self.counts == 2
            if len(others):
                water &= ~self._bound_to_others(sites, others, roles, positions, lattice)
            if not water.all():
                number = np.append(np.where(water, np.cumsum(water) - 1, -1), -1)
                sites, molecule = sites[water], number[molecule]
        return sites, molecule

    def bond_length(self, positions: NDArray[np.float64], lattice: Lattice) -> float | None:
        """Å. Median distance of the last frame's hydrogens from their partners; ``None`` where it
        is none of a bond of hydrogen."""
        bound = np.flatnonzero(self._partner >= 0)
        vectors = positions[self._rows[bound]] - positions[self._partner[bound]]
        lengths = np.linalg.norm(lattice.shortest(vectors), axis=1)
        median = float(np.median(lengths)) if len(lengths) else np.inf
        return median if TOO_CLOSE <= median <= REACH else None

    def _bound_to_others(
        self,
        sites: NDArray[np.int64],
        others: NDArray[np.int64],
        roles: NDArray[np.int8],
        positions: NDArray[np.float64],
        lattice: Lattice,
    ) -> NDArray[np.bool_]:
        """(N,) Whether an atom whose role is OTHER is bound to each site."""
        _, distance = nearest(
            positions[sites], positions[others], lattice.cell, lattice.periodic, REACH
        )
        bound = (distance >= SHORTEST) & (distance < REACH)
        if self.topology is not None:  # where it speaks of an oxygen, distances are not asked
            told, other = np.zeros(len(roles), bool), np.zeros(len(roles), bool)
            for a, b in (self.topology.T, self.topology.T[::-1]):
                told[a] = True
                other[a[roles[b] == OTHER]] = True
            bound = np.where(told[sites], other[sites], bound)
        return bound

    def _remembered(
        self, rows: NDArray[np.int64], ids: NDArray[np.int64] | None
    ) -> NDArray[np.int64] | None:
        """(K,) rows of the partners of the frame before, −1 where there is none; or nothing."""
        if len(self._rows) == 0:
            return None
        if ids is None or self._ids is None:
            if ids is not None or self._ids is not None or not np.array_equal(rows, self._rows):
                return None
            guess = self._partner.astype(np.int64)
        elif np.array_equal(ids, self._ids):
            if not np.array_equal(rows, self._rows):
                return None
            guess = self._partner.astype(np.int64)
        else:
            largest = max(int(ids.max()), int(self._ids.max()))
            if min(int(ids.min()), int(self._ids.min())) < 0 or largest > max(
                16 * len(ids), _DENSE_IDS
            ):
                return None
            partner_id = np.full(largest + 1, -1, np.int64)
            known = self._partner >= 0
            partner_id[self._ids[self._rows[known]]] = self._ids[self._partner[known]]
            row_of = np.full(largest + 2, -1, np.int64)  # the last one answers for id −1
            row_of[ids] = np.arange(len(ids))
            guess = row_of[partner_id[ids[rows]]]
        return guess


def _narrow(numbers: NDArray[np.int64]) -> NDArray[Any]:
    """The same numbers, many of them in half the memory if they fit."""
    if len(numbers) < _MANY:
        return numbers
    narrow = numbers.astype(np.int32)
    return narrow if np.array_equal(narrow, numbers) else numbers


def _bonded_to(
    topology: NDArray[np.int64], rows: NDArray[np.int64], roles: NDArray[np.int8]
) -> NDArray[np.int64]:
    """(K,) The oxygen or OTHER atom that each of ``rows`` has a bond with, −1: with none."""
    partner = np.full(len(roles), -1, np.int64)
    for a, b in (topology.T, topology.T[::-1]):
        heavy = (roles[b] == OXYGEN) | (roles[b] == OTHER)
        partner[a[heavy]] = b[heavy]
    return partner[rows]


def _in_order(
    sites: NDArray[np.int64], rows: NDArray[np.int64], ids: NDArray[np.int64] | None
) -> NDArray[np.int64]:
    """(K,) rows of the oxygens if the first has the first two hydrogens, and so on; else −1."""
    guess = np.full(len(rows), -1, np.int64)
    if len(rows) == 2 * len(sites):
        order = np.arange(len(rows)) if ids is None else np.argsort(ids[rows], kind="stable")
        first = sites if ids is None else sites[np.argsort(ids[sites], kind="stable")]
        guess[order] = np.repeat(first, 2)
    return guess


def _by_molecule_id(
    sites: NDArray[np.int64], rows: NDArray[np.int64], mol: Callable[[], NDArray[Any]] | None
) -> NDArray[np.int64] | None:
    """(K,) rows of the oxygens with the hydrogens' molecule ids, if each id has just one."""
    if mol is None:
        return None
    number = mol()
    if number.dtype.kind != "i":
        return None
    order = np.argsort(number[sites], kind="stable")
    numbers = number[sites][order]
    if np.any(numbers[1:] == numbers[:-1]):
        return None
    place = np.minimum(np.searchsorted(numbers, number[rows]), len(numbers) - 1)
    if np.any(numbers[place] != number[rows]):
        return None
    return sites[order][place]

"""Which molecule every atom belongs to: a hydrogen to its nearest oxygen."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from iceclass.io.water.distances import Lattice, attach, confirm, nearest, split
from iceclass.io.water.kinds import HYDROGEN, OXYGEN

SURE = 1.15  # Å; another oxygen cannot be nearer unless two of them were within 2.3 Å
_DENSE_IDS = 4_000_000


class MoleculeFinder:
    """Assigns hydrogens to oxygens, frame after frame.

    The partner of the frame before is tried first (of the first frame: the oxygen with the same
    molecule id); where it is no longer within :data:`SURE`, the nearest oxygen within 1.6 Å is
    searched for, in time linear in the number of atoms. Protons that hop change their molecule.
    """

    def __init__(self) -> None:
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
    ) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Sites and molecules of one frame.

        Parameters
        ----------
        roles
            (M,) OXYGEN, HYDROGEN or OTHER.
        positions
            (M, 3) Å, wrapped or not.
        lattice
            The periodic cell.
        ids
            (M,) atom ids, where the file has them.
        mol
            Gives the (M,) molecule ids, where the file has them; called when they are needed.

        Returns
        -------
        sites
            (N,) rows of the oxygens, in file order.
        molecule
            (M,) index into ``sites``; −1 for atoms of no molecule, and for hydrogens without an
            oxygen within 1.6 Å (unless the molecule ids name one).
        """
        sites, rows, molecule = split(roles, OXYGEN, HYDROGEN)
        if len(rows) == 0 or len(sites) == 0:
            return sites, molecule
        named = None
        guess = self._remembered(rows, ids)
        if guess is None:
            named = _by_molecule_id(sites, rows, mol)
            guess = np.full(len(rows), -1, np.int64) if named is None else named.copy()
        cell = (lattice.cell, lattice.inverse, lattice.periodic, lattice.shifts)
        if confirm(guess, rows, molecule, positions, SURE, *cell):
            nearest(guess, rows, sites, positions, lattice)
            if np.any(guess < 0):
                named = _by_molecule_id(sites, rows, mol) if named is None else named
                if named is not None:
                    guess = np.where(guess < 0, named, guess)
        attach(molecule, rows, guess)
        self._ids, self._rows, self._partner = ids, rows, guess
        return sites, molecule

    def _remembered(
        self, rows: NDArray[np.int64], ids: NDArray[np.int64] | None
    ) -> NDArray[np.int64] | None:
        """(K,) rows of the partners of the frame before, −1 where there is none; or nothing."""
        if len(self._rows) == 0:
            return None
        if ids is None or self._ids is None:
            if ids is not None or self._ids is not None or not np.array_equal(rows, self._rows):
                return None
            guess = self._partner.copy()
        elif np.array_equal(ids, self._ids):
            if not np.array_equal(rows, self._rows):
                return None
            guess = self._partner.copy()
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

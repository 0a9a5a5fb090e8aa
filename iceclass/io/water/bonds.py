"""Which oxygen, or other atom, each hydrogen is bound to: loops over the atoms of a frame."""

from __future__ import annotations

import numba
import numpy as np
from numpy.typing import NDArray

from iceclass.neighbours.lattice import squared_distance

REACH = 1.6
"""Å. No proton of water is farther than this from its oxygen: in ices up to 2 GPa, and in reactive
and first-principles water, it stays within 1.3 Å and is shared with the next one at 1.2 to 1.3."""

SURE = 1.15
"""Å. A hydrogen this near its oxygen has no nearer one, unless two are within 2.3 Å; the closest
contact of oxygens in water and ices (in ice VII at 10 GPa) is 2.6 Å."""

SHORTEST = 1.3
"""Å, of a bond that an oxygen with two hydrogens has with another atom: 1.40 (N–O) to 1.55 (C–O in
protonated alcohols). What is nearer than any bond of such an oxygen lies upon it by accident."""

TOO_CLOSE = 0.5
"""Å. Below, two sites are no O and H, whatever they are called: they lie upon each other (Drude
particles, virtual sites), or lengths are in other units."""


@numba.njit(cache=True, nogil=True)
def confirm(
    guess: NDArray[np.int64],
    rows: NDArray[np.int64],
    partner: NDArray[np.bool_],
    positions: NDArray[np.float64],
    cell: NDArray[np.float64],
    inverse: NDArray[np.float64],
    periodic: NDArray[np.bool_],
    shifts: NDArray[np.float64],
    least: float,
) -> int:  # pragma: no cover
    """Set to −1 every guessed partner that may be none, or is farther than :data:`SURE`.

    Parameters
    ----------
    guess
        (K,) rows of ``positions``, changed in place.
    rows
        (K,) rows of the hydrogens.
    partner
        (M,) whether an atom may be a partner.
    positions
        (M, 3) Å.
    cell, inverse, periodic, shifts
        Those of a :class:`~iceclass.neighbours.Lattice`.
    least
        Å. What is nearer is no partner either.

    Returns
    -------
    int
        How many entries of ``guess`` are −1 afterwards.
    """
    missing = 0
    for k in range(rows.shape[0]):
        j = guess[k]
        if j >= partner.shape[0] or (j >= 0 and not partner[j]):
            guess[k] = j = -1
        if j >= 0:
            i = rows[k]
            d2 = squared_distance(
                positions[j, 0] - positions[i, 0],
                positions[j, 1] - positions[i, 1],
                positions[j, 2] - positions[i, 2],
                cell,
                inverse,
                periodic,
                shifts,
            )
            if d2 > SURE * SURE or d2 < least * least:
                guess[k] = -1
        if guess[k] < 0:
            missing += 1
    return missing


@numba.njit(cache=True, nogil=True)
def split(
    roles: NDArray[np.int8], site: int, satellite: int
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:  # pragma: no cover
    """Rows with the role ``site``, rows with the role ``satellite``, and (M,) the number of each
    site among the sites, −1 for all other rows."""
    sites = np.empty(roles.shape[0], np.int64)
    satellites = np.empty(roles.shape[0], np.int64)
    number = np.empty(roles.shape[0], np.int64)
    n = 0
    m = 0
    for row in range(roles.shape[0]):
        number[row] = -1
        if roles[row] == site:
            number[row] = n
            sites[n] = row
            n += 1
        elif roles[row] == satellite:
            satellites[m] = row
            m += 1
    return sites[:n].copy(), satellites[:m].copy(), number


@numba.njit(cache=True, nogil=True)
def attach(
    molecule: NDArray[np.int64], rows: NDArray[np.int64], partner: NDArray[np.int64], n_sites: int
) -> NDArray[np.int8]:  # pragma: no cover
    """Give each of ``rows`` the molecule of its partner, if it has one.

    Returns
    -------
    (n_sites,) int8
        How many each molecule got; no more than 100 are counted.
    """
    count = np.zeros(n_sites, np.int8)
    for k in range(rows.shape[0]):
        if partner[k] >= 0:
            number = molecule[partner[k]]
            molecule[rows[k]] = number
            if number >= 0 and count[number] < 100:
                count[number] += 1
    return count

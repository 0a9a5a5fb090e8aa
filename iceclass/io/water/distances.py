"""Short distances under periodic boundaries: what the site decision and the molecules need.

Everything here is about distances of at most :data:`REACH`, a bond and a little more, in any
cell: large, skewed, or smaller than the bond itself.
"""

from __future__ import annotations

from dataclasses import dataclass

import numba
import numpy as np
from numpy.typing import NDArray

from iceclass.errors import InputError

REACH = 1.6  # Å; no proton of water is farther than this from its oxygen
MOST_IMAGES = 10_000.0  # of a cell within REACH; more, and it is no cell of water


@dataclass(frozen=True, eq=False)
class Lattice:
    """A complete cell in which the image of a short vector is found by rounding.

    Attributes
    ----------
    cell, inverse
        (3, 3) float64, Å and Å⁻¹. Reduced cell vectors as rows, and the inverse of that matrix.
        Along open boundaries the vectors only complete the matrix.
    periodic
        (3,) bool.
    shifts
        (k, 3) float64, Å. Further images to look at: one zero vector unless the cell is so small
        that several images of one atom lie within reach.
    """

    cell: NDArray[np.float64]
    inverse: NDArray[np.float64]
    periodic: NDArray[np.bool_]
    shifts: NDArray[np.float64]

    @classmethod
    def of(cls, cell: NDArray[np.float64], pbc: NDArray[np.bool_]) -> Lattice:
        """The lattice of a cell whose rows may be zero along open boundaries.

        Raises
        ------
        InputError
            The periodic vectors span no volume.
        """
        reduced, inverse, shifts, fine = _lattice(
            np.ascontiguousarray(cell, np.float64), np.ascontiguousarray(pbc, np.bool_)
        )
        if not fine:
            raise InputError(
                "the cell has no volume along its periodic directions, or next to none: "
                f"{np.asarray(cell).tolist()}",
                hint="are positions and cell in Å?",
            )
        return cls(reduced, inverse, np.array(pbc, dtype=bool), shifts)


@numba.njit(cache=True, nogil=True)
def _cross(a: NDArray[np.float64], b: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.array(
        [a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]]
    )


@numba.njit(cache=True, nogil=True)
def _dot(a: NDArray[np.float64], b: NDArray[np.float64]) -> float:
    return a[0] * b[0] + a[1] * b[1] + a[2] * b[2]


@numba.njit(cache=True, nogil=True)
def _lattice(
    cell: NDArray[np.float64], pbc: NDArray[np.bool_]
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64], bool]:
    """Reduced cell, its inverse, the shifts of :class:`Lattice`, and whether there is a volume."""
    full = np.zeros((3, 3))
    n_periodic = 0
    for i in range(3):
        if pbc[i]:
            n_periodic += 1
            full[i] = cell[i]
            if not _dot(cell[i], cell[i]) > 0.0:
                return full, full, full, False
    if n_periodic == 0:
        full[0, 0] = full[1, 1] = full[2, 2] = 10.0
    elif n_periodic == 1:
        only = 0 if pbc[0] else (1 if pbc[1] else 2)
        helper = np.zeros(3)
        helper[np.argmin(np.abs(full[only]))] = 1.0
        second = _cross(full[only], helper)
        second *= 10.0 / np.sqrt(_dot(second, second))
        third = _cross(full[only], second)
        third *= 10.0 / np.sqrt(_dot(third, third))
        full[(only + 1) % 3] = second
        full[(only + 2) % 3] = third
    elif n_periodic == 2:
        open_axis = 0 if not pbc[0] else (1 if not pbc[1] else 2)
        normal = _cross(full[(open_axis + 1) % 3], full[(open_axis + 2) % 3])
        length = np.sqrt(_dot(normal, normal))
        if not length > 0.0:
            return full, full, full, False
        full[open_axis] = normal * (10.0 / length)
    # the same lattice by shorter vectors: pairwise reduction of the periodic ones
    changed = True
    rounds = 0
    while changed and rounds < 1000:
        changed = False
        rounds += 1
        for i in range(3):
            for j in range(3):
                if i == j or not (pbc[i] and pbc[j]):
                    continue
                part = _dot(full[i], full[j]) / _dot(full[j], full[j])
                if abs(part) > 0.5000001:
                    full[i] -= np.rint(part) * full[j]
                    if not _dot(full[i], full[i]) > 0.0:
                        return full, full, full, False
                    changed = True
    inverse = np.empty((3, 3))
    sizes = 1.0
    for i in range(3):
        inverse[:, i] = _cross(full[(i + 1) % 3], full[(i + 2) % 3])
        sizes *= np.sqrt(_dot(full[i], full[i]))
    volume = _dot(full[0], inverse[:, 0])
    if not abs(volume) > 1e-6 * sizes:
        return full, full, full, False
    inverse /= volume
    reach = np.zeros(3, np.int64)
    images = 1.0
    for i in range(3):
        height = 1.0 / np.sqrt(_dot(inverse[:, i], inverse[:, i]))
        if pbc[i] and height < 2.0 * REACH:
            images *= 3.0 + 2.0 * (REACH / height)
            if not images < MOST_IMAGES:
                return full, inverse, full, False
            reach[i] = 1 + np.int64(REACH / height)
    shifts = np.zeros((np.prod(2 * reach + 1), 3))
    n = 1  # the first one stays zero
    for a in range(-reach[0], reach[0] + 1):
        for b in range(-reach[1], reach[1] + 1):
            for c in range(-reach[2], reach[2] + 1):
                if a != 0 or b != 0 or c != 0:
                    shifts[n] = a * full[0] + b * full[1] + c * full[2]
                    n += 1
    return full, inverse, shifts, True


@numba.njit(cache=True, nogil=True, inline="always")
def _distance2(
    x: float,
    y: float,
    z: float,
    cell: NDArray[np.float64],
    inverse: NDArray[np.float64],
    periodic: NDArray[np.bool_],
    shifts: NDArray[np.float64],
) -> float:
    """Squared length of the shortest image of (x, y, z), exact up to REACH."""
    for k in range(3):
        if periodic[k]:
            n = np.rint(x * inverse[0, k] + y * inverse[1, k] + z * inverse[2, k])
            if n != 0.0:
                x -= n * cell[k, 0]
                y -= n * cell[k, 1]
                z -= n * cell[k, 2]
    best = x * x + y * y + z * z
    for s in range(1, shifts.shape[0]):
        dx, dy, dz = x + shifts[s, 0], y + shifts[s, 1], z + shifts[s, 2]
        best = min(best, dx * dx + dy * dy + dz * dz)
    return best


@numba.njit(cache=True, nogil=True)
def close_pairs(
    centres: NDArray[np.int64],
    positions: NDArray[np.float64],
    radius: float,
    most: int,
    cell: NDArray[np.float64],
    inverse: NDArray[np.float64],
    periodic: NDArray[np.bool_],
    shifts: NDArray[np.float64],
) -> tuple[NDArray[np.int64], NDArray[np.float64], NDArray[np.int64]]:
    """Every atom within ``radius`` ≤ REACH of some sample atoms, by looking at all.

    Returns
    -------
    neighbours, distances, counts
        (S, most) rows of ``positions`` and Å, of which the first ``counts`` (S,) are filled;
        a count may exceed ``most``.
    """
    n = centres.shape[0]
    neighbours = np.full((n, most), -1, np.int64)
    distances = np.zeros((n, most))
    counts = np.zeros(n, np.int64)
    # distance between the lattice planes on which two atoms lie: a quick lower bound
    height = 1.0 / np.sqrt(inverse[0, 0] ** 2 + inverse[1, 0] ** 2 + inverse[2, 0] ** 2)
    along = np.empty(positions.shape[0])
    for j in range(positions.shape[0]):
        along[j] = (
            positions[j, 0] * inverse[0, 0]
            + positions[j, 1] * inverse[1, 0]
            + positions[j, 2] * inverse[2, 0]
        )
    for s in range(n):
        i = centres[s]
        for j in range(positions.shape[0]):
            apart = along[j] - along[i]
            if periodic[0]:
                apart -= np.rint(apart)
            if abs(apart) * height > radius or j == i:
                continue
            d2 = _distance2(
                positions[j, 0] - positions[i, 0],
                positions[j, 1] - positions[i, 1],
                positions[j, 2] - positions[i, 2],
                cell,
                inverse,
                periodic,
                shifts,
            )
            if d2 < radius * radius:
                if counts[s] < most:
                    neighbours[s, counts[s]] = j
                    distances[s, counts[s]] = np.sqrt(d2)
                counts[s] += 1
    return neighbours, distances, counts


@numba.njit(cache=True, nogil=True)
def confirm(
    guess: NDArray[np.int64],
    rows: NDArray[np.int64],
    molecule: NDArray[np.int64],
    positions: NDArray[np.float64],
    radius: float,
    cell: NDArray[np.float64],
    inverse: NDArray[np.float64],
    periodic: NDArray[np.bool_],
    shifts: NDArray[np.float64],
) -> int:
    """Set to −1 every guessed partner that is no site or farther than ``radius``.

    A partner is a row of ``positions``; it is a site where ``molecule`` is not negative. Returns
    how many entries of ``guess`` (one for each of ``rows``) are −1 afterwards.
    """
    missing = 0
    for k in range(rows.shape[0]):
        j = guess[k]
        if j >= molecule.shape[0] or (j >= 0 and molecule[j] < 0):
            guess[k] = j = -1
        if j >= 0:
            i = rows[k]
            d2 = _distance2(
                positions[j, 0] - positions[i, 0],
                positions[j, 1] - positions[i, 1],
                positions[j, 2] - positions[i, 2],
                cell,
                inverse,
                periodic,
                shifts,
            )
            if d2 > radius * radius:
                guess[k] = -1
        if guess[k] < 0:
            missing += 1
    return missing


def nearest(
    guess: NDArray[np.int64],
    rows: NDArray[np.int64],
    sites: NDArray[np.int64],
    positions: NDArray[np.float64],
    lattice: Lattice,
) -> None:
    """Fill the entries of ``guess`` that are −1 with the nearest of ``sites`` within REACH.

    Parameters
    ----------
    guess
        (K,) Changed in place. Rows of ``positions``, −1 where there is no site within REACH.
    rows
        (K,) The atoms that look for a site.
    sites
        (N,) The rows they may choose from.
    positions
        (M, 3) Å.
    """
    scaled = positions[sites] @ lattice.inverse
    wanted = positions[rows[guess < 0]] @ lattice.inverse
    periodic = lattice.periodic
    low = np.where(periodic, 0.0, scaled.min(axis=0, initial=np.inf))
    high = np.where(periodic, 1.0, scaled.max(axis=0, initial=-np.inf))
    heights = 1.0 / np.linalg.norm(lattice.inverse, axis=0)
    # no narrower than REACH; a few bins a site; for open boundaries they cover the sites' extent
    room = np.maximum((high - low) * heights, 1e-9)
    shape = np.maximum(np.floor(np.minimum(room / REACH, 2.0**20)), 1.0)
    while shape.prod() > 4 * len(sites) + 64:
        shape = np.maximum(np.floor(shape * 0.8), 1.0)
    bins = shape.astype(np.int64)
    span = np.where(high > low, high - low, 1.0)
    home = _bins(scaled, low, span, bins, periodic)
    away = _bins(wanted, low, span, bins, periodic)
    flat = (home[:, 0] * bins[1] + home[:, 1]) * bins[2] + home[:, 2]
    order = np.argsort(flat, kind="stable")
    first = np.searchsorted(flat[order], np.arange(np.prod(bins) + 1))
    _search(
        guess,
        rows,
        sites[order],
        first,
        away,
        bins,
        positions,
        lattice.cell,
        lattice.inverse,
        lattice.periodic,
        lattice.shifts,
    )


def _bins(
    scaled: NDArray[np.float64],
    low: NDArray[np.float64],
    span: NDArray[np.float64],
    bins: NDArray[np.int64],
    periodic: NDArray[np.bool_],
) -> NDArray[np.int64]:
    """Bin of each point; beyond an open boundary the bins −1 and n stand for all outside."""
    part = (scaled - low) / span
    part = np.where(periodic, part - np.floor(part), np.clip(part, -1.0, 2.0))
    index = np.floor(part * bins).astype(np.int64)
    inside = np.minimum(index, bins - 1)
    return np.where(periodic | ((part >= 0.0) & (part <= 1.0)), inside, np.clip(index, -1, bins))


@numba.njit(cache=True, nogil=True)
def _search(
    guess: NDArray[np.int64],
    rows: NDArray[np.int64],
    sites: NDArray[np.int64],
    first: NDArray[np.int64],
    away: NDArray[np.int64],
    bins: NDArray[np.int64],
    positions: NDArray[np.float64],
    cell: NDArray[np.float64],
    inverse: NDArray[np.float64],
    periodic: NDArray[np.bool_],
    shifts: NDArray[np.float64],
) -> None:
    """The 27 bins around each atom without a partner; ``away`` has a row for each of those."""
    row = 0
    low = np.empty(3, np.int64)
    high = np.empty(3, np.int64)
    for k in range(rows.shape[0]):
        if guess[k] >= 0:
            continue
        i = rows[k]
        for axis in range(3):
            if bins[axis] < 3 and periodic[axis]:
                low[axis] = 0
                high[axis] = bins[axis] - 1
            else:
                low[axis] = away[row, axis] - 1
                high[axis] = away[row, axis] + 1
        row += 1
        best = REACH * REACH
        for a in range(low[0], high[0] + 1):
            if not periodic[0] and (a < 0 or a >= bins[0]):
                continue
            for b in range(low[1], high[1] + 1):
                if not periodic[1] and (b < 0 or b >= bins[1]):
                    continue
                for c in range(low[2], high[2] + 1):
                    if not periodic[2] and (c < 0 or c >= bins[2]):
                        continue
                    cube = ((a % bins[0]) * bins[1] + b % bins[1]) * bins[2] + c % bins[2]
                    for s in range(first[cube], first[cube + 1]):
                        j = sites[s]
                        d2 = _distance2(
                            positions[j, 0] - positions[i, 0],
                            positions[j, 1] - positions[i, 1],
                            positions[j, 2] - positions[i, 2],
                            cell,
                            inverse,
                            periodic,
                            shifts,
                        )
                        if d2 < best or (d2 == best and guess[k] < 0):
                            best = d2
                            guess[k] = j


@numba.njit(cache=True, nogil=True)
def split(
    roles: NDArray[np.int8], site: int, satellite: int
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
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
    molecule: NDArray[np.int64], rows: NDArray[np.int64], partner: NDArray[np.int64]
) -> None:
    """Give each of ``rows`` the molecule of its partner, if it has one."""
    for k in range(rows.shape[0]):
        if partner[k] >= 0:
            molecule[rows[k]] = molecule[partner[k]]

"""Neighbour search: a cell list in fractional coordinates, for any cell and any boundaries.

Of sites around each other (:func:`neighbour_list`) and around points (:func:`pairs`,
:func:`nearest`); compiled code of other modules takes :class:`Bins` and calls
:func:`neighbours_of` or :func:`neighbours_of_resized`. The sites are mostly molecules.

The neighbours of a site are looked for in the bins (:mod:`.bins`) that a sphere of the cut-off
radius can reach. A bin beyond the edge of the cell is the bin on the other side, shifted by whole
cell vectors; nothing limits how often the search goes around, so a cell smaller than the cut-off
gives every periodic image, the site's own images included. Cost is linear in N.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

from iceclass.errors import InputError
from iceclass.frame import Frame
from iceclass.neighbours.bins import Bins, bin_sites, make_bins

MAX_NEIGHBOURS = 20_000
"""Neighbours of one molecule beyond which a frame is refused: no structure is so dense."""


class Pairs(NamedTuple):
    """Points and the sites near them.

    Attributes
    ----------
    offsets
        (K + 1,) int64. The neighbours of point ``k`` are ``offsets[k]:offsets[k + 1]`` of:
    indices
        (P,) int64. Which site it is an image of.
    vectors
        (P, 3) float64, Å. From the point to the neighbour.
    distances
        (P,) float64, Å.
    """

    offsets: NDArray[np.int64]
    indices: NDArray[np.int64]
    vectors: NDArray[np.float64]
    distances: NDArray[np.float64]


def neighbour_list(frame: Frame, r_cut: float) -> Pairs:
    """Every molecule closer than ``r_cut`` to each of a frame's, all images counted separately.

    Parameters
    ----------
    frame
        N molecules. Positions may lie outside the cell, the cell may be smaller than ``r_cut``,
        left-handed or strongly skewed, and any boundary may be open.
    r_cut
        Å. Neighbours have a distance below it. A molecule's own images are neighbours of it.

    Raises
    ------
    InputError
        More than 20 000 neighbours of one molecule, or a cell so thin that it would take
        more than a million images: positions not in Å, or a wrong box.
    """
    bins = make_bins(frame, r_cut)
    found, crowded = _pairs(bins, np.empty((0, 3)), True)
    check_crowded(crowded, frame, r_cut)
    return found


def pairs(
    sites: NDArray[np.float64],
    cell: NDArray[Any],
    pbc: NDArray[np.bool_],
    r_cut: float,
    *,
    points: NDArray[np.float64] | None = None,
) -> Pairs:
    """Every site closer than ``r_cut`` to each point, all periodic images counted separately.

    Cost is linear in the numbers of sites, points and pairs.

    Parameters
    ----------
    sites
        (S, 3) float64, Å, anywhere in space.
    cell, pbc
        (3, 3) Å and (3,) bool; rows along open directions do not count.
    r_cut
        Å. Neighbours have a distance below it.
    points
        (K, 3) float64, Å, anywhere in space. None: the sites themselves, each of which is no
        neighbour of itself, though its images are.

    Raises
    ------
    InputError
        More than 20 000 neighbours of one point, a cell without volume, or one so thin that it
        would take more than a million images.
    """
    bins = bin_sites(sites, cell, pbc, r_cut)
    around = np.empty((0, 3)) if points is None else np.ascontiguousarray(points, np.float64)
    found, crowded = _pairs(bins, around, points is None)
    if crowded >= 0:
        raise _too_many(f"point {crowded}", r_cut)
    return found


def nearest(
    points: NDArray[np.float64],
    sites: NDArray[np.float64],
    cell: NDArray[Any],
    pbc: NDArray[np.bool_],
    r_cut: float,
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """The nearest site of each of K points, if it is closer than ``r_cut``.

    Parameters are those of :func:`pairs`.

    Returns
    -------
    indices
        (K,) int64. −1 where no site is closer than ``r_cut``; of two at the same distance either.
    distances
        (K,) float64, Å; infinite where there is none.

    Raises
    ------
    InputError
        As :func:`pairs` does, but for the number of neighbours.
    """
    bins = bin_sites(sites, cell, pbc, r_cut)
    indices, distances = np.empty(len(points), dtype=np.int64), np.empty(len(points))
    _nearest(bins, np.ascontiguousarray(points, np.float64), indices, distances)
    return indices, distances


def check_crowded(crowded_molecule: int, frame: Frame, r_cut: float) -> None:
    """Raise InputError for the molecule at which a kernel met too many neighbours (−1: none)."""
    if crowded_molecule >= 0:
        raise _too_many(f"the molecule with id {frame.ids[crowded_molecule]}", r_cut)


def _too_many(what: str, r_cut: float) -> InputError:
    return InputError(
        f"{what} has more than {MAX_NEIGHBOURS} neighbours within {r_cut:.2f} Å",
        hint="are positions and cell in Å?",
    )


@njit(cache=True, nogil=True)
def neighbours_of(
    bins: Bins, i: int, indices: NDArray[np.int64], vectors: NDArray[np.float64]
) -> int:  # pragma: no cover
    """Write the neighbours of site ``i`` into the buffers; the number of them.

    Where the number exceeds the length of the buffers they hold only the first ones.
    """
    own = bins.rank[i]
    x, y, z = bins.positions[own, 0], bins.positions[own, 1], bins.positions[own, 2]
    row, p2 = divmod(bins.bin_index[i], bins.shape[2])
    p0, p1 = divmod(row, bins.shape[1])
    return _search(bins, x, y, z, p0, p1, p2, own, indices, vectors)


@njit(cache=True, nogil=True)
def neighbours_of_point(
    bins: Bins,
    x: float,
    y: float,
    z: float,
    indices: NDArray[np.int64],
    vectors: NDArray[np.float64],
) -> int:  # pragma: no cover
    """:func:`neighbours_of` of the point (x, y, z), Å, which may be anywhere."""
    x, y, z = x - bins.origin[0], y - bins.origin[1], z - bins.origin[2]
    place = np.empty(3, dtype=np.int64)
    for axis in range(3):
        value = x * bins.inverse[0, axis] + y * bins.inverse[1, axis] + z * bins.inverse[2, axis]
        n, r = bins.shape[axis], bins.reach[axis]
        if bins.periodic[axis]:
            turns = np.floor(value)
            value -= turns
            x -= turns * bins.cell[axis, 0]
            y -= turns * bins.cell[axis, 1]
            z -= turns * bins.cell[axis, 2]
            place[axis] = min(int(value * n), n - 1)
        else:  # outside of all bins, far enough to reach none, is far enough
            place[axis] = int(np.floor(min(max(value * n, -r - 1.0), n + r + 1.0)))
    return _search(bins, x, y, z, place[0], place[1], place[2], -1, indices, vectors)


@njit(cache=True, nogil=True)
def _search(
    bins: Bins,
    x: float,
    y: float,
    z: float,
    p0: int,
    p1: int,
    p2: int,
    own: int,
    indices: NDArray[np.int64],
    vectors: NDArray[np.float64],
) -> int:  # pragma: no cover
    """The sites near a point in the bin (p0, p1, p2), but for the site ``order[own]`` itself."""
    limit, count = len(indices), 0
    n0, n1, n2 = bins.shape
    r0, r1, r2 = bins.reach
    cell, r_square = bins.cell, bins.r_cut * bins.r_cut
    for b0 in range(p0 - r0, p0 + r0 + 1):
        s0 = b0 // n0
        if s0 != 0 and not bins.periodic[0]:
            continue
        for b1 in range(p1 - r1, p1 + r1 + 1):
            s1 = b1 // n1
            if s1 != 0 and not bins.periodic[1]:
                continue
            for b2 in range(p2 - r2, p2 + r2 + 1):
                s2 = b2 // n2
                if s2 != 0 and not bins.periodic[2]:
                    continue
                dx = s0 * cell[0, 0] + s1 * cell[1, 0] + s2 * cell[2, 0] - x
                dy = s0 * cell[0, 1] + s1 * cell[1, 1] + s2 * cell[2, 1] - y
                dz = s0 * cell[0, 2] + s1 * cell[1, 2] + s2 * cell[2, 2] - z
                home = s0 == 0 and s1 == 0 and s2 == 0
                b = ((b0 - s0 * n0) * n1 + b1 - s1 * n1) * n2 + b2 - s2 * n2
                for k in range(bins.start[b], bins.start[b + 1]):
                    vx = bins.positions[k, 0] + dx
                    vy = bins.positions[k, 1] + dy
                    vz = bins.positions[k, 2] + dz
                    if vx * vx + vy * vy + vz * vz < r_square and not (home and k == own):
                        if count < limit:
                            indices[count] = bins.order[k]
                            vectors[count, 0] = vx
                            vectors[count, 1] = vy
                            vectors[count, 2] = vz
                        count += 1
    return count


@njit(cache=True, nogil=True)
def neighbours_of_resized(
    bins: Bins, i: int, indices: NDArray[np.int64], vectors: NDArray[np.float64]
) -> tuple[int, NDArray[np.int64], NDArray[np.float64]]:  # pragma: no cover
    """:func:`neighbours_of` into buffers that hold all; the number and the buffers.

    The buffers are the given ones or larger ones; −1 where there are too many neighbours.
    """
    count = 0
    for _ in range(2):
        count = neighbours_of(bins, i, indices, vectors)
        if count <= len(indices):
            break
        if count > MAX_NEIGHBOURS:
            return -1, indices, vectors
        indices, vectors = np.empty(count, dtype=np.int64), np.empty((count, 3))
    return count, indices, vectors


def _pairs(bins: Bins, points: NDArray[np.float64], own: bool) -> tuple[Pairs, int]:
    """The pairs of the points, or with ``own`` of the sites; a point with too many, or −1."""
    offsets = np.zeros((len(bins.order) if own else len(points)) + 1, dtype=np.int64)
    indices, vectors = np.empty(0, dtype=np.int64), np.empty((0, 3))
    crowded = _collect(bins, points, own, offsets, indices, vectors)
    if crowded < 0:
        np.cumsum(offsets, out=offsets)
        indices, vectors = np.empty(offsets[-1], dtype=np.int64), np.empty((offsets[-1], 3))
        _collect(bins, points, own, offsets, indices, vectors)
    distances = np.sqrt(np.einsum("pk,pk->p", vectors, vectors))
    return Pairs(offsets, indices, vectors, distances), crowded


@njit(cache=True, nogil=True)
def _collect(
    bins: Bins,
    points: NDArray[np.float64],
    own: bool,
    offsets: NDArray[np.int64],
    indices: NDArray[np.int64],
    vectors: NDArray[np.float64],
) -> int:  # pragma: no cover
    """Write the neighbours of every point to their place; a point with too many, or −1.

    Without room for any, ``offsets[k + 1]`` becomes the number of neighbours of point ``k``.
    """
    counting = len(indices) == 0
    for k in range(len(offsets) - 1):
        part = slice(0, 0) if counting else slice(offsets[k], offsets[k + 1])
        if own:
            count = neighbours_of(bins, k, indices[part], vectors[part])
        else:
            x, y, z = points[k, 0], points[k, 1], points[k, 2]
            count = neighbours_of_point(bins, x, y, z, indices[part], vectors[part])
        if count > MAX_NEIGHBOURS:
            return k
        if counting:
            offsets[k + 1] = count
    return -1


@njit(cache=True, nogil=True)
def _nearest(
    bins: Bins,
    points: NDArray[np.float64],
    nearest: NDArray[np.int64],
    distances: NDArray[np.float64],
) -> None:  # pragma: no cover
    """Write the nearest site of every point, −1 without any, and its distance."""
    indices, vectors = np.empty(64, dtype=np.int64), np.empty((64, 3))
    for k in range(len(points)):
        x, y, z = points[k, 0], points[k, 1], points[k, 2]
        count = neighbours_of_point(bins, x, y, z, indices, vectors)
        if count > len(indices):
            indices, vectors = np.empty(2 * count, dtype=np.int64), np.empty((2 * count, 3))
            count = neighbours_of_point(bins, x, y, z, indices, vectors)
        nearest[k], shortest = -1, np.inf
        for j in range(count):
            square = vectors[j, 0] ** 2 + vectors[j, 1] ** 2 + vectors[j, 2] ** 2
            if square < shortest:
                nearest[k], shortest = indices[j], square
        distances[k] = np.sqrt(shortest)

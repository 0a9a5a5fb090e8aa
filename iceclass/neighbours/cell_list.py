"""Neighbour search: a cell list in fractional coordinates, for any cell and any boundaries.

The space is divided into bins that are parallelepipeds of the cell's own shape. Each molecule is
put into one bin (positions wrapped along periodic directions), and the neighbours of a molecule
are looked for in the bins that a sphere of the cut-off radius can reach. A bin beyond the edge of
the cell is the bin on the other side, shifted by whole cell vectors; nothing limits how often
the search goes around, so a cell smaller than the cut-off gives every periodic image, the
molecule's own images included. Cost is linear in N.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

from iceclass.errors import InputError
from iceclass.frame import Frame

MAX_NEIGHBOURS = 20_000
"""Neighbours of one molecule beyond which a frame is refused: no structure is so dense."""

MAX_STENCIL = 1_000_000
"""Bins searched around one molecule beyond which a cell is refused as too thin."""


class Bins(NamedTuple):
    """Molecules sorted into bins; all that the compiled search needs.

    Attributes
    ----------
    cell
        (3, 3) float64, Å. Rows span the binned space: the shortest equivalent cell vectors along
        periodic directions, vectors orthogonal to them across the molecules along open ones.
    periodic
        (3,) bool, of the rows of ``cell``.
    shape
        (3,) int64. Bins along each row.
    reach
        (3,) int64. Bins to search to either side.
    start
        (bins + 1,) int64. Where each bin's molecules start in ``order``.
    order
        (N,) int64. Molecules by bin.
    place
        (N, 3) int64. The bin of each molecule, by molecule.
    positions
        (N, 3) float64, Å. Positions inside ``cell``, in the order of ``order``.
    rank
        (N,) int64. Where each molecule is in ``order``.
    r_cut
        Å.
    """

    cell: NDArray[np.float64]
    periodic: NDArray[np.bool_]
    shape: NDArray[np.int64]
    reach: NDArray[np.int64]
    start: NDArray[np.int64]
    order: NDArray[np.int64]
    place: NDArray[np.int64]
    positions: NDArray[np.float64]
    rank: NDArray[np.int64]
    r_cut: float


def neighbour_list(
    frame: Frame, r_cut: float
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float64], NDArray[np.float64]]:
    """Every neighbour closer than ``r_cut``, all periodic images counted separately.

    Parameters
    ----------
    frame
        N molecules. Positions may lie outside the cell, the cell may be smaller than ``r_cut``,
        left-handed or strongly skewed, and any boundary may be open.
    r_cut
        Å. Neighbours have a distance below it.

    Returns
    -------
    offsets
        (N + 1,) int64. The neighbours of molecule ``i`` are ``offsets[i]:offsets[i + 1]`` of:
    indices
        (P,) int64. Which molecule it is an image of. May be ``i`` itself, one cell away.
    vectors
        (P, 3) float64, Å. From the molecule to the neighbour.
    distances
        (P,) float64, Å.

    Raises
    ------
    InputError
        More than 20 000 neighbours of one molecule, or a cell so thin that it would take
        more than a million images: positions not in Å, or a wrong box.
    """
    bins = make_bins(frame, r_cut)
    n = frame.n_molecules
    counts = np.zeros(n, dtype=np.int64)
    check_gathered(_count(bins, counts), frame, r_cut)
    offsets = np.zeros(n + 1, dtype=np.int64)
    np.cumsum(counts, out=offsets[1:])
    indices = np.empty(offsets[-1], dtype=np.int64)
    vectors = np.empty((offsets[-1], 3))
    _fill(bins, offsets, indices, vectors)
    return offsets, indices, vectors, np.sqrt(np.einsum("pk,pk->p", vectors, vectors))


def check_gathered(culprit: int, frame: Frame, r_cut: float) -> None:
    """Raise for the molecule at which a kernel met more neighbours than allowed (−1: none)."""
    if culprit >= 0:
        raise InputError(
            f"the molecule with id {frame.ids[culprit]} has more than {MAX_NEIGHBOURS} "
            f"neighbours within {r_cut:.2f} Å",
            hint="are positions and cell in Å?",
        )


def make_bins(frame: Frame, r_cut: float) -> Bins:
    """Sort the frame's molecules into bins of about ``r_cut`` (Å).

    Raises
    ------
    InputError
        A cell too thin for the cut-off (see :func:`neighbour_list`).
    """
    cell, periodic = _reduced(frame.cell[frame.pbc]), np.zeros(3, dtype=bool)
    periodic[: len(cell)] = True
    positions, n = frame.positions, frame.n_molecules
    # Orthonormal directions that complete the periodic ones, each as long as the molecules spread.
    for direction in np.linalg.svd(cell)[2][len(cell) :] if len(cell) else np.eye(3):
        along = positions @ direction
        low, high = (along.min(), along.max()) if n else (0.0, 0.0)
        positions = positions - low * direction
        cell = np.vstack([cell, max((high - low) * (1.0 + 1e-9), r_cut) * direction])
    inverse = np.asarray(np.linalg.inv(cell), dtype=np.float64)
    height = 1.0 / np.linalg.norm(inverse, axis=0)
    slack = r_cut * (1.0 + 1e-9)  # rounding must not move a neighbour out of reach
    shape = np.maximum(np.floor(np.minimum(height / slack, 2.0**20)), 1.0)
    while shape.prod() > 4 * n + 64:  # a few molecules in a large space
        shape = np.maximum(np.floor(shape * 0.8), 1.0)
    reach = np.ceil(slack * shape / height)
    if np.prod(2.0 * reach + 1.0) > MAX_STENCIL:
        raise InputError(
            f"the cell is only {height[periodic].min():.3g} Å thick, too thin to search "
            f"neighbours within {r_cut:.2f} Å by its periodic images",
            hint="check the box; are positions and cell in Å?",
        )
    shape, reach = shape.astype(np.int64), reach.astype(np.int64)
    sorted_molecules = _sort(positions, cell, inverse, periodic, shape)
    return Bins(cell, periodic, shape, reach, *sorted_molecules, float(r_cut))


@njit(cache=True, nogil=True)
def _sort(
    positions: NDArray[np.float64],
    cell: NDArray[np.float64],
    inverse: NDArray[np.float64],
    periodic: NDArray[np.bool_],
    shape: NDArray[np.int64],
) -> tuple[
    NDArray[np.int64],
    NDArray[np.int64],
    NDArray[np.int64],
    NDArray[np.float64],
    NDArray[np.int64],
]:  # pragma: no cover
    """``start``, ``order``, ``place``, ``positions`` and ``rank`` of :class:`Bins`.

    A counting sort: the molecules of a bin keep the order they have in the frame.
    """
    n = len(positions)
    place, flat = np.empty((n, 3), dtype=np.int64), np.empty(n, dtype=np.int64)
    wrapped = np.empty((n, 3))
    start = np.zeros(shape[0] * shape[1] * shape[2] + 1, dtype=np.int64)
    for i in range(n):
        flat[i] = 0
        for axis in range(3):
            value = 0.0
            for k in range(3):
                value += positions[i, k] * inverse[k, axis]
            if periodic[axis]:
                value -= np.floor(value)
                if value >= 1.0:  # −1e-17 wraps to exactly 1.0 in the line above
                    value = 0.0
            wrapped[i, axis] = value
            place[i, axis] = min(max(int(value * shape[axis]), 0), shape[axis] - 1)
            flat[i] = flat[i] * shape[axis] + place[i, axis]
        start[flat[i] + 1] += 1
    for b in range(len(start) - 1):
        start[b + 1] += start[b]
    following = start[:-1].copy()
    order, rank = np.empty(n, dtype=np.int64), np.empty(n, dtype=np.int64)
    inside = np.empty((n, 3))
    for i in range(n):
        k = following[flat[i]]
        following[flat[i]] += 1
        order[k], rank[i] = i, k
        for axis in range(3):
            inside[k, axis] = (
                wrapped[i, 0] * cell[0, axis]
                + wrapped[i, 1] * cell[1, axis]
                + wrapped[i, 2] * cell[2, axis]
            )
    return start, order, place, inside, rank


def _reduced(vectors: NDArray[np.float64]) -> NDArray[np.float64]:
    """The (k, 3) lattice vectors made short and nearly orthogonal, spanning the same lattice.

    Each vector is shortened by whole multiples of the others until none gets shorter (pairwise
    Lagrange–Gauss reduction), so that a box after a long shear is searched as its compact
    equivalent.
    """
    vectors = np.array(vectors)
    gram = vectors @ vectors.T
    shortened = bool(np.any(2.0 * np.abs(gram - np.diag(np.diag(gram))) > np.diag(gram)))
    while shortened:
        shortened = False
        for i in range(len(vectors)):
            for j in range(len(vectors)):
                times = np.round(vectors[i] @ vectors[j] / (vectors[j] @ vectors[j]))
                trial = vectors[i] - times * vectors[j]
                if i != j and trial @ trial < (1.0 - 1e-9) * (vectors[i] @ vectors[i]):
                    vectors[i], shortened = trial, True
    return vectors


@njit(cache=True, nogil=True)
def gather(
    bins: Bins, i: int, indices: NDArray[np.int64], vectors: NDArray[np.float64]
) -> int:  # pragma: no cover
    """Write the neighbours of molecule ``i`` into the buffers; the number of them.

    Where the number exceeds the length of the buffers they hold only the first ones.
    """
    limit, count = len(indices), 0
    n0, n1, n2 = bins.shape
    r0, r1, r2 = bins.reach
    cell, r_square = bins.cell, bins.r_cut * bins.r_cut
    own = bins.rank[i]
    x, y, z = bins.positions[own, 0], bins.positions[own, 1], bins.positions[own, 2]
    p0, p1, p2 = bins.place[i, 0], bins.place[i, 1], bins.place[i, 2]
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
def gather_all(
    bins: Bins, i: int, indices: NDArray[np.int64], vectors: NDArray[np.float64]
) -> tuple[int, NDArray[np.int64], NDArray[np.float64]]:  # pragma: no cover
    """:func:`gather` into buffers that hold all; the number of neighbours and the buffers.

    The buffers are the given ones or larger ones; −1 where there are too many neighbours.
    """
    count = 0
    for _ in range(2):
        count = gather(bins, i, indices, vectors)
        if count <= len(indices):
            break
        if count > MAX_NEIGHBOURS:
            return -1, indices, vectors
        indices, vectors = np.empty(count, dtype=np.int64), np.empty((count, 3))
    return count, indices, vectors


@njit(cache=True, nogil=True)
def _count(bins: Bins, counts: NDArray[np.int64]) -> int:  # pragma: no cover
    """Number of neighbours of every molecule; the first with too many, or −1."""
    indices, vectors = np.empty(0, dtype=np.int64), np.empty((0, 3))
    for i in range(len(counts)):
        counts[i] = gather(bins, i, indices, vectors)
        if counts[i] > MAX_NEIGHBOURS:
            return i
    return -1


@njit(cache=True, nogil=True)
def _fill(
    bins: Bins,
    offsets: NDArray[np.int64],
    indices: NDArray[np.int64],
    vectors: NDArray[np.float64],
) -> None:  # pragma: no cover
    """Write the neighbours of every molecule into their place."""
    for i in range(len(offsets) - 1):
        part = slice(offsets[i], offsets[i + 1])
        gather(bins, i, indices[part], vectors[part])

"""The lattice of a periodic cell by its shortest vectors, and shortest images of vectors in it."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product
from typing import Any, Self

import numpy as np
from numba import njit
from numpy.typing import NDArray

from iceclass.errors import InputError

MAX_IMAGES = 1_000_000
"""Images of a cell looked at for one point beyond which it is refused as too thin."""

_LEAST_VOLUME = 1e-6
"""Of a reduced cell in units of its edges' product, where it is at least ½ by nature: below, the
vectors lie in a plane or on a line but for rounding."""


@dataclass(frozen=True, eq=False)
class Lattice:
    """A complete cell in which the shortest image of a vector is found by rounding.

    Attributes
    ----------
    cell, inverse
        (3, 3) float64, Å and Å⁻¹. The shortest equivalent cell vectors as rows, those of periodic
        directions first, and the inverse of that matrix. Along open directions stand unit vectors
        orthogonal to the others.
    periodic
        (3,) bool, of the rows of ``cell``.
    shifts
        (K, 3) float64, Å. Further images to look at after rounding: one zero vector unless the
        cell is so thin that several images of one point lie within ``radius``.
    radius
        Å. Up to this length the shortest image is exact.
    """

    cell: NDArray[np.float64]
    inverse: NDArray[np.float64]
    periodic: NDArray[np.bool_]
    shifts: NDArray[np.float64]
    radius: float

    @classmethod
    def of(cls, cell: NDArray[Any], pbc: NDArray[np.bool_], radius: float) -> Self:
        """The lattice of a (3, 3) cell (Å) whose rows do not count along open directions.

        Raises
        ------
        InputError
            The periodic vectors span no volume, or a million images of a point lie within
            ``radius`` (Å).
        """
        edges = np.diagonal(cell)
        if at_right_angles(cell, pbc) and edges.min() > 2.0 * radius:  # what the lines below give
            box = np.array(cell, np.float64)
            return cls(box, np.diag(1.0 / edges), np.ones(3, bool), np.zeros((1, 3)), float(radius))
        full, periodic = complete_cell(cell, pbc)
        inverse = np.asarray(np.linalg.inv(full), dtype=np.float64)
        with np.errstate(over="ignore", divide="ignore"):  # of a cell of next to no thickness
            height = 1.0 / np.linalg.norm(inverse, axis=0)
            # by rounding, a point is within half a height of its nearest image along each direction
            thin = periodic & (height < 2.0 * radius)
            images = np.where(thin, np.floor(radius / height) + 1.0, 0.0)
        check_thickness(images, height[periodic], radius)
        ranges = [sorted(range(-n, n + 1), key=abs) for n in images.astype(int).tolist()]
        shifts = np.array(list(product(*ranges)), dtype=np.float64) @ full
        return cls(full, inverse, periodic, shifts, float(radius))

    def shortest(self, vectors: NDArray[np.float64]) -> NDArray[np.float64]:
        """(K, 3) shortest images of (K, 3) vectors, Å, exact where they are within ``radius``."""
        turns = np.where(self.periodic, np.rint(vectors @ self.inverse), 0.0)
        images = (vectors - turns @ self.cell)[:, None] + self.shifts
        nearest = np.einsum("ksi,ksi->ks", images, images).argmin(axis=1)
        return np.take_along_axis(images, nearest[:, None, None], axis=1)[:, 0]


@njit(cache=True, nogil=True, inline="always")
def squared_distance(
    x: float,
    y: float,
    z: float,
    cell: NDArray[np.float64],
    inverse: NDArray[np.float64],
    periodic: NDArray[np.bool_],
    shifts: NDArray[np.float64],
) -> float:  # pragma: no cover
    """Å². Squared length of the shortest image of (x, y, z) in a :class:`Lattice`."""
    for k in range(3):
        if periodic[k]:
            n = np.rint(x * inverse[0, k] + y * inverse[1, k] + z * inverse[2, k])
            if n != 0.0:
                x -= n * cell[k, 0]
                y -= n * cell[k, 1]
                z -= n * cell[k, 2]
    shortest = x * x + y * y + z * z
    for s in range(1, shifts.shape[0]):
        dx, dy, dz = x + shifts[s, 0], y + shifts[s, 1], z + shifts[s, 2]
        shortest = min(shortest, dx * dx + dy * dy + dz * dz)
    return shortest


def complete_cell(
    cell: NDArray[Any], pbc: NDArray[np.bool_]
) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """The shortest equivalent vectors of the periodic directions, and orthonormal ones after them.

    Returns
    -------
    full
        (3, 3) float64, Å.
    periodic
        (3,) bool, of the rows of ``full``.

    Raises
    ------
    InputError
        The periodic vectors span no volume.
    """
    if at_right_angles(cell, pbc):  # what the lines below come to, in a tenth of the time
        return np.array(cell, dtype=np.float64), np.ones(3, dtype=bool)
    vectors = np.array(cell, dtype=np.float64)[np.asarray(pbc, dtype=bool)]
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        vectors = reduced(vectors)
        units = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
        volume = np.sqrt(np.linalg.det(units @ units.T))
    if not volume > _LEAST_VOLUME:
        raise InputError(
            "the cell has no volume along its periodic directions, or next to none: "
            f"{np.asarray(cell).tolist()}",
            hint="are positions and cell in Å?",
        )
    k = len(vectors)
    if k == 3:
        return vectors, np.ones(3, dtype=bool)
    beside = np.linalg.svd(vectors)[2][k:] if k else np.eye(3)
    return np.vstack([vectors, beside]), np.arange(3) < k


def heights(cell: NDArray[Any]) -> NDArray[np.float64]:
    """(3,) Å. Distances between opposite faces of a (3, 3) cell, whose rows are its vectors."""
    return np.asarray(1.0 / np.linalg.norm(np.linalg.inv(cell), axis=0), dtype=np.float64)


def at_right_angles(cell: NDArray[Any], pbc: NDArray[np.bool_]) -> bool:
    """Whether a (3, 3) cell is periodic along x, y and z, by vectors along them."""
    if np.count_nonzero(pbc) != 3 or np.count_nonzero(cell) != 3:
        return False
    return bool(cell[0, 0] > 0.0 and cell[1, 1] > 0.0 and cell[2, 2] > 0.0)


def check_thickness(images: NDArray[np.float64], height: NDArray[np.float64], r: float) -> None:
    """Raise InputError where ``images`` to either side (by direction) are more than allowed."""
    with np.errstate(over="ignore"):  # infinitely many are too many as well
        number = np.prod(2.0 * images + 1.0)
    if number > MAX_IMAGES:
        raise InputError(
            f"the cell is only {height.min():.3g} Å thick, too thin to search "
            f"neighbours within {r:.2f} Å by its periodic images",
            hint="check the box; are positions and cell in Å?",
        )


def reduced(vectors: NDArray[np.float64]) -> NDArray[np.float64]:
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

"""The SOAP power spectrum as plain loops over molecules and neighbours, straight from the formula.

Bartók, Kondor, Csányi, Phys. Rev. B 87, 184115 (2013), doi:10.1103/PhysRevB.87.184115; the
closed form of the coefficients for Gaussian-type orbitals is in :mod:`.basis`.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

from iceclass.descriptors.soap.basis import SoapBasis
from iceclass.neighbours.bins import Bins
from iceclass.neighbours.cell_list import neighbours_of_resized


@njit(cache=True, nogil=True)
def power_spectra(
    bins: Bins, basis: SoapBasis, spectra: NDArray[Any], start: int, stop: int
) -> int:  # pragma: no cover
    """Fill rows ``start`` to ``stop`` of (N, F) ``spectra``; a row with too many neighbours, or −1.

    p_nn'l = π√(8/(2l+1)) Σ_m c_nlm c_n'lm for n ≤ n', in the order l, n, n'; the sum over the
    neighbours in c_nlm includes the molecule itself.
    """
    size, n_max = basis.exponents.shape
    indices, vectors = np.empty(128, dtype=np.int64), np.empty((128, 3))
    harmonics, radial = np.empty(size * size), np.empty(n_max)
    primitive = np.empty((size * size, n_max))
    coefficients = np.empty((n_max, size * size))
    for i in range(start, stop):
        count, indices, vectors = neighbours_of_resized(bins, i, indices, vectors)
        if count < 0:
            return i
        primitive[:] = 0.0
        for k in range(-1, count):
            x, y, z = 0.0, 0.0, 0.0  # the molecule itself
            if k >= 0:
                x, y, z = vectors[k, 0], vectors[k, 1], vectors[k, 2]
            add_neighbour(basis, x, y, z, harmonics, radial, primitive)
        orthonormalise(basis, primitive, coefficients)
        f = 0
        for ell in range(size):
            for n in range(n_max):
                for other in range(n, n_max):
                    total = 0.0
                    for lm in range(ell * ell, (ell + 1) * (ell + 1)):
                        total += coefficients[n, lm] * coefficients[other, lm]
                    spectra[i, f] = basis.power[ell] * total
                    f += 1
    return -1


@njit(cache=True, nogil=True)
def add_neighbour(
    basis: SoapBasis,
    x: float,
    y: float,
    z: float,
    harmonics: NDArray[np.float64],
    radial: NDArray[np.float64],
    primitive: NDArray[np.float64],
) -> None:  # pragma: no cover
    """Add the Gaussian at (x, y, z), Å, to the ((l_max+1)², n_max) primitive coefficients."""
    size, n_max = basis.exponents.shape
    r_square = x * x + y * y + z * z
    solid_harmonics(basis, x, y, z, harmonics)
    for ell in range(size):
        for n in range(n_max):
            radial[n] = np.exp(-basis.exponents[ell, n] * r_square)
        for lm in range(ell * ell, (ell + 1) * (ell + 1)):
            for n in range(n_max):
                primitive[lm, n] += radial[n] * harmonics[lm]


@njit(cache=True, nogil=True)
def solid_harmonics(
    basis: SoapBasis, x: float, y: float, z: float, harmonics: NDArray[np.float64]
) -> None:  # pragma: no cover
    """Write r^l Y_lm at (x, y, z) to ``harmonics[l² + l + m]``; polynomials, regular at r = 0."""
    size = len(basis.diagonal)
    r_square = x * x + y * y + z * z
    real, imaginary = 1.0, 0.0  # of (x + iy)^m
    for m in range(size):
        before, last = 0.0, 0.0
        for ell in range(m, size):
            if ell == m:
                value = basis.diagonal[m]
            else:
                value = basis.along[ell, m] * z * last - basis.across[ell, m] * r_square * before
            before, last = last, value
            harmonics[ell * ell + ell + m] = value * real
            if m > 0:
                harmonics[ell * ell + ell - m] = value * imaginary
        real, imaginary = x * real - y * imaginary, x * imaginary + y * real


@njit(cache=True, nogil=True)
def orthonormalise(
    basis: SoapBasis, primitive: NDArray[np.float64], coefficients: NDArray[np.float64]
) -> None:  # pragma: no cover
    """(n_max, (l_max+1)²) coefficients c_nlm in the orthonormal basis, from the primitive ones."""
    size, n_max = basis.exponents.shape
    for ell in range(size):
        for lm in range(ell * ell, (ell + 1) * (ell + 1)):
            for n in range(n_max):
                total = 0.0
                for k in range(n_max):
                    total += basis.mixing[ell, n, k] * primitive[lm, k]
                coefficients[n, lm] = total

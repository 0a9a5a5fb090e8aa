"""Constants of the SOAP expansion: the radial basis of Gaussian-type orbitals, and Y_lm.

The radial basis is that of Himanen et al., Comput. Phys. Commun. 247, 106949 (2020),
doi:10.1016/j.cpc.2019.106949, eqs 11–13: primitives r^l exp(−α_nl r²), whose α_nl make them decay
to 0.001 at distances evenly spaced from 1 Å to r_cut, orthonormalised symmetrically (Löwdin).
"""

from __future__ import annotations

from decimal import Decimal, localcontext
from functools import lru_cache
from math import gamma, log, pi
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from iceclass.errors import InputError

DECAY = 1e-3
"""What the primitives and the density's Gaussians have decayed to at their cut-offs."""


class SoapBasis(NamedTuple):
    """Arrays the kernel works with, all float64; L = l_max + 1.

    Attributes
    ----------
    exponents
        (L, n_max), Å⁻². The decay γ_nl of a primitive's coefficient with the squared distance of
        the neighbour: α_nl β/(α_nl + β), with β = 1/(2σ²).
    mixing
        (L, n_max, n_max). From decaying exponentials to coefficients of the orthonormal basis.
    diagonal
        (L,). Q_mm of the solid harmonics (see :func:`solid_harmonic_constants`).
    along, across
        (L, L). Factors of their recurrence in l.
    power
        (L,). π√(8/(2l+1)), the prefactor of the power spectrum.
    """

    exponents: NDArray[np.float64]
    mixing: NDArray[np.float64]
    diagonal: NDArray[np.float64]
    along: NDArray[np.float64]
    across: NDArray[np.float64]
    power: NDArray[np.float64]


@lru_cache(maxsize=32)
def soap_basis(n_max: int, l_max: int, r_cut: float, sigma: float) -> SoapBasis:
    """The constants of one SOAP definition; lengths in Å. The arrays are read-only.

    A Gaussian of width σ at the distance r has, in a primitive α of angular momentum l, the
    coefficient (π/(α+β))^{3/2} (β/(α+β))^l exp(−γr²) r^l Y_lm: the product of two Gaussians is
    one, centred at βr/(α+β), and the mean of a solid harmonic over a sphere is its central value.
    """
    alpha = primitive_exponents(n_max, l_max, r_cut)
    beta = 0.5 / sigma**2
    ell = np.arange(l_max + 1)[:, None]
    smeared = (pi / (alpha + beta)) ** 1.5 * (beta / (alpha + beta)) ** ell
    mixing = np.stack([orthonormal_coefficients(row, k) for k, row in enumerate(alpha)])
    basis = SoapBasis(
        alpha * beta / (alpha + beta),
        np.ascontiguousarray(mixing * smeared[:, None, :]),
        *solid_harmonic_constants(l_max),
        pi * np.sqrt(8.0 / (2.0 * ell[:, 0] + 1.0)),
    )
    for array in basis:
        array.setflags(write=False)
    return basis


def primitive_exponents(n_max: int, l_max: int, r_cut: float) -> NDArray[np.float64]:
    """(L, n_max) α_nl in Å⁻²: r^l exp(−α_nl r²) is 0.001 at n_max radii from 1 Å to ``r_cut``."""
    decayed_at = np.linspace(1.0, r_cut, n_max)
    ell = np.arange(l_max + 1)[:, None]
    return (ell * np.log(decayed_at) - log(DECAY)) / decayed_at**2


def check_independent(n_max: int, l_max: int, r_cut: float) -> None:
    """Raise where the primitives are too alike to be orthonormalised.

    The smallest eigenvalue of the overlap of normalised primitives bounds how much rounding
    errors grow: by up to its inverse square root, here 3·10⁶ at most.

    Raises
    ------
    InputError
        Too many radial functions for the cut-off.
    """
    for ell, alpha in enumerate(primitive_exponents(n_max, l_max, r_cut)):
        mean = 0.5 * (alpha[:, None] + alpha)
        overlap = (np.sqrt(np.outer(alpha, alpha)) / mean) ** (ell + 1.5)
        if np.linalg.eigvalsh(overlap)[0] < 1e-13:
            raise InputError(
                f"soap: {n_max} radial functions within {r_cut} Å are too alike",
                hint="lower n_max or raise r_cut",
            )


def orthonormal_coefficients(alpha: NDArray[np.float64], ell: int) -> NDArray[np.float64]:
    """(n_max, n_max) coefficients that make the primitives r^l exp(−α_n r²) orthonormal.

    They are S^(−1/2), with the overlap
    S_nn' = ∫ r^(2l+2) exp(−(α_n + α_n')r²) dr = ½ Γ(l + 3/2) (α_n + α_n')^(−l−3/2).

    S is nearly singular (condition 10⁶ to 10²⁰ and more). It is therefore worked with in 60
    digits, by the iteration Y → (Y + Z⁻¹)/2, Z → (Z + Y⁻¹)/2 from Y = S, Z = 1, of which
    Z converges to S^(−1/2) (Denman & Beavers 1976); the result is the same on every machine.
    """
    with localcontext(prec=60):
        exponents = [Decimal(a) for a in alpha.tolist()]
        prefactor = Decimal(gamma(ell + 1.5)) / 2
        root = [
            [prefactor / ((a + b) ** (ell + 1) * (a + b).sqrt()) for b in exponents]
            for a in exponents
        ]
        inverse_root = _identity(len(exponents))
        change = Decimal(1)
        while change > Decimal("1e-30"):
            step = _mean(root, _inverse(inverse_root))
            inverse_root = _mean(inverse_root, _inverse(root))
            change = max(
                abs(new - old) / abs(new)
                for pair in zip(step, root, strict=True)
                for new, old in zip(*pair, strict=True)
            )
            root = step
        return np.array(inverse_root, dtype=np.float64)


_Matrix = list[list[Decimal]]


def _identity(size: int) -> _Matrix:
    return [[Decimal(int(i == j)) for j in range(size)] for i in range(size)]


def _mean(first: _Matrix, second: _Matrix) -> _Matrix:
    return [
        [(a + b) / 2 for a, b in zip(*rows, strict=True)]
        for rows in zip(first, second, strict=True)
    ]


def _inverse(matrix: _Matrix) -> _Matrix:
    """Gauss–Jordan elimination; a positive definite matrix needs no pivoting."""
    size = len(matrix)
    rows = [row + unit for row, unit in zip(matrix, _identity(size), strict=True)]
    for k in range(size):
        rows[k] = [value / rows[k][k] for value in rows[k]]
        for i in range(size):
            if i != k:
                times = rows[i][k]
                rows[i] = [a - times * b for a, b in zip(rows[i], rows[k], strict=True)]
    return [row[size:] for row in rows]


def solid_harmonic_constants(
    l_max: int,
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Constants of real solid harmonics r^l Y_lm, orthonormal on the unit sphere.

    r^l Y_lm = Q_lm(z, r²) Re or Im (x + iy)^|m|, without the Condon–Shortley sign, with
    Q_mm = diagonal[m] and Q_lm = along[l, m] z Q_(l−1)m − across[l, m] r² Q_(l−2)m.
    """
    size = l_max + 1
    diagonal, along, across = np.empty(size), np.zeros((size, size)), np.zeros((size, size))
    diagonal[0] = np.sqrt(0.25 / pi)
    for m in range(1, size):
        # √2 once, on the way from m = 0 to the real combinations of ±m
        ratio = (2 * m + 1) / (2 * m) * (2 if m == 1 else 1)
        diagonal[m] = diagonal[m - 1] * np.sqrt(ratio)
    for ell in range(1, size):
        for m in range(ell):
            along[ell, m] = np.sqrt((4 * ell**2 - 1) / (ell**2 - m**2))
            if ell - m >= 2:
                across[ell, m] = along[ell, m] / along[ell - 1, m]
    return diagonal, along, across

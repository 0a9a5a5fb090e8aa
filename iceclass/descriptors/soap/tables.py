"""The radial functions of SOAP as a table of cubics, for :mod:`.vectors`."""

from __future__ import annotations

from functools import lru_cache
from math import ceil
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from iceclass.descriptors.soap.basis import SoapBasis, soap_basis
from iceclass.kernels.memory import LINE

TOLERANCE = {np.dtype(np.float64): 4e-9, np.dtype(np.float32): 3e-7}
"""Largest error of a tabulated radial function, relative to the largest value of any of them.

That of the power spectrum's vector is smaller again: the errors of many neighbours cancel.
"""

SMALLEST_STEP = 0.004
"""Å. Where rounding errors of the functions themselves exceed the tolerance."""

_INNER = (1.0 - 2.0**-0.5, 2.0**-0.5)
"""Where, besides the ends of a step, the cubic equals the function.

Of all cubics through the ends, this one has the smallest error of the first neglected order:
h⁴ f⁗/2238, six times below that of cubic Hermite interpolation.
"""

_EXTREMA = (0.5, 0.5 - 0.25 * (8.0 - 32.0**0.5) ** 0.5, 0.5 + 0.25 * (8.0 - 32.0**0.5) ** 0.5)
"""Where in a step the error of the cubic is largest."""


class SoapTable(NamedTuple):
    """What the vector kernel works with, all of one dtype; L = l_max + 1, W lanes ≥ n_max.

    Attributes
    ----------
    cubics
        (steps, L, 4, W). g_nl(r) in the step k ≤ r/h < k + 1 with t = r/h − k is
        ((d t + c) t + b) t + a, the four being a, b, c, d. Lanes beyond n_max are 0.
        The function is continuous and depends on r alone; g_nl(0) = 0 exactly for l > 0.
    per_length
        (1,). 1/h, Å⁻¹.
    weights
        (L²,). Factor of c_nlm c_n'lm in the power spectrum for harmonics as
        :func:`.soap_vectors.harmonics` scales them.
    """

    cubics: NDArray[Any]
    per_length: NDArray[Any]
    weights: NDArray[Any]


def lanes(n_max: int) -> int:
    """W: the power of two that holds ``n_max`` radial functions."""
    return 1 << (n_max - 1).bit_length()


def aligned(array: NDArray[Any]) -> NDArray[Any]:
    """A read-only copy that starts on a cache line."""
    room = np.zeros(array.size + LINE // array.itemsize, dtype=array.dtype)
    first = -room.ctypes.data % LINE // array.itemsize
    copy = room[first : first + array.size].reshape(array.shape)
    copy[...] = array
    copy.setflags(write=False)
    return copy


@lru_cache(maxsize=8)
def soap_table(
    n_max: int, l_max: int, r_cut: float, sigma: float, r_max: float, dtype: np.dtype[Any]
) -> SoapTable:
    """The table of one SOAP definition for distances up to ``r_max``; lengths in Å."""
    basis = soap_basis(n_max, l_max, r_cut, sigma)
    step = 0.1
    cubics, error = _cubics(basis, r_max, step)
    while error > TOLERANCE[dtype] and step > SMALLEST_STEP:
        step = max(SMALLEST_STEP, step * min(0.9, (TOLERANCE[dtype] / error) ** 0.25))
        cubics, error = _cubics(basis, r_max, step)
    padded = np.zeros((*cubics.shape[:3], lanes(n_max)), dtype=dtype)
    padded[..., :n_max] = cubics
    weights = np.concatenate(
        [basis.power[ell] * scale_squares(basis, ell) for ell in range(l_max + 1)]
    )
    return SoapTable(
        aligned(padded), np.array([1.0 / step], dtype=dtype), aligned(weights.astype(dtype))
    )


def _cubics(basis: SoapBasis, r_max: float, step: float) -> tuple[NDArray[np.float64], float]:
    """(steps, L, 4, n_max) cubics, and their largest error over the largest value."""
    left = np.arange(ceil(r_max / step) + 1) * step
    points = np.array([0.0, *_INNER, 1.0])
    values = np.stack([radial_functions(basis, left + t * step) for t in points])
    fit = np.linalg.inv(np.vander(points, increasing=True))
    cubics = np.einsum("pq,qkln->klpn", fit, values)
    cubics[:, :, 0] = values[0]  # exactly, for the zeros at r = 0
    a, b, c, d = np.moveaxis(cubics, 2, 0)
    error = max(
        np.abs(((d * t + c) * t + b) * t + a - radial_functions(basis, left + t * step)).max()
        for t in _EXTREMA
    )
    return cubics, float(error / np.abs(values).max())


def radial_functions(basis: SoapBasis, r: NDArray[np.float64]) -> NDArray[np.float64]:
    """(R, L, n_max) g_nl at the R distances (Å): what multiplies Y_lm of a neighbour in c_nlm."""
    ell = np.arange(len(basis.diagonal))[:, None]
    primitives = np.exp(-basis.exponents * (r * r)[:, None, None]) * r[:, None, None] ** ell
    return np.einsum("lnk,rlk->rln", basis.mixing, primitives)


def scale_squares(basis: SoapBasis, ell: int) -> NDArray[np.float64]:
    """(2l+1,) squares of Y_lm over the harmonics of the kernel, for m from −l to l.

    Those have the factor 1 of z^(l−m) Re or Im (x + iy)^m; Y_lm has Q_mm and ``along``.
    """
    scale = [basis.diagonal[m] * np.prod(basis.along[m + 1 : ell + 1, m]) for m in range(ell + 1)]
    return np.square([*scale[:0:-1], *scale])

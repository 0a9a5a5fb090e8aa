"""The three loops of :mod:`.vectors` without vector instructions: the same arguments and results.

They sum in the same order; vectors fuse multiplications with additions, so that results differ by
some units in the last place.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

from iceclass.descriptors.soap.vectors import BLOCK


@njit(cache=True, nogil=True, error_model="numpy", fastmath={"contract"})
def harmonics(
    l_static: tuple[int, ...],
    dx: NDArray[Any],
    dy: NDArray[Any],
    dz: NDArray[Any],
    first: int,
    count: int,
    per_length: NDArray[Any],
    y: NDArray[Any],
    where: NDArray[np.int32],
    t: NDArray[Any],
) -> None:  # pragma: no cover
    """As :func:`.vectors.harmonics`; nothing is written beyond ``count``."""
    size, kind = len(l_static), t.dtype.type
    harmonic = y.reshape(size * size, BLOCK)
    for j in range(count):
        ux, uy, uz = dx[first + j], dy[first + j], dz[first + j]
        r = np.sqrt(uz * uz + (uy * uy + ux * ux))
        inverse = kind(1.0) / (r if r > kind(0.0) else kind(1.0))
        ux, uy, uz = ux * inverse, uy * inverse, uz * inverse
        place = r * per_length[0]
        where[j] = np.int32(place)
        t[j] = place - kind(where[j])
        real, imaginary = kind(1.0), kind(0.0)
        for m in range(size):
            before, last = kind(0.0), kind(1.0)
            for ell in range(m, size):
                if ell == m + 1:
                    before, last = last, uz
                elif ell > m + 1:
                    factor = kind(((ell - 1) ** 2 - m**2) / (4 * (ell - 1) ** 2 - 1))
                    before, last = last, uz * last - factor * before
                row = ell * ell + ell
                harmonic[row + m, j] = last * real
                if m > 0:
                    harmonic[row - m, j] = last * imaginary
            real, imaginary = ux * real - uy * imaginary, ux * imaginary + uy * real


@njit(cache=True, nogil=True, error_model="numpy", fastmath={"contract"})
def accumulate(
    n_static: tuple[int, ...],
    l_static: tuple[int, ...],
    y: NDArray[Any],
    where: NDArray[np.int32],
    t: NDArray[Any],
    cubics: NDArray[Any],
    count: int,
    c: NDArray[Any],
) -> None:  # pragma: no cover
    """As :func:`.vectors.accumulate`."""
    width, size = len(n_static), len(l_static)
    harmonic, coefficients = y.reshape(size * size, BLOCK), c.reshape(size * size, width)
    g = np.empty(width, dtype=t.dtype)
    for j in range(count):
        for ell in range(size):
            cubic = cubics[where[j], ell]
            for n in range(width):
                g[n] = ((cubic[3, n] * t[j] + cubic[2, n]) * t[j] + cubic[1, n]) * t[j] + cubic[
                    0, n
                ]
            for row in range(ell * ell, (ell + 1) * (ell + 1)):
                factor, out = harmonic[row, j], coefficients[row]
                for n in range(width):
                    out[n] += g[n] * factor


@njit(cache=True, nogil=True, error_model="numpy", fastmath={"contract"})
def contract(
    n_max_static: tuple[int, ...],
    n_static: tuple[int, ...],
    l_static: tuple[int, ...],
    c: NDArray[Any],
    weights: NDArray[Any],
    spectrum: NDArray[Any],
) -> None:  # pragma: no cover
    """As :func:`.vectors.contract`; nothing is written beyond the result."""
    n_max, width, size = len(n_max_static), len(n_static), len(l_static)
    coefficients, f = c.reshape(size * size, width), 0
    sums, weighted = np.empty((n_max, width), dtype=c.dtype), np.empty(width, dtype=c.dtype)
    for ell in range(size):
        sums[:] = 0.0
        for lm in range(ell * ell, (ell + 1) * (ell + 1)):
            row = coefficients[lm]
            for n in range(width):
                weighted[n] = row[n] * weights[lm]
            for n in range(n_max):
                factor, out = row[n], sums[n]
                for other in range(width):
                    out[other] += weighted[other] * factor
        for n in range(n_max):
            for other in range(n, n_max):
                spectrum[f] = sums[n, other]
                f += 1

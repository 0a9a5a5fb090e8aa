from __future__ import annotations

import numpy as np
import pytest
from numba import njit

from iceclass.kernels.simd import load, splat, store, width, zeros


@njit
def through_lanes(simd, a, b, out):
    total = zeros(simd, a)
    for k in range(0, len(a), width(simd, a)):
        total = total + load(simd, a, k) * splat(simd, b, 1) - load(simd, a, k)
    store(simd, out, 1, total)
    return width(simd, a)


@pytest.mark.parametrize(
    ("simd", "dtype", "count"),
    [(True, np.float64, 8), (True, np.float32, 16), (None, np.float64, 1), (None, np.float32, 1)],
)
def test_lanes_are_independent_numbers(simd, dtype, count):
    a = np.random.default_rng(0).normal(size=5 * count).astype(dtype)
    b, out = np.array([9, 3], dtype=dtype), np.full(count + 2, 7, dtype=dtype)
    assert through_lanes(simd, a, b, out) == count
    expected = (2 * a.reshape(5, count)).sum(axis=0)
    np.testing.assert_allclose(out[1:-1], expected, rtol=100 * np.finfo(dtype).eps, atol=1e-5)
    assert (out[[0, -1]] == 7).all()

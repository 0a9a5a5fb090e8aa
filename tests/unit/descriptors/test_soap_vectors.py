"""Each piece of vector code, and its plain twin, against the NumPy expression of its docstring."""

from __future__ import annotations

import numpy as np
import pytest
from numba import njit

from iceclass.descriptors.soap import loops
from iceclass.descriptors.soap import vectors as soap_vectors
from iceclass.descriptors.soap.basis import soap_basis
from iceclass.descriptors.soap.plain import solid_harmonics
from iceclass.descriptors.soap.tables import scale_squares
from iceclass.descriptors.soap.vectors import BLOCK, _groups

DTYPES = [np.float64, np.float32]


def tolerance(dtype):
    return 50 * np.finfo(dtype).eps


@pytest.fixture(params=["vectors of this host", "without AVX-512", "plain loops"])
def twin(request, monkeypatch):
    """The module; code is emitted when a function is compiled, so each test compiles its own."""
    if request.param == "without AVX-512":
        monkeypatch.setattr(soap_vectors, "has_avx512", lambda: False)
    return loops if request.param == "plain loops" else soap_vectors


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("l_max", [0, 1, 7])
def test_harmonics(twin, l_max, dtype):
    harmonics = twin.harmonics

    @njit
    def run(static, vectors, first, count, per_length, y, where, t):
        dx, dy, dz = vectors
        harmonics(static, dx, dy, dz, first, count, per_length, y, where, t)

    rng = np.random.default_rng(5)
    size, first, count = l_max + 1, 3, 19
    vectors = tuple(rng.uniform(-4, 4, (3, 64)).astype(dtype))
    for axis in range(3):
        vectors[axis][first] = 0.0
    y = np.empty((size * size, BLOCK), dtype=dtype)
    where, t = np.empty(BLOCK, dtype=np.int32), np.empty(BLOCK, dtype=dtype)
    run((0,) * size, vectors, first, count, np.array([7.0], dtype=dtype), y, where, t)

    wanted = np.array(vectors)[:, first : first + count].astype(np.float64)
    r = np.linalg.norm(wanted, axis=0)
    np.testing.assert_allclose(
        where[:count] + np.float64(t[:count]), 7.0 * r, rtol=tolerance(dtype)
    )
    assert (t[:count] >= 0).all()
    assert (t[:count] <= 1).all()
    basis = soap_basis(1, l_max, 6.0, 0.5)
    scale = np.sqrt(np.concatenate([scale_squares(basis, ell) for ell in range(size)]))
    assert (where[0], t[0]) == (0, 0.0)
    assert np.isfinite(y[:, 0]).all()
    expected = np.empty(size * size)
    for j in range(1, count):
        solid_harmonics(basis, *(wanted[:, j] / r[j]), expected)
        np.testing.assert_allclose(y[:, j] * scale, expected, atol=tolerance(dtype))


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize(("width", "size"), [(1, 1), (4, 6), (8, 9), (16, 4), (8, 16)])
def test_accumulate(twin, width, size, dtype):
    accumulate = twin.accumulate

    @njit
    def run(n_static, l_static, y, where, t, cubics, count, c):
        accumulate(n_static, l_static, y, where, t, cubics, count, c)

    rng = np.random.default_rng(6)
    cubics = rng.normal(size=(5, size, 4, width)).astype(dtype)
    y = rng.normal(size=(size * size, BLOCK)).astype(dtype)
    where = rng.integers(0, 5, BLOCK).astype(np.int32)
    t = rng.uniform(0, 1, BLOCK).astype(dtype)
    for count in (0, 1, 13, BLOCK):
        c = rng.normal(size=(size * size, width)).astype(dtype)
        powers = np.float64(t)[:, None] ** np.arange(4)
        g = np.einsum("jlpn,jp->jln", np.float64(cubics)[where], powers)[:count]
        ell = np.repeat(np.arange(size), 2 * np.arange(size) + 1)
        expected = c + np.einsum("rj,jrn->rn", np.float64(y)[:, :count], g[:, ell])
        run((0,) * width, (0,) * size, y, where, t, cubics, count, c)
        np.testing.assert_allclose(c, expected, atol=20 * tolerance(dtype))


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize(("n_max", "width", "size"), [(1, 1, 3), (3, 4, 6), (8, 8, 9), (12, 16, 2)])
def test_contract(twin, n_max, width, size, dtype):
    contract = twin.contract

    @njit
    def run(n_max_static, n_static, l_static, c, weights, spectrum):
        contract(n_max_static, n_static, l_static, c, weights, spectrum)

    rng = np.random.default_rng(7)
    c = rng.normal(size=(size * size, width)).astype(dtype)
    weights = rng.uniform(0, 1, size * size).astype(dtype)
    pairs = np.triu_indices(n_max)
    length = size * len(pairs[0])
    spectrum = np.full(length + width + 1, np.inf, dtype=dtype)
    run((0,) * n_max, (0,) * width, (0,) * size, c, weights, spectrum)
    expected = []
    for ell in range(size):
        rows = slice(ell**2, (ell + 1) ** 2)
        square = (np.float64(c[rows]) * weights[rows, None]).T @ np.float64(c[rows])
        expected.extend(square[pairs])
    np.testing.assert_allclose(spectrum[:length], expected, atol=20 * tolerance(dtype))
    assert np.isinf(spectrum[-1])


@pytest.mark.parametrize("room", [1, 6, 12, 28])
@pytest.mark.parametrize("size", [1, 2, 9, 21])
def test_groups_hold_every_row_once_in_order(size, room):
    groups = _groups(size, room)
    rows = [row for group in groups for _, part in group for row in part]
    assert rows == list(range(size * size))
    for group in groups:
        assert 0 < sum(len(part) for _, part in group) <= room
        for ell, part in group:
            assert all(ell**2 <= row < (ell + 1) ** 2 for row in part)

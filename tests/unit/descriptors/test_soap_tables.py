from __future__ import annotations

import numpy as np
import pytest

from iceclass.descriptors.soap.basis import soap_basis
from iceclass.descriptors.soap.tables import (
    LINE,
    TOLERANCE,
    lanes,
    radial_functions,
    scale_squares,
    soap_table,
)

SETTINGS = [
    (8, 8, 6.0, 0.5),
    (3, 5, 6.0, 0.5),
    (5, 7, 4.1, 0.3),
    (1, 0, 2.0, 0.05),
    (9, 2, 15.0, 2.0),
]
DTYPES = [np.dtype(np.float64), np.dtype(np.float32)]


def evaluate(table, r):
    """(R, L, W) radial functions at the distances ``r``."""
    place = r * float(table.per_length[0])
    step = np.floor(place).astype(int)
    t = place - step
    return np.einsum("rlpn,rp->rln", np.float64(table.cubics)[step], t[:, None] ** np.arange(4))


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("setting", SETTINGS)
def test_the_table_equals_the_functions(setting, dtype):
    table = soap_table(*setting, 8.0, dtype)
    r = np.random.default_rng(0).uniform(0.0, 8.0, 3000)
    expected = radial_functions(soap_basis(*setting), r)
    found = evaluate(table, r)[:, :, : setting[0]]
    rounding = 200 * np.finfo(dtype).eps
    assert np.abs(found - expected).max() < (TOLERANCE[dtype] + rounding) * np.abs(expected).max()


@pytest.mark.parametrize("dtype", DTYPES)
def test_only_the_isotropic_functions_are_not_zero_at_the_origin(dtype):
    table = soap_table(8, 8, 6.0, 0.5, 7.86, dtype)
    assert (table.cubics[0, 0, 0] != 0).all()
    assert (table.cubics[0, 1:, 0] == 0).all()


def test_the_table_is_continuous():
    table = soap_table(8, 8, 6.0, 0.5, 7.86, np.dtype(np.float64))
    ends, starts = table.cubics[:-1].sum(axis=2), table.cubics[1:, :, 0]
    np.testing.assert_allclose(ends, starts, atol=1e-12 * np.abs(starts).max())


def test_the_table_reaches_the_largest_distance():
    for r_max in (7.0, 7.858, 8.0):
        table = soap_table(8, 8, 6.0, 0.5, r_max, np.dtype(np.float32))
        assert np.float32(r_max) * table.per_length[0] < len(table.cubics)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("n_max", [1, 3, 8, 9])
def test_layout(n_max, dtype):
    table = soap_table(n_max, 2, 12.0, 0.5, 13.0, dtype)
    assert table.cubics.shape[1:] == (3, 4, lanes(n_max))
    assert (table.cubics[..., n_max:] == 0).all()
    for array in table:
        assert array.dtype == dtype
    for array in (table.cubics, table.weights):
        assert array.ctypes.data % LINE == 0
        assert not array.flags.writeable


def test_lanes():
    assert [lanes(n) for n in (1, 2, 3, 4, 5, 8, 9, 16, 17, 20)] == [
        1,
        2,
        4,
        4,
        8,
        8,
        16,
        16,
        32,
        32,
    ]


def test_scales_sum_to_the_addition_theorem():
    """Σ_m Y_lm² = (2l + 1)/4π; on the z axis only m = 0 counts."""
    basis = soap_basis(1, 12, 6.0, 0.5)
    for ell in range(13):
        before, last = 0.0, 1.0
        for k in range(1, ell + 1):
            before, last = last, last - before * (k - 1) ** 2 / (4 * (k - 1) ** 2 - 1)
        found = scale_squares(basis, ell)[ell] * last**2
        assert found == pytest.approx((2 * ell + 1) / (4 * np.pi), rel=1e-12)

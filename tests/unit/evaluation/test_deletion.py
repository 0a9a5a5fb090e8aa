"""Deletion curves and permutation importance of a rule whose features are known."""

from __future__ import annotations

import numpy as np
import pytest

from iceclass.evaluation.deletion import (
    area_under,
    deletion_counts,
    deletion_curve,
    permutation_importance,
)


def rule(z: np.ndarray) -> np.ndarray:
    """Goes by features 2 and 0 alone, by 2 the more."""
    return (2.0 * z[:, 2] + z[:, 0] > 0).astype(np.int64)


@pytest.fixture
def rows() -> tuple[np.ndarray, np.ndarray]:
    z = np.random.default_rng(0).normal(size=(4000, 5)).astype(np.float32)
    return z, rule(z)


def test_curve_falls_with_the_features_that_matter(rows):
    z, target = rows
    before = z.copy()
    counts = np.arange(6)
    good = deletion_curve(rule, z, target, np.array([2, 0, 1, 3, 4]), counts)
    bad = deletion_curve(rule, z, target, np.array([4, 3, 1, 0, 2]), counts)
    np.testing.assert_array_equal(z, before)
    # sign(z0) agrees with the sign of 2 z2 + z0 in a share of 1/2 + asin(1/√5)/π
    expected = 0.5 + np.arcsin(1 / np.sqrt(5)) / np.pi
    np.testing.assert_allclose(good[:2], [1.0, expected], atol=0.02)
    np.testing.assert_allclose(good[2:], (target == 0).mean(), atol=1e-9)
    np.testing.assert_array_equal(bad[:4], 1.0)
    assert good[-1] == bad[-1]
    assert area_under(counts, good) < area_under(counts, bad)


def test_area_is_the_mean_accuracy():
    assert area_under([0, 1, 3], np.array([1.0, 0.5, 0.5])) == pytest.approx((0.75 + 1.0) / 3)


def test_numbers_deleted_go_from_none_to_all():
    for n in (1, 7, 37, 325):
        counts = deletion_counts(n)
        assert counts[0] == 0
        assert counts[-1] == n
        assert (np.diff(counts) > 0).all()
        assert len(counts) <= 16


def test_permutation_importance_is_the_accuracy_lost(rows):
    z, target = rows
    lost = permutation_importance(rule, z, target, repeats=3, seed=1)
    assert lost[2] > lost[0] > 0.1
    np.testing.assert_array_equal(lost[[1, 3, 4]], 0.0)
    # 2 z2' + z0 has the correlation 1/5 with 2 z2 + z0
    assert lost[2] == pytest.approx(0.5 - np.arcsin(1 / 5) / np.pi, abs=0.02)

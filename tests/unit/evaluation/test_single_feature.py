"""Best windows of single features against trying all of them."""

from __future__ import annotations

import numpy as np
import pytest

from iceclass.evaluation.single_feature import best_intervals


def tried(x: np.ndarray, own: np.ndarray, one_sided: bool) -> float:
    """The best balanced accuracy of all pairs of bounds."""
    values = np.unique(x)
    bounds = [-np.inf, *((values[1:] + values[:-1]) / 2), np.inf]
    best = 0.0
    for low in [-np.inf] if one_sided else bounds:
        for high in bounds:
            called = (x > low) & (x <= high)
            share = (called[own].mean() + 1 - called[~own].mean()) / 2
            best = max(best, share, 1 - share)
    return best


@pytest.mark.parametrize("one_sided", [True, False])
def test_no_other_window_is_better(one_sided: bool):
    rng = np.random.default_rng(4)
    target = rng.integers(0, 3, 60)
    x = rng.normal(size=(60, 3)) + target[:, None] * (0.0, 1.5, -2.0)
    x[:, 2] = np.round(x[:, 2])  # ties
    found = best_intervals(x, target, 3, one_sided=one_sided)
    for c in range(3):
        for f in range(3):
            expected = tried(x[:, f], target == c, one_sided)
            assert found.balanced_accuracy[c, f] == pytest.approx(expected)
    np.testing.assert_allclose(found.test(x, target), found.balanced_accuracy)
    if one_sided:
        assert np.isneginf(found.low).all()


def test_a_phase_between_others_needs_a_window():
    x = np.concatenate([np.linspace(a, a + 0.9, 50) for a in (0, 1, 2)])[:, None]
    target = np.repeat([0, 1, 2], 50)
    window = best_intervals(x, target, 4)
    assert window.balanced_accuracy[1, 0] == 1.0
    assert window.inside[1, 0]
    assert 0.9 < window.low[1, 0] < 1.0
    assert 1.9 < window.high[1, 0] < 2.0
    threshold = best_intervals(x, target, 4, one_sided=True)
    assert threshold.balanced_accuracy[1, 0] == pytest.approx(0.75)
    assert np.isnan(window.balanced_accuracy[3, 0])
    assert np.isnan(window.test(x, target)[3, 0])


def test_other_rows_are_judged_by_the_same_bounds():
    x = np.array([[0.0], [1.0], [2.0], [3.0]])
    rule = best_intervals(x, np.array([0, 0, 1, 1]), 2)
    moved = rule.test(x, np.array([0, 1, 1, 1]))
    np.testing.assert_allclose(moved, (1.0 + 2 / 3) / 2)

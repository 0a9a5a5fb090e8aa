"""Scores from counts, and bootstrap intervals against enumeration and SciPy."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from scipy.stats import bootstrap as scipy_bootstrap
from sklearn.metrics import accuracy_score, balanced_accuracy_score, f1_score, recall_score

from iceclass.errors import InputError
from iceclass.evaluation.bootstrap import bootstrap, resample_groups
from iceclass.evaluation.scores import confusion_scores


def accuracy(counts: np.ndarray) -> np.ndarray:
    return confusion_scores(counts).accuracy


def test_scores_are_those_of_scikit_learn():
    rng = np.random.default_rng(1)
    true = rng.integers(0, 4, 500)
    label = np.where(rng.random(500) < 0.6, true, rng.integers(0, 4, 500))
    confusion = np.zeros((4, 4))
    np.add.at(confusion, (true, label), 1)
    found = confusion_scores(confusion)
    assert found.accuracy == pytest.approx(accuracy_score(true, label))
    assert found.balanced_accuracy == pytest.approx(balanced_accuracy_score(true, label))
    assert found.macro_f1 == pytest.approx(f1_score(true, label, average="macro"))
    np.testing.assert_allclose(found.recall, recall_score(true, label, average=None))


def test_classes_without_rows_and_unknown_labels():
    found = confusion_scores(np.array([[8, 0, 2], [0, 0, 0]]))
    assert found.accuracy == found.balanced_accuracy == pytest.approx(0.8)
    assert np.isnan(found.recall[1])
    assert found.macro_f1 == pytest.approx(16 / 18)
    empty = confusion_scores(np.zeros((5, 2, 2)))
    assert np.isnan(empty.macro_f1).all()
    with pytest.raises(ValueError, match="fewer labels"):
        confusion_scores(np.zeros((3, 2)))


def test_groups_are_drawn_within_their_strata():
    strata = ["a", "b", "a", "b", "b"]
    drawn = resample_groups(strata, 300, seed=3)
    assert (drawn[:, [0, 2]].sum(axis=1) == 2).all()
    assert (drawn[:, [1, 3, 4]].sum(axis=1) == 3).all()
    np.testing.assert_allclose(drawn.mean(axis=0), 1.0, atol=0.15)
    np.testing.assert_array_equal(drawn, resample_groups(strata, 300, seed=3))


def test_interval_agrees_with_exact_enumeration():
    """Two phases of three preparations: all 27 × 27 resamples."""
    counts = np.zeros((6, 2, 2))
    strata = ["a"] * 3 + ["b"] * 3
    for i, right in enumerate((99, 80, 91, 70, 97, 88)):
        c = i // 3
        counts[i, c, c], counts[i, c, 1 - c] = right, 100 - right
    every = [
        accuracy(counts[[*a, *b]].sum(axis=0))
        for a in product(range(3), repeat=3)
        for b in product(range(3, 6), repeat=3)
    ]
    found = bootstrap(counts, strata, accuracy, resamples=40_000, level=0.9, seed=5)
    low, high = np.quantile(every, (0.05, 0.95))
    assert found.value == pytest.approx(525 / 600)
    assert found.low == pytest.approx(low, abs=0.004)
    assert found.high == pytest.approx(high, abs=0.004)
    assert found.level == 0.9


def test_interval_agrees_with_scipy():
    rng = np.random.default_rng(2)
    right = rng.integers(50, 100, 12)
    counts = np.array([[[r, 100 - r], [0, 0]] for r in right])
    found = bootstrap(counts, ["a"] * 12, accuracy, resamples=20_000, seed=1)
    theirs = scipy_bootstrap(
        (right / 100,), np.mean, n_resamples=20_000, method="percentile", rng=3
    ).confidence_interval
    assert found.low == pytest.approx(theirs.low, abs=0.004)
    assert found.high == pytest.approx(theirs.high, abs=0.004)


def test_paired_differences_are_narrower_than_their_parts():
    """Two classifiers that share what is hard: the difference is sure, neither accuracy is."""
    right = np.array([60, 95, 70, 99, 85])
    pairs = np.array([[[[r + 1, 99 - r]], [[r, 100 - r]]] for r in right])
    found = bootstrap(
        pairs, ["a"] * 5, lambda s: accuracy(s[:, 0]) - accuracy(s[:, 1]), resamples=500
    )
    assert found.value == pytest.approx(0.01)
    assert found.low == pytest.approx(0.01)
    assert found.high == pytest.approx(0.01)
    alone = bootstrap(pairs[:, 0], ["a"] * 5, accuracy, resamples=500)
    assert alone.high - alone.low > 0.1


def test_a_single_preparation_has_no_interval():
    with pytest.raises(InputError, match="ii has one preparation"):
        bootstrap(np.ones((3, 2, 2)), ["ih", "ih", "ii"], accuracy)

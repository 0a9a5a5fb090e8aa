"""The novelty score: low for what was trained on, high for what was not."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from iceclass.datasets.perturb import scaled
from iceclass.descriptors import descriptor
from iceclass.frame import Frame
from iceclass.model.file import load_model
from iceclass.model.novelty import fit_novelty, likely_classes, log_odds
from tests.helpers.iceframes import DESCRIPTOR, ICES, features, thermal_frame, trained


def gaussian_classes(seed: int, n: int = 4000) -> tuple[np.ndarray, np.ndarray]:
    """Two classes in a 3-dimensional subspace of 12 dimensions, with a little noise about it."""
    rng = np.random.default_rng(seed)
    axes = np.linalg.qr(np.random.default_rng(0).normal(size=(12, 12)))[0][:3]
    target = np.repeat([0, 1], n)
    inside = (
        rng.normal(size=(2 * n, 3)) * (2.0, 1.0, 0.5) + np.array([[-16, 0, 0], [16, 2, 0]])[target]
    )
    return (inside @ axes + 0.05 * rng.normal(size=(2 * n, 12))).astype(np.float32), target


def test_score_agrees_with_its_definition():
    """A plain loop over rows and classes, in float64, from the definition."""
    z, target = gaussian_classes(1)
    novelty = fit_novelty(z, target, 2, quantile=0.99, margin=2.0)
    rows = z[::500].astype(np.float64)
    for row, score in zip(rows, novelty.score(rows.astype(np.float32)), strict=True):
        p = novelty.components.astype(np.float64) @ row
        rest = ((row - novelty.components.T @ p) ** 2).sum()
        values = []
        for mean, white, residual in zip(
            novelty.means, novelty.whitening, novelty.residual, strict=True
        ):
            inverse = white.astype(np.float64) @ white.T
            values.append(max((p - mean) @ inverse @ (p - mean), rest / residual))
        assert score == pytest.approx(min(values), rel=5e-3)


def test_only_likely_classes_count():
    """A molecule that is typical of a class the network does not think of is novel."""
    z, target = gaussian_classes(1)
    novelty = fit_novelty(z, target, 2, quantile=0.99, margin=2.0)
    rows = z[target == 0][::500]
    own, other = (novelty.score(rows, np.full((len(rows), 1), c)) for c in (0, 1))
    assert (own < novelty.threshold).all()
    assert (other > novelty.threshold).all()
    assert np.array_equal(novelty.score(rows, np.tile([1, 0], (len(rows), 1))), own)
    assert np.array_equal(novelty.score(rows), own)


def test_likely_classes_are_the_two_largest():
    logits = np.random.default_rng(3).normal(size=(50, 9)).astype(np.float32)
    expected = np.argsort(logits, axis=1)[:, -2:]
    assert np.array_equal(likely_classes(logits), expected)
    assert np.array_equal(np.sort(likely_classes(logits[:, :2]), axis=1), [[0, 1]] * 50)


def test_score_is_a_class_conditional_distance():
    z, target = gaussian_classes(1)
    held_out, _ = gaussian_classes(2)
    novelty = fit_novelty(z, target, 2, quantile=0.999, margin=2.0, held_out=held_out)
    assert (novelty.score(gaussian_classes(3)[0]) > novelty.threshold).mean() < 1e-3
    between = z[target == 0].mean(axis=0) * 0.5 + z[target == 1].mean(axis=0) * 0.5
    beside = z[0] + 3.0 * np.linalg.qr(np.random.default_rng(0).normal(size=(12, 12)))[0][7]
    for row in (between, beside):
        assert novelty.score(row[None].astype(np.float32))[0] > novelty.threshold
    quantile = np.quantile(novelty.score(held_out), 0.999)
    assert novelty.threshold == pytest.approx(2.0 * max(quantile, 1.0))
    assert (novelty.quantile, novelty.margin) == (0.999, 2.0)


def test_huge_and_undefined_numbers_are_infinitely_far():
    z, target = gaussian_classes(1, 500)
    novelty = fit_novelty(z, target, 2, quantile=0.99, margin=2.0)
    odd = np.zeros((3, 12), np.float32)
    odd[0], odd[1, 4], odd[2, 4] = 1e30, np.inf, np.nan
    assert np.isinf(novelty.score(odd)).all()


@pytest.mark.parametrize("phase", ICES)
@pytest.mark.parametrize("amplitude", [0.05, 0.15, 0.18])
def test_ices_hotter_and_colder_than_trained_are_known(phase: str, amplitude: float):
    """Trained at 0.15 Å: 44 % more mean-square displacement is no new phase."""
    prediction = trained().model.predict(features(phase, 99, amplitude))
    assert (prediction.labels < 0).mean() < 0.01


@pytest.mark.parametrize("phase", ICES)
@pytest.mark.parametrize("volume", [0.9, 1.08])
def test_a_compressed_ice_is_that_ice(phase: str, volume: float):
    """And a stretched one: lattices in thermal motion."""
    frame = scaled(thermal_frame(phase, 5, 0.1), 1 / volume)
    names = load_model("default").classify(frame).names
    assert (names == phase).mean() > 0.95


def test_what_is_no_ice_is_unknown():
    """Vapour, and oxygens at random at five times the density of water."""
    soap, model = descriptor(DESCRIPTOR), trained().model
    rng = np.random.default_rng(5)
    for molecules in (30, 10_000):
        frame = Frame(positions=rng.uniform(0, 40, (molecules, 3)), cell=40 * np.eye(3))
        assert (model.predict(soap.compute(frame)).labels < 0).mean() > 0.95


def test_odds_agree_with_their_definition():
    """In float64 from the definition, and beside the distance."""
    rng = np.random.default_rng(6)
    z, target = gaussian_classes(1)
    hidden, logits = rng.normal(size=(50, 4)), 5 * rng.normal(size=(50, 3))
    other = rng.normal(size=5)
    h, v, o = (x.astype(np.float32) for x in (hidden, logits, other))
    expected = np.exp(hidden @ other[:4] + other[4]) / np.exp(logits).sum(axis=1)
    np.testing.assert_allclose(np.exp(log_odds(h, v, o)), expected, rtol=1e-4)
    assert np.isfinite(np.exp(log_odds(h, v - 1000, o))).all()
    novelty = fit_novelty(z, target, 2, quantile=0.99, margin=2.0)
    distance = rng.uniform(0, 4, 50).astype(np.float32)
    assert novelty.with_odds(distance, h, v) is distance
    found = replace(novelty, other=o).with_odds(distance, h, v)
    np.testing.assert_allclose(found, np.maximum(distance, novelty.threshold * expected), rtol=1e-4)

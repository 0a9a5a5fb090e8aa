"""The novelty score: low for what was trained on, high for what was not."""

from __future__ import annotations

import numpy as np
import pytest

from iceclass.descriptors import descriptor
from iceclass.frame import Frame
from iceclass.model.file import load_model
from iceclass.model.novelty import fit_novelty, likely_classes
from tests.iceframes import DESCRIPTOR, ICES, features, thermal_frame, trained


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


def dense_classes(seed: int, n: int = 3000) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Two classes in 6 features, of which their density moves two a little and motion all a lot.

    ln ρ is between −0.1 and 0.1 in one class and between 0.2 and 0.22 in the other.
    """
    rng = np.random.default_rng(seed)
    target = np.repeat([0, 1], n)
    low, high = np.array([[-0.1, 0.1], [0.2, 0.22]])[target].T
    logarithm = rng.uniform(low, high)
    axes = np.random.default_rng(4).normal(size=(3, 6))
    motion = rng.normal(size=(2 * n, 2)) * 4.0
    z = np.column_stack([motion, 5.0 * logarithm]) @ axes + 0.02 * rng.normal(size=(2 * n, 6))
    z[:, 5] += np.where(target, 20.0, -20.0)
    return z.astype(np.float32), target, np.exp(logarithm).astype(np.float32)


def test_densities_are_read_from_the_features():
    z, target, density = dense_classes(1)
    found = fit_novelty(z, target, 2, quantile=0.99, margin=1.0, density=density)
    z, target, density = dense_classes(2)
    read = found.densities.read(z[target == 0] @ found.components.T, 0)
    np.testing.assert_allclose(read, np.log(density[target == 0]), atol=0.02)
    np.testing.assert_allclose(found.densities.known[0], np.exp([-0.1, 0.1]), rtol=1e-3)
    middle = 0.21  # narrower than water models differ for one ice
    np.testing.assert_allclose(
        np.log(found.densities.known[1]), middle + np.array([-1, 1]) * 0.08, atol=1e-3
    )


def test_a_density_that_motion_hides_is_novel_all_the_same():
    """The score agrees with its definition, and without the densities sees nothing."""
    z, target, density = dense_classes(1)
    blind, found = (
        fit_novelty(z, target, 2, quantile=0.99, margin=1.0, density=known)
        for known in (None, density)
    )
    assert blind.densities is None
    fresh, target, density = dense_classes(3)
    own = fresh[target == 0][:500]
    axes = np.random.default_rng(4).normal(size=(3, 6))
    denser = (own + 5.0 * (0.15 - np.log(density[target == 0][:500]))[:, None] * axes[2]).astype(
        np.float32
    )
    likely = np.zeros((len(own), 1), dtype=np.int64)
    assert (blind.score(denser, likely) > blind.threshold).mean() < 0.1
    assert (found.score(denser, likely) > found.threshold).mean() == 1.0
    assert (found.score(own, likely) > found.threshold).mean() < 0.03
    p = (denser @ found.components.T).astype(np.float64)
    logarithm = p @ found.densities.axes[0] + found.densities.offsets[0]
    low, high = np.log(found.densities.known[0])
    expected = ((logarithm - (low + high) / 2) / ((high - low) / 2)) ** 2
    np.testing.assert_allclose(
        found.score(denser, likely), np.maximum(expected, blind.score(denser, likely)), rtol=5e-3
    )


def test_no_densities_where_a_class_has_none():
    z, target, density = dense_classes(1)
    density[target == 1] = np.nan
    found = fit_novelty(z, target, 2, quantile=0.99, margin=1.0, density=density)
    assert found.densities is None
    assert "densities.axes" not in found.arrays


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
    expected = np.sort(np.argsort(logits, axis=1)[:, -2:], axis=1)
    assert np.array_equal(np.sort(likely_classes(logits), axis=1), expected)
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


@pytest.mark.parametrize("phase", ["ih", "ic"])
def test_the_default_model_knows_ice_at_five_per_cent_more_but_not_in_nine_tenths(phase: str):
    """Volumes of a lattice in thermal motion; denser by 5 % is another water model."""
    model, ice = load_model("default"), thermal_frame(phase, 5, 0.12)
    for volume, unknown in ((1.05, 0.0), (1.0, 0.0), (1 / 1.05, 0.0), (0.9, 1.0)):
        length = volume ** (1 / 3)
        frame = Frame(positions=length * ice.positions, cell=length * ice.cell)
        assert (model.classify(frame).labels < 0).mean() == pytest.approx(unknown, abs=0.02)


def test_what_is_no_ice_is_unknown():
    """Vapour, and oxygens at random at five times the density of water."""
    soap, model = descriptor(DESCRIPTOR), trained().model
    rng = np.random.default_rng(5)
    for molecules in (30, 10_000):
        frame = Frame(positions=rng.uniform(0, 40, (molecules, 3)), cell=40 * np.eye(3))
        assert (model.predict(soap.compute(frame)).labels < 0).mean() > 0.95

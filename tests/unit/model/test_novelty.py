"""The novelty score: low for what was trained on, high for what was not."""

from __future__ import annotations

import numpy as np
import pytest

from iceclass.descriptors import descriptor
from iceclass.frame import Frame
from iceclass.model.file import load_model
from iceclass.model.novelty import fit_novelty, likely_classes
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


def dense_classes(seed: int, n: int = 3000) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Two classes in 6 features, of which their density moves two a little and motion all a lot.

    ln ρ is between −0.1 and 0.1 in one class and between 0.2 and 0.28 in the other.
    """
    rng = np.random.default_rng(seed)
    target = np.repeat([0, 1], n)
    low, high = np.array([[-0.1, 0.1], [0.2, 0.28]])[target].T
    logarithm = rng.uniform(low, high)
    axes = np.random.default_rng(4).normal(size=(3, 6))
    motion = rng.normal(size=(2 * n, 2)) * 4.0
    z = np.column_stack([motion, 5.0 * logarithm]) @ axes + 0.01 * rng.normal(size=(2 * n, 6))
    z[:, 5] += np.where(target, 20.0, -20.0)
    return z.astype(np.float32), target, np.exp(logarithm).astype(np.float32)


def test_densities_are_read_from_the_features():
    z, target, density = dense_classes(1)
    found = fit_novelty(z, target, 2, quantile=0.99, margin=1.5, density=density)
    z, target, density = dense_classes(2)
    read = found.densities.read(z @ found.components.T, target)
    np.testing.assert_allclose(read, np.log(density), atol=0.02)
    slope = np.polyfit(np.log(density[target == 0]), read[target == 0], 1)[0]
    assert slope == pytest.approx(1.0, abs=2e-3)
    np.testing.assert_allclose(found.densities.known[0], np.exp([-0.1, 0.1]), rtol=1e-3)
    # narrower than water models differ for one ice
    known = np.log(found.densities.known[1])
    np.testing.assert_allclose(known, 0.24 + np.array([-0.08, 0.08]), atol=1e-3)
    reach = 0.1 * np.sqrt(found.threshold)
    np.testing.assert_allclose(np.log(found.known_range(0)), [-reach, reach], atol=1e-3)


@pytest.mark.parametrize("noise", [0.03, 0.06])
def test_noise_in_the_features_does_not_flatten_what_is_read(noise: float):
    z, target, density = dense_classes(1)
    z += np.random.default_rng(6).normal(scale=noise, size=z.shape).astype(np.float32)
    found = fit_novelty(z, target, 2, quantile=0.99, margin=1.0, density=density)
    rows = target == 0
    read = found.densities.read(z[rows] @ found.components.T, target[rows])
    assert np.polyfit(np.log(density[rows]), read, 1)[0] == pytest.approx(1.0, abs=1e-3)


def test_a_density_that_motion_hides_is_novel_all_the_same():
    """The score agrees with its definition, and without the densities sees nothing."""
    z, target, density = dense_classes(1)
    blind, found = (
        fit_novelty(z, target, 2, quantile=0.99, margin=1.0, density=known)
        for known in (None, density)
    )
    assert blind.densities is None
    assert blind.known_range(0) is None
    fresh, target, density = dense_classes(3)
    own = fresh[target == 0][:500]
    axes = np.random.default_rng(4).normal(size=(3, 6))
    further = 0.15 - np.log(density[target == 0][:500])
    denser = (own + 5.0 * further[:, None] * axes[2]).astype(np.float32)
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


def test_the_density_is_that_of_the_label_though_two_classes_are_likely():
    z, target, density = dense_classes(1)
    found = fit_novelty(z, target, 2, quantile=0.99, margin=1.0, density=density)
    rows, count = z[target == 0][:200], 200
    named, other = (np.tile(pair, (count, 1)) for pair in ([1, 0], [0, 1]))
    assert (found.score(rows, named) > found.threshold).mean() < 0.05
    read = found.densities.excess(rows @ found.components.T, np.ones(count, np.int64))
    assert (found.score(rows, other) >= read).all()
    np.testing.assert_array_equal(
        found.score(rows), fit_novelty(z, target, 2, quantile=0.99, margin=1.0).score(rows)
    )


@pytest.mark.parametrize("why", ["unknown", "mostly unknown", "one", "unrelated"])
def test_any_density_will_do_for_a_class_that_nobody_can_read_it_of(why: str):
    z, target, density = dense_classes(1)
    own = np.flatnonzero(target == 1)
    if why == "one":
        density[own] = 1.2
    elif why == "unrelated":
        density[own] = np.random.default_rng(3).uniform(1.0, 1.4, len(own))
    else:
        density[own[len(own) // 3 if why == "mostly unknown" else 0 :]] = np.nan
    found = fit_novelty(z, target, 2, quantile=0.99, margin=1.0, density=density)
    assert found.known_range(0) is not None
    assert found.known_range(1) is None
    rows = 3.0 * z[own] @ found.components.T
    assert (found.densities.excess(rows, np.ones(len(own), np.int64)) == 0).all()
    density[target == 0] = np.nan
    none = fit_novelty(z, target, 2, quantile=0.99, margin=1.0, density=density)
    assert none.densities is None
    assert "densities.axes" not in none.arrays


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
def test_what_the_default_model_knows_ends_at_the_densities_it_tells(phase: str):
    """Lattices in thermal motion, at densities inside and outside of the range."""
    model, ice = load_model("default"), thermal_frame(phase, 5, 0.1)
    low, high = model.novelty.known_range(model.classes.index(phase))
    assert low * 1.05 < ice.density < high / 1.05
    for density, unknown in ((low * 0.98, 1), (low * 1.02, 0), (high * 0.98, 0), (high * 1.02, 1)):
        length = (ice.density / density) ** (1 / 3)
        frame = Frame(positions=length * ice.positions, cell=length * ice.cell)
        found = (model.classify(frame).labels < 0).mean()
        assert found == pytest.approx(unknown, abs=0.05), density


def test_what_is_no_ice_is_unknown():
    """Vapour, and oxygens at random at five times the density of water."""
    soap, model = descriptor(DESCRIPTOR), trained().model
    rng = np.random.default_rng(5)
    for molecules in (30, 10_000):
        frame = Frame(positions=rng.uniform(0, 40, (molecules, 3)), cell=40 * np.eye(3))
        assert (model.predict(soap.compute(frame)).labels < 0).mean() > 0.95

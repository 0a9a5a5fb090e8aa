"""Frames changed on purpose."""

from __future__ import annotations

import numpy as np
import pytest

from iceclass.datasets.perturb import (
    averaged,
    displaced,
    random_points,
    random_strain,
    rounded,
    scaled,
    shrunk,
    strained,
    waved,
    with_vacancies,
    with_vacuum,
)
from iceclass.datasets.reference import load_reference
from iceclass.errors import InputError
from iceclass.frame import Frame
from tests.helpers.iceframes import lattice_frame, thermal_frame


def moved_by(frame: Frame, other: Frame) -> np.ndarray:
    step = (other.positions - frame.positions) @ np.linalg.inv(frame.cell)
    return (step - np.round(step)) @ frame.cell


@pytest.mark.parametrize("name", ["ih", "v"])
@pytest.mark.parametrize("factor", [0.95, 1.05])
def test_scaling_changes_the_density_and_nothing_else(name, factor):
    frame = lattice_frame(name)
    other = scaled(frame, factor)
    assert other.density == pytest.approx(factor * frame.density)
    inside = frame.positions @ np.linalg.inv(frame.cell)
    np.testing.assert_allclose(other.positions @ np.linalg.inv(other.cell), inside, atol=1e-12)


def test_strain_deforms_the_cell_and_leaves_density_and_fractions():
    frame, rng = lattice_frame("v"), np.random.default_rng(5)
    gradients = [random_strain(0.02, rng) for _ in range(50)]
    assert all(np.abs(np.triu(g, 1)).max() == 0.0 for g in gradients)
    assert 0.03 < np.abs([g[1, 0] for g in gradients]).max() <= 0.04
    assert 0.015 < np.abs([np.diag(g) for g in gradients]).max() < 0.028
    inside = frame.positions @ np.linalg.inv(frame.cell)
    for gradient in gradients[:3]:
        other = strained(frame, gradient)
        assert other.density == pytest.approx(frame.density)
        np.testing.assert_allclose(other.positions @ np.linalg.inv(other.cell), inside, atol=1e-12)
        edges = frame.cell @ (np.eye(3) + gradient)
        np.testing.assert_allclose(other.cell, edges)
        assert np.abs(other.cell - frame.cell).max() > 0.1


def test_displacement_has_its_size_in_each_direction():
    frame = lattice_frame("ic")
    step = moved_by(frame, displaced(frame, 0.2, np.random.default_rng(3)))
    np.testing.assert_allclose(step.std(axis=0), 0.2, rtol=0.1)


def test_sharper_motion_of_a_simulated_crystal_stays_about_its_sites():
    ice = next(t for t in load_reference() if t.phase == "ih" and t.temperature > 200)
    sites = shrunk(ice.frames, 0.0)[0]
    far = [np.sqrt((moved_by(sites, f) ** 2).mean()) for f in (ice.frames[0], *ice.frames[1:2])]
    half = shrunk(ice.frames, 0.5)[0]
    assert np.sqrt((moved_by(sites, half) ** 2).mean()) < 0.75 * far[0]
    assert len(averaged(ice.frames)) == len(ice.frames) - 2
    mean = averaged(ice.frames)[0]
    assert np.sqrt((moved_by(sites, mean) ** 2).mean()) < 0.8 * far[1]
    again = shrunk(ice.frames, 1.0)[4]
    step = moved_by(ice.frames[4], again)
    np.testing.assert_allclose(step - step.mean(axis=0), 0.0, atol=1e-9)


def test_a_running_mean_needs_an_odd_window_that_fits():
    frames = [thermal_frame("ih", seed) for seed in range(3)]
    for window in (2, 5):
        with pytest.raises(InputError, match="window"):
            averaged(frames, window)


def test_vacuum_is_put_between_the_faces():
    frame = lattice_frame("ih")
    slab = with_vacuum(frame, 20.0)
    assert slab.cell[2, 2] == frame.cell[2, 2] + 20.0
    assert slab.positions[:, 2].max() < frame.cell[2, 2]
    with pytest.raises(InputError, match="along z"):
        with_vacuum(lattice_frame("v"), 20.0)


@pytest.mark.parametrize("apart", [0.0, 2.4])
def test_random_points_have_their_density_and_distance(apart):
    frame = random_points(200, 1.0, np.random.default_rng(5), apart)
    assert frame.density == pytest.approx(1.0, rel=1e-6)
    step = frame.positions[:, None] - frame.positions
    step -= frame.cell[0, 0] * np.round(step / frame.cell[0, 0])
    distance = np.linalg.norm(step, axis=2)[~np.eye(200, dtype=bool)]
    assert (distance.min() > 2.4) == (apart > 0)


def test_points_that_cannot_be_so_far_apart_are_refused():
    with pytest.raises(InputError, match="do not fit"):
        random_points(200, 1.0, np.random.default_rng(5), 3.4)


def test_vacancies_take_molecules_out_and_leave_the_others():
    frame = lattice_frame("ih")
    fewer = with_vacancies(frame, 0.05, np.random.default_rng(1))
    assert fewer.n_molecules == frame.n_molecules - round(0.05 * frame.n_molecules)
    assert set(fewer.ids) < set(frame.ids)
    np.testing.assert_array_equal(fewer.positions, frame.positions[np.isin(frame.ids, fewer.ids)])
    assert with_vacancies(frame, 1e-6, np.random.default_rng(1)).n_molecules < frame.n_molecules


def test_a_wave_moves_neighbours_together():
    frame = lattice_frame("ih")
    step = moved_by(frame, waved(frame, 0.3, np.random.default_rng(2)))
    assert 0.2 < np.linalg.norm(step, axis=1).max() <= 3 * 0.3
    distance = np.linalg.norm(moved_by(frame, lattice_frame("ih")), axis=1)
    assert distance.max() == 0.0
    order = np.argsort(frame.positions[:, 2])
    near = np.linalg.norm(np.diff(step[order], axis=0), axis=1).mean()
    assert near < np.linalg.norm(step - step[::-1], axis=1).mean()


def test_rounding_keeps_multiples_of_the_step():
    frame = thermal_frame("v", 1)
    other = rounded(frame, 0.1)
    assert np.abs(other.positions - frame.positions).max() <= 0.05 + 1e-12
    np.testing.assert_allclose(other.positions * 10, np.round(other.positions * 10), atol=1e-9)

"""Sites around points that are no sites themselves, and shortest images of single vectors."""

from __future__ import annotations

import numpy as np
import pytest

from iceclass.errors import InputError
from iceclass.neighbours import Lattice, nearest, neighbour_list, pairs
from iceclass.neighbours.lattice import squared_distance
from tests.helpers.configurations import random_triclinic

BOUNDARIES = [
    (True, True, True),
    (False, True, True),
    (True, False, True),
    (True, False, False),
    (False, False, False),
]


def all_images(sites, points, cell, pbc, r_cut):
    """(K, S, I, 3) vectors from every point to every image of every site that may be close."""
    vectors = np.where(np.array(pbc)[:, None], cell, 0.0)
    inverse = np.linalg.pinv(vectors)
    spread = np.ptp(np.vstack([sites, points]) @ inverse, axis=0)
    images = np.ceil(np.linalg.norm(inverse, axis=0) * r_cut + spread).astype(int) * pbc
    axes = [np.arange(-k, k + 1) for k in images]
    shifts = np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1).reshape(-1, 3)
    return sites[None, :, None] - points[:, None, None] + shifts @ vectors


def case(seed, pbc):
    frame = random_triclinic(2 + 5 * seed, seed=seed, pbc=pbc, size=(2.5, 7.0, 20.0)[seed % 3])
    rng = np.random.default_rng(seed)
    near = frame.positions[rng.integers(frame.n_molecules, size=12)] + rng.normal(size=(12, 3))
    far = rng.uniform(-6, 6, size=(4, 3))
    return frame, np.vstack([near, far, 1e7 * far[:1]])


@pytest.mark.parametrize("pbc", BOUNDARIES)
@pytest.mark.parametrize("seed", range(6))
def test_pairs_equal_brute_force(seed, pbc):
    frame, points = case(seed, pbc)
    points, r_cut = points[:-1], 3.0
    vectors = all_images(frame.positions, points, frame.cell, pbc, r_cut)
    lengths = np.linalg.norm(vectors, axis=-1)
    found = pairs(frame.positions, frame.cell, frame.pbc, r_cut, points=points)
    assert len(found.offsets) == len(points) + 1
    for k in range(len(points)):
        part = slice(found.offsets[k], found.offsets[k + 1])
        close = np.nonzero(lengths[k] < r_cut)
        assert np.sort(found.indices[part]).tolist() == np.sort(close[0]).tolist()
        np.testing.assert_allclose(
            np.sort(found.distances[part]), np.sort(lengths[k][close]), atol=1e-9
        )
        np.testing.assert_allclose(
            np.linalg.norm(found.vectors[part], axis=1), found.distances[part], rtol=1e-14
        )


@pytest.mark.parametrize("pbc", BOUNDARIES)
@pytest.mark.parametrize("seed", range(6))
def test_nearest_is_the_first_of_the_pairs(seed, pbc):
    frame, points = case(seed, pbc)
    indices, distances = nearest(points, frame.positions, frame.cell, frame.pbc, 2.0)
    found = pairs(frame.positions, frame.cell, frame.pbc, 2.0, points=points)
    for k in range(len(points)):
        part = slice(found.offsets[k], found.offsets[k + 1])
        if part.start == part.stop:
            assert indices[k] == -1
            assert distances[k] == np.inf
        else:
            shortest = found.distances[part].min()
            np.testing.assert_allclose(distances[k], shortest, rtol=1e-12)
            assert indices[k] in found.indices[part][found.distances[part] < shortest + 1e-12]
    assert (indices >= 0).any() or seed == 0


def test_a_point_on_a_site_is_a_pair_and_a_site_is_none_with_itself():
    frame = random_triclinic(40, seed=2, size=12.0)
    own = neighbour_list(frame, 4.0)
    among = pairs(frame.positions, frame.cell, frame.pbc, 4.0)
    np.testing.assert_array_equal(own.indices, among.indices)
    around = pairs(frame.positions, frame.cell, frame.pbc, 4.0, points=frame.positions)
    assert len(around.indices) == len(own.indices) + frame.n_molecules
    assert (np.diff(around.offsets) == np.diff(own.offsets) + 1).all()


def test_no_points_and_no_sites():
    cell, pbc = np.eye(3) * 9.0, np.ones(3, bool)
    none, one = np.empty((0, 3)), np.ones((1, 3))
    assert pairs(one, cell, pbc, 2.0, points=none).offsets.tolist() == [0]
    assert pairs(none, cell, pbc, 2.0, points=one).offsets.tolist() == [0, 0]
    assert nearest(one, none, cell, pbc, 2.0)[0].tolist() == [-1]


def test_too_many_pairs_name_the_point():
    sites = np.random.default_rng(0).uniform(0, 2, (30_000, 3))
    points = np.array([[50.0, 0, 0], [1.0, 1, 1]])
    with pytest.raises(InputError, match="point 1 has more than 20000 neighbours within 2"):
        pairs(sites, np.eye(3) * 100, np.ones(3, bool), 2.0, points=points)


@pytest.mark.parametrize("flat", [np.zeros((3, 3)), [[1, 0, 0], [2, 0, 0], [0, 0, 5]]])
def test_a_cell_without_volume_is_refused(flat):
    for make in (Lattice.of, lambda cell, pbc, r: pairs(np.zeros((1, 3)), cell, pbc, r)):
        with pytest.raises(InputError, match="no volume along its periodic directions"):
            make(np.array(flat, float), np.ones(3, bool), 1.6)


@pytest.mark.parametrize("pbc", BOUNDARIES)
@pytest.mark.parametrize("seed", range(6))
def test_shortest_images_are_exact_up_to_the_radius(seed, pbc):
    """In cells thinner than the radius too; seeds 0 and 3 are of 2.5 Å cells."""
    frame, points = case(seed, pbc)
    radius = 2.5
    lattice = Lattice.of(frame.cell, frame.pbc, radius)
    apart = points[:-1] - frame.positions[0]
    images = all_images(np.zeros((1, 3)), -apart, frame.cell, pbc, radius)[:, 0]
    expected = np.linalg.norm(images, axis=-1).min(axis=1)
    found = np.linalg.norm(lattice.shortest(apart), axis=1)
    compiled = [
        squared_distance(*v, lattice.cell, lattice.inverse, lattice.periodic, lattice.shifts)
        for v in apart
    ]
    np.testing.assert_allclose(np.sqrt(compiled), found, atol=1e-9)
    near = expected < radius
    np.testing.assert_allclose(found[near], expected[near], atol=1e-9)
    assert (found[~near] > radius - 1e-9).all()


def test_a_lattice_too_thin_for_the_radius_is_refused():
    with pytest.raises(InputError, match=r"only 1e-06 Å thick"):
        Lattice.of(np.diag([10.0, 10.0, 1e-6]), np.ones(3, bool), 1.6)

from __future__ import annotations

import numpy as np
import pytest
from ase import Atoms
from ase.neighborlist import neighbor_list

from iceclass.errors import InputError
from iceclass.frame import Frame
from iceclass.neighbours.cell_list import neighbour_list
from tests.helpers.configurations import CONFIGURATIONS, crystal, random_triclinic

BOUNDARIES = [
    (True, True, True),
    (False, True, True),
    (True, False, True),
    (False, False, True),
    (True, False, False),
    (False, False, False),
]


def sorted_rows(first, second, vectors):
    """Neighbours as rows that can be compared whatever their order: i, j, vector."""
    along = vectors @ [0.842, 0.511, 0.173]  # a direction in which no two images coincide
    order = np.lexsort([along, second, first])
    return np.column_stack([first, second, vectors])[order]


def found_rows(frame, r_cut):
    offsets, indices, vectors, distances = neighbour_list(frame, r_cut)
    assert offsets[0] == 0
    assert offsets[-1] == len(indices) == len(vectors) == len(distances)
    np.testing.assert_allclose(distances, np.linalg.norm(vectors, axis=1), rtol=1e-14)
    return sorted_rows(np.repeat(np.arange(frame.n_molecules), np.diff(offsets)), indices, vectors)


def brute_force_rows(frame, r_cut):
    """All images of all pairs, as many as the cell's thickness and the positions call for."""
    cell = np.where(frame.pbc[:, None], frame.cell, 0.0)
    inverse = np.linalg.pinv(cell)
    spread = np.ptp(frame.positions @ inverse, axis=0) if frame.n_molecules else np.zeros(3)
    images = np.ceil(np.linalg.norm(inverse, axis=0) * r_cut + spread).astype(int) * frame.pbc
    axes = [np.arange(-k, k + 1) for k in images]
    shifts = np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1).reshape(-1, 3)
    x = frame.positions
    vectors = x[None, :, None] - x[:, None, None] + shifts @ cell
    close = np.linalg.norm(vectors, axis=-1) < r_cut
    close[np.arange(len(x)), np.arange(len(x)), (shifts == 0).all(axis=1).argmax()] = False
    first, second, which = np.nonzero(close)
    return sorted_rows(first, second, vectors[first, second, which])


@pytest.mark.parametrize("pbc", BOUNDARIES)
@pytest.mark.parametrize("seed", range(6))
def test_equals_brute_force_and_ase_in_random_cells(seed, pbc):
    """Skewed cells of either hand, thinner and thicker than the cut-off, molecules outside."""
    frame = random_triclinic(1 + 4 * seed, seed=seed, pbc=pbc, size=(3.0, 9.0, 25.0)[seed % 3])
    expected = brute_force_rows(frame, 5.0)
    found = found_rows(frame, 5.0)
    np.testing.assert_allclose(found, expected, atol=1e-6)
    atoms = Atoms(positions=frame.positions, cell=frame.cell, pbc=frame.pbc)
    i, j, vectors = neighbor_list("ijD", atoms, 5.0)
    np.testing.assert_allclose(found, sorted_rows(i, j, vectors), atol=1e-6)


@pytest.mark.parametrize("name", CONFIGURATIONS)
def test_equals_ase_on_structures(name):
    frame = CONFIGURATIONS[name]()
    atoms = Atoms(positions=frame.positions, cell=frame.cell, pbc=frame.pbc)
    i, j, vectors = neighbor_list("ijD", atoms, 7.85)
    np.testing.assert_allclose(found_rows(frame, 7.85), sorted_rows(i, j, vectors), atol=1e-6)


def test_both_hands_occur_in_the_random_cells():
    hands = {np.sign(np.linalg.det(random_triclinic(1, seed=seed).cell)) for seed in range(6)}
    assert hands == {-1.0, 1.0}


def test_own_images_are_neighbours():
    """Simple cubic lattice: 6 at a, 12 at √2a, 8 at √3a."""
    frame = Frame(np.array([[0.3, 0.1, -7.0]]), np.eye(3) * 2.0)
    _, indices, _, distances = neighbour_list(frame, 2.0 * 1.8)
    assert (indices == 0).all()
    shells, counts = np.unique(np.round(distances / 2.0, 6), return_counts=True)
    np.testing.assert_allclose(shells, np.sqrt([1, 2, 3]), atol=1e-6)
    assert counts.tolist() == [6, 12, 8]


def test_four_neighbours_in_ice():
    offsets, *_ = neighbour_list(crystal("1h", (2, 2, 2)), 3.3)
    assert (np.diff(offsets) == 4).all()


def test_molecules_on_the_edges_and_on_one_point():
    edge = np.array([[0, 0, 0], [10, 10, 10], [-1e-17, 0, 0], [5, 10, 0], [5, 0, -10]], float)
    frame = Frame(edge, np.eye(3) * 10.0)
    np.testing.assert_allclose(found_rows(frame, 4.0), brute_force_rows(frame, 4.0), atol=1e-6)
    assert len(found_rows(frame, 4.0)) == 8  # three molecules on one point, two on another


@pytest.mark.parametrize("strain", [0.0, 3.0, -40.0, 100.0])
def test_a_long_sheared_cell_is_searched_in_its_compact_form(strain):
    """The lattice is what counts, not how far its box was sheared."""
    frame = crystal("1h", (2, 2, 2), noise=0.1)
    cell = frame.cell + np.array([[0, 0, 0], strain * frame.cell[0], -strain * frame.cell[0]])
    same = Frame(frame.positions, cell)
    np.testing.assert_allclose(found_rows(same, 5.0), found_rows(frame, 5.0), atol=1e-6)


def test_few_molecules_in_a_huge_space():
    far = np.array([[0.0, 0, 0], [1e6, -3e5, 2e5], [1e6 + 1, -3e5, 2e5]])
    for cell in (np.zeros((3, 3)), np.diag([3e6, 3e6, 3e6])):
        offsets, indices, _, distances = neighbour_list(Frame(far, cell), 2.0)
        assert np.diff(offsets).tolist() == [0, 1, 1]
        assert indices.tolist() == [2, 1]
        np.testing.assert_allclose(distances, 1.0, atol=1e-8)


@pytest.mark.parametrize("cell", [np.zeros((3, 3)), np.eye(3)])
def test_no_molecules(cell):
    offsets, indices, vectors, distances = neighbour_list(Frame(np.zeros((0, 3)), cell), 6.0)
    assert offsets.tolist() == [0]
    assert indices.shape == distances.shape == (0,)
    assert vectors.shape == (0, 3)


def test_nanometres_are_refused():
    frame = crystal("1h", (4, 4, 4))
    tiny = Frame(frame.positions / 10, frame.cell / 10)
    with pytest.raises(InputError, match=r"more than 20000 neighbours within 7\.86 Å.*in Å\?"):
        neighbour_list(tiny, 7.86)


def test_a_cell_without_thickness_is_refused():
    frame = Frame(np.zeros((1, 3)), np.diag([10.0, 10.0, 1e-5]))
    with pytest.raises(InputError, match="only 1e-05 Å thick"):
        neighbour_list(frame, 7.86)

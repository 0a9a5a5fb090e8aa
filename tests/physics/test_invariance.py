"""What must not change a molecule's features: how the same structure is written down."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

import iceclass.descriptors as D
from iceclass.frame import Frame
from tests.helpers.configurations import CONFIGURATIONS, relative_error

TOLERANCE = 1e-10

DESCRIPTORS = [
    "soap-37",
    "soap-325",
    "soap-37-avg",
    "soap(n_max=4, l_max=6, normalise=False)",
    "acsf",
    "acsf-ladder-avg",
    "bispectrum-30",
    "bispectrum-55",
    "bispectrum(two_j_max=5, r_cut=5.0, rmin0=1.0, bzero=True, quadratic=True)",
    "mtp-16",
]

STRUCTURES = [
    "ice Ih displaced",
    "ice V displaced, one cell",
    "liquid-like",
    "sheared",
    "random small",
    "droplet",
    "slab",
    "one molecule, periodic",
]


@pytest.fixture(params=DESCRIPTORS, scope="module")
def descriptor(request):
    return D.descriptor(request.param)


@pytest.fixture(params=STRUCTURES, scope="module")
def frame(request):
    return CONFIGURATIONS[request.param]()


def assert_same(descriptor, changed, original, transform, rows=slice(None)):
    """The features of ``changed`` are those of ``original[rows]``."""
    expected = descriptor.compute(original)[rows]
    error = relative_error(descriptor.compute(changed), expected)
    assert error < TOLERANCE, (
        f"{descriptor.name} changes by {error:.2e} of its norm under {transform}"
    )


@pytest.mark.parametrize("seed", range(3))
def test_rotation(descriptor, frame, seed):
    turn = Rotation.random(random_state=np.random.default_rng(seed)).as_matrix()
    changed = Frame(frame.positions @ turn, frame.cell @ turn, pbc=frame.pbc)
    assert_same(descriptor, changed, frame, f"rotation {turn.tolist()}")


def test_reflection(descriptor, frame):
    """All families are even: a mirror image has the same features; its cell is left-handed."""
    mirror = np.diag([1.0, 1.0, -1.0])
    changed = Frame(frame.positions @ mirror, frame.cell @ mirror, pbc=frame.pbc)
    assert_same(descriptor, changed, frame, "reflection in z")


@pytest.mark.parametrize("seed", range(3))
def test_translation(descriptor, frame, seed):
    shift = np.random.default_rng(seed).uniform(-50, 50, 3)
    changed = Frame(frame.positions + shift, frame.cell, pbc=frame.pbc)
    assert_same(descriptor, changed, frame, f"translation by {shift.tolist()}")


def test_permutation(descriptor, frame):
    order = np.random.default_rng(0).permutation(frame.n_molecules)
    changed = Frame(frame.positions[order], frame.cell, pbc=frame.pbc)
    assert_same(descriptor, changed, frame, f"permutation {order.tolist()}", rows=order)


@pytest.mark.parametrize("reps", [(2, 1, 1), (1, 3, 1), (2, 1, 2)])
def test_replication(descriptor, frame, reps):
    reps = np.where(frame.pbc, reps, 1)
    shifts = np.array(list(itertools.product(*map(range, reps)))) @ frame.cell
    positions = (frame.positions + shifts[:, None]).reshape(-1, 3)
    changed = Frame(positions, frame.cell * reps[:, None], pbc=frame.pbc)
    rows = np.tile(np.arange(frame.n_molecules), len(shifts))
    assert_same(descriptor, changed, frame, f"replication {reps.tolist()}", rows=rows)


CELL_CHANGES = [
    [[1, 0, 0], [1, 1, 0], [0, 0, 1]],
    [[1, -1, 2], [0, 1, 0], [0, 0, 1]],
    [[2, 1, 0], [1, 1, 0], [3, -2, 1]],
    [[0, 1, 0], [0, 0, 1], [1, 0, 0]],
    [[0, 1, 0], [1, 0, 0], [0, 0, 1]],
    [[-1, 0, 0], [0, 1, 0], [0, 0, 1]],
    [[1, 0, 0], [25, 1, 0], [0, -31, 1]],
]


@pytest.mark.parametrize("change", CELL_CHANGES, ids=str)
def test_choice_of_lattice_vectors(descriptor, frame, change):
    """Any unimodular combination of periodic vectors spans the same lattice, of either hand."""
    if not frame.pbc.all():
        change = np.where(np.outer(frame.pbc, frame.pbc), change, np.eye(3))
        if abs(round(np.linalg.det(change))) != 1:  # mixes periodic with open: keep the lattice
            change = np.eye(3)
    change = np.array(change)
    changed = Frame(frame.positions, change @ frame.cell, pbc=frame.pbc)
    assert_same(descriptor, changed, frame, f"lattice vectors {change.tolist()}")


@pytest.mark.parametrize("seed", range(2))
def test_wrapped_and_unwrapped(descriptor, frame, seed):
    rng = np.random.default_rng(seed)
    images = rng.integers(-5, 6, (frame.n_molecules, 3)) * frame.pbc
    changed = Frame(frame.positions + images @ frame.cell, frame.cell, pbc=frame.pbc)
    assert_same(descriptor, changed, frame, f"images {images.tolist()}")


def test_order_of_the_axes(descriptor, frame):
    """x, y and a, b exchanged with their boundary conditions: an improper rotation."""
    axes = [1, 0, 2]
    changed = Frame(frame.positions[:, axes], frame.cell[axes][:, axes], pbc=frame.pbc[axes])
    assert_same(descriptor, changed, frame, f"axes in the order {axes}")


def test_other_structures_do_differ(descriptor):
    """The comparison can fail: a displacement of 0.001 Å is seen."""
    frame = CONFIGURATIONS["liquid-like"]()
    moved = np.array(frame.positions)
    moved[0, 0] += 1e-3
    changed = descriptor.compute(Frame(moved, frame.cell))
    assert relative_error(changed, descriptor.compute(frame)) > 1e3 * TOLERANCE

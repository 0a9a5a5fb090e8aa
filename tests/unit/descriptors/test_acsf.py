from __future__ import annotations

import json
import math
import sys

import numpy as np
import pytest

import iceclass.descriptors as D
from iceclass.descriptors.acsf.descriptor import Acsf
from iceclass.descriptors.acsf.functions import (
    G2,
    G3,
    G4,
    G5,
    G8,
    Ani,
    Band,
    Cosine,
    Fermi,
    function_from_dict,
)
from iceclass.descriptors.acsf.sets import DEFAULT, LADDER, grid
from iceclass.errors import InputError, MissingDependencyError
from iceclass.frame import Frame
from iceclass.kernels.threads import threads
from iceclass.neighbours.cell_list import neighbour_list
from tests.helpers.configurations import CONFIGURATIONS, crystal, isolated

CUT_OFFS = [Fermi(), Fermi(4.0, 1.8), Cosine(), Band(2.5, 3.3, 4.0), Band(0.0, 4.0, 2.0)]

EVERYTHING = Acsf(
    r_cut=6.5,
    r_angular=5.2,
    functions=(
        *grid("G2", eta=[0.0, 0.4, 7.142], r_s=[0, 3.1], cut_off=CUT_OFFS),
        *grid("G3", kappa=[0.0, 1.3, 40.0], cut_off=CUT_OFFS),
        *grid("G4", eta=[0, 0.036], zeta=[1, 3, 16], lambda_=[1, -1], cut_off=CUT_OFFS),
        *grid("G4", eta=0.2, zeta=[2, 2.5, 7, 12], lambda_=[1, -1], cut_off=Cosine()),
        *grid("G5", eta=[0, 0.036], zeta=[1, 4], lambda_=[1, -1], cut_off=CUT_OFFS),
        *grid("G8", eta=[1, 2, 3, 8, 9, 0.5, 3.7], alpha=[0, 1.9106, -1], cut_off=CUT_OFFS),
        *grid("ANI", eta=8, r_s=[2.7, 4], zeta=[1, 8, 1.5], theta_s=[0, 2], lambda_=[1, -1]),
        *grid("ANI", eta=1.5, r_s=3, zeta=32, theta_s=1, lambda_=1, cut_off=CUT_OFFS),
    ),
)
"""Every kind of function with every kind of cut-off."""

WITH_COSINE = Acsf(
    r_cut=5.0,
    r_angular=5.0,
    functions=(
        *grid("G5", eta=[0.0, 0.05], zeta=[1, 3], lambda_=[1, -1], cut_off=Cosine()),
        *grid("G3", kappa=[1, 2.5], cut_off=Cosine()),
        *grid("G4", eta=0.01, zeta=[3, 5, 6], lambda_=[1, -1], cut_off=Cosine()),
        *grid("G2", eta=[0.5, 4], r_s=[0, 3], cut_off=Cosine()),
    ),
)


def faded(cut_off, r, r_cut):
    """The cut-off function as SCIENCE.md §2.1 prints it."""
    match cut_off:
        case Fermi(alpha, epsilon_c):
            return 1 / (1 + math.exp(alpha * (r - r_cut + epsilon_c))) if r < r_cut else 0.0
        case Band(a_l, a_r, nu):
            if a_l <= r <= a_r:
                return 1.0
            edge = a_l if r < a_l else a_r
            return math.cos(nu * (r - edge)) ** 2 if abs(r - edge) < math.pi / (2 * nu) else 0.0
        case Cosine():
            return 0.5 * (math.cos(math.pi * r / r_cut) + 1) if r <= r_cut else 0.0


def by_double_loop(function, descriptor, vectors):
    """One symmetry function of one molecule, from the formula, as loops over ordered pairs."""
    radius = descriptor.r_angular if function.angular else descriptor.r_cut
    r = [math.hypot(*v) for v in vectors]
    f = [faded(function.cut_off, x, radius) for x in r]
    total = 0.0
    if isinstance(function, G2):
        return sum(
            math.exp(-function.eta * (x - function.r_s) ** 2) * w for x, w in zip(r, f, strict=True)
        )
    if isinstance(function, G3):
        return sum(math.cos(function.kappa * x) * w for x, w in zip(r, f, strict=True))
    inside = [k for k in range(len(r)) if f[k] != 0.0]
    for j in inside:
        for k in inside:
            if j == k:
                continue
            cosine = min(max(sum(vectors[j] * vectors[k]) / (r[j] * r[k]), -1.0), 1.0)
            both = f[j] * f[k]
            if isinstance(function, G8):
                cross = math.hypot(*np.cross(vectors[j], vectors[k]))
                theta = math.atan2(cross, sum(vectors[j] * vectors[k]))
                total += 0.5 * math.sin(function.eta * (theta - function.alpha)) * both
            elif isinstance(function, Ani):
                shifted = math.cos(math.acos(cosine) - function.theta_s)
                angle = max(1 + function.lambda_ * shifted, 0.0) ** function.zeta
                away = 0.5 * (r[j] + r[k]) - function.r_s
                radial = math.exp(-function.eta * away**2)
                total += 2**-function.zeta * angle * radial * both
            else:
                angle = (1 + function.lambda_ * cosine) ** function.zeta
                square = r[j] ** 2 + r[k] ** 2
                if isinstance(function, G4):
                    apart = math.hypot(*(vectors[j] - vectors[k]))
                    square += apart**2
                    both *= faded(function.cut_off, apart, radius)
                total += 2**-function.zeta * angle * math.exp(-function.eta * square) * both
    return total


def error(found, expected):
    """Largest difference of a row, in units of the largest norm of a row."""
    scale = np.linalg.norm(expected, axis=1).max() or 1.0
    return np.linalg.norm(found - expected, axis=1).max() / scale


@pytest.mark.parametrize("name", CONFIGURATIONS)
def test_equals_the_double_loop(name):
    frame = CONFIGURATIONS[name]()
    rows = np.random.default_rng(3).permutation(frame.n_molecules)[:1]
    offsets, _, vectors, _ = neighbour_list(frame, EVERYTHING.r_cut)
    found = EVERYTHING.compute(frame)[rows]
    for row, molecule in zip(found, rows, strict=True):
        near = vectors[offsets[molecule] : offsets[molecule + 1]][:45]
        if len(near) < offsets[molecule + 1] - offsets[molecule]:  # dense: the formula on a part
            part = Frame(np.vstack([np.zeros(3), near]), np.zeros((3, 3)))
            row = EVERYTHING.compute(part)[0]
        expected = np.array([by_double_loop(f, EVERYTHING, near) for f in EVERYTHING.functions])
        np.testing.assert_allclose(row, expected, rtol=1e-10, atol=1e-11 * abs(expected).max())


@pytest.mark.parametrize("name", CONFIGURATIONS)
@pytest.mark.parametrize(
    "descriptor", [D.descriptor("acsf-ladder"), WITH_COSINE], ids=["ladder", "all"]
)
def test_equals_dscribe(name, descriptor):
    frame = CONFIGURATIONS[name]()
    expected = descriptor.compute(frame, backend="dscribe")
    assert error(descriptor.compute(frame), expected) < 1e-12
    assert error(descriptor.compute(frame, dtype=np.float32), expected) < 1e-6


def test_many_neighbours_outgrow_the_buffers():
    """Several batches of pairs, and more neighbours than there was room for at first."""
    frame = crystal("1h", (2, 2, 2), noise=0.1)
    dense = Frame(frame.positions * 0.6, frame.cell * 0.6)
    descriptor = D.descriptor("acsf-ladder").with_(r_cut=7.0, r_angular=7.0)
    expected = descriptor.compute(dense, backend="dscribe")
    assert error(descriptor.compute(dense), expected) < 1e-12


def test_nanometres_are_refused():
    frame = crystal("1h", (3, 3, 3))
    tiny = Frame(frame.positions / 10, frame.cell / 10)
    with pytest.raises(InputError, match=r"more than 20000 neighbours.*in Å\?"):
        D.descriptor("acsf").compute(tiny)


@pytest.mark.parametrize("count", [2, 5])
def test_threads_change_nothing(count):
    frame = crystal("1h", (4, 4, 4), noise=0.1)
    descriptor = D.descriptor("acsf-avg")
    with threads(1):
        alone = descriptor.compute(frame)
    with threads(count):
        np.testing.assert_array_equal(descriptor.compute(frame), alone)


def pair_at(descriptor, distance, third=()):
    """Features of the first of two or more molecules, the second ``distance`` Å away."""
    positions = [[0.0, 0, 0], [distance, 0, 0], *third]
    return descriptor.compute(Frame(np.array(positions), np.zeros((3, 3))))[0]


@pytest.mark.parametrize("function", [*DEFAULT, *LADDER], ids=str)
def test_jumps_at_the_cut_off_are_those_documented(function):
    """None with a band or Behler's cosine; 1/(1 + exp(α ε_c)) of the term with Fermi's."""
    descriptor = Acsf(functions=(function,), r_cut=7.0, r_angular=6.0)
    radius = 6.0 if function.angular else 7.0
    third = [[1.2, 2.5, 0.3]] if function.angular else []
    inside, outside = (pair_at(descriptor, radius + d, third)[0] for d in (-1e-9, 1e-9))
    if isinstance(function.cut_off, Fermi):
        near = Acsf(functions=(G2(0.0, 0.0),), r_cut=radius, r_angular=radius)
        step = pair_at(near, radius - 1e-9)[0] - pair_at(near, radius + 1e-9)[0]
        assert step == pytest.approx(1 / (1 + math.exp(8.0)), rel=1e-6)
        assert abs(inside - outside) <= 2.0 * step * (1 + 1e-6)
    else:
        assert inside == pytest.approx(outside, abs=1e-12)


@pytest.mark.parametrize("name", ["acsf", "acsf-ladder"])
def test_smooth_inside_and_nothing_beyond(name):
    descriptor = D.descriptor(name)
    third = [[1.2, 2.5, 0.3]]
    for distance in [2.1, 2.4, 3.1, 3.4, 4.2, 4.8, 5.1, 5.9]:
        before, after = (pair_at(descriptor, distance + d, third) for d in (-1e-7, 1e-7))
        assert np.abs(after - before).max() < 1e-5, distance
    far, gone = (pair_at(descriptor, descriptor.receptive_radius + d, third) for d in (1e-6, 9.0))
    np.testing.assert_allclose(far, gone, rtol=0, atol=1e-13)


def test_an_isolated_molecule_has_nothing():
    assert (D.descriptor("acsf").compute(isolated()) == 0.0).all()


def test_molecules_on_the_same_point_are_refused():
    frame = Frame(np.array([[0.0, 0, 0], [0, 0, 0], [3, 0, 0]]), np.zeros((3, 3)))
    with pytest.raises(InputError, match="may lie on the same point"):
        D.descriptor("acsf").compute(frame)


def test_names():
    names = D.descriptor("acsf").names
    assert len(set(names)) == len(names) == 45
    assert "G4 η=0.036 ζ=4 λ=−1" in names
    assert "G3 κ=2.3" in names
    assert "G8 η=2 α=1.9106 band a_l=2.4 a_r=3.1 ν=5.236" in names
    assert len(set(EVERYTHING.names)) == EVERYTHING.n_features


def test_the_features_are_in_the_order_of_the_functions():
    frame = CONFIGURATIONS["liquid-like"]()
    order = np.random.default_rng(0).permutation(45)
    shuffled = Acsf(functions=[DEFAULT[k] for k in order])
    np.testing.assert_allclose(
        shuffled.compute(frame), D.descriptor("acsf").compute(frame)[:, order], rtol=1e-12
    )


def test_names_of_sets():
    assert Acsf().name == "acsf"
    assert D.descriptor("acsf(r_cut=6.5, r_angular=5.5)") == Acsf(r_cut=6.5, r_angular=5.5)
    assert Acsf(r_cut=6.5, r_angular=5.5).name == "acsf(r_cut=6.5, r_angular=5.5)"
    assert D.descriptor("acsf-ladder").name == "acsf-ladder"
    one, other = (Acsf(functions=(G2(eta),)).name for eta in (0.1, 0.2))
    assert one.startswith("acsf(r_cut=7.0, r_angular=6.0, functions=1:")
    assert one != other


@pytest.mark.parametrize(
    "made", [EVERYTHING, D.descriptor("acsf-avg"), D.descriptor("acsf-ladder")]
)
def test_dict_goes_both_ways_through_json(made):
    assert D.from_dict(json.loads(json.dumps(made.to_dict()))) == made


def test_grid_runs_the_last_parameter_fastest():
    found = grid("G4", eta=[0.1, 0.2], zeta=1, lambda_=[1, -1])
    assert found == (G4(0.1, 1, 1), G4(0.1, 1, -1), G4(0.2, 1, 1), G4(0.2, 1, -1))
    assert grid("G3", kappa=2, cut_off=[Cosine(), Fermi()]) == (
        G3(2, cut_off=Cosine()),
        G3(2, cut_off=Fermi()),
    )
    assert grid("G5", eta=np.array([0.5]), zeta=1, lambda_=1) == (G5(0.5, 1, 1),)


@pytest.mark.parametrize(
    ("made", "message"),
    [
        (lambda: grid("G9", eta=1), "unknown symmetry function 'G9'; known: ANI, G2"),
        (lambda: grid("G2", eta=1), "the G2 grid lacks r_s"),
        (lambda: grid("G2", eta=1, rs=2), "unknown parameter of G2 'rs'; did you mean 'r_s'?"),
        (lambda: G2("1"), "G2: eta is '1', expected a finite number"),
        (lambda: G2(float("nan")), "G2: eta is nan, expected a finite number"),
        (lambda: G2(True), "G2: eta is True"),
        (lambda: G2(-1.0), "G2 η=−1 R_s=0, expected eta from 0 to 1000"),
        (lambda: G4(1, 1, 0.5), "expected λ of 1 or −1"),
        (lambda: G4(1, 0.1, 1), "expected zeta from 0.5 to 256"),
        (lambda: G2(1, cut_off="fermi"), "G2: cut_off is 'fermi', expected a cut-off"),
        (lambda: Fermi(alpha=0), "fermi α=0 ε_c=1, expected α above 0"),
        (lambda: Band(3, 2, 1), "expected 0 ≤ a_l ≤ a_r"),
        (lambda: Band(1, 2, 0), "expected ν from 0.01 to 1000"),
        (lambda: Acsf(functions=()), "acsf: there are no functions"),
        (lambda: Acsf(functions="G2"), "acsf: functions are 'G2', expected a list"),
        (lambda: Acsf(functions=3), "acsf: functions are 3, expected a list"),
        (lambda: Acsf(functions=["G2"]), "a symmetry function is 'G2', expected a dict"),
        (lambda: Acsf(functions=[G2(1), G2(1.0)]), "acsf: G2 η=1 R_s=0 is there more than once"),
        (lambda: Acsf(r_cut=5.0), "acsf: r_angular is 6.0, expected more than 0.0 and at most 5.0"),
        (
            lambda: Acsf(functions=[G2(1, cut_off=Band(1, 7, 10))]),
            "reaches 7.157 Å, beyond r_cut, 7.0 Å; raise r_cut or move the band",
        ),
        (
            lambda: Acsf(functions=[G8(1, 1, cut_off=Band(1, 6, 10))]),
            "reaches 6.157 Å, beyond r_angular, 6.0 Å",
        ),
    ],
)
def test_bad_parameters(made, message):
    with pytest.raises(InputError) as caught:
        made()
    assert message in str(caught.value)


GOOD = {"kind": "G2", "eta": 1, "r_s": 0, "cut_off": {"kind": "cosine"}}


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"kind": "G7"}, "unknown symmetry function 'G7'"),
        ({"kind": None}, "expected a dict with its 'kind'"),
        ({"eat": 1}, "unknown parameter of G2 'eat'; did you mean 'eta'?"),
        ({"cut_off": {"kind": "cosin"}}, "unknown cut-off 'cosin'; did you mean 'cosine'?"),
        ({"cut_off": {"kind": "fermi", "alpha": 1}}, "the fermi definition lacks epsilon_c"),
        ({"cut_off": {"kind": "cosine", "nu": 1}}, "unknown parameter of cosine 'nu'"),
        ({"cut_off": None}, "a cut-off is None, expected a dict with its 'kind'"),
        ({"eta": None}, "G2: eta is None, expected a finite number"),
    ],
)
def test_bad_definitions(changes, message):
    assert function_from_dict(GOOD) == G2(1, 0, cut_off=Cosine())
    with pytest.raises(InputError) as caught:
        function_from_dict(GOOD | changes)
    assert message in str(caught.value)


def test_a_definition_must_be_complete():
    with pytest.raises(InputError, match="the G2 definition lacks cut_off, r_s"):
        function_from_dict({"kind": "G2", "eta": 1})


@pytest.mark.parametrize(
    ("made", "message"),
    [
        (Acsf(), "DScribe has no G2 η=0.036 R_s=0, only G2, G3, G4 and G5 with the cosine"),
        (Acsf(functions=[G8(1, 1, cut_off=Cosine())]), "DScribe has no G8"),
        (Acsf(functions=LADDER), "DScribe has one cut-off radius; r_cut is 7.0 and r_angular 6.0"),
    ],
)
def test_what_dscribe_has_not(made, message):
    with pytest.raises(InputError) as caught:
        made.compute(isolated(), backend="dscribe")
    assert message in str(caught.value)


def test_missing_dscribe_is_told(monkeypatch):
    monkeypatch.setitem(sys.modules, "dscribe.descriptors", None)
    with pytest.raises(MissingDependencyError, match=r'pip install "iceclass\[reference\]"'):
        D.descriptor("acsf-ladder").compute(isolated(), backend="dscribe")

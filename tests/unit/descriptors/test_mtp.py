"""Moment tensors: how many scalars there are, and that they are the contractions of tensors."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest

import iceclass.descriptors as D
from iceclass.descriptors.mtp.plan import contractions, mtp_plan, polynomial, scalar_names, scalars
from iceclass.errors import InputError
from iceclass.frame import Frame
from tests.helpers.configurations import CONFIGURATIONS, relative_error

PUBLISHED = {6: 5, 8: 9, 10: 16, 12: 29, 14: 52, 16: 92}
"""Level → number of scalars in the potential files of the MLIP package."""


@pytest.mark.parametrize(("level", "number"), PUBLISHED.items())
def test_there_are_as_many_scalars_as_published(level, number):
    assert len(scalars(level)) == number
    assert D.descriptor(f"mtp-{level}").n_features == number


def test_levels_are_within_the_limit_and_all_reached():
    parts = contractions(16)
    levels = {sum(parts[k].level for k in factors) for factors in scalars(16)}
    assert levels == set(range(2, 17, 2))


def test_no_scalar_is_there_twice():
    """Names and, on random neighbours, values all differ."""
    assert len(set(scalar_names(16))) == 92
    values = D.descriptor("mtp-16").compute(CONFIGURATIONS["liquid-like"]())
    unlike = values / np.linalg.norm(values, axis=0)
    overlap = np.abs(unlike.T @ unlike) - np.eye(92)
    assert overlap.max() < 1.0 - 1e-9


@pytest.mark.parametrize("name", ["ice V displaced, one cell", "liquid-like", "sheared", "droplet"])
@pytest.mark.parametrize("level", [6, 10, 16])
def test_equals_tensors_written_out(name, level):
    frame = CONFIGURATIONS[name]()
    descriptor = D.descriptor(f"mtp-{level}")
    found, expected = descriptor.compute(frame), descriptor.compute(frame, backend="einsum")
    scale = np.abs(expected).max(axis=0)
    assert (np.abs(found - expected) <= 1e-10 * scale).all()


def test_two_neighbours_by_hand():
    """M(0,1)·M(0,1) = |f a + f b|² and M(0,2):M(0,2) = f⁴ Σ (r·r')² over pairs, for R_c = 5 Å."""
    a, b = np.array([3.0, 0.0, 0.0]), np.array([0.0, 2.0, 2.0])
    frame = Frame(np.array([[0.0, 0.0, 0.0], a, b]), np.zeros((3, 3)))
    descriptor = D.descriptor("mtp(level=8, r_cut=5.0)")
    row = dict(zip(descriptor.names, descriptor.compute(frame)[0], strict=True))
    f = {0: (5.0 - 3.0) ** 2, 1: (5.0 - np.sqrt(8.0)) ** 2}
    vector = f[0] * a + f[1] * b
    assert row["M(0,0)"] == pytest.approx(f[0] + f[1], rel=1e-12)
    assert row["M(0,1)·M(0,1) {12}"] == pytest.approx(vector @ vector, rel=1e-12)
    pairs = product(((f[0], a), (f[1], b)), repeat=2)
    square = sum(p * q * (u @ v) ** 2 for (p, u), (q, v) in pairs)
    assert row["M(0,2)·M(0,2) {12^2}"] == pytest.approx(square, rel=1e-12)
    x = 2.0 * (np.array([3.0, np.sqrt(8.0)]) - 2.0) / 3.0 - 1.0
    assert row["M(1,0)"] == pytest.approx(x @ np.array([f[0], f[1]]), rel=1e-12)


def test_the_terms_of_a_contraction_count_every_choice_of_indices():
    for part in contractions(14):
        assert sum(polynomial(part).values()) == 3 ** sum(part.edges)
    plan = mtp_plan(14)
    assert plan.terms[-1] == len(plan.coefficients) == len(plan.components)


def test_float32_is_float64_rounded():
    frame = CONFIGURATIONS["liquid-like"]()
    descriptor = D.descriptor("mtp-16")
    single = descriptor.compute(frame, dtype=np.float32)
    assert relative_error(single, descriptor.compute(frame)) < 1e-6


def test_a_molecule_alone_has_no_moments():
    frame = Frame(np.zeros((1, 3)), np.zeros((3, 3)))
    assert not D.descriptor("mtp-16").compute(frame).any()


@pytest.mark.parametrize(
    "name", ["mtp(level=1, r_cut=6.0)", "mtp(level=22, r_cut=6.0)", "mtp(level=8, r_cut=2.0)"]
)
def test_parameters_out_of_range(name):
    with pytest.raises(InputError, match="expected"):
        D.descriptor(name)

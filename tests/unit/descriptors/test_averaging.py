from __future__ import annotations

import numpy as np
import pytest

import iceclass.descriptors as D
from iceclass.descriptors.averaging import Features, neighbour_average
from iceclass.descriptors.blocks import FeatureBlocks
from iceclass.errors import InputError
from iceclass.frame import Frame
from iceclass.neighbours.cell_list import neighbour_list
from tests.helpers.configurations import CONFIGURATIONS, crystal, isolated, one_periodic


def averaged(frame, features, radius, passes=1):
    rows = neighbour_average(frame, Features.of(FeatureBlocks.of(features)), radius, passes)
    found = np.empty_like(features)
    rows.fill(found, rows.order, 0, frame.n_molecules)
    return found


def averaged_by_matrix(frame, features, radius, passes):
    """The same from the formula, as a power of a row-stochastic matrix."""
    n = frame.n_molecules
    offsets, indices, _, _ = neighbour_list(frame, radius)
    weights = np.eye(n)
    np.add.at(weights, (np.repeat(np.arange(n), np.diff(offsets)), indices), 1.0)
    weights /= weights.sum(axis=1, keepdims=True)
    return np.linalg.matrix_power(weights, passes) @ features


@pytest.mark.parametrize("name", CONFIGURATIONS)
@pytest.mark.parametrize("passes", [1, 3])
def test_equals_the_formula(name, passes):
    frame = CONFIGURATIONS[name]()
    features = np.random.default_rng(0).normal(size=(frame.n_molecules, 5))
    found = averaged(frame, features, 5.5, passes)
    expected = averaged_by_matrix(frame, features, 5.5, passes)
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-13)


@pytest.mark.parametrize("passes", [1, 2])
def test_the_own_vector_stands_before_the_mean(passes):
    frame = crystal("1h", (2, 2, 2), noise=0.1)
    both = D.descriptor(f"soap-37-avg(radius=5.5, passes={passes}, own=True)")
    mean = both.with_(concatenate_self=False)
    expected = np.hstack([D.descriptor("soap-37").compute(frame), mean.compute(frame)])
    np.testing.assert_array_equal(both.compute(frame), expected)
    assert both.n_features == len(both.names) == len(set(both.names)) == 74
    assert both.names[37:] == tuple(f"⟨{name}⟩" for name in both.names[:37])


def test_files_of_older_versions_lack_a_parameter_of_averaging():
    definition = D.descriptor("soap-37-avg").to_dict()
    del definition["average_own"]
    assert D.from_dict(definition) == D.descriptor("soap-37-avg")


def test_many_neighbours_outgrow_the_buffer():
    frame = crystal("1h", (2, 2, 2), noise=0.1)
    features = np.random.default_rng(0).normal(size=(frame.n_molecules, 2))
    expected = averaged_by_matrix(frame, features, 12.0, 1)
    np.testing.assert_allclose(averaged(frame, features, 12.0), expected, atol=1e-13)


def test_it_is_the_mean_of_the_first_shell():
    frame = crystal("1h", (2, 2, 2), noise=0.05)
    plain, averaged = D.descriptor("soap-37"), D.descriptor("soap-37-avg")
    x = plain.compute(frame)
    offsets, indices, _, _ = neighbour_list(frame, 3.7)
    shell = indices[offsets[5] : offsets[6]]
    assert len(shell) == 4
    np.testing.assert_allclose(averaged.compute(frame)[5], x[[5, *shell]].mean(axis=0), atol=1e-13)


@pytest.mark.parametrize("frame", [isolated(), one_periodic()])
def test_one_molecule_keeps_its_features(frame):
    x = D.descriptor("soap-37").compute(frame)
    np.testing.assert_allclose(D.descriptor("soap-37-avg").compute(frame), x, rtol=1e-13)


def test_dtype_is_kept():
    frame = crystal("1h")
    x = D.descriptor("soap-37-wide").compute(frame, dtype=np.float32)
    assert x.dtype == np.float32


def test_nanometres_are_refused():
    frame = crystal("1h", (4, 4, 4))
    tiny = Frame(frame.positions / 20, frame.cell / 20)
    with pytest.raises(InputError, match="more than 20000 neighbours"):
        averaged(tiny, np.zeros((tiny.n_molecules, 1)), 3.7)


@pytest.mark.parametrize("name", ["liquid-like", "sheared", "droplet", "one molecule, periodic"])
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_two_scales_are_own_vector_inner_and_outer_mean(name, dtype):
    frame = CONFIGURATIONS[name]()
    scales = D.descriptor("soap-37-scales")
    values = scales.compute(frame, dtype=dtype)
    apart = [
        D.descriptor(f"soap-37{suffix}").compute(frame, dtype=dtype)
        for suffix in ("", "-avg", "-avg(radius=8.0)")
    ]
    eps = 50 * np.finfo(dtype).eps  # the sums run over other bins, in another order
    assert np.abs(values - np.hstack(apart)).max() <= eps * np.abs(values).max()
    assert values.shape[1] == scales.n_features == len(set(scales.names)) == 3 * 37
    assert D.from_dict(scales.to_dict()) == scales == D.descriptor(scales.name)


@pytest.mark.parametrize(
    "averaging",
    [
        "radius=8.0, inner=3.7",
        "radius=8.0, own=True, inner=9.0",
        "radius=4.0, own=True, inner=-1.0",
    ],
)
def test_an_inner_mean_needs_own_vector_and_a_wider_one(averaging):
    with pytest.raises(InputError, match="inner_radius is"):
        D.descriptor(f"soap-37-avg({averaging})")

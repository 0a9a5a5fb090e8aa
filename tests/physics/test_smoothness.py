"""No feature jumps, except at the one radius where the definition has a jump.

SOAP as DScribe defines it sums over neighbours up to receptive_radius = r_cut + σ√(−2 ln 0.001) and
stops there. At that distance a neighbour's Gaussian still overlaps the outermost radial functions,
so features jump when it crosses. The tests state how much: JUMP, relative to the vector's norm.
"""

from __future__ import annotations

import numpy as np
import pytest

import iceclass.descriptors as D
from iceclass.frame import Frame
from tests.helpers.configurations import liquid_like

JUMP = {"soap-37": 2e-5, "soap-325": 6e-4}
"""Descriptor → bound of the jump at the search radius, one neighbour in a liquid-like place."""

STEP = 1e-6  # Å


def with_neighbour_at(descriptor, distance, surrounded=True):
    """Features of a molecule in a droplet, with one more molecule ``distance`` Å away."""
    others = liquid_like(60).positions if surrounded else np.zeros((1, 3))
    extra = others[0] + distance * np.array([0.48, -0.6, 0.64])
    return descriptor.compute(Frame(np.vstack([others, extra]), np.zeros((3, 3))))[0]


def change(descriptor, distance, step=STEP, surrounded=True):
    """Relative change of the features when the molecule goes out from ``distance`` by ``step``."""
    before = with_neighbour_at(descriptor, distance, surrounded)
    after = with_neighbour_at(descriptor, distance + step, surrounded)
    return np.linalg.norm(after - before) / np.linalg.norm(before)


@pytest.mark.parametrize("surrounded", [True, False], ids=["liquid", "pair"])
@pytest.mark.parametrize("name", JUMP)
def test_smooth_inside_the_effective_radius(name, surrounded):
    """Also at the nominal cut-off of 6 Å, where nothing happens."""
    descriptor = D.descriptor(name)
    for distance in [0.0, 0.5, 1.0, 2.0, 3.0, 3.7, 5.0, 6.0 - STEP / 2, 7.0, 7.8]:
        assert change(descriptor, distance, surrounded=surrounded) < 10 * STEP, distance


@pytest.mark.parametrize("surrounded", [True, False], ids=["liquid", "pair"])
@pytest.mark.parametrize("name", JUMP)
def test_size_of_the_jump_at_the_effective_radius(name, surrounded):
    descriptor = D.descriptor(name)
    jump = change(descriptor, descriptor.receptive_radius - STEP / 2, surrounded=surrounded)
    assert 1e-6 < jump < JUMP[name]


@pytest.mark.parametrize("name", JUMP)
def test_nothing_beyond_the_effective_radius(name):
    descriptor = D.descriptor(name)
    assert change(descriptor, descriptor.receptive_radius + STEP, step=1.0) == 0.0


def test_neighbour_averaging_jumps_at_its_radius():
    """A mean over a shell takes a neighbour in or leaves it out: of the order of one part in n."""
    descriptor = D.descriptor("soap-325-avg")
    plain = D.descriptor("soap-325")
    assert change(plain, 3.7 - STEP / 2) < 10 * STEP
    assert 1e-3 < change(descriptor, 3.7 - STEP / 2) < 0.5


@pytest.mark.parametrize("name", ["soap-37-avg", "soap-325-avg(radius=3.0, passes=3)"])
def test_nothing_beyond_the_effective_radius_of_an_average(name):
    """A chain of molecules 2.9 Å apart hands on what its last one sees, no further."""
    descriptor = D.descriptor(name)
    reach = descriptor.average_passes
    chain = np.array([[2.9 * k, 0, 0] for k in range(reach + 1)])

    def features(distance):
        end = [distance, 0.0, 0.0]
        return descriptor.compute(Frame(np.vstack([chain, end]), np.zeros((3, 3))))[0]

    seen = 2.9 * reach + descriptor.search_radius
    assert seen < descriptor.receptive_radius
    assert np.abs(features(seen - 0.01) - features(seen + 0.01)).max() > 1e-7
    apart, gone = (features(descriptor.receptive_radius + extra) for extra in (0.01, 20.0))
    np.testing.assert_allclose(apart, gone, rtol=0, atol=1e-11)

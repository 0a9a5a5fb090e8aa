from __future__ import annotations

from functools import partial

import numpy as np
import pytest
from numba import njit

from iceclass.frame import Frame
from iceclass.neighbours import candidates
from iceclass.neighbours.bins import make_bins
from iceclass.neighbours.candidates import CANDIDATES, bin_candidates, select_close, select_places
from iceclass.neighbours.cell_list import neighbour_list
from tests.helpers.configurations import CONFIGURATIONS, crystal, random_triclinic

FRAMES = CONFIGURATIONS | {
    "many bins": lambda: crystal("1h", (7, 4, 5), noise=0.2),
    "triclinic, many bins": lambda: random_triclinic(900, seed=3, size=60.0),
}


@pytest.mark.parametrize("name", FRAMES)
def test_all_neighbours_are_among_the_candidates(name):
    """Every neighbour of every molecule exactly once, and each molecule itself."""
    frame = FRAMES[name]()
    r_cut = 6.5
    bins = make_bins(frame, r_cut)
    offsets, indices, vectors, _ = neighbour_list(frame, r_cut)
    place, x, y, z = np.empty(8, np.int64), np.empty(8), np.empty(8), np.empty(8)
    seen = 0
    for b in np.flatnonzero(np.diff(bins.start)):
        count, place, x, y, z, *origin = bin_candidates(bins, b, place, x, y, z)
        assert count % CANDIDATES == 0
        points = np.column_stack([x, y, z])[:count]
        for k in range(bins.start[b], bins.start[b + 1]):
            apart = points - (bins.positions[k] - origin)
            square = (apart**2).sum(axis=1)
            assert (square == 0.0).any()
            close = (square < r_cut**2) & (square > 0.0)
            found = apart[close]
            i = bins.order[k]
            expected_molecules = np.sort(indices[offsets[i] : offsets[i + 1]])
            members = bins.order[place[:count][close]]
            np.testing.assert_array_equal(np.sort(members), expected_molecules)
            expected = vectors[offsets[i] : offsets[i + 1]]
            assert found.shape == expected.shape
            along = [0.842, 0.511, 0.173]
            np.testing.assert_allclose(
                found[np.argsort(found @ along)], expected[np.argsort(expected @ along)], atol=1e-9
            )
            seen += 1
    assert seen == frame.n_molecules


def test_buffers_grow_and_are_used_again():
    frame = crystal("1h", (3, 3, 3))
    bins = make_bins(frame, 7.0)
    small = [np.empty(0, np.int64), *(np.empty(0) for _ in range(3))]
    count, place, x, y, z, *_ = bin_candidates(bins, 0, *small)
    assert len(place) == len(x) == len(y) == len(z) >= count > 100
    again = bin_candidates(bins, 0, place, x, y, z)
    assert again[0] == count
    assert again[2] is x or again[2].ctypes.data == x.ctypes.data


def test_too_many_candidates_are_reported():
    """4000 molecules in (0.9 Å)³: 10⁸ images within reach."""
    rng = np.random.default_rng(1)
    bins = make_bins(Frame(rng.uniform(0, 0.9, (4000, 3)), np.eye(3) * 0.9), 7.86)
    buffers = np.empty(8, np.int64), *(np.empty(8) for _ in range(3))
    assert bin_candidates(bins, 0, *buffers)[0] == -1


@pytest.fixture(params=["vectors of this host", "without AVX-512", "plain loops"])
def select(request, monkeypatch):
    """Both functions as they are compiled for it; code is emitted when a function is compiled."""
    if request.param == "without AVX-512":
        monkeypatch.setattr(candidates, "has_avx512", lambda: False)
    simd = None if request.param == "plain loops" else True
    close, places = njit(select_close.py_func), njit(select_places.py_func)
    return partial(close, simd), partial(places, simd)


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_select_close(select, dtype):
    rng = np.random.default_rng(4)
    for count in (0, CANDIDATES, 10 * CANDIDATES):
        points = rng.uniform(-3, 3, (3, count))
        centre = rng.uniform(-1, 1, 3)
        for r_square in (0.0, 4.0, 1e3):
            found = np.full((3, count + CANDIDATES), np.nan, dtype=dtype)
            n = select[0](*points, count, *centre, r_square, *found)
            apart = points - centre[:, None]
            expected = apart[:, (apart**2).sum(axis=0) < r_square]
            assert n == expected.shape[1]
            np.testing.assert_array_equal(found[:, :n], expected.astype(dtype))


def test_the_point_itself_is_close_and_one_at_the_radius_is_not(select):
    x = np.array([0.5, 2.5, np.nextafter(2.5, 0), 1e30, 0.5, 9.0, 9.0, 9.0])
    zero = np.zeros(8)
    found = np.empty((3, 16))
    assert select[0](x, zero, zero, 8, 0.5, 0.0, 0.0, 4.0, *found) == 3
    np.testing.assert_array_equal(found[0, :3], [0.0, np.nextafter(2.5, 0) - 0.5, 0.0])


def test_select_places_keeps_those_that_select_close_keeps(select):
    rng = np.random.default_rng(6)
    for count in (0, CANDIDATES, 20 * CANDIDATES):
        points, place = rng.uniform(-3, 3, (3, count)), rng.integers(-(2**62), 2**62, count)
        for r_square in (0.0, 4.0, 1e3):
            near = np.full(count + CANDIDATES, 7)
            common = (*points, count, 0.1, 0.2, 0.3, r_square)
            n = select[1](*common, place, near)
            close = select[0](*common, *np.empty((3, len(near))))
            inside = ((points - [[0.1], [0.2], [0.3]]) ** 2).sum(axis=0) < r_square
            assert n == close == inside.sum()
            np.testing.assert_array_equal(near[:n], place[inside])

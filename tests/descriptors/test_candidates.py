from __future__ import annotations

import numpy as np
import pytest

from iceclass.descriptors.candidates import gather_bin
from iceclass.descriptors.neighbours import make_bins, neighbour_list
from iceclass.frame import Frame

from .configurations import CONFIGURATIONS, crystal, random_triclinic

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
        count, place, x, y, z, *origin = gather_bin(bins, b, place, x, y, z)
        assert count % 8 == 0
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
    count, place, x, y, z, *_ = gather_bin(bins, 0, *small)
    assert len(place) == len(x) == len(y) == len(z) >= count > 100
    again = gather_bin(bins, 0, place, x, y, z)
    assert again[0] == count
    assert again[2] is x or again[2].ctypes.data == x.ctypes.data


def test_too_many_candidates_are_reported():
    """4000 molecules in (0.9 Å)³: 10⁸ images within reach."""
    rng = np.random.default_rng(1)
    bins = make_bins(Frame(rng.uniform(0, 0.9, (4000, 3)), np.eye(3) * 0.9), 7.86)
    buffers = np.empty(8, np.int64), *(np.empty(8) for _ in range(3))
    assert gather_bin(bins, 0, *buffers)[0] == -1

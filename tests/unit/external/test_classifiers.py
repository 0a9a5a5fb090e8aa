"""Other programs on frames where their answers are known, and against each other."""

from __future__ import annotations

import numpy as np
import pytest

from iceclass.errors import InputError
from iceclass.external import dseams, freud, mdapy, ovito
from iceclass.frame import Frame
from iceclass.neighbours import neighbour_list
from tests.helpers.configurations import crystal, liquid_like, sheared
from tests.helpers.trajectories import run_python

FRAMES = {
    "ice Ih": lambda: crystal("1h", (3, 3, 3), noise=0.1),
    "ice Ic": lambda: crystal("1c", (4, 4, 4), noise=0.1),
    "liquid-like": lambda: liquid_like(300),
}


def test_chill_plus_knows_the_two_ices():
    for name, expected in (("ice Ih", "ih"), ("ice Ic", "ic")):
        assert (ovito.chill_plus(FRAMES[name]()) == expected).mean() > 0.95
        assert (ovito.template_matching(FRAMES[name](), 0.0) == expected).mean() > 0.95
    assert not np.isin(ovito.chill_plus(FRAMES["liquid-like"]()), ["ih", "ic"]).any()


@pytest.mark.parametrize("name", FRAMES)
def test_mdapy_and_ovito_agree_about_chill_plus(name):
    frame = FRAMES[name]()
    assert mdapy.CHILL_PLUS == ovito.CHILL_PLUS
    theirs = ovito.chill_plus_types(frame)()
    np.testing.assert_array_equal(mdapy.chill_plus_types(frame), theirs)
    assert theirs.shape == (frame.n_molecules,)


@pytest.mark.parametrize("name", ["ice Ih", "ice Ic"])
def test_d_seams_calls_ices_what_ovito_calls_them(name):
    frame = FRAMES[name]()
    np.testing.assert_array_equal(dseams.chill_plus(frame), ovito.chill_plus(frame))


def test_d_seams_is_told_of_boxes_that_it_is_not_given():
    with pytest.raises(InputError, match="parallel to the axes"):
        dseams.chill_plus(sheared())


def test_mdapy_gives_a_molecule_the_same_name_in_a_turned_and_sheared_cell():
    frame = FRAMES["ice Ih"]()
    turn = np.linalg.qr(np.random.default_rng(3).normal(size=(3, 3)))[0]
    cell = frame.cell + np.array([[0, 0, 0], frame.cell[0], [0, 0, 0]])  # the same lattice
    same = Frame(frame.positions @ turn, cell @ turn)
    np.testing.assert_array_equal(mdapy.chill_plus_types(same), mdapy.chill_plus_types(frame))


@pytest.mark.parametrize("name", ["ice Ic", "one cell", "sheared", "droplet", "film"])
def test_freud_averages_bond_orders_as_the_formula_says(name):
    """q̄_6 from its definition with spherical harmonics, in thin, skewed and open cells too."""
    from scipy.special import sph_harm_y

    frame = {
        "ice Ic": FRAMES["ice Ic"],
        "one cell": lambda: crystal("1c", (1, 1, 1), noise=0.15),
        "sheared": sheared,
        "droplet": lambda: Frame(liquid_like(80).positions, np.zeros((3, 3)), (False,) * 3),
        "film": lambda: Frame(
            FRAMES["ice Ih"]().positions, FRAMES["ice Ih"]().cell, (True, False, True)
        ),
    }[name]()
    r_cut = 3.5
    found = freud.averaged_steinhardt(frame, 6, r_cut)
    offsets, indices, vectors, distances = neighbour_list(frame, r_cut)
    theta = np.arccos(vectors[:, 2] / distances)
    phi = np.arctan2(vectors[:, 1], vectors[:, 0])
    n, counts = frame.n_molecules, np.diff(offsets)
    centres = np.repeat(np.arange(n), counts)
    q = np.zeros((n, 13), dtype=complex)
    for m in range(-6, 7):
        np.add.at(q[:, m + 6], centres, sph_harm_y(6, m, theta, phi))
    q /= np.maximum(counts, 1)[:, None]
    averaged = q.copy()
    np.add.at(averaged, centres, q[indices])
    averaged /= 1 + counts[:, None]
    expected = np.sqrt(4 * np.pi / 13 * (np.abs(averaged) ** 2).sum(axis=1))
    assert (np.isnan(found) == (counts == 0)).all()
    np.testing.assert_allclose(found[counts > 0], expected[counts > 0], atol=1e-4)


def test_freud_says_nothing_when_a_program_ends(tmp_path):
    code = """
import iceclass.cli.main
from iceclass.external.freud import averaged_steinhardt
from iceclass.generation.lattices import oxygens
averaged_steinhardt(oxygens("1h", 100), 6, 3.5)
"""
    done = run_python(code, tmp_path)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")

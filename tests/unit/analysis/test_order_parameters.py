"""Order parameters of configurations that can be worked out by hand, and against other programs."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest

import iceclass
from iceclass.analysis.comparison import (
    OPINIONS,
    Comparison,
    Disagreement,
    calls_ice,
    opinions,
    parse_opinions,
)
from iceclass.analysis.order_parameters import f4, local_structure_index, tetrahedral_order
from iceclass.errors import InputError
from iceclass.frame import AtomTable, Frame
from tests.helpers.configurations import crystal, liquid_like, random_triclinic
from tests.helpers.labelled import DEMO, prediction

TETRAHEDRON = np.array([[1, 1, 1], [1, -1, -1], [-1, 1, -1], [-1, -1, 1]]) / np.sqrt(3)
OPEN = np.zeros((3, 3))


def test_q_of_a_tetrahedron_a_square_and_a_gas() -> None:
    centre = Frame(np.vstack([[0, 0, 0], 2.8 * TETRAHEDRON]), OPEN)
    assert tetrahedral_order(centre)[0] == pytest.approx(1.0)
    square = np.array([[1, 0, 0], [0, 1, 0], [-1, 0, 0], [0, -1, 0]])
    expected = 1 - 0.375 * (4 / 9 + 2 * (2 / 3) ** 2)  # four right angles, two straight ones
    flat = Frame(np.vstack([[0, 0, 0], 2.8 * square]), OPEN)
    assert tetrahedral_order(flat)[0] == pytest.approx(expected)
    gas = Frame(np.random.default_rng(0).uniform(0, 40, (2400, 3)), 40 * np.eye(3))
    assert tetrahedral_order(gas).mean() == pytest.approx(0.0, abs=0.03)
    assert np.isnan(tetrahedral_order(Frame(3.0 * np.eye(3), OPEN))).all()


def test_lsi_by_hand() -> None:
    r = np.array([2.7, 2.9, 3.4, 4.6, 5.5])
    frame = Frame(
        np.vstack(
            [
                [0, 0, 0],
                r[:, None] * np.eye(3)[[0, 1, 2, 0, 1]] * np.array([1, 1, 1, -1, -1])[:, None],
            ]
        ),
        OPEN,
    )
    gaps = np.array([0.2, 0.5, 1.2])
    assert local_structure_index(frame)[0] == pytest.approx(gaps.var())
    lonely = Frame(np.array([[0.0, 0, 0], [3.0, 0, 0]]), OPEN)
    assert np.isnan(local_structure_index(lonely)).all()


@pytest.mark.parametrize(
    "frame",
    [crystal("1h", (2, 2, 2), 0.15), liquid_like(), random_triclinic(60, seed=5)],
    ids=["ice", "liquid", "skewed"],
)
def test_q_and_lsi_against_plain_loops(frame: Frame) -> None:
    images = np.array([[a, b, c] for a in range(-3, 4) for b in range(-3, 4) for c in range(-3, 4)])
    q, lsi = tetrahedral_order(frame), local_structure_index(frame)
    for i in range(0, frame.n_molecules, 7):
        vectors = (frame.positions[None] + (images @ frame.cell)[:, None]).reshape(-1, 3)
        vectors = vectors - frame.positions[i]
        r = np.linalg.norm(vectors, axis=1)
        order = np.argsort(r)[1:]
        r, vectors = r[order], vectors[order]
        units = vectors[:4] / r[:4, None]
        if r[3] < 6.0:
            total = sum((units[j] @ units[k] + 1 / 3) ** 2 for j, k in combinations(range(4), 2))
            assert q[i] == pytest.approx(1 - 3 / 8 * total)
        n = int((r < 3.7).sum())
        if n and r[n] < 6.0:
            assert lsi[i] == pytest.approx(np.var(np.diff(r[: n + 1])))


def water_pair(torsion: float) -> Frame:
    """Two molecules whose outermost hydrogens make this torsion (radians) about O–O."""
    oh = np.radians(104.5)
    far = np.array([np.cos(np.pi - 1.0), np.sin(np.pi - 1.0), 0.0])
    near = np.array([np.cos(np.pi - 1.0 - oh), np.sin(np.pi - 1.0 - oh), 0.0])
    other = -near * [1, 0, 0] + near * [0, 1, 0]
    turn = np.array(
        [[1, 0, 0], [0, np.cos(torsion), -np.sin(torsion)], [0, np.sin(torsion), np.cos(torsion)]]
    )
    mirrored = (far * [-1, 1, 1]) @ turn.T, other @ turn.T
    o = np.array([[0.0, 0, 0], [2.8, 0, 0]])
    atoms = np.vstack([o[0], o[0] + far, o[0] + near, o[1], o[1] + mirrored[0], o[1] + mirrored[1]])
    columns = {"id": np.arange(1, 7), **dict(zip("xyz", atoms.T.copy(), strict=True))}
    return Frame(
        o, OPEN, ids=np.array([1, 4]), atoms=AtomTable(columns, np.array([0, 0, 0, 1, 1, 1]))
    )


@pytest.mark.parametrize("torsion", [0.0, 0.4, np.pi / 3, 2.0])
def test_f4_of_a_pair(torsion: float) -> None:
    assert f4(water_pair(torsion)) == pytest.approx(np.full(2, np.cos(3 * torsion)))


def test_f4_tells_ice_from_water_and_needs_hydrogens() -> None:
    frame = next(iter(iceclass.read(DEMO)))
    z = frame.positions[:, 2]
    values = f4(frame)
    assert values[(z > 6) & (z < 18)].mean() == pytest.approx(-0.37, abs=0.04)
    assert values[(z > 26) & (z < 42)].mean() == pytest.approx(0.0, abs=0.05)
    with pytest.raises(InputError, match="hydrogens"):
        f4(crystal("1h"))


def test_names_are_parsed() -> None:
    assert parse_opinions("CHILL+, q6bar,chill+") == ("chill+", "q6bar")
    with pytest.raises(InputError, match="did you mean 'chill\\+'"):
        parse_opinions("chil+")
    with pytest.raises(InputError, match="no method"):
        parse_opinions(" , ")


def test_chill_plus_of_mdapy_is_that_of_ovito() -> None:
    pytest.importorskip("mdapy")
    ovito = pytest.importorskip("iceclass.external.ovito")
    pytest.importorskip("ovito")
    from iceclass.external.mdapy import CHILL_PLUS, chill_plus_types

    skewed = crystal("1h", (3, 3, 3), 0.2)
    shear = np.array([[1, 0, 0], [0.3, 1, 0], [-0.2, 0.1, 1]])
    frames = [
        next(iter(iceclass.read(DEMO))),
        skewed,
        crystal("1c", (3, 3, 3), 0.15),
        Frame(skewed.positions @ shear, skewed.cell @ shear),
    ]
    for frame in frames:
        ours = np.array(CHILL_PLUS)[chill_plus_types(frame)]
        assert (ours == ovito.chill_plus(frame)).mean() > 0.999


def test_averaged_q6_of_freud_is_that_of_a_plain_sum() -> None:
    pytest.importorskip("freud")
    from scipy.special import sph_harm_y

    from iceclass.external.freud import averaged_steinhardt
    from iceclass.neighbours import neighbour_list

    tilted = crystal("1h", (3, 3, 3), 0.2)
    shear = np.array([[1, 0, 0], [1.3, 1, 0], [-0.2, 0.4, 1]])
    tilted = Frame(tilted.positions @ shear, tilted.cell @ shear)
    for frame in (crystal("1h", (3, 3, 3), 0.2), crystal("2", (2, 2, 2), 0.1), tilted):
        offsets, indices, vectors, r = neighbour_list(frame, 3.5)
        centres = np.repeat(np.arange(frame.n_molecules), np.diff(offsets))
        polar = np.arccos(vectors[:, 2] / r)
        around = np.arctan2(vectors[:, 1], vectors[:, 0])
        y = np.stack([sph_harm_y(6, m, polar, around) for m in range(-6, 7)], axis=1)
        qlm = np.zeros((frame.n_molecules, 13), complex)
        np.add.at(qlm, centres, y)
        qlm /= np.diff(offsets)[:, None]
        mean = qlm.copy()
        np.add.at(mean, centres, qlm[indices])
        mean /= np.diff(offsets)[:, None] + 1
        expected = np.sqrt(4 * np.pi / 13 * (np.abs(mean) ** 2).sum(axis=1))
        assert averaged_steinhardt(frame, 6, 3.5) == pytest.approx(expected, abs=1e-4)


def test_a_droplet_has_opinions_too() -> None:
    """In vacuum, or in the middle of a large periodic box: the same, but for Voronoi cells that
    no neighbour ends."""
    pytest.importorskip("mdapy")
    pytest.importorskip("freud")
    ice = crystal("1h", (3, 3, 3), 0.1)
    ball = ice.only(np.linalg.norm(ice.positions - ice.cell.sum(axis=0) / 2, axis=1) < 11.0)
    open_frame = Frame(ball.positions - 40.0, OPEN)
    boxed = Frame(ball.positions - 30.0, 90.0 * np.eye(3))
    labels = np.zeros(ball.n_molecules, dtype=np.int64)
    methods = ("chill+", "q6bar", "q", "lsi", "density")
    one, other = (opinions(f, methods, labels, ("ih", "water")) for f in (open_frame, boxed))
    for column in ("i_chill", "d_q6bar", "d_q", "d_lsi"):
        np.testing.assert_allclose(one[column], other[column], atol=2e-5)
    assert (one["i_chill"] == 1).sum() > 50
    inner = one["d_q"] > 0.9
    assert one["d_density"][inner].max() == pytest.approx(other["d_density"][inner].max(), rel=1e-5)
    assert np.isfinite(one["d_density"]).all()


def test_voronoi_cells_fill_the_box() -> None:
    pytest.importorskip("mdapy")
    from iceclass.external.mdapy import voronoi_volumes

    for frame in (liquid_like(), crystal("1h", (2, 2, 2), 0.1)):
        assert voronoi_volumes(frame).sum() == pytest.approx(frame.volume, rel=1e-6)


def test_agreement_and_disagreement() -> None:
    """Eight molecules whose other opinions are given: every count can be read off."""
    frame = Frame(10.0 * np.arange(24.0).reshape(8, 3), OPEN)
    told = prediction([0, 0, 0, 1, 2, 2, -1, 2], ("ih", "ic", "water"))
    q6 = np.array([0.5, 0.2, 0.5, 0.5, 0.1, 0.4, 0.1, np.nan])
    further = {"d_q6bar": q6, "d_q": np.arange(8.0)}
    ice = np.array([1, 1, 1, 1, 0, 0, 0, 0], bool)
    further["i_disagree"] = (calls_ice("q6bar", q6) != ice).astype(int)
    told.further.update(further)  # type: ignore[attr-defined]
    comparison = Comparison(told.classes, methods=("q6bar", "q"))
    comparison.add(frame, told)
    rows = {row[0]: row[1:] for row in comparison.rows()}
    assert rows["ih"] == pytest.approx((3, 2 / 3, 0.4, 1.0))
    assert rows["water"] == pytest.approx((3, 2 / 3, 0.25, 16 / 3))
    assert rows["unknown"] == pytest.approx((1, 1.0, 0.1, 6.0))
    assert rows["all"][:2] == pytest.approx((8, 6 / 8))
    listing = Disagreement(told.classes, methods=("q6bar", "q"))
    listing.add(frame, told, 3)
    assert [row[:4] for row in listing.rows()] == [(3, 0, 2, "ih"), (3, 0, 6, "water")]


def test_opinions_have_the_columns_they_promise() -> None:
    pytest.importorskip("mdapy")
    pytest.importorskip("freud")
    frame = next(iter(iceclass.read(DEMO)))
    labels = np.where(np.arange(frame.n_molecules) < 5, -2, 0)
    found = opinions(frame, tuple(OPINIONS), labels, ("ih", "water"))
    assert set(found) == {o.column for o in OPINIONS.values()} | {"i_disagree"}
    assert all(column.shape == (frame.n_molecules,) for column in found.values())
    assert (found["i_disagree"][:5] == 0).all()  # not asked about
    not_ice = ~calls_ice("chill+", found["i_chill"]).astype(bool)
    not_six = ~calls_ice("q6bar", found["d_q6bar"])
    assert (found["i_disagree"][5:] == (not_ice.astype(int) + not_six)[5:]).all()

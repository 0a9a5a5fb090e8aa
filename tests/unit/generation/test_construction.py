"""What every molecule is by construction, on frames whose boundaries are known."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from iceclass.errors import InputError
from iceclass.frame import Frame
from iceclass.generation.construction import (
    LEFT_SITE,
    MARGIN,
    NO_TRUTH,
    Arrangement,
    made,
    on_sites,
    truth,
)
from iceclass.generation.lattices import Size, build
from iceclass.generation.water_models import WATER_MODELS

MW = WATER_MODELS["mw"]


@pytest.fixture(scope="module")
def halves():
    ice = build("ih", MW, size=Size(repetition=(2, 4, 2)))
    lower = ice.molecules[:, 0, 1] < ice.cell[1, 1] / 2
    return Arrangement.half_melted(ice, "ih", "water", lower)


def test_truth_ends_at_the_other_part(halves):
    frame = halves.structure.frame()
    (found,) = truth(halves.to_dict(), frame, [frame])
    positions, cell = frame.positions, frame.cell
    for k in range(frame.n_molecules):
        away = positions - positions[k]
        away -= np.round(away @ np.linalg.inv(cell)) @ cell
        near = np.linalg.norm(away, axis=1) < MARGIN
        mixed = len(set(halves.held[near])) > 1
        assert found[k] == (NO_TRUTH if mixed else int(not halves.held[k]))
    assert {-9, 0, 1} == set(found.tolist())


def test_what_left_its_site_has_no_truth(halves):
    frame = halves.structure.frame()
    ((before,),) = truth(halves.to_dict(), frame, [frame]).reshape(1, 1, -1)
    inner = np.flatnonzero(before == 0)[0]
    drift = np.array([30.0, -20.0, 11.0])  # of everything: nobody has left
    for step, expected in ((0.8 * LEFT_SITE, 0), (1.2 * LEFT_SITE, NO_TRUTH)):
        moved = frame.positions + drift
        moved[inner] += [step, 0.0, 0.0]
        (found,) = truth(halves.to_dict(), frame, [replace(frame, positions=moved)])
        assert found[inner] == expected


def test_a_nucleus_may_turn():
    ice = build("ih", MW, size=Size(repetition=(4, 4, 4)))
    middle = ice.cell.sum(axis=0) / 2
    held = np.linalg.norm(ice.molecules[:, 0] - middle, axis=1) < 11.0
    start = Arrangement.half_melted(ice, "ih", "water", held)
    frame = ice.frame()
    (before,) = truth(start.to_dict(), frame, [frame])
    turned = frame.positions.copy()
    turn = Rotation.from_rotvec([0.1, 0.25, -0.1])
    turned[held] = turn.apply(turned[held] - middle) + middle + [1.0, 2.0, 0.5]
    away = np.linalg.norm(turned - frame.positions, axis=1)
    assert (away[held] > LEFT_SITE).mean() > 0.5
    # what is 7 Å inside the sphere has no neighbour outside it, wherever the sphere is now
    deep = np.linalg.norm(ice.molecules[:, 0] - middle, axis=1) < 4.0
    (found,) = truth(start.to_dict(), frame, [replace(frame, positions=turned)])
    assert (before[deep] == 0).all()
    assert (found[deep] == 0).all()


def test_the_cell_may_breathe(halves):
    frame = halves.structure.frame()
    larger = Frame(positions=frame.positions * 1.03, cell=frame.cell * 1.03)
    (found,) = truth(halves.to_dict(), frame, [larger])
    assert (found == 0).sum() > 20


def test_vapour_has_no_truth():
    ice = build("ih", MW)
    all_liquid = Arrangement.of_one(ice, "water")
    cell = ice.cell * 3
    positions = np.concatenate([ice.molecules[1:, 0], [np.diag(ice.cell) * 2]])
    (found,) = truth(all_liquid.to_dict(), None, [Frame(positions=positions, cell=cell)])
    assert found[-1] == NO_TRUTH
    assert (found[:-1] == 0).all()


def test_stacked_layers_are_of_two_phases_and_one_part():
    ice = build("one[hhccchhccc]", MW, size=Size(repetition=(2, 3, 1)))
    whole = Arrangement.of_one(ice, "one[hhccchhccc]", solid=True)
    assert whole.phases == ("ic", "ih")
    frame = ice.frame()
    (found,) = truth(whole.to_dict(), frame, [frame])
    assert np.bincount(found).tolist() == [6 * len(found) // 10, 4 * len(found) // 10]


def test_groups_hold_every_atom_once():
    ice = build("ih", WATER_MODELS["tip4p-ice"])
    held = np.random.default_rng(1).random(ice.n_molecules) < 0.4
    text = Arrangement.half_melted(ice, "ih", "water", held).groups()
    atoms = {"held": [], "melted": [], "water": []}
    for line in text.splitlines():
        _, name, _, *ranges = line.split()
        for one in ranges:
            first, last = map(int, one.split(":"))
            atoms[name] += range(first, last + 1)
    assert sorted(atoms["held"] + atoms["melted"]) == sorted(atoms["water"])
    assert atoms["water"] == list(range(1, 3 * ice.n_molecules + 1))
    assert {(a - 1) // 3 for a in atoms["held"]} == set(np.flatnonzero(held))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"made": "0x1"}, "'made'"),
        ({"made": "012"}, "more phases than it names"),
        ({"made": None}, "'made'"),
    ],
)
def test_damaged_constructions(halves, change, message):
    with pytest.raises(InputError, match=message):
        made({**halves.to_dict(), **change})


def test_frames_of_another_simulation(halves):
    other = build("ic", MW).frame()
    with pytest.raises(InputError, match="the frames are not"):
        truth(halves.to_dict(), halves.structure.frame(), [other])


def test_what_never_melted_is_at_sites():
    ice = build("ih", MW, size=Size(repetition=(3, 3, 3))).frame()
    rng = np.random.default_rng(4)
    solid = rng.random(ice.n_molecules) < 0.5
    fractional = ice.positions @ np.linalg.inv(ice.cell)
    cell, drift = 1.02 * ice.cell, np.array([0.3, -0.2, 0.45])
    moved = (fractional + drift) @ cell + 0.15 * rng.normal(size=(ice.n_molecules, 3))
    crystal = Frame(positions=moved, cell=cell)
    assert on_sites(ice, crystal, solid).mean() > 0.98
    exchanged = moved.copy()
    exchanged[~solid] = rng.permutation(moved[~solid])  # a crystal all the same
    assert on_sites(ice, Frame(positions=exchanged, cell=cell), solid).mean() > 0.98
    melted = moved.copy()
    melted[~solid] = rng.random((int((~solid).sum()), 3)) @ cell
    found = on_sites(ice, Frame(positions=melted, cell=cell), solid)
    assert found[solid].mean() > 0.98
    assert found[~solid].mean() < 0.1

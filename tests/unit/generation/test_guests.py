"""Methane in water and in cages."""

import numpy as np
import pytest

from iceclass.errors import InputError
from iceclass.generation.catalogue import find_recipe
from iceclass.generation.guests import (
    CAGE_RADIUS,
    GUESTS,
    FilledCoexistence,
    FilledHydrate,
    Solution,
    cages,
)
from iceclass.generation.lattices import Size, build
from iceclass.generation.runs import Preparation, run
from iceclass.generation.settings import apply_settings
from iceclass.generation.stages import Dynamics, State
from iceclass.generation.water_models import water_model
from iceclass.io import Trajectory

ICE = water_model("tip4p-ice")


@pytest.mark.parametrize(
    ("lattice", "water", "expected"),
    [("CS1", 46, 8), ("CS2", 136, 24), ("sH", 34, 6)],
)
def test_cages_are_those_of_the_unit_cell(lattice, water, expected):
    structure = build(lattice, ICE, size=Size(repetition=(2, 2, 2)))
    found = cages(structure)
    assert len(found) * water == expected * structure.n_molecules
    away = found[:, None] - structure.molecules[None, :, 0]
    away -= np.round(away @ np.linalg.inv(structure.cell)) @ structure.cell
    assert np.linalg.norm(away, axis=2).min() > CAGE_RADIUS


def test_ice_has_no_cages():
    with pytest.raises(InputError, match="has no cages"):
        FilledHydrate().arrange(build("ih", ICE), "ih")


def test_one_site_models_take_no_methane():
    with pytest.raises(InputError, match="Lennard-Jones oxygen"):
        Solution().arrange(build("ih", water_model("mw")), "water")


def test_hydrate_with_methane_runs(tmp_path):
    recipe, _ = apply_settings(
        find_recipe("filled-hydrate"), Dynamics(), {"relax_time": "0.1", "equilibration": "0.2"}
    )
    size = Size(repetition=(2, 2, 2))
    states = (State(200.0, 0.05),)
    md = Dynamics(timestep=2.0, production=0.1, interval=0.05)
    (path,) = run(Preparation("CS1", ICE, 1, states, recipe, md, size), tmp_path)
    with Trajectory(path) as trajectory:
        frame = list(trajectory)[-1]
    assert frame.n_molecules == 368
    others = frame.atoms.molecule == -1
    assert others.sum() == 64
    assert set(np.asarray(frame.atoms.columns["element"])[others]) == {"C"}


@pytest.mark.parametrize(("guest", "count"), [("methane", 24), ("co2", 24), ("thf", 8)])
def test_a_guest_is_in_every_cage_that_takes_it(guest, count):
    """Of the 24 cages of sII, 8 are large."""
    structure = build("CS2", ICE, size=Size(repetition=(1, 1, 1)))
    others = FilledHydrate(guest=guest).arrange(structure, "CS2").others
    cells = structure.n_molecules // 136
    assert len(others.positions) == count * cells
    assert others.mass == GUESTS[guest].mass
    assert others.sigma == pytest.approx(GUESTS[guest].sigma)


def test_guests_by_corresponding_states():
    """Against the values that Bird, Stewart & Lightfoot tabulate for CO₂: 190 K and 3.996 Å."""
    assert GUESTS["co2"].sigma == pytest.approx(3.996, rel=0.05)
    assert GUESTS["co2"].epsilon == pytest.approx(190, rel=0.25)
    assert 4.8 < GUESTS["thf"].sigma < 5.4


def test_unknown_guest():
    with pytest.raises(InputError, match=r"co3.*co2"):
        FilledHydrate(guest="co3").arrange(build("CS1", ICE), "CS1")


def test_guests_of_the_held_half_are_held():
    structure = build("CS1", ICE, size=Size(repetition=(2, 2, 3)))
    start = FilledCoexistence().arrange(structure, "CS1")
    n, sites = structure.molecules.shape[:2]
    members = {"held": [], "melted": []}
    for line in start.groups().splitlines():
        name, runs = line.split(" id ")[0].split()[1], line.split(" id ")[1].split()
        if name in members:
            for run_ in runs:
                a, b = map(int, run_.split(":"))
                members[name] += range(a, b + 1)
    total = n * sites + len(start.others.positions)
    assert sorted(members["held"] + members["melted"]) == list(range(1, total + 1))
    held = [k - n * sites - 1 for k in members["held"] if k > n * sites]
    height = start.others.positions[held] @ np.linalg.inv(structure.cell)
    assert 0.35 < len(held) / len(start.others.positions) < 0.65  # ties on the border
    inside = (height[:, 2] % 1 < 0.63) | (height[:, 2] % 1 > 0.87)  # and a cage around it
    assert inside.all()
    assert start.phases == ("cs1", "water")


def test_a_solution_has_methane_in_the_place_of_water():
    ice = build("ih", ICE)
    start = Solution(guests=5).arrange(ice, "water")
    assert start.structure.n_molecules == ice.n_molecules - 5
    assert len(start.others.positions) == 5
    assert start.others.water_sigma == pytest.approx((3.73 + 3.1668) / 2)
    with pytest.raises(InputError, match="guests"):
        Solution(guests=400).arrange(ice, "water")

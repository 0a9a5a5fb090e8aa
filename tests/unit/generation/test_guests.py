"""Methane in water and in cages."""

import numpy as np
import pytest

from iceclass.errors import InputError
from iceclass.generation.catalogue import find_recipe
from iceclass.generation.guests import CAGE_RADIUS, FilledHydrate, Solution, cages
from iceclass.generation.lattices import Size, build
from iceclass.generation.runs import Preparation, run
from iceclass.generation.settings import apply_settings
from iceclass.generation.stages import Dynamics, State
from iceclass.generation.water_models import water_model
from iceclass.io import open_trajectory

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
    with open_trajectory(path) as trajectory:
        frame = list(trajectory)[-1]
    assert frame.n_molecules == 368
    others = frame.atoms.molecule == -1
    assert others.sum() == 64
    assert set(np.asarray(frame.atoms.columns["element"])[others]) == {"C"}


def test_a_solution_has_methane_in_the_place_of_water():
    ice = build("ih", ICE)
    start = Solution(guests=5).arrange(ice, "water")
    assert start.structure.n_molecules == ice.n_molecules - 5
    assert len(start.others.positions) == 5
    assert start.others.water_sigma == pytest.approx((3.73 + 3.1668) / 2)
    with pytest.raises(InputError, match="guests"):
        Solution(guests=400).arrange(ice, "water")

"""Interfaces, nuclei, surfaces, droplets, walls: simulated for real, small and short."""

import json

import numpy as np
import pytest

from iceclass.datasets.metadata import read_metadata
from iceclass.errors import InputError
from iceclass.generation.catalogue import RECIPES, find_recipe
from iceclass.generation.construction import NO_TRUTH, made, truth
from iceclass.generation.lattices import Size, build
from iceclass.generation.places import Nucleus, Surface
from iceclass.generation.runs import Preparation, run
from iceclass.generation.settings import apply_settings
from iceclass.generation.stages import Dynamics, State
from iceclass.generation.water_models import water_model
from iceclass.io import Trajectory

SHORT = Dynamics(timestep=10.0, production=0.4, interval=0.2)
QUICK = {
    "relax_time": "0.2",
    "equilibration": "0.3",
    "melt_time": "1.5",
    "cool_time": "0.5",
    "settle_time": "0.2",
    "let_go_time": "0.1",
    "heating_rate": "200",
}


def simulated(root, recipe, phase, states, size, model="mw", dynamics=SHORT, **settings):
    """Construction, sites, and frames of each state of a preparation made for real."""
    base = find_recipe(recipe)
    own = {k: v for k, v in QUICK.items() if hasattr(base, k)} | settings
    made_recipe, md = apply_settings(base, dynamics, own)
    job = Preparation(phase, water_model(model), 3, states, made_recipe, md, size)
    found = []
    for path in run(job, root):
        with Trajectory(path) as trajectory:
            found.append((read_metadata(path), tuple(trajectory)))
    start = made_recipe.arrange(build(phase, job.model, seed=3, size=size), phase)
    return start, found


def shift(frames, chosen):
    """Å that each chosen molecule moves from the first frame to the last."""
    step = frames[-1].positions[chosen] - frames[0].positions[chosen]
    cell = frames[0].cell
    return np.linalg.norm(step - np.round(step @ np.linalg.inv(cell)) @ cell, axis=1)


def test_nucleus(tmp_path):
    states = (State(240.0, 0.0), State(220.0, 0.0))
    start, found = simulated(
        tmp_path, "nucleus", "ih", states, Size(molecules=800), radius="9", melt_temperature="1000"
    )
    inside = np.linalg.norm(
        start.structure.molecules[:, 0] - start.structure.cell.sum(axis=0) / 2, axis=1
    )
    assert (start.held == (inside < 9.0)).all()
    for (description, frames), state in zip(found, states, strict=True):
        assert description["phase"] == ""
        assert description["environment"] == "nucleus"
        assert description["construction"] == start.to_dict()
        assert description["temperature"] == state.temperature
        told = truth(description["construction"], start.structure.frame(), frames)
        assert (told[:, start.held] != 1).all()
        assert (told[:, ~start.held] != 0).all()
        assert (told[0] == 0).sum() > 10
        assert (told[0] == 1).sum() > 400
        # the melt has left the sites of the crystal, the nucleus has not
        lattice = start.structure.frame()
        away = frames[0].positions - lattice.positions * (frames[0].cell[0, 0] / lattice.cell[0, 0])
        away -= np.round(away @ np.linalg.inv(frames[0].cell)) @ frames[0].cell
        far = np.linalg.norm(away - away[start.held].mean(axis=0), axis=1)
        assert np.median(far[~start.held]) > 2 * np.median(far[start.held])
    # each state has a melt of its own
    one, two = (frames[0].positions[~start.held] for _, frames in found)
    assert np.median(np.linalg.norm(one - two, axis=1)) > 2.0


def test_nucleus_is_resumed_from_what_is_complete(tmp_path):
    size = Size(molecules=300)
    simulated(tmp_path, "nucleus", "ih", (State(240.0, 0.0),), size, radius="7")
    (definition,) = tmp_path.rglob("preparation.json")
    content = json.loads(definition.read_text())
    assert content["recipe"]["radius"] == 7.0
    with pytest.raises(InputError, match="was made with"):
        simulated(tmp_path, "nucleus", "ih", (State(240.0, 0.0),), size, radius="6")


def test_disc():
    ice = build("one[hh]", water_model("mw"), size=Size(repetition=(5, 5, 5)))
    held = Nucleus(radius=12.0, height=8.0).holds(ice)
    place = ice.molecules[held][:, 0]
    assert np.ptp(place[:, 2]) < 8.0 < np.ptp(place[:, 0])
    with pytest.raises(InputError, match="would be held"):
        Nucleus(radius=200.0).arrange(ice, "ih")


@pytest.mark.parametrize(("axis", "spacing"), [("x", 7.8), ("y", 7.4), ("z", 9.0)])
def test_coexistence_is_across_the_axis(axis, spacing):
    size = Size(repetition=(4, 4, 3))
    ice = build("ih", water_model("mw"), size=size)
    recipe, _ = apply_settings(find_recipe("coexistence"), SHORT, {"axis": axis})
    held = recipe.holds(ice)
    k = "xyz".index(axis)
    along = ice.molecules[:, 0, k] % ice.cell[k, k]
    assert along[held].max() < along[~held].min()
    assert ice.cell[k, k] / size.repetition[k] == pytest.approx(spacing, abs=0.1)
    with pytest.raises(InputError, match="axis"):
        apply_settings(recipe, SHORT, {"axis": "w"})[0].holds(ice)


def test_coexistence(tmp_path):
    start, ((description, frames),) = simulated(
        tmp_path, "coexistence", "ih", (State(260.0, 0.0),), Size(repetition=(2, 5, 2)), axis="y"
    )
    assert description["environment"] == "interface"
    told = truth(description["construction"], start.structure.frame(), frames)
    ice, water = ((told == k).all(axis=0) for k in (0, 1))
    assert ice.sum() > 50
    assert water.sum() > 50
    assert np.median(shift(frames, water)) > np.median(shift(frames, ice))


def test_what_grows_has_no_truth():
    size = Size(repetition=(2, 2, 5))
    ice = build("ih", water_model("mw"), size=size)
    recipe, _ = apply_settings(find_recipe("coexistence"), SHORT, {"growing": "true"})
    start = recipe.arrange(ice, "ih")
    np.testing.assert_array_equal(start.uncertain, ~start.held)
    assert 0 < start.held.sum() < ice.n_molecules
    told = truth(start.to_dict(), ice.frame(), [ice.frame()])[0]
    assert set(told[start.held]) == {0, NO_TRUTH}
    assert set(told[~start.held]) == {NO_TRUTH}


def test_two_crystals(tmp_path):
    start, ((description, frames),) = simulated(
        tmp_path,
        "two-crystals",
        "CS1",
        (State(150.0, 0.0),),
        Size(repetition=(3, 3, 2)),
        other="ih",
    )
    assert start.phases == ("cs1", "ih")
    hydrate, ice = (start.made == k for k in (0, 1))
    assert hydrate.sum() == 3 * 3 * 2 * 46
    away = start.structure.molecules[hydrate, None, 0] - start.structure.molecules[None, ice, 0]
    cell = np.diag(start.structure.cell)
    away -= cell * np.round(away / cell)
    assert np.linalg.norm(away, axis=2).min() > 2.6
    construction = description["construction"]
    assert construction["parts"] == [0, 1]
    told = truth(construction, start.structure.frame(), frames)
    for k, crystal in enumerate((hydrate, ice)):
        assert set(np.unique(told[:, crystal])) == {k, NO_TRUTH}
        assert (told[:, crystal] == k).mean() > 0.4
        # what has no truth is at the two faces, a layer thick
        up = (start.structure.molecules[crystal, 0, 2]) % cell[2]
        depth = np.minimum(up - up.min(), up.max() - up)
        assert depth[(told[:, crystal] == NO_TRUTH).any(axis=0)].max() < 6.0


@pytest.mark.parametrize(
    ("lattice", "repetition", "other", "reason"),
    [
        ("CS1", (3, 3, 1), "ic", "strained by 6"),
        ("sH", (3, 3, 1), "ih", "sH: expected a crystal with right angles"),
        ("1h", (3, 3, 2), "ii", "2: expected a crystal with right angles"),
    ],
)
def test_crystals_that_do_not_fit_are_told(lattice, repetition, other, reason):
    ice = build(lattice, water_model("mw"), size=Size(repetition=repetition))
    recipe, _ = apply_settings(find_recipe("two-crystals"), SHORT, {"other": other})
    with pytest.raises(InputError, match=reason):
        recipe.arrange(ice, lattice)


def test_an_atomistic_model_stays_rigid(tmp_path):
    careful = Dynamics(timestep=2.0, production=0.1, interval=0.05)
    _, ((description, frames),) = simulated(
        tmp_path,
        "nucleus",
        "ih",
        (State(240.0, 0.0),),
        Size(repetition=(3, 3, 2)),
        model="tip4p-2005",
        dynamics=careful,
        radius="7",
        melt_temperature="500",
        melt_time="0.2",
        cool_time="0.2",
    )
    assert description["environment"] == "nucleus"
    table = frames[-1].atoms
    elements = np.asarray(table.columns["element"])
    places = np.stack([table.columns[c] for c in "xyz"], axis=1)
    bonds = places[elements == "H"] - np.repeat(places[elements == "O"], 2, axis=0)
    bonds -= np.round(bonds @ np.linalg.inv(frames[-1].cell)) @ frames[-1].cell
    assert np.linalg.norm(bonds, axis=1) == pytest.approx(0.9572, abs=1e-3)


def test_surface_has_skin_and_layers(tmp_path):
    size = Size(repetition=(2, 3, 3), density=0.985)
    start, ((description, frames),) = simulated(
        tmp_path, "surface", "one[hh]", (State(180.0, 0.0),), size
    )
    assert start.phases == ("ih",)
    height = start.structure.molecules[:, 0, 2]
    depth = np.minimum(height - height.min(), height.max() - height)
    assert (start.uncertain == (depth < 5.0)).all()
    # cut between bilayers, so that the outermost are whole: no bond is cut within them
    top = height > height.max() - 1.2
    assert top.sum() == start.structure.n_molecules / 6
    assert start.structure.cell[2, 2] - np.ptp(height) > 30.0
    told = truth(description["construction"], start.structure.frame(), frames)
    assert (told == np.where(start.uncertain, NO_TRUTH, 0)).all()
    assert np.ptp(frames[-1].positions[:, 2]) < 30.0


def test_a_surface_needs_its_layers_not_its_letters():
    ice = build("one[hhccc]", water_model("mw"), size=Size(repetition=(2, 3, 2)))
    start = Surface().arrange(ice, "one[hhccc]")
    assert start.phases == ("ic", "ih")
    assert set(start.made) == {0, 1}


@pytest.mark.parametrize("recipe", ["liquid-surface", "droplet"])
def test_liquid_in_vacuum(tmp_path, recipe):
    size = Size(molecules=500)
    start, ((description, frames),) = simulated(
        tmp_path, recipe, "water", (State(300.0, 0.0),), size, melt_time="6", heating_rate="60"
    )
    assert start.phases == ("water",)
    assert description["phase"] == ""
    told = truth(description["construction"], None, frames)
    assert (told == 0).mean() > 0.97
    lattice = start.structure.frame()
    away = frames[0].positions - lattice.positions
    away -= np.round(away @ np.linalg.inv(frames[0].cell)) @ frames[0].cell
    assert np.median(np.linalg.norm(away, axis=1)) > 1.5
    if recipe == "droplet":
        assert start.structure.n_molecules == pytest.approx(500 * np.pi / 6, rel=0.2)


def test_walls_do_not_move_and_are_no_water(tmp_path):
    size = Size(repetition=(2, 3, 3), density=0.985)
    start, ((description, frames),) = simulated(
        tmp_path, "wall", "one[hh]", (State(300.0, 0.0),), size
    )
    assert frames[0].n_molecules == start.structure.n_molecules == len(made(start.to_dict()))
    assert start.others is not None
    tables = [f.atoms for f in frames]
    wall = [np.stack([t.columns[c] for c in "xyz"], axis=1)[t.molecule == -1] for t in tables]
    assert len(wall[0]) == len(start.others.positions)
    assert (wall[0] == wall[-1]).all()
    # water stays outside it
    inner = start.others.positions[:, 2]
    assert not (
        (frames[-1].positions[:, 2] > inner.min() + 1.0)
        & (frames[-1].positions[:, 2] < inner.max() - 1.0)
    ).any()
    assert description["environment"] == "wall"


def test_recipes_document_their_parameters():
    import inspect
    from dataclasses import fields

    for recipe in RECIPES.values():
        text = "\n".join(inspect.getdoc(c) or "" for c in type(recipe).__mro__)
        for field in fields(recipe):
            assert field.name in text, (type(recipe).__name__, field.name)

"""Parts of the validation that go by truth of construction, on small real structures."""

from __future__ import annotations

import json

import click
import numpy as np
import pytest

from iceclass.cli.main import cli
from iceclass.datasets.environments import NO_TRUTH
from iceclass.datasets.joining import Cut, join
from iceclass.datasets.perturb import displaced, scaled, with_vacuum
from iceclass.datasets.reference import find_data, load_reference, write_reference
from iceclass.frame import Frame
from iceclass.model.file import load_model
from iceclass.reports.validation_figures import nuclei_figure
from iceclass.validation.cases import lattice_named
from iceclass.validation.environments import Scene, trained, unseen_trajectories
from iceclass.validation.inputs import Inputs
from iceclass.validation.leaning import LEANINGS
from iceclass.validation.nuclei import leaning, nucleus, trade_off
from iceclass.validation.surfaces import PROBE, depths
from tests.cli.test_main import run

RNG = np.random.default_rng(5)
NOTHING = np.zeros((0, 9), np.float32)
"""Probabilities that nobody asks for."""


def entry(name, kind, phases, frames, made, boundary=None):
    """A trajectory of an environment and its arrays, as the packer writes them."""
    metadata = {
        **{"phase": phases[0] if len(phases) == 1 else "", "preparation": name, "group": kind},
        **{"environment": kind, "phases": list(phases), "split": "test", "water_model": "mw"},
        **{"temperature": 220.0, "pressure": 0.0, "density": 1.0},
        "definition": {"recipe": {"axis": "z"}},
    }
    made = np.asarray(made, np.int8)
    truth = np.tile(np.where(boundary, NO_TRUTH, made) if boundary is not None else made, (2, 1))
    return (name, metadata, frames), {"made": made, "truth": truth.astype(np.int8)}


def bulk(phase):
    """A bulk frame of the reference's test side."""
    return next(t for t in load_reference() if t.phase == phase and t.split == "test").frames[5]


def seed_in_water():
    """A ball of ice Ih in water, and which molecules are of the ice."""
    cut = Cut(radius=22.0, reach=6.0, tries=3)
    rng = np.random.default_rng(3)
    frame, ice, water = join(bulk("ih"), bulk("water"), 1.0 / 9.0, cut, rng)
    return frame, ice, water


@pytest.fixture(scope="module")
def directory(tmp_path_factory):
    """Every kind of environment, once."""
    place = tmp_path_factory.mktemp("environments")
    slab = with_vacuum(lattice_named(load_reference(find_data("lattices.h5")), "basal"), 25.0)
    slab = displaced(slab, 0.1, RNG)
    ice, water = bulk("ih"), bulk("water")
    double = np.concatenate([ice.positions, ice.positions + ice.cell[2]])
    tall = Frame(positions=double, cell=ice.cell * np.array([[1.0], [1.0], [2.0]]))
    upper = np.arange(tall.n_molecules) >= ice.n_molecules
    half = upper & (RNG.random(len(upper)) < 0.5)
    ball, seed, _ = seed_in_water()
    inside = np.zeros(ball.n_molecules, bool)
    inside[seed] = True
    edge = np.zeros(ball.n_molecules, bool)
    edge[seed[:10]] = True
    made = [
        entry("liquid-p1", "liquid", ("water",), (water, water), np.zeros(water.n_molecules)),
        entry("crystal-p1", "crystal", ("ih",), (scaled(ice, 1.02),) * 2, np.zeros(len(ice.ids))),
        entry("crystal-p2", "crystal", ("ice0",), (ice, ice), np.zeros(ice.n_molecules)),
        entry("glass-p1", "glass", ("lda",), (bulk("lda"),) * 2, np.zeros(len(bulk("lda").ids))),
        entry("interface-p1", "interface", ("ih", "water"), (tall, tall), upper, half),
        entry("nucleus-p1", "nucleus", ("ih", "water"), (ball, ball), ~inside, edge),
        entry("surface-p1", "surface", ("ih",), (slab, slab), np.zeros(slab.n_molecules)),
    ]
    arrays = {one[0]: own for one, own in made}
    write_reference(place / "environments-01.h5", [one for one, _ in made], arrays=arrays)
    return place


def test_every_part_has_rows_of_what_is_there(directory, tmp_path):
    parts = ("liquids", "crystals", "glasses", "nuclei", "coexistence", "surfaces")
    options = [word for part in parts for word in ("--part", part)]
    assert run("validate", "default", "-o", str(tmp_path), "--data", str(directory), *options) == 0
    found = json.loads((tmp_path / "validation.json").read_text())
    assert found["not_measured"] == []
    model = load_model("default")
    (liquid,) = found["liquids"]["rows"]
    names = model.classify(bulk("water")).names
    assert liquid["accuracy"] == pytest.approx(np.mean(names == "water"), abs=0.01)
    assert liquid["trained"] is False
    crystals = {row["phase"]: row for row in found["crystals"]["rows"]}
    assert crystals["ih"]["accuracy"] > 0.95
    # what is none of the classes should be unknown; this "ice 0" is ice Ih, and called so
    assert crystals["ice0"]["accuracy"] == crystals["ice0"]["unknown"] < 0.05
    assert crystals["ice0"]["else"] == "ih"
    assert found["glasses"]["rows"][0]["accuracy"] > 0.9
    curve = found["glasses"]["trade_off"]
    assert [point["leaning"] for point in curve] == list(LEANINGS)
    for kind, way in (("liquid", -1), ("glass", 1)):
        shares = [point[kind] for point in curve]
        assert (way * np.diff(shares) >= 0).all()
        assert all(point[f"least_{kind}"] <= point[kind] for point in curve)
    (as_it_is,) = (point for point in curve if point["leaning"] == 0)
    assert as_it_is["liquid"] == pytest.approx(np.mean(names == "water"), abs=0.01)
    assert (tmp_path / "glasses.png").stat().st_size > 5000
    (boundary,) = found["coexistence"]["rows"]
    assert boundary["accuracy"] == pytest.approx(2 / 3, abs=0.1)  # the "water" is ice
    assert boundary["with_truth"] < boundary["molecules"]
    surface = {row["depth"]: row for row in found["surfaces"]["rows"]}
    assert surface["all"]["molecules"] == sum(
        row["molecules"] for depth, row in surface.items() if depth != "all"
    )
    assert surface["> 8 Å"]["accuracy"] > 0.95
    text = (tmp_path / "validation.md").read_text()
    for title in ("Liquids", "Nuclei", "Free surfaces", "Two phases beside each other"):
        assert f"\n## {title}" in text
    assert not [p for p in tmp_path.iterdir() if p.suffix == ".csv" and p.stem not in parts]


def test_a_part_without_data_is_told(directory, tmp_path, capsys):
    (tmp_path / "empty").mkdir()
    out = str(tmp_path / "out")
    words = ("validate", "default", "-o", out, "--data", str(tmp_path / "empty"))
    assert run(*words, "--part", "nuclei") == 0
    assert "nuclei: the data sets hold nothing of it" in capsys.readouterr().err
    assert "Not measured" in (tmp_path / "out" / "validation.md").read_text()


def test_what_trained_is_left_out_and_its_kind_is_marked(directory):
    from dataclasses import replace

    default = load_model("default")
    record = json.loads(json.dumps(dict(default.record)))
    record["split"]["train"]["preparations"]["water"].append("liquid-p1")
    knows = Inputs(replace(default, record=record), directory=directory)
    assert unseen_trajectories(knows, "liquid") == []
    (liquid,) = unseen_trajectories(Inputs(default, directory=directory), "liquid")
    assert trained(knows, liquid)
    assert not trained(Inputs(default, directory=directory), liquid)
    (surface,) = unseen_trajectories(knows, "surface")
    assert not trained(knows, surface)


def test_recall_and_excess_are_counted_in_seeds():
    frame, seed, _ = seed_in_water()
    made = np.full(frame.n_molecules, "water", dtype="U7")
    made[seed] = "ih"
    named = made.copy()
    named[seed[:7]] = "lda"
    others = np.flatnonzero(made == "water")[:5]
    named[others] = "ic"
    truth = made.copy()
    truth[others[:2]] = ""
    found = nucleus(Scene(frame, truth, made, made, named, NOTHING))
    n = len(seed)
    assert found["seed"] == n >= 50
    assert found["recall"] == pytest.approx(1 - 7 / n)
    assert found["excess"] == pytest.approx(5 / n)
    assert found["excess_outside"] == pytest.approx(3 / n)
    assert found["ghosts"] == pytest.approx(7 / frame.n_molecules)
    assert n - 7 <= found["size"] + 7 <= n + 5 + 7
    assert 0.3 < found["chill_plus_recall"] <= found["chill_plus_interfacial_recall"] <= 1.0


def test_a_ghost_is_what_nothing_in_the_box_is():
    frame, *_ = seed_in_water()
    half = np.arange(frame.n_molecules) % 2 == 0
    named = np.full(frame.n_molecules, "lda", dtype="U7")
    named[0] = "mda"
    beside_water, beside_glass = (np.where(half, "ih", other) for other in ("water", "lda"))
    ghosts = [Scene(frame, m, m, m, named, NOTHING).ghosts for m in (beside_water, beside_glass)]
    assert ghosts[0].all()
    assert np.flatnonzero(ghosts[1]).tolist() == [0]


def test_the_trade_off_passes_through_the_model_as_it_is():
    model = load_model("default")
    frame, seed, _ = seed_in_water()
    made = np.full(frame.n_molecules, "water", dtype="U7")
    made[seed] = "ih"
    said = model.classify(frame, unknown=False)
    scene = Scene(frame, made, made, made, made, said.probabilities)
    curve = leaning(model.classes, scene)
    assert (np.diff(curve, axis=0) >= 0).all()
    called = np.isin(said.names, ("ih", "ic"))
    as_it_is = curve[LEANINGS.index(0.0)]
    assert as_it_is[0] == pytest.approx(called[seed].mean())
    assert as_it_is[1] == pytest.approx((called & (made == "water")).sum() / len(seed))
    rows = [
        {"group": "a", "water_model": "mw", "seed": 200, "q6_recall": 0.5},
        {"group": "b", "water_model": "mw", "seed": 100, "q6_recall": 0.5},
        {"group": "c", "water_model": "tip4p-ice", "seed": 300, "q6_recall": None},
    ]
    found = trade_off(rows, [curve, 2 * curve, curve])
    assert {p["nuclei"] for p in found} == {"one-site models"}
    np.testing.assert_allclose([[p["recall"], p["excess"]] for p in found], curve)


def test_nuclei_have_a_figure_where_there_are_large_ones(tmp_path):
    curve = [
        {"nuclei": "one-site models", "least": 150, "groups": ["a"], "leaning": shift}
        | {"recall": 0.8 + 0.1 * shift, "excess": 0.1 + 0.05 * shift}
        for shift in (-1.0, 0.0, 1.0)
    ]
    names = ("chill_plus", "chill_plus_interfacial", "q6")
    row = {"group": "a"} | {f"{n}_{w}": 0.4 for n in names for w in ("recall", "excess")}
    nuclei_figure({"rows": [row], "trade_off": curve}, tmp_path / "nuclei.png")
    assert (tmp_path / "nuclei.png").read_bytes()[:4] == b"\x89PNG"
    nuclei_figure({"rows": [row], "trade_off": []}, tmp_path / "none.png")
    assert not (tmp_path / "none.png").exists()


def test_a_nucleus_of_hydrate_is_one_of_any_hydrates():
    frame, seed, _ = seed_in_water()
    made = np.full(frame.n_molecules, "water", dtype="U7")
    made[seed] = "cs2"
    named = made.copy()
    named[seed[:7]] = "cs1"
    named[seed[7:10]] = "ih"
    named[np.flatnonzero(made == "water")[:5]] = "ic"
    found = nucleus(Scene(frame, made, made, made, named, NOTHING))
    assert found["recall"] == pytest.approx(1 - 3 / len(seed))
    assert found["excess"] == 0.0
    assert found["q6_recall"] is None
    assert found["chill_plus_recall"] < 0.1  # the seed's places are those of ice


def test_depth_is_the_distance_from_emptiness():
    slab = with_vacuum(lattice_named(load_reference(find_data("lattices.h5")), "basal"), 25.0)
    deep, z = depths(slab), slab.positions[:, 2]
    below = np.minimum(z - z.min(), z.max() - z)
    assert np.isfinite(deep).all()
    assert np.abs(deep - below).max() < 2.5  # the grid, and hollows of the surface
    assert np.corrcoef(deep, below)[0, 1] > 0.98
    moved = Frame(positions=slab.positions + np.array([3.0, -50.0, 17.0]), cell=slab.cell)
    np.testing.assert_allclose(depths(moved), deep, atol=1.5)
    assert np.isinf(depths(bulk("ih"))).all()
    assert PROBE > 3.5
    droplet, *_ = seed_in_water()
    middle = droplet.cell[0, 0] / 2
    radius = np.linalg.norm(droplet.positions - middle, axis=1)
    # a ball that was cut out is rough: hollows are a molecule deep
    np.testing.assert_allclose(depths(droplet), radius.max() - radius, atol=3.5)
    assert np.corrcoef(depths(droplet), -radius)[0, 1] > 0.99


def test_the_command_is_documented():
    help_text = cli.get_command(click.Context(cli), "validate").help
    for word in ("nuclei", "surfaces", "pressure", "glasses"):
        assert word in help_text

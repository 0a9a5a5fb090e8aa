"""Trajectories are found with what is known of them, and their features stored once."""

import gzip
import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import iceclass
from iceclass.datasets.environments import NO_TRUTH, load_environments
from iceclass.datasets.featurize import featurize, find_trajectories
from iceclass.datasets.store import FeatureStore
from iceclass.errors import InputError
from iceclass.evaluation.held_out import held_out_rows, load_table
from tests.unit.datasets.test_environments import written

DEMO = Path(__file__).parents[3] / "demo" / "melting-slab.lammpstrj.gz"
SOAP = iceclass.descriptor("soap-37")


@pytest.fixture
def runs(tmp_path):
    """A directory with two described trajectories, one of them of two phases, and one without."""
    text = gzip.decompress(DEMO.read_bytes()).decode()
    frames = text.split("ITEM: TIME\n")
    for name, phase in (("one", "water"), ("two", ""), ("three", None)):
        (tmp_path / f"{name}.lammpstrj").write_text("ITEM: TIME\n".join(frames[:3]))
        if phase is not None:
            described = {"iceclass_trajectory": 1, "phase": phase, "preparation": "p1"}
            (tmp_path / f"{name}.json").write_text(
                json.dumps(described | {"temperature": 300.0, "pressure": 0.1})
            )
    return tmp_path


def test_described_trajectories_of_one_phase_are_found(runs):
    told = []
    (info,) = find_trajectories([runs], report=told.append)
    assert (info.name, info.phase, info.preparation, info.temperature) == (
        "one",
        "water",
        "p1",
        300.0,
    )
    assert len(told) == 1
    assert "more than one phase" in told[0]


def test_files_without_a_description_need_a_phase(runs):
    with pytest.raises(InputError, match='say it, as in phase="ih"'):
        find_trajectories([runs / "three.lammpstrj"])
    (info,) = find_trajectories([runs / "three.lammpstrj"], phase="ih", preparation="mine")
    assert (info.phase, info.preparation) == ("ih", "mine")
    (info,) = find_trajectories([DEMO], phase="ih")
    assert (info.name, info.preparation) == ("melting-slab", "melting-slab")


def test_nothing_found_is_an_error(tmp_path, runs):
    with pytest.raises(InputError, match="no such file or directory"):
        find_trajectories([tmp_path / "nowhere"])
    empty = tmp_path / "empty"
    empty.mkdir()
    with pytest.raises(InputError, match=r"no trajectory with a \.json file of metadata"):
        find_trajectories([empty])
    with pytest.raises(InputError, match="single phase"):
        find_trajectories([runs / "two.lammpstrj"])
    with pytest.raises(InputError, match="two trajectories are called"):
        find_trajectories([runs / "one.lammpstrj"] * 2)


def test_features_are_those_of_the_descriptor(runs, tmp_path):
    path = tmp_path / "features.h5"
    featurize(find_trajectories([runs / "one.lammpstrj"]), SOAP, path)
    with FeatureStore.open(path) as store:
        table = store.load()
    expected = [SOAP.compute(f) for f in iceclass.read(runs / "one.lammpstrj")]
    assert np.allclose(table.features, np.concatenate(expected), rtol=1e-6, atol=1e-12)
    assert table.frame.tolist() == [0] * 720 + [1] * 720
    assert np.array_equal(table.molecule[:720], next(iceclass.read(runs / "one.lammpstrj")).ids)


def test_dscribe_gives_the_same_store(runs, tmp_path):
    tables = []
    for backend in ("numba", "dscribe"):
        path = tmp_path / f"{backend}.h5"
        found = find_trajectories([runs / "one.lammpstrj"])
        featurize(found, SOAP, path, every=2, backend=backend)
        with FeatureStore.open(path) as store:
            tables.append(store.load())
    assert np.allclose(tables[0].features, tables[1].features, rtol=1e-5, atol=1e-9)


def test_rows_are_numbered_by_the_frames_of_the_file(tmp_path):
    path = tmp_path / "features.h5"
    featurize(find_trajectories([DEMO], phase="water"), SOAP, path, every=10)
    with FeatureStore.open(path) as store:
        table = store.load()
    assert [t.n_frames for t in table.trajectories] == [3]
    assert np.unique(table.frame).tolist() == [0, 10, 20]
    steps = [frame.timestep for frame in iceclass.read(DEMO)]
    assert table.timestep.tolist() == [steps[k] for k in table.frame]


def test_a_changed_trajectory_is_noticed(runs, tmp_path):
    path, source = tmp_path / "features.h5", runs / "one.lammpstrj"
    told = []
    featurize(find_trajectories([source]), SOAP, path, report=told.append)
    featurize(find_trajectories([source]), SOAP, path, report=told.append)
    assert told == ["one: 2 frames, 1440 environments", "one: in the store already"]
    shutil.copy(DEMO, source)
    with pytest.raises(InputError, match=r"has changed.*force=True"):
        featurize(find_trajectories([source]), SOAP, path)
    featurize(find_trajectories([source]), SOAP, path, every=10, force=True, report=told.append)
    assert told[-1] == "one: 3 frames, 2160 environments"


def test_a_store_of_another_descriptor_is_refused(runs, tmp_path):
    path = tmp_path / "features.h5"
    featurize(find_trajectories([runs / "one.lammpstrj"]), SOAP, path)
    with pytest.raises(InputError, match="another descriptor: n_max is 3, expected 4"):
        featurize(find_trajectories([runs / "one.lammpstrj"]), SOAP.with_(n_max=4), path)


def test_what_a_model_has_seen_is_left_out(runs):
    model = iceclass.load_model("default")
    table = load_table([runs / "one.lammpstrj"], model.descriptor)
    assert len(table) == 1440
    assert len(held_out_rows(table, model)) == 1440
    name = model.record["split"]["train"]["preparations"]["water"][0]
    described = json.loads((runs / "one.json").read_text()) | {"preparation": name}
    (runs / "one.json").write_text(json.dumps(described))
    assert len(held_out_rows(load_table([runs / "one.lammpstrj"], model.descriptor), model)) == 0


def test_environments_are_featurized_by_the_truth_of_every_molecule(tmp_path):
    """Once for each phase: its molecules in the frames where they are of it, no others."""
    truth = np.full((2, 432), NO_TRUTH, np.int8)
    truth[0, :20], truth[1, :10], truth[1, 50:] = 1, 1, 0
    made = np.where(np.arange(432) < 30, 1, 0).astype(np.int8)
    source = tmp_path / "environments-01.h5"
    written(source, made=made, truth=truth, environment="interface", split="test")
    found = find_trajectories([source])
    assert [(t.name, t.phase, t.preparation, t.split) for t in found] == [
        ("one_ic", "ic", "p", "test"),
        ("one_water", "water", "p", "test"),
    ]
    assert [t.phase for t in find_trajectories([source], phase="ic")] == ["ic"]
    *same, edge = find_trajectories([source], boundaries=True)
    assert same == found
    assert (edge.name, edge.phase, edge.split) == ("one_ih+ic+water", "ih+ic+water", "test")
    (held,) = load_environments(source)
    assert np.array_equal(held.of_phases["ih+ic+water"], truth == NO_TRUTH)
    nucleus = replace(held, metadata={**held.metadata, "environment": "nucleus", "split": "train"})
    assert set(nucleus.of_phases) == {"ic", "water"}
    assert np.array_equal(nucleus.of_phases["ic"], np.where(truth < 0, made, truth) == 0)
    featurize(found, SOAP, tmp_path / "f.h5")
    with FeatureStore.open(tmp_path / "f.h5") as store:
        table = store.load()
    expected = SOAP.compute(held.frames[0])
    water = table.phase == "water"
    assert np.allclose(table.features[water], expected[[*range(20), *range(10)]], rtol=1e-6)
    assert np.allclose(table.features[~water], expected[50:], rtol=1e-6)
    assert table.frame[water].tolist() == [0] * 20 + [1] * 10
    assert table.frame[~water].tolist() == [1] * 382  # the trajectory's; none of it in the first
    assert [(t.n_frames, t.n_molecules) for t in table.trajectories] == [(2, 382), (2, 20)]


def test_environments_of_a_checkout_go_by_a_word():
    kinds = {t.name for t in load_environments()}
    found = find_trajectories([Path("environments")], phase="ih")
    assert found
    assert {t.name.removesuffix("_ih") for t in found} <= kinds

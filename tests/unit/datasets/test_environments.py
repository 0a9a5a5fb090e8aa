"""The data set of environments: what is shipped, what is refused."""

import json

import h5py
import numpy as np
import pytest

import iceclass
from iceclass.datasets.environments import (
    CHECKOUT,
    CLASSES,
    NO_TRUTH,
    RESERVED_KINDS,
    RESERVED_MODELS,
    environment_files,
    load_environments,
)
from iceclass.datasets.reference import write_reference
from iceclass.errors import InputError
from iceclass.generation import construction
from iceclass.generation.lattices import build
from iceclass.generation.water_models import WATER_MODELS
from iceclass.phases import PHASES


@pytest.fixture(scope="module")
def shipped():
    return load_environments()


def entry(name="one", **more):
    frame = build("ih", WATER_MODELS["mw"]).frame()
    description = {
        "phase": "",
        "preparation": "p",
        "water_model": "mw",
        "temperature": 240.0,
        "pressure": 0.0,
        "density": 0.9,
        "environment": "nucleus",
        "group": "g",
        "split": "train",
        "phases": ["ic", "water"],
        **more,
    }
    return name, description, (frame, frame)


def written(path, name="one", made=None, truth=None, **more):
    one = entry(name, **more)
    n = one[2][0].n_molecules
    made = np.arange(n) % 2 if made is None else made
    truth = (
        np.tile(np.where(np.arange(n) < 5, NO_TRUTH, np.arange(n) % 2), (2, 1))
        if truth is None
        else truth
    )
    arrays = {name: {"made": made.astype(np.int8), "truth": truth.astype(np.int8)}}
    write_reference(path, [one], arrays=arrays)
    return path


def test_numbers_mean_classes(tmp_path):
    (one,) = load_environments(written(tmp_path / "environments-01.h5"))
    assert (one.kind, one.group, one.split, one.phase) == ("nucleus", "g", "train", "")
    assert set(one.truth[:, 5:].ravel()) == {CLASSES.index("ic"), CLASSES.index("water")}
    assert (one.truth[:, :5] == NO_TRUTH).all()
    assert set(one.made) == {1, 5}
    assert len(one.frames) == 2


def test_no_truth_is_one_number():
    assert NO_TRUTH == construction.NO_TRUTH
    assert CLASSES[:9] == tuple(PHASES)[:9]


def test_files_of_a_directory_are_one_set(tmp_path):
    written(tmp_path / "environments-01.h5", "a")
    written(tmp_path / "environments-02.h5", "b")
    assert [t.name for t in load_environments(tmp_path)] == ["a", "b"]
    written(tmp_path / "environments-03.h5", "a")
    with pytest.raises(InputError, match="there twice"):
        load_environments(tmp_path)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"made": np.full(432, 7)}, "phases that are not there"),
        ({"made": np.zeros(5)}, "shape"),
        ({"truth": np.zeros((1, 432))}, "shape"),
        ({"phases": ["ih", "steam"]}, "steam"),
    ],
)
def test_damage_is_named(tmp_path, change, message):
    (one,) = load_environments(written(tmp_path / "environments-01.h5", **change))
    with pytest.raises(InputError, match=message):
        _ = one.made, one.truth


def test_arrays_that_are_missing(tmp_path):
    path = written(tmp_path / "environments-01.h5")
    with h5py.File(path, "a") as file:
        del file["trajectories/one/truth"]
    (one,) = load_environments(path)
    with pytest.raises(InputError, match="damaged data set"):
        _ = one.truth


def test_other_data_sets_are_refused(tmp_path):
    with pytest.raises(InputError, match="no 'environment'"):
        load_environments(iceclass.load_reference().trajectories[0]._path)
    with pytest.raises(InputError, match="no data set of environments"):
        load_environments(tmp_path)
    with pytest.raises(InputError, match="no data set of environments"):
        load_environments(tmp_path / "nothing.h5")


def test_shipped_set_is_split_by_preparation(shipped):
    sides = {}
    for one in shipped:
        assert one.split in ("train", "validation", "test")
        sides.setdefault(one.preparation, set()).add(one.split)
    assert all(len(s) == 1 for s in sides.values())
    # a seed is in one preparation only: no two share their protons or velocities
    seeds = {}
    for one in shipped:
        key = (one.model, one.metadata["definition"]["seed"])
        seeds.setdefault(key, set()).add(one.preparation)
    assert all(len(s) == 1 for s in seeds.values())


def test_shipped_set_keeps_reserved_models_and_kinds_for_tests(shipped):
    for one in shipped:
        if one.model in RESERVED_MODELS or one.kind in RESERVED_KINDS:
            assert one.split == "test"


def test_shipped_set_has_truth_for_its_molecules(shipped):
    for one in shipped:
        frames = one.frames
        assert one.truth.shape == (len(frames), frames[0].n_molecules)
        known = one.truth != NO_TRUTH
        assert known.mean() > 0.2
        assert (one.truth[known] == np.broadcast_to(one.made, one.truth.shape)[known]).all()
        if one.phase:
            assert set(one.made) == {CLASSES.index(one.phase)}


def test_shipped_set_is_small_and_its_rejects_are_not_in_it(shipped):
    assert sum(f.stat().st_size for f in environment_files()) < 40 * 2**20
    rejected = json.loads((CHECKOUT / "environments-rejected.json").read_text())
    assert not {t.name for t in shipped} & set(rejected)
    assert all(one["reasons"] for one in rejected.values())


def test_liquids_are_as_dense_and_bonded_as_their_authors_say(shipped):
    """At 295 to 300 K and 0 GPa; first peaks of g(r) within the width of a bin or two."""
    published = {
        "tip4p-2005": (0.997, 2.78),
        "tip4p-ew": (0.995, 2.75),
        "opc": (0.997, 2.80),
        "tip4p-fb": (0.996, 2.78),
        "tip3p": (0.984, 2.77),
        "spc-e": (0.998, 2.75),
        "mw": (0.997, 2.80),
    }
    seen = set()
    for one in shipped:
        at_room = 295 <= one.temperature <= 300 and one.pressure == 0.0
        if one.kind == "liquid" and at_room and one.model in published:
            density, peak = published[one.model]
            assert one.density == pytest.approx(density, rel=0.02), one.name
            assert one.metadata["checks"]["first_peak"] == pytest.approx(peak, abs=0.09)
            seen.add(one.model)
    assert "mw" in seen

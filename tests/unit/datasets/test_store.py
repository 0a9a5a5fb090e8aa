"""The feature store: what goes in comes out, whatever happens in between."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import tracemalloc
from dataclasses import replace
from pathlib import Path

import h5py
import numpy as np
import pytest

from iceclass.datasets.store import FeatureStore, TrajectoryInfo
from iceclass.datasets.table import descriptor_difference, order_classes
from iceclass.descriptors import descriptor
from iceclass.errors import InputError, OutputError
from iceclass.frame import Frame
from tests.helpers.iceframes import DESCRIPTOR, features, thermal_frame, trajectory

SOAP = descriptor(DESCRIPTOR)
ROOT = Path(__file__).resolve().parents[3]


def frames_of(phase: str, preparation: int, n_frames: int = 2):
    """Frames with their features, one seed for each frame."""
    for i in range(n_frames):
        seed = 10 * preparation + i
        yield thermal_frame(phase, seed), features(phase, seed)


def untouchable():
    """Frames nobody should ask for."""
    raise AssertionError("the trajectory was computed again")
    yield


@pytest.fixture
def store_path(tmp_path: Path) -> Path:
    """A store of three trajectories."""
    path = tmp_path / "ices.h5"
    with FeatureStore.create(path, SOAP) as store:
        for phase, preparation in (("ih", 1), ("ih", 2), ("iii", 1)):
            store.append_trajectory(trajectory(phase, preparation), frames_of(phase, preparation))
    return path


def test_features_and_identities_come_back(store_path: Path):
    table = FeatureStore.open(store_path).load()
    expected = np.concatenate(
        [features(p, 10 * k + i) for p, k in (("ih", 1), ("ih", 2), ("iii", 1)) for i in (0, 1)]
    )
    np.testing.assert_array_equal(table.features, expected)
    assert table.features.dtype == np.float32
    assert table.feature_names == SOAP.names
    n_ih, n_iii = len(features("ih", 10)), len(features("iii", 10))
    np.testing.assert_array_equal(
        table.trajectory, np.repeat([0, 1, 2], [2 * n_ih, 2 * n_ih, 2 * n_iii])
    )
    first = table.trajectory == 0
    np.testing.assert_array_equal(table.frame[first], np.repeat([0, 1], n_ih))
    np.testing.assert_array_equal(table.timestep[first], np.repeat([10_000, 11_000], n_ih))
    np.testing.assert_array_equal(table.molecule[first], np.tile(np.arange(1, n_ih + 1), 2))
    assert set(table.phase[table.trajectory == 2]) == {"iii"}
    assert set(table.preparation[first]) == {"seed-1"}
    info = table.trajectories[0]
    assert (info.n_frames, info.n_molecules, info.n_rows) == (2, n_ih, 2 * n_ih)
    assert (info.temperature, info.water_model) == (200.0, "tip4p-ice")
    assert not store_path.with_name("ices.h5.parts").exists()


def test_stores_of_format_2_are_read_and_added_to(store_path: Path):
    """The densities beside their rows are left out of account, and go when the file is written."""
    expected = FeatureStore.open(store_path).load()
    with h5py.File(store_path, "r+") as file:
        file.attrs["format_version"] = 2
        file["rows"].create_dataset(
            "density", data=np.ones(len(expected), "f4"), maxshape=(None,), chunks=(8192,)
        )
    np.testing.assert_array_equal(FeatureStore.open(store_path).load().features, expected.features)
    with FeatureStore.open(store_path, "a") as store:
        store.append_trajectory(trajectory("v", 1), frames_of("v", 1))
    table = FeatureStore.open(store_path).load()
    np.testing.assert_array_equal(table.features[: len(expected)], expected.features)
    assert table.phase[-1] == "v"
    with h5py.File(store_path) as file:
        assert file.attrs["format_version"] == 3
        assert set(file["rows"]) == {"features", "trajectory", "frame", "timestep", "molecule"}


def test_trajectories_are_appended_and_not_computed_twice(store_path: Path):
    with FeatureStore.open_or_create(store_path, SOAP) as store:
        store.append_trajectory(trajectory("ih", 1), untouchable())
        store.append_trajectory(trajectory("v", 1), frames_of("v", 1))
    table = FeatureStore.open(store_path).load()
    assert table.classes == ("ih", "iii", "v")
    np.testing.assert_array_equal(table.features[: len(features("ih", 10))], features("ih", 10))
    np.testing.assert_array_equal(table.features[-len(features("v", 11)) :], features("v", 11))


def test_unfinished_trajectory_is_dropped_and_the_whole_ones_are_kept(tmp_path: Path):
    path = tmp_path / "ices.h5"

    def broken():
        yield next(frames_of("ih", 2))
        raise InputError("a frame that cannot be read", frame=1)

    def run(second):
        with FeatureStore.create(path, SOAP) as store:
            store.append_trajectory(trajectory("ih", 1), frames_of("ih", 1))
            store.append_trajectory(trajectory("ih", 2), second)

    with pytest.raises(InputError, match="a frame that"):
        run(broken())
    assert not path.exists()
    with pytest.raises(InputError, match="unfinished run"):
        FeatureStore.open(path)
    with FeatureStore.create(path, SOAP) as store:
        store.append_trajectory(trajectory("ih", 1), untouchable())
        store.append_trajectory(trajectory("ih", 2), frames_of("ih", 2))
    assert [t.n_frames for t in FeatureStore.open(path).trajectories] == [2, 2]


KILLED = """
import sys, time
from pathlib import Path
from iceclass.datasets.store import FeatureStore
from tests.unit.datasets.test_store import SOAP, frames_of, trajectory

def slowly():
    frames = frames_of("ih", 2)
    yield next(frames)
    print("half way", flush=True)
    time.sleep(600)

with FeatureStore.open_or_create(Path(sys.argv[1]), SOAP) as store:
    store.append_trajectory(trajectory("ih", 1), frames_of("ih", 1))
    store.append_trajectory(trajectory("ih", 2), slowly())
"""


def test_a_killed_run_goes_on_after_its_last_whole_trajectory(tmp_path: Path):
    path = tmp_path / "ices.h5"
    with FeatureStore.create(path, SOAP) as store:
        store.append_trajectory(trajectory("v", 1), frames_of("v", 1))
    before = path.read_bytes()
    run = subprocess.Popen(
        [sys.executable, "-c", KILLED, str(path)], stdout=subprocess.PIPE, cwd=ROOT, text=True
    )
    assert run.stdout is not None
    with run.stdout:
        assert run.stdout.readline() == "half way\n"
        with pytest.raises(OutputError, match="another process"):
            FeatureStore.open(path, "a")
        os.kill(run.pid, signal.SIGKILL)
        run.wait()
    assert path.read_bytes() == before
    with FeatureStore.open(path, "a") as store:
        store.append_trajectory(trajectory("ih", 1), untouchable())
        store.append_trajectory(trajectory("ih", 2), frames_of("ih", 2))
    whole = tmp_path / "whole.h5"
    with FeatureStore.create(whole, SOAP) as store:
        for phase, preparation in (("v", 1), ("ih", 1), ("ih", 2)):
            store.append_trajectory(trajectory(phase, preparation), frames_of(phase, preparation))
    resumed, expected = (FeatureStore.open(p).load() for p in (path, whole))
    assert resumed.trajectories == expected.trajectories
    for name in ("features", "trajectory", "frame", "timestep", "molecule"):
        np.testing.assert_array_equal(getattr(resumed, name), getattr(expected, name))


def test_a_changed_source_is_an_error_until_forced(tmp_path: Path):
    path, dump = tmp_path / "ices.h5", tmp_path / "ih.lammpstrj"
    dump.write_text("first")
    info = trajectory("ih", 1).with_source(dump)
    with FeatureStore.create(path, SOAP) as store:
        store.append_trajectory(info, frames_of("ih", 1))
        store.append_trajectory(trajectory("v", 1), frames_of("v", 1))
    dump.write_text("other")
    changed = info.with_source(dump)
    with FeatureStore.open(path, "a") as store:
        with pytest.raises(InputError, match=r"ih.lammpstrj: trajectory 'ih-1-200' has changed"):
            store.append_trajectory(changed, untouchable())
        store.append_trajectory(changed, frames_of("ih", 5), force=True)
    table = FeatureStore.open(path).load()
    assert [t.name for t in table.trajectories] == ["v-1-200", "ih-1-200"]
    np.testing.assert_array_equal(table.features[: len(features("v", 10))], features("v", 10))
    np.testing.assert_array_equal(table.features[-len(features("ih", 51)) :], features("ih", 51))


def test_a_changed_description_is_an_error(store_path: Path):
    with (
        FeatureStore.open(store_path, "a") as store,
        pytest.raises(InputError, match="stored with preparation 'seed-1', now 'seed-9'"),
    ):
        store.has(replace(trajectory("ih", 1), preparation="seed-9"))


def test_another_descriptor_is_an_error_that_spells_out_the_difference(store_path: Path):
    other = descriptor("soap-325")
    with pytest.raises(InputError, match=r"l_max is 5, expected 8, n_max is 3, expected 8"):
        FeatureStore.open_or_create(store_path, other)
    with pytest.raises(InputError, match="another descriptor"):
        FeatureStore.open(store_path, descriptor=SOAP.with_(r_cut=5.0))
    assert descriptor_difference(SOAP.to_dict(), SOAP.to_dict()) == ""
    assert "family" in descriptor_difference({"family": "acsf"}, SOAP.to_dict())


def test_an_unfinished_store_of_another_descriptor_is_an_error(tmp_path: Path):
    path = tmp_path / "ices.h5"
    store = FeatureStore.create(path, SOAP)
    store.append_trajectory(trajectory("ih", 1), frames_of("ih", 1))
    store.close(join=False)
    with pytest.raises(InputError, match="another descriptor"):
        FeatureStore.create(path, descriptor("soap-325"))
    with FeatureStore.create(path, SOAP, force=True) as store:
        assert store.trajectories == ()
        store.append_trajectory(trajectory("v", 1), frames_of("v", 1))
    assert FeatureStore.open(path).load().classes == ("v",)


def test_an_existing_store_is_not_replaced_unless_forced(store_path: Path):
    before = store_path.read_bytes()
    with pytest.raises(OutputError, match="exists already"):
        FeatureStore.create(store_path, SOAP)
    with pytest.raises(InputError), FeatureStore.create(store_path, SOAP, force=True) as store:
        store.append_trajectory(trajectory("v", 1), iter(()))
    assert store_path.read_bytes() == before


def test_loading_a_part(store_path: Path):
    store = FeatureStore.open(store_path)
    some = store.load(phases=["ih"], max_rows=50, seed=3)
    assert len(some) == 100
    assert some.classes == ("ih",)
    again = store.load(phases=["ih"], max_rows=50, seed=3)
    np.testing.assert_array_equal(some.features, again.features)
    other = store.load(phases=["ih"], max_rows=50, seed=4)
    assert not np.array_equal(some.features, other.features)
    whole = store.load()
    row = 17
    same = np.flatnonzero(
        (whole.trajectory == some.trajectory[row])
        & (whole.frame == some.frame[row])
        & (whole.molecule == some.molecule[row])
    )
    np.testing.assert_array_equal(whole.features[same[0]], some.features[row])
    with pytest.raises(InputError, match="did you mean 'iii'"):
        store.load(phases=["iiii"])
    with pytest.raises(InputError, match="no trajectory"):
        store.load(splits=["test"])


def test_memory_is_that_of_a_frame(tmp_path: Path):
    frame = Frame(positions=np.zeros((1000, 3)), cell=np.eye(3))
    block = np.random.default_rng(1).normal(size=(1000, SOAP.n_features))
    with FeatureStore.create(tmp_path / "long.h5", SOAP) as store:
        store.append_trajectory(trajectory("ih", 1), ((frame, block) for _ in range(3)))
        tracemalloc.start()
        store.append_trajectory(trajectory("ih", 2), ((frame, block) for _ in range(150)))
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    whole = 150 * block.size * 4
    assert peak < whole / 10


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda x: x[:, :-1], r"frame 0: features have shape \(432, 36\), expected \(432, 37\)"),
        (lambda x: x[:-1], "features have shape"),
        (lambda x: x * np.nan, "not finite"),
        (lambda x: x.astype(np.float64) * 1e300, "not finite in float32"),
    ],
)
def test_features_that_cannot_be_stored(tmp_path: Path, change, message: str):
    path = tmp_path / "ices.h5"
    frame, values = next(frames_of("ih", 1))
    with pytest.raises(InputError, match=message), FeatureStore.create(path, SOAP) as store:
        store.append_trajectory(trajectory("ih", 1), [(frame, change(values))])
    assert list(tmp_path.iterdir()) == []


def test_trajectory_descriptions_are_checked():
    with pytest.raises(InputError, match="no preparation"):
        TrajectoryInfo("a", "ih", "")
    with pytest.raises(InputError, match="did you mean 'train'"):
        TrajectoryInfo("a", "ih", "1", split="trian")
    with pytest.raises(InputError, match="cannot be read"):
        TrajectoryInfo("a", "ih", "1").with_source("no/such/file")


def test_not_a_feature_store(tmp_path: Path):
    path = tmp_path / "x.h5"
    path.write_bytes(b"")
    with pytest.raises(InputError, match=r"x.h5: not a feature store"):
        FeatureStore.open(path)
    with h5py.File(path, "w") as file:
        file["x"] = 1
    with pytest.raises(InputError, match="but not a feature store"):
        FeatureStore.open(path)
    with pytest.raises(InputError, match="no such feature store"):
        FeatureStore.open(tmp_path / "y.h5")


def test_damaged_stores_are_errors(store_path: Path, tmp_path: Path):
    def damaged(change) -> Path:
        path = tmp_path / "damaged.h5"
        shutil.copyfile(store_path, path)
        with h5py.File(path, "r+") as file:
            change(file)
        return path

    def drop(name: str):
        return lambda file: file.__delitem__(name)

    def truncate(file: h5py.File) -> None:
        file["rows/frame"].resize(10, axis=0)

    def later(file: h5py.File) -> None:
        file.attrs["format_version"] = 99

    def earlier(file: h5py.File) -> None:
        file.attrs["format_version"] = 1

    def scramble(file: h5py.File) -> None:
        file.attrs["descriptor"] = "{"

    def not_a_number(file: h5py.File) -> None:
        file["rows/features"][5, 5] = np.nan

    for change, message in (
        (drop("rows"), "damaged"),
        (drop("rows/timestep"), "damaged"),
        (drop("trajectories/phase"), "damaged"),
        (truncate, "rows/frame has shape"),
        (later, "of format 99, expected 2 or 3"),
        (earlier, "of format 1, expected 2 or 3"),
        (scramble, "damaged"),
        (not_a_number, "not finite"),
    ):
        path = damaged(change)
        with pytest.raises(InputError, match=message):
            FeatureStore.open(path).load()
    path = tmp_path / "short.h5"
    path.write_bytes(store_path.read_bytes()[:-5000])
    with pytest.raises(InputError, match="damaged"):
        FeatureStore.open(path).load()


def test_classes_are_ordered_as_in_the_catalogue():
    assert order_classes(["vi", "mine", "water", "ih", "water"]) == ("ih", "water", "vi", "mine")

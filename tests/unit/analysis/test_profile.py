"""Profiles against ASE's scaled positions, and their symmetries."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import pytest
from ase import Atoms

import iceclass
from iceclass.analysis.profile import COMMON, Profile
from iceclass.errors import InputError
from iceclass.frame import Frame
from iceclass.phases import UNKNOWN
from tests.helpers.configurations import random_triclinic
from tests.helpers.dumps import DATA
from tests.helpers.labelled import CLASSES, demo_frames, prediction, random_labels

NAMES = (*CLASSES, UNKNOWN)


def counts(record: dict, names: tuple[str, ...] = NAMES) -> np.ndarray:
    """(C + 1, layers) of a record."""
    return np.array([record["counts"].get(name, [0] * record["layers"]) for name in names])


def table(path: Path) -> dict[str, np.ndarray]:
    """Columns of a CSV; empty fields are NaN."""
    with open(path, newline="") as file:
        rows = list(csv.DictReader(file))
    return {
        name: np.array([row[name] if name == "axis" else float(row[name] or "nan") for row in rows])
        for name in rows[0]
    }


@pytest.mark.parametrize("axis", ["a", "b", "c"])
@pytest.mark.parametrize("seed", range(3))
def test_cell_vectors_as_ase(axis: str, seed: int) -> None:
    frame = random_triclinic(300, seed=seed, size=20.0)
    labelled = random_labels(300, seed)
    record = Profile(CLASSES, axis=axis, width=1.5).record(frame, labelled)
    k = "abc".index(axis)
    atoms = Atoms("O300", frame.positions, cell=frame.cell, pbc=True)
    scaled = atoms.get_scaled_positions(wrap=True)[:, k]
    area = np.linalg.norm(np.cross(*np.delete(frame.cell, k, axis=0)))
    assert record["extent"] == pytest.approx(frame.volume / area)
    assert record["low"] == 0.0
    assert record["layers"] == round(record["extent"] / 1.5)
    for index, name in zip((0, 1, 2, 3, -1), NAMES, strict=True):
        chosen = scaled[labelled.labels == index]
        expected = np.histogram(chosen, record["layers"], range=(0.0, 1.0))[0]
        assert record["counts"][name] == expected.tolist()


def test_cartesian_axes_of_lammps_cells() -> None:
    """z is unique in every cell of LAMMPS and counts from the file's origin; x is not."""
    for frame in iceclass.read(DATA / "triclinic.lammpstrj"):
        labelled = random_labels(frame.n_molecules)
        along_z = Profile(CLASSES, axis="z", width=1.0).record(frame, labelled)
        along_c = Profile(CLASSES, axis="c", width=1.0).record(frame, labelled)
        assert along_z["counts"] == along_c["counts"]
        assert along_z["low"] == frame.origin[2]
        assert along_z["extent"] == pytest.approx(frame.cell[2, 2])
        with pytest.raises(InputError, match="several cell vectors reach along x"):
            Profile(CLASSES, axis="x").record(frame, labelled)


def test_layers_are_where_the_molecules_are() -> None:
    """Along each axis of a box with an origin, exchanged and reversed vectors."""
    rng = np.random.default_rng(5)
    origin = np.array([-7.0, 3.0, 11.0])
    cell = np.array([[0.0, -20.0, 0.0], [0.0, 0.0, 24.0], [30.0, 0.0, 0.0]])
    positions = origin + rng.uniform(size=(500, 3)) @ cell
    frame = Frame(positions, cell, origin=origin)
    labelled = random_labels(500)
    for axis, low, extent in (("x", -7.0, 30.0), ("y", -17.0, 20.0), ("z", 11.0, 24.0)):
        record = Profile(CLASSES, axis=axis).record(frame, labelled)
        assert (record["low"], record["extent"]) == pytest.approx((low, extent))
        along = positions[:, "xyz".index(axis)]
        expected = np.histogram(along, record["layers"], range=(low, low + extent))[0]
        np.testing.assert_array_equal(counts(record).sum(axis=0), expected)


def test_periodic_images_and_dilation_change_nothing() -> None:
    frame, labelled = demo_frames()[0]
    profile = Profile(labelled.classes)
    expected = profile.record(frame, labelled)
    shifts = np.random.default_rng(1).integers(-3, 4, (frame.n_molecules, 3)) @ frame.cell
    moved = Frame(frame.positions + shifts, frame.cell, origin=frame.origin)
    assert profile.record(moved, labelled)["counts"] == expected["counts"]
    grown = Frame(1.01 * frame.positions, 1.01 * frame.cell, origin=1.01 * frame.origin)
    found = profile.record(grown, labelled)
    assert found["counts"] == expected["counts"]
    assert found["extent"] == pytest.approx(1.01 * expected["extent"])


def test_open_boundaries() -> None:
    """Along an open vector nothing is wrapped; what is outside belongs to the end layers."""
    cell = np.diag([10.0, 10.0, 8.0])
    z = np.array([-0.5, 0.5, 3.0, 7.9, 8.4])
    positions = np.column_stack([np.ones(5), np.ones(5), z])
    closed = Frame(positions, cell)
    ended = Frame(positions, cell, pbc=np.array([True, True, False]))
    labelled = prediction(np.zeros(5))
    profile = Profile(CLASSES)
    assert profile.record(closed, labelled)["counts"] == {"ih": [2, 1, 0, 2]}
    assert profile.record(ended, labelled)["counts"] == {"ih": [2, 1, 0, 2]}
    assert profile.record(Frame(positions[[0]], cell), prediction([0]))["counts"]["ih"][-1] == 1
    assert profile.record(
        Frame(positions[[0]], cell, pbc=np.array([True, True, False])), prediction([0])
    )["counts"] == {"ih": [1, 0, 0, 0]}


def test_a_film_without_a_third_vector(tmp_path: Path) -> None:
    """Along the periodic vectors it has a profile but no density; across it has none."""
    rng = np.random.default_rng(0)
    cell = np.array([[20.0, 0.0, 0.0], [6.0, 18.0, 0.0], [0.0, 0.0, 0.0]])
    frame = Frame(rng.uniform(0, 20, (40, 3)), cell)
    labelled = random_labels(40)
    profile = Profile(CLASSES, axis="b")
    profile.add(frame, labelled)
    record = profile.records[0][1]
    assert record["volume"] is None
    assert record["extent"] == pytest.approx(18.0)
    expected = np.histogram(frame.positions[:, 1] / 18.0 % 1.0, 9, range=(0, 1))[0]
    np.testing.assert_array_equal(counts(record).sum(axis=0), expected)
    for write in (profile.write, profile.write_frames):
        assert np.isnan(table(write(tmp_path / f"{write.__name__}.csv"))["number_density"]).all()
    for axis in ("c", "z"):
        with pytest.raises(InputError, match="no extent along"):
            Profile(CLASSES, axis=axis).record(frame, labelled)


def test_tables(tmp_path: Path) -> None:
    """Mean and frames agree with each other and with the demo's molecules."""
    classes = demo_frames()[0][1].classes
    profile = Profile(classes)
    for k, (frame, labelled) in enumerate(demo_frames()):
        profile.add(frame, labelled, number=5 * k)
    each = table(profile.write_frames(tmp_path / "frames.csv"))
    mean = table(profile.write(tmp_path / "mean.csv"))
    assert list(mean) == [*COMMON, *classes, UNKNOWN]
    assert list(each) == ["frame", "timestep", *mean]
    assert set(each["frame"]) == {0, 5, 10, 15, 20}
    assert set(each["timestep"]) == {0, 5000, 10000, 15000, 20000}
    for k, (frame, labelled) in enumerate(demo_frames()):
        rows = each["frame"] == 5 * k
        molecules, width = each["molecules"][rows], each["width"][rows]
        assert molecules.sum() == frame.n_molecules
        assert width.sum() == pytest.approx(frame.cell[2, 2], abs=1e-2)
        np.testing.assert_allclose(
            each["number_density"][rows],
            molecules / (frame.volume * width / frame.cell[2, 2]),
            atol=1e-5,
        )
        for index, name in enumerate(classes):
            total = (molecules * each[name][rows]).sum()
            assert total == pytest.approx((labelled.labels == index).sum(), abs=1e-2)
    everything = sum(each[name] for name in (*classes, UNKNOWN))
    np.testing.assert_allclose(everything, 1.0, atol=1e-5)
    assert mean["molecules"].sum() == pytest.approx(720.0, abs=0.01)
    n_frames = len(demo_frames())
    for name in classes:
        total = (mean["molecules"] * mean[name]).sum() * n_frames
        assert total == pytest.approx((each["molecules"] * each[name]).sum(), abs=0.05)
    extents = [frame.cell[2, 2] for frame, _ in demo_frames()]
    assert mean["width"].sum() == pytest.approx(np.mean(extents), abs=1e-2)
    lows = [frame.origin[2] for frame, _ in demo_frames()]
    assert mean["position"][0] == pytest.approx(np.mean(lows) + mean["width"][0] / 2, abs=1e-3)
    # The slab is of ice in its middle, of water outside: an interface that can be seen.
    assert mean["ih"].max() > 0.9
    assert mean["water"].max() > 0.99


def test_frames_with_other_numbers_of_layers_are_shared_out_by_overlap(tmp_path: Path) -> None:
    """10 Å and 14 Å have 5 and 7 layers, their mean of 12 Å has 6; nothing is lost."""
    profile = Profile(CLASSES)
    expected = np.zeros(6)
    for extent, layers in ((10.0, 5), (14.0, 7)):
        z = (np.repeat(np.arange(layers), np.arange(1, layers + 1)) + 0.5) * 2.0
        positions = np.column_stack([np.zeros(len(z)), np.zeros(len(z)), z])
        profile.add(Frame(positions, np.diag([10.0, 10.0, extent])), prediction(np.zeros(len(z))))
        for layer in range(layers):
            for k in range(6):
                low, high = max(layer / layers, k / 6), min((layer + 1) / layers, (k + 1) / 6)
                expected[k] += (layer + 1) * max(high - low, 0.0) * layers / 2
    mean = table(profile.write(tmp_path / "mean.csv"))
    np.testing.assert_allclose(mean["molecules"], expected, atol=1e-4)
    assert mean["molecules"].sum() == pytest.approx((15 + 28) / 2, abs=1e-3)
    np.testing.assert_array_equal(mean["ih"], 1.0)
    np.testing.assert_allclose(mean["position"], np.arange(1.0, 12.0, 2.0))


def test_mean_of_equal_layers_is_that_of_the_counts(tmp_path: Path) -> None:
    """Layers never visited have no fraction; frames weigh by their molecules there."""
    cell = np.diag([10.0, 10.0, 8.0])

    def frame(z: list[float]) -> Frame:
        return Frame(np.column_stack([np.zeros((len(z), 2)), z]), cell)

    profile = Profile(CLASSES)
    profile.add(frame([1.0, 1.0, 1.0, 3.0]), prediction([0, 0, 2, -1]))
    profile.add(frame([1.0, 7.0]), prediction([2, 1]))
    mean = table(profile.write(tmp_path / "mean.csv"))
    np.testing.assert_allclose(mean["ih"], [0.5, 0.0, np.nan, 0.0])
    np.testing.assert_allclose(mean["unknown"], [0.0, 1.0, np.nan, 0.0])
    np.testing.assert_allclose(mean["molecules"], [2.0, 0.5, 0.0, 0.5])
    np.testing.assert_allclose(mean["number_density"], [0.01, 0.0025, 0.0, 0.0025])
    lines = (tmp_path / "mean.csv").read_text().splitlines()
    assert lines[3] == "z,2,5.0000,2.0000,0.0,0.000000,,,,,"


def test_records_survive_json(tmp_path: Path) -> None:
    classes = demo_frames()[0][1].classes
    profile = Profile(classes, axis="c", width=1.3)
    for frame, labelled in demo_frames():
        profile.add(frame, labelled)
    text = [json.dumps(record) for _, record in profile.records]
    back = [(k, json.loads(line)) for k, line in enumerate(text)]
    again = Profile(classes, axis="c", width=1.3)
    for name in ("write", "write_frames"):
        a = getattr(profile, name)(tmp_path / f"{name}-a.csv")
        b = getattr(again, name)(tmp_path / f"{name}-b.csv", iter(back))
        assert a.read_bytes() == b.read_bytes()
    assert max(map(len, text)) < 2000
    assert profile.parameters == {"axis": "c", "width": 1.3}


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"axis": "w"}, "unknown axis 'w'"),
        ({"width": 0.0}, "expected a positive length"),
        ({"width": float("inf")}, "expected a positive length"),
    ],
)
def test_wrong_options(options: dict, message: str) -> None:
    with pytest.raises(InputError, match=message):
        Profile(CLASSES, **options)


def test_too_many_layers_and_no_frames(tmp_path: Path) -> None:
    frame, labelled = demo_frames()[0]
    with pytest.raises(InputError, match=r"layers of 0\.001 Å"):
        Profile(labelled.classes, width=0.001).record(frame, labelled)
    for write in (Profile(CLASSES).write, Profile(CLASSES).write_frames):
        with pytest.raises(InputError, match="no frames"):
            write(tmp_path / "p.csv")
    assert not list(tmp_path.iterdir())

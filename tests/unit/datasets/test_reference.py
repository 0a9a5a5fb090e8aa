"""The compact data set keeps positions to its resolution, and all that is known of them."""

import numpy as np
import pytest
from ase.geometry import find_mic

import iceclass
from iceclass import Frame
from iceclass.datasets.featurize import featurize, find_trajectories
from iceclass.datasets.reference import RESOLUTION, is_reference, write_reference
from iceclass.errors import InputError, OutputError
from iceclass.generation.lattices import build
from iceclass.generation.water_models import water_model

DESCRIPTION = {
    "phase": "v",
    "preparation": "v_p1",
    "temperature": 200.0,
    "pressure": 0.5,
    "water_model": "tip4p-ice",
    "density": 1.25,
    "split": "train",
}


@pytest.fixture
def frames():
    """Thermally displaced ice V, in a monoclinic cell, from a shifted origin."""
    rng = np.random.default_rng(1)
    structure = build("v", water_model("tip4p-ice"))
    oxygens = structure.molecules[:, 0]
    return [
        Frame(
            positions=oxygens + rng.normal(0, 0.1, oxygens.shape) - 5.0,
            cell=structure.cell,
            origin=np.array([-5.0, -5.0, -5.0]),
            timestep=100 * k,
        )
        for k in range(3)
    ]


def test_written_and_read_back(frames, tmp_path):
    path = tmp_path / "data.h5"
    write_reference(path, [("v_a", DESCRIPTION, frames)])
    data = iceclass.load_reference(path)
    assert repr(data) == "ReferenceSet(1 trajectories of v)"
    (found,) = data.trajectories
    assert (found.name, found.phase, found.preparation, found.model) == (
        "v_a",
        "v",
        "v_p1",
        "tip4p-ice",
    )
    assert (found.temperature, found.pressure, found.density, found.split) == (
        200.0,
        0.5,
        1.25,
        "train",
    )
    for before, after in zip(frames, found.frames, strict=True):
        assert after.timestep == before.timestep
        assert np.array_equal(after.cell, before.cell)
        moved = after.positions - (before.positions - before.origin)
        displacement, _ = find_mic(moved, before.cell)
        assert np.abs(displacement).max() <= RESOLUTION / 2 + 1e-9


def test_features_survive_the_rounding(frames, tmp_path):
    path = tmp_path / "data.h5"
    write_reference(path, [("v_a", DESCRIPTION, frames)])
    soap = iceclass.descriptor("soap-37").with_(normalise=False)
    for before, after in zip(frames, iceclass.load_reference(path).trajectories[0].frames,
                             strict=True):  # fmt: skip
        a, b = soap.compute(before), soap.compute(after)
        assert np.linalg.norm(a - b, axis=1).max() < 2e-3 * np.linalg.norm(a, axis=1).min()


def test_a_data_set_is_a_source_of_features(frames, tmp_path):
    path, store = tmp_path / "data.h5", tmp_path / "features.h5"
    write_reference(path, [("v_a", DESCRIPTION, frames)])
    (info,) = find_trajectories([path])
    assert (info.phase, info.preparation, info.split) == ("v", "v_p1", "train")
    told = []
    for _ in range(2):
        featurize([info], iceclass.descriptor("soap-37"), store, report=told.append)
    assert told == ["v_a: 3 frames, 1008 environments", "v_a: in the store already"]


def test_other_files_are_not_data_sets(tmp_path):
    path = tmp_path / "a.h5"
    with pytest.raises(InputError, match="no such data set"):
        iceclass.load_reference(path)
    path.write_text("no")
    assert not is_reference(path)
    with pytest.raises(InputError, match="not an iceclass data set"):
        iceclass.load_reference(path)


def test_nothing_is_replaced_or_left_half_written(frames, tmp_path):
    path = tmp_path / "data.h5"
    fewer = Frame(positions=frames[0].positions[1:], cell=frames[0].cell)
    with pytest.raises(InputError, match="as many molecules"):
        write_reference(path, [("v_a", DESCRIPTION, [frames[0], fewer])])
    assert list(tmp_path.iterdir()) == []
    write_reference(path, [("v_a", DESCRIPTION, frames)])
    with pytest.raises(OutputError, match="exists already"):
        write_reference(path, [("v_a", DESCRIPTION, frames)])

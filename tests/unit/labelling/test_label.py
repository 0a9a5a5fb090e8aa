"""Options of :func:`iceclass.label`, and what ends a run that follows a simulation."""

from __future__ import annotations

import inspect
import json
import resource
import signal
from pathlib import Path

import numpy as np
import pytest

from iceclass import label
from iceclass.errors import InputError, OutputError
from iceclass.io import Follow, ReadOptions
from iceclass.labelling.distributed import label_distributed
from iceclass.labelling.options import LabelOptions
from iceclass.labelling.selection import Region
from iceclass.model.file import load_model
from tests.unit.labelling.test_memory import write_tiny

TYPES = {1: "O"}


@pytest.fixture(scope="module")
def model():
    return load_model("soap-37")


@pytest.fixture
def traj(tmp_path):
    return write_tiny(tmp_path / "traj.lammpstrj", 8)


def test_few_parameters():
    for function in (label, label_distributed):
        assert len(inspect.signature(function).parameters) <= 10


def test_options_as_values_and_by_name_are_the_same(traj, model):
    reading = ReadOptions(types=TYPES, start=1, every=3)
    labelling = LabelOptions(unknown=False, regions=[Region("x", -1, 5)])
    values = label(traj, model, reading=reading, labelling=labelling)
    names = label(
        traj, model, types=TYPES, start=1, every=3, unknown=False, regions=[Region("x", -1, 5)]
    )
    assert values.parameters == names.parameters
    assert values.frames.tolist() == names.frames.tolist() == [1, 4, 7]
    assert np.array_equal(values.counts, names.counts)
    assert set(names.molecules) == {2}
    mixed = label(traj, model, reading=reading, start=4)
    assert mixed.frames.tolist() == [4, 7], "what is named is in place of what the value holds"


def test_an_option_that_there_is_not(traj, model):
    with pytest.raises(TypeError, match="no option 'tpyes': did you mean 'types'"):
        label(traj, model, tpyes=TYPES)
    with pytest.raises(TypeError, match="no option 'client'"):
        label(traj, model, client="tcp://…")


def test_the_model_goes_by_the_name_of_its_file(traj, model):
    """Whether it is named or has been loaded."""
    for given in (model, "soap-37"):
        assert label(traj, given, types=TYPES, stop=1).parameters["model"] == "soap-37"


def test_frames_without_a_molecule_in_the_region_are_not_averaged_over(traj, model, tmp_path):
    """The sites move by up to 0.6 Å to the right."""
    region = Region("x", 3.35, 3.45)  # there in the frame 4 of 7 alone
    result = label(traj, model, types=TYPES, regions=(region,))
    assert result.molecules.tolist() == [0, 0, 0, 0, 2, 0, 0, 0]
    assert {average.frames for average in result.statistics.values()} == {1}
    assert sum(average.mean for average in result.statistics.values()) == pytest.approx(1.0)
    result.write_summary(tmp_path / "summary.json")
    assert json.loads((tmp_path / "summary.json").read_text())["frames"] == 8


def stopped(source: Path, model, after: int, output: Path | None = None, **options):
    """The result of following a file of which all is there, stopped after so many frames."""
    follow = Follow(poll=0.01)

    def progress(frames, molecules, position):
        if frames == after:
            follow.stop.set()

    return label(source, model, output, types=TYPES, follow=follow, progress=progress, **options)


def test_a_frame_that_is_half_written_when_it_is_stopped_is_left_out(traj, model):
    text = traj.read_text()
    for lacking in (2, 30, 60, 100):  # within the last row, the rows, the header
        traj.write_text(text[:-lacking])
        assert stopped(traj, model, 7).frames.tolist() == list(range(7))


def test_damage_is_told_though_it_was_stopped(traj, model):
    frames = traj.read_text().split("ITEM: TIMESTEP")
    frames[4] = frames[4].replace("1 1 3", "1 1 three")
    traj.write_text("ITEM: TIMESTEP".join(frames))
    with pytest.raises(InputError, match=r"frame 3, line .*three"):
        stopped(traj, model, 1)


def test_a_full_disk_is_told_though_it_was_stopped(traj, model):
    """A limit on the size of files stands for it."""
    stopped(traj, model, 7, traj.parent / "all.lammpstrj", keep_labels=False)  # it compiles
    before, handler = resource.getrlimit(resource.RLIMIT_FSIZE), signal.getsignal(signal.SIGXFSZ)
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    try:
        resource.setrlimit(resource.RLIMIT_FSIZE, (2500, before[1]))
        with pytest.raises(OutputError, match="cannot be written"):
            stopped(traj, model, 1, traj.parent / "out.lammpstrj", keep_labels=False)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, handler)


def test_errors_of_observers_tell_the_frame(traj, model):
    from iceclass.analysis.profile import Profile

    observers = {"profile": Profile(model.classes, width=1e-6)}
    with pytest.raises(InputError, match=r"traj\.lammpstrj, frame 0: .*expected at most"):
        label(traj, model, types=TYPES, observers=observers)

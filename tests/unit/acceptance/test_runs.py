"""Checking directories of trajectories, and links to the accepted ones."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from iceclass.acceptance.check import read_checks
from iceclass.acceptance.criteria import Thresholds
from iceclass.acceptance.runs import check_runs
from iceclass.datasets.metadata import read_metadata
from iceclass.errors import InputError
from tests.cli.test_main import run
from tests.unit.datasets.test_pack import runs

MEASURED = {"energy_drift": 0.0, "mean_temperature": 250.0}


@pytest.fixture
def directory(tmp_path):
    """Two preparations of a few frames: too few, by the default thresholds."""
    place = tmp_path / "runs"
    place.mkdir()
    dynamics = {"seed": 1, "dynamics": {"interval": 1.0}}
    return runs(place, (1, 2), phases=("ih",), definition=dynamics, **MEASURED)


def test_every_trajectory_is_judged_with_reasons(directory):
    checked = check_runs([directory], thresholds=Thresholds())
    assert [c.accepted for c in checked.checks] == [False, False]
    assert "frames, expected at least 10" in checked.checks[0].reasons[0]
    assert "ice Ih            2         0" in checked.as_text()
    assert set(checked.snapshots) == {"ih"}


def test_accepted_ones_are_linked_with_their_checks(directory, tmp_path):
    checked = check_runs([directory], thresholds=Thresholds(), replaced=["ih_mw_p2"])
    assert checked.checks[1].reasons[-1] == "the preparation is replaced by another one"
    first = replace(checked.checks[0], reasons=())
    links = tmp_path / "accepted"
    replace(checked, checks=(first, checked.checks[1])).link_accepted(links)
    (path,) = links.rglob("*.lammpstrj")
    assert path.is_symlink()
    assert path.parent.name == "ih_mw_p1"
    metadata = read_metadata(path)
    assert metadata["checks"]["accepted"] is True
    assert metadata["checks"]["density"] == first.density
    assert "g" not in metadata["checks"]
    replace(checked, checks=()).link_accepted(links)  # anew: nothing is left of it
    assert list(links.iterdir()) == []
    (directory / "preparation.json").write_text("{}")
    with pytest.raises(InputError, match="not a directory of links"):
        checked.link_accepted(directory)
    assert (directory / "preparation.json").exists()


def test_the_command_takes_thresholds_and_refuses_others(directory, tmp_path, capsys):
    out = tmp_path / "checks.json"
    words = ("check", str(directory), "-o", str(out))
    assert run(*words, "--thresholds", '{"minimum_frames": 1}') == 0
    assert "expected at least 10" not in capsys.readouterr().out
    assert json.loads(out.read_text())["thresholds"]["minimum_frames"] == 1
    assert len(read_checks(out)) == 2
    for wrong, said in (
        ("{", "not JSON"),
        ("[1]", "JSON object"),
        ('{"x": 1}', "unknown threshold"),
    ):
        assert run(*words, "--thresholds", wrong) == 2
        assert said in capsys.readouterr().err


def test_what_cannot_be_measured_names_its_file(tmp_path):
    place = tmp_path / "runs"
    place.mkdir()
    with pytest.raises(InputError, match=r"ih_mw_p1_250K_0GPa\.lammpstrj.*lacks 'energy_drift'"):
        check_runs([runs(place, (1,), phases=("ih",))], thresholds=Thresholds())

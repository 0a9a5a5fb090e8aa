"""``iceclass info`` of a trajectory: ten lines, the last of which labels it."""

import json
import shlex
import shutil
from pathlib import Path

import pytest

from tests.cli.test_main import run

CASES = Path(__file__).parents[1] / "data" / "cases"
BOX = "23.4685,22.0607,27.1096"


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def info(capsys, *arguments):
    assert run("info", *map(str, arguments)) == 0
    lines = capsys.readouterr().out.splitlines()
    return {name: text.strip() for name, _, text in (line.partition(":") for line in lines)}


def labelled(line):
    words = shlex.split(line)
    assert words[0] == "iceclass"
    assert run(*words[1:], "-q") == 0
    return json.loads(next(Path().glob("*.phases.json")).read_text())


@pytest.mark.parametrize(
    ("name", "options", "expected"),
    [
        (
            "bohr.lammpstrj.gz",
            (),
            {
                "format": "lammps-dump",
                "units": "bohr, guessed: the distance O–H is 1.81, which is 0.957 Å then, "
                "and none of water's if it is in Å",
                "molecules": "432 of water",
                "first cell": "23.468 × 22.061 × 27.110 Å, periodic periodic periodic",
                "to label": "iceclass label bohr.lammpstrj.gz --units bohr",
            },
        ),
        (
            "types.xyz.gz",
            ("--types", "1=O,2=H", "--cell", BOX),
            {
                "sites": "oxygen: type 1 (as given); hydrogen: type 2",
                "to label": "iceclass label types.xyz.gz --types 1=O,2=H "
                "--cell 23.4685,22.0607,27.1096,90,90,90",
            },
        ),
        (
            "gro-held-seed.gro.gz",
            (),
            {
                "carried": "nothing but water",
                "frames": "1, timesteps 0 to 0",
                "atoms": "1296",
                "to label": "iceclass label gro-held-seed.gro.gz",
            },
        ),
    ],
)
def test_the_line_that_labels(name, options, expected, here, capsys):
    shutil.copy(CASES / name, name)
    told = info(capsys, name, *options)
    assert {key: told[key] for key in expected} == expected
    assert len(told) <= 11
    assert labelled(told["to label"])["mean_fractions"]["ih"] > 0.95


def test_a_file_without_a_cell_has_room_for_one(here, capsys):
    shutil.copy(CASES / "no-cell.xyz.gz", "no-cell.xyz.gz")
    told = info(capsys, "no-cell.xyz.gz")
    assert told["first cell"] == "none"
    assert told["to label"] == "iceclass label no-cell.xyz.gz --cell A,B,C"


def test_what_is_not_water_is_told(here, capsys):
    told = info(capsys, CASES / "ice-and-co2.extxyz.gz")
    assert told["carried"] == "48 oxygens that are not water's, 24 atoms of element C"
    assert told["warning"].startswith("48 of 480 oxygens are not water's")
    assert told["units"] == "Å"


def test_errors_name_options(here, capsys):
    assert run("info", str(CASES / "types.xyz.gz")) == 2
    error = capsys.readouterr().err
    assert "--types 1=O,2=H" in error
    assert "--cell 23.5,22.1,27.1" in error
    shutil.copy(CASES / "bohr.lammpstrj.gz", "bohr.lammpstrj.gz")
    assert run("label", "bohr.lammpstrj.gz", "-q") == 2
    assert "--units bohr" in capsys.readouterr().err
    assert run("label", "bohr.lammpstrj.gz", "--units", "bohr", "--cell", "9,9,9") == 2
    assert "--force-cell" in capsys.readouterr().err
    assert [path.name for path in here.iterdir()] == ["bohr.lammpstrj.gz"]


def test_label_warns_of_oxygens_that_are_left_out(here, capsys):
    shutil.copy(CASES / "ice-and-co2.extxyz.gz", "ice.extxyz.gz")
    assert run("label", "ice.extxyz.gz") == 0
    warned = capsys.readouterr().err.splitlines()
    assert any(line.startswith("warning: 48 of 480 oxygens are not water's") for line in warned)


def test_select(here, capsys):
    shutil.copy(CASES / "gro-held-seed.gro.gz", "seed.gro.gz")
    assert run("label", "seed.gro.gz", "-q", "--select", "resname fSOL and z < 20") == 0
    summary = json.loads(Path("seed.phases.json").read_text())
    assert 0 < summary["molecules"] < 400
    assert run("label", "seed.gro.gz", "-q", "--force", "--select", "resname XXX") == 2
    assert "no molecule is selected in any frame by resname XXX" in capsys.readouterr().err
    assert run("label", "seed.gro.gz", "-q", "--force", "--select", "resname") == 2
    assert "not understood after 'resname'" in capsys.readouterr().err

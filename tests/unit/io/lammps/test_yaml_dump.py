"""YAML dumps that LAMMPS wrote, against the text dumps of the same frames and PyYAML."""

from __future__ import annotations

import gzip
from pathlib import Path

import numpy as np
import pytest
import yaml

import iceclass
from iceclass.errors import InputError
from iceclass.io import Trajectory, read
from tests.helpers.formats import FORMATS, assert_same_frame


@pytest.mark.parametrize("name", ["rich", "tilted"])
def test_the_same_as_the_text_dump(name: str, tmp_path: Path) -> None:
    path = FORMATS / f"{name}.yaml"
    packed = tmp_path / "a.yaml.gz"
    packed.write_bytes(gzip.compress(path.read_bytes()))
    texts = list(read(FORMATS / f"{name}.yaml.lammpstrj"))
    for file in (path, packed):
        with Trajectory(file) as trajectory:
            frames = list(trajectory)
            assert trajectory.format == "lammps-yaml"
        for frame, text in zip(frames, texts, strict=True):
            assert_same_frame(frame, text)
            assert list(frame.atoms.columns) == list(text.atoms.columns)
            for key, column in frame.atoms.columns.items():
                np.testing.assert_array_equal(column, text.atoms.columns[key])
    assert frames[0].atoms.header.get("units") == texts[0].atoms.header.get("units")


def test_the_same_as_a_yaml_parser() -> None:
    path = FORMATS / "rich.yaml"
    documents = list(yaml.safe_load_all(path.read_text()))
    for frame, document in zip(read(path), documents, strict=True):
        assert frame.timestep == document["timestep"]
        assert list(frame.atoms.columns) == document["keywords"]
        rows = list(zip(*(column.tolist() for column in frame.atoms.columns.values()), strict=True))
        assert rows == [tuple(row) for row in document["data"]]


def test_output_is_a_dump_of_tight_rows(tmp_path: Path) -> None:
    out = tmp_path / "a.lammpstrj"
    iceclass.label(FORMATS / "rich.yaml", output=out)
    for frame, text in zip(read(out), read(FORMATS / "rich.yaml.lammpstrj"), strict=True):
        assert_same_frame(frame, text)
        assert list(frame.atoms.columns) == [*text.atoms.columns, "i_phase", "d_confidence"]
    assert "  " not in out.read_text()


def test_slices_and_other_spacing(tmp_path: Path) -> None:
    path = FORMATS / "tilted.yaml"
    assert [frame.timestep for frame in read(path, start=1, every=2)] == [1]
    text = path.read_text().replace("  - [ ", "- [").replace(" , ", ",").replace(", ]", "]")
    loose = tmp_path / "loose.yaml"
    loose.write_text(text)
    for frame, expected in zip(read(loose), read(path), strict=True):
        assert_same_frame(frame, expected)


DAMAGE = [
    ("timestep: 0\n", "", 0, "no timestep"),
    ("natoms: 48\n", "", 0, "expected|no natoms"),
    ("box:\n", "bax:\n", 0, "no box"),
    ("keywords:", "keyworts:", 0, "expected|no keywords"),
    ("data:\n", "\n", 0, "no data|expected"),
    ("natoms: 48", "natoms: 47", 0, "more rows than the 47 announced"),
    ("natoms: 48", "natoms: 49", 0, "has 1 fields, expected 5|row 49"),
    ("natoms: 48", "natoms: many", 0, "natoms is 'many'"),
    ("timestep: 0", "timestep: x", 0, "timestep is 'x'"),
    (" 1 , 1 ,", " 1 , one ,", 0, "type of row|not a whole number"),
    ("keywords: [ id, type, x, y, z,", "keywords: [ id, type, x, y,", 0, "no z"),
]


@pytest.mark.parametrize(("old", "new", "frame", "message"), DAMAGE)
def test_damage_is_named(tmp_path: Path, old: str, new: str, frame: int, message: str) -> None:
    text = (FORMATS / "tilted.yaml").read_text()
    assert old in text
    path = tmp_path / "bad.yaml"
    path.write_text(text.replace(old, new, 1))
    with pytest.raises(InputError, match=message) as caught:
        list(read(path))
    assert caught.value.path == path
    assert caught.value.frame in (frame, None)


def test_cut_short(tmp_path: Path) -> None:
    data = (FORMATS / "tilted.yaml").read_bytes()
    path = tmp_path / "cut.yaml"
    second = data.index(b"---", 10)
    for length in (second - 30, second + 10, second + 200, len(data) - 40):
        path.write_bytes(data[:length])
        with pytest.raises(InputError, match="cut short") as caught:
            list(read(path))
        assert caught.value.line is not None
        with Trajectory(path, on_error="skip") as trajectory:
            if length > second:
                assert len(list(trajectory)) == (1 if length < 2 * second else 2)
            else:
                with pytest.raises(InputError, match="cut short"):
                    list(trajectory)


def test_thermodynamic_output_is_none(tmp_path: Path) -> None:
    path = tmp_path / "log.yaml"
    path.write_text("---\nkeywords: ['Step', 'Temp', ]\ndata:\n  - [0, 300, ]\n...\n")
    with pytest.raises(InputError, match="thermodynamic output of LAMMPS"):
        list(read(path))

"""A run over several files ends with the bytes of a run over one: resumed, sliced, shared out."""

from __future__ import annotations

from pathlib import Path

import pytest

from iceclass import label
from iceclass.io import read
from iceclass.io.output.resumable import journal_path
from iceclass.labelling.distributed import label_distributed
from tests.cli.test_main import run as command
from tests.helpers.formats import FORMATS
from tests.unit.labelling.test_distributed import client, frames_of, here, model, text
from tests.unit.labelling.test_resuming import kill_after

__all__ = ["client", "here", "model", "text"]
SIZES = (4, 1, 3, 4, 30)


@pytest.fixture
def pieces(here, text):
    """The demo, cut; every file begins with the unit style, as LAMMPS writes it."""
    frames = frames_of(text)
    units, _, frames[0] = frames[0].partition(b"ITEM: TIME\n")
    frames[0] = b"ITEM: TIME\n" + frames[0]
    paths, at = [], 0
    for k, size in enumerate(SIZES):
        paths.append(Path(f"run.{k}.lammpstrj"))
        again = frames[max(at - 1, 0) : at] if k == 3 else []  # the seam of a restart
        paths[-1].write_bytes(units + b"".join([*again, *frames[at : at + size]]))
        at += size
    return paths


def outputs(stem: str) -> dict[str, bytes]:
    names = ("lammpstrj", "phases.csv", "phases.png", "clusters.csv", "profile.csv")
    return {name: Path(f"{stem}.{name}").read_bytes() for name in names}


def test_the_files_are_those_of_one_trajectory(pieces):
    options = ["--model", "soap-37", "--clusters", "--profile", "z", "-q"]
    assert command("label", "traj.lammpstrj", "-o", "one.lammpstrj", *options) == 0
    assert command("label", *map(str, pieces[::-1]), "-o", "many.lammpstrj", *options) == 0
    assert outputs("many") == outputs("one")
    assert command("label", "run.*.lammpstrj", "--frames", "3:20:4", *options) == 0
    one = ["-o", "some.lammpstrj", "--frames", "3:20:4"]
    assert command("label", "traj.lammpstrj", *one, *options) == 0
    assert Path("run.labels.lammpstrj").read_bytes() == Path("some.lammpstrj").read_bytes()


def test_what_is_left_out_at_a_seam_is_said(pieces, capsys):
    assert command("label", "run.*.lammpstrj", "--model", "soap-37") == 0
    told = capsys.readouterr()
    assert "skipped: run.2.lammpstrj: from timestep" in told.err
    assert "(5 files)" in told.out
    assert "since run.3.lammpstrj goes on from there" in told.err


def test_killed_and_gone_on_with(pieces):
    words = [*map(str, pieces), "--model", "soap-37", "-o", "out.lammpstrj"]
    assert command("label", *words) == 0
    expected = {name: Path(name).read_bytes() for name in ("out.lammpstrj", "out.phases.json")}
    Path("out.lammpstrj").unlink()
    for path in Path().glob("out.*"):
        path.unlink()
    import tests.unit.labelling.test_resuming as resuming

    before, resuming.COMMAND = resuming.COMMAND, [*resuming.COMMAND[:3], "label"]
    try:
        for frames in (2, 5, 8):
            kill_after(frames, "out.lammpstrj", *words)
    finally:
        resuming.COMMAND = before
    assert journal_path("out.lammpstrj").read_text().count("\n") > 8
    assert command("label", *words) == 0
    assert {name: Path(name).read_bytes() for name in expected} == expected


@pytest.mark.parametrize("chunk_bytes", [1, 160_000, 10**9])
def test_shared_out(pieces, model, client, chunk_bytes):
    one = label(pieces, model, "one.lammpstrj", keep_labels=False)
    many = label_distributed(
        pieces, model, "many.lammpstrj", client=client, chunk_bytes=chunk_bytes
    )
    assert Path("many.lammpstrj").read_bytes() == Path("one.lammpstrj").read_bytes()
    assert many.skipped == one.skipped
    assert len(one.skipped) == 1
    assert (many.counts == one.counts).all()


def test_only_uncompressed_dumps_are_shared_out(pieces, model, client):
    from iceclass.errors import InputError

    Path("z.extxyz").write_text("1\nLattice='9 0 0 0 9 0 0 0 9'\nO 0 0 0\n")
    with pytest.raises(InputError, match=r"z\.extxyz: a extxyz file cannot be shared out"):
        label_distributed([*pieces, "z.extxyz"], model, "many.lammpstrj", client=client)


@pytest.mark.parametrize("name", ["rich.bin", "rich.yaml"])
def test_other_styles_of_dumps_become_text_dumps(tmp_path, monkeypatch, name):
    monkeypatch.chdir(tmp_path)
    Path(name).write_bytes((FORMATS / name).read_bytes())
    assert command("label", name, "--model", "soap-37") == 0
    columns = list(next(iter(read("rich.labels.lammpstrj"))).atoms.columns)
    assert columns[-2:] == ["i_phase", "d_confidence"]
    assert {"id", "mol", "type", "q", "vx"} < set(columns)

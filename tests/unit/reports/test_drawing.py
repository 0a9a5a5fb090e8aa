"""Figures drawn beside are those drawn here; and what goes wrong there is drawn, or told, here."""

import sys

import pytest

from iceclass.errors import InputError, OutputError
from iceclass.reports.drawing import Artist, can_draw
from iceclass.reports.phases import phase_fractions_figure


@pytest.fixture
def table(tmp_path):
    path = tmp_path / "t.phases.csv"
    path.write_text("frame,timestep,molecules,ih,water,unknown\n0,0,8,0.75,0.25,0\n")
    return path


@pytest.fixture
def artist(monkeypatch):
    monkeypatch.delitem(sys.modules, "matplotlib.figure", raising=False)
    with Artist(beside=True) as artist:
        monkeypatch.undo()
        yield artist


def test_the_same_figure_beside(table, tmp_path, artist):
    here = phase_fractions_figure(table, tmp_path / "here.png")
    artist.draw("phases", table, tmp_path / "beside.png", force=False)
    assert artist.beside
    assert (tmp_path / "beside.png").read_bytes() == here.read_bytes()


def test_what_is_wrong_is_told(table, tmp_path, artist):
    (tmp_path / "old.png").write_text("old")
    with pytest.raises(OutputError, match=r"old\.png.*exists"):
        artist.draw("phases", table, tmp_path / "old.png", force=False)
    assert not artist.beside
    artist.draw("phases", table, tmp_path / "old.png", force=True)  # here
    assert (tmp_path / "old.png").read_bytes().startswith(b"\x89PNG")
    table.write_text("frame\n")
    with pytest.raises(InputError):
        artist.draw("phases", table, tmp_path / "none.png", force=False)


def test_nothing_is_started_in_vain(table, tmp_path):
    import matplotlib.figure  # noqa: F401

    for asked in (True, False):
        with Artist(beside=asked) as artist:
            assert not artist.beside
            artist.draw("phases", table, tmp_path / f"{asked}.png", force=False)
    assert [can_draw(name) for name in ("phases", "profile", "families")] == [True, True, False]

"""Expressions that tell which molecules are labelled."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from iceclass import label
from iceclass.errors import InputError
from iceclass.frame import AtomTable, Frame
from iceclass.labelling.selection import Region, Selection, selected

N = 12


def frame() -> Frame:
    """12 molecules of two atoms each, their sites the second ones."""
    rng = np.random.default_rng(3)
    sites = np.arange(1, 2 * N, 2)
    positions = np.stack([np.arange(N) + 0.5, rng.uniform(-9, 18, N), np.full(N, 4.0)], axis=1)
    columns = {
        "id": np.arange(101, 101 + 2 * N),
        "type": np.tile([2, 1], N),
        "name": np.tile(["HW1", "OW"], N),
        "resname": np.repeat(["SOL", "fSOL", "ICE"], 2 * N // 3),
        "mol": np.repeat(np.arange(N), 2),
        "q": np.linspace(-1, 1, 2 * N),
    }
    return Frame(
        positions,
        np.diag([12.0, 9.0, 9.0]),
        ids=columns["id"][sites],
        atoms=AtomTable(columns, np.repeat(np.arange(N), 2), sites=sites),
    )


K = np.arange(N)
FOLDED = np.mod(frame().positions[:, 1], 9.0)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("all", K >= 0),
        ("resname SOL", K < 4),
        ("resname SOL fSOL", K < 8),
        ("resname SOL, fSOL", K < 8),
        ("resname *SOL", K < 8),
        ("resname ?CE", K >= 8),
        ("name OW", K >= 0),
        ("name HW1", K < 0),
        ("type 1", K >= 0),
        ("type 2 3", K < 0),
        ("mol 2 5 7:9", np.isin(K, [2, 5, 7, 8, 9])),
        ("resid 2-4", np.isin(K, [2, 3, 4])),
        ("id 102 106", np.isin(K, [0, 2])),
        ("index 1:5", K < 3),
        ("x < 3", K < 3),
        ("x<=3.5 and x >= 1.5", (K >= 1) & (K <= 3)),
        ("x > 3 and x < 5 or resname ICE", ((K >= 3) & (K < 5)) | (K >= 8)),
        ("x > 3 and (x < 5 or resname ICE)", ((K >= 3) & (K < 5)) | (K >= 8)),
        ("not x > 3 and not resname fSOL", K < 3),
        ("not (x > 3 or resname SOL)", K < 0),
        ("not not resname SOL", K < 4),
        ("y > 4.5", FOLDED > 4.5),
        ("mol == 3", K == 3),
        ("mol != 3", K != 3),
        ("q < 0", np.linspace(-1, 1, 2 * N)[1::2] < 0),
        ("charge > 0", np.linspace(-1, 1, 2 * N)[1::2] > 0),
    ],
)
def test_expressions(text: str, expected: np.ndarray) -> None:
    assert np.array_equal(Selection(text).mask(frame()), expected)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "not understood at its end"),
        ("resname", "after 'resname': expected values"),
        ("resname SOL and", "at its end"),
        ("(resname SOL", r"for want of a \)"),
        ("resname SOL)", r"at '\)'"),
        ("x <", "expected a number"),
        ("x < one", "at 'one': expected a number"),
        ("3 < x", "at '3': expected a column"),
        ("and", "at 'and'"),
        ("x ! 3", "at '! 3'"),
        ("type 1 < 3", "at '<'"),
    ],
)
def test_what_cannot_be_understood(text: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        Selection(text)


def test_what_a_file_does_not_have() -> None:
    with pytest.raises(InputError, match="asks for segid, which the file does not have; it has id"):
        Selection("segid A").mask(frame())
    with pytest.raises(InputError, match="compares resname with a number, but it holds texts"):
        Selection("resname > 3").mask(frame())
    with pytest.raises(InputError, match="asks for 'SOL' among numbers"):
        Selection("type SOL").mask(frame())
    bare = Frame(np.zeros((1, 3)), np.eye(3))
    with pytest.raises(InputError, match="nothing but positions"):
        Selection("type 1").mask(bare)
    assert Selection("id 1 and index 0 and z < 1").mask(bare).all()


@given(
    st.lists(
        st.sampled_from([*"()<>=!,", "and", "or", "not", "x", "type", "resname", "1", "2:3", "*"]),
        max_size=12,
    ).map(" ".join)
    | st.text(max_size=30)
)
def test_any_text_is_understood_or_refused(text: str) -> None:
    """Nothing but an InputError comes of a text, and a mask of what is understood."""
    try:
        mask = Selection(text).mask(frame())
    except InputError:
        return
    assert mask.shape == (N,)
    assert mask.dtype == bool
    assert np.array_equal(Selection(f"not ({text})").mask(frame()), ~mask)


def test_deep_nesting_is_refused() -> None:
    assert Selection("(" * 50 + "x < 3" + ")" * 50).mask(frame()).sum() == 3
    for text in ("(" * 51 + "x < 3" + ")" * 51, "not " * 9999 + "x < 3"):
        with pytest.raises(InputError, match="more than 50 parentheses and nots"):
            Selection(text)


def test_regions_and_selections_go_together() -> None:
    both = [Region.parse("x:2:9"), Selection("resname SOL")]
    assert np.array_equal(selected(frame(), both), (K >= 2) & (K < 4))


def test_neighbours_are_seen_though_not_selected(slab: Path) -> None:
    whole = label(slab, stop=1)
    part = label(slab, stop=1, select="type 1 and z < 30")
    assert whole.labels is not None
    assert part.labels is not None
    asked = part.labels[0] != -2
    assert 0 < asked.sum() == part.molecules[0] < whole.molecules[0]
    assert np.array_equal(part.labels[0][asked], whole.labels[0][asked])
    assert part.parameters["select"] == "type 1 and z < 30"


def test_nothing_is_selected(slab: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"no molecule is selected in any frame by z < -1"):
        label(slab, stop=1, output=tmp_path / "out.lammpstrj", select="z < -1")
    assert list(tmp_path.iterdir()) == []


@pytest.fixture(scope="module")
def slab() -> Path:
    return Path(__file__).parents[3] / "demo" / "melting-slab.lammpstrj.gz"

"""Damaged trajectories of every format: frames without NaN, or one line that names the file."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.helpers.formats import FORMATS, ends_well
from tests.unit.io.others.test_gro import gro_text
from tests.unit.io.others.test_history import history_text
from tests.unit.io.others.test_pdb import pdb_text

WHOLE = {
    "atom.bin": (FORMATS / "atom.bin").read_bytes(),
    "general.bin": (FORMATS / "general.bin").read_bytes(),
    "parts.bin": (FORMATS / "parts.bin").read_bytes(),
    "tilted.yaml": (FORMATS / "tilted.yaml").read_bytes(),
    "rich.yaml": (FORMATS / "rich.yaml").read_bytes(),
    "types.cfg": (FORMATS / "types.0.cfg").read_bytes(),
    "types.xyz": (FORMATS / "types.xyz").read_bytes(),
    "a.gro": (gro_text(velocities=True) + gro_text(5)).encode(),
    "a.pdb": ("MODEL 1\n" + pdb_text(elements=True) + "ENDMDL\n" + pdb_text()).encode(),
    "HISTORY": history_text(frames=2, level=1).encode(),
}
WORDS = [b"", b"\n", b" ", b".", b"-", b"[", b": ", b"9e99", b"nan", b"END\n", b"timestep 1 2 3 4"]
WORDS += [b"\0", b"\xff", b"\xff" * 8, b"\0" * 8, b"\1\0\0\0"]


@st.composite
def damaged(draw: st.DrawFn, data: bytes) -> bytes:
    """The bytes of a file, overwritten in some places, near its beginning above all, and cut."""
    out = bytearray(data)
    for _ in range(draw(st.integers(1, 4))):
        at = draw(st.one_of(st.integers(0, min(600, len(out))), st.integers(0, len(out))))
        out[at : at + draw(st.integers(0, 30))] = draw(
            st.one_of(st.sampled_from(WORDS), st.binary(max_size=8))
        )
    return bytes(out[: draw(st.one_of(st.just(len(out)), st.integers(0, len(out))))])


@pytest.mark.parametrize("name", WHOLE)
def test_any_damage_ends_in_frames_or_an_error(name: str, tmp_path_factory) -> None:
    path: Path = tmp_path_factory.mktemp("fuzz") / name

    @given(damaged(WHOLE[name]), st.sampled_from(["raise", "skip"]))
    @settings(max_examples=150, deadline=None, database=None)
    def attempt(content: bytes, on_error: str) -> None:
        path.write_bytes(content)
        ends_well(path, on_error)

    attempt()

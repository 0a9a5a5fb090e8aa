"""Files of every style that LAMMPS dumps, and what is to be the same or end well."""

from __future__ import annotations

from pathlib import Path

import numpy as np

import iceclass
from iceclass.errors import InputError
from iceclass.frame import Frame

FORMATS = Path(__file__).parents[1] / "data" / "formats"
CASES = FORMATS.with_name("cases")


def ends_well(path: Path, on_error: str = "raise") -> None:
    """Read a damaged file: finite frames, or one line that names the file, and nothing else."""
    try:
        for frame in iceclass.read(path, on_error=on_error):
            assert np.isfinite(frame.positions).all()
            assert frame.atoms is not None
            assert all(len(column) == len(frame.atoms) for column in frame.atoms.columns.values())
    except InputError as error:
        text = str(error)
    else:
        return
    assert str(path) in text
    assert "\n" not in text


def assert_same_frame(frame: Frame, text: Frame) -> None:
    """All that a frame holds."""
    assert (frame.timestep, frame.time) == (text.timestep, text.time)
    np.testing.assert_array_equal(frame.pbc, text.pbc)
    np.testing.assert_array_equal(frame.ids, text.ids)
    for name in ("cell", "origin", "positions"):
        np.testing.assert_allclose(
            getattr(frame, name), getattr(text, name), rtol=1e-13, atol=1e-12
        )
    assert frame.atoms is not None
    assert text.atoms is not None
    np.testing.assert_array_equal(frame.atoms.molecule, text.atoms.molecule)

"""Frames are immutable, whole, and refuse what is not a frame."""

import numpy as np
import pytest
from ase.build import bulk

from iceclass import Frame
from iceclass.errors import InputError

SITES = np.array([[0.0, 0.0, 0.0], [1.0, 2.0, 3.0]])


def test_arrays_are_read_only_copies():
    positions = SITES.copy()
    frame = Frame(positions=positions, cell=np.eye(3) * 10)
    positions[0] = 99.0
    assert frame.positions[0, 0] == 0.0
    for name in ("positions", "cell", "pbc", "ids", "origin"):
        with pytest.raises(ValueError, match="read-only"):
            getattr(frame, name)[0] = 1


def test_defaults_and_density():
    # 1 molecule in 29.9 Å³ is 1 g/cm³
    frame = Frame(positions=SITES, cell=np.diag([29.915, 1.0, 2.0]))
    assert frame.density == pytest.approx(1.0, abs=1e-3)
    assert frame.ids.tolist() == [1, 2]
    assert frame.pbc.all()
    assert repr(frame) == "Frame(2 molecules, 29.9×1.0×2.0 Å, timestep 0)"
    open_frame = Frame(positions=SITES, cell=np.zeros((3, 3)))
    assert not open_frame.pbc.any()
    assert np.isnan(open_frame.density)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"positions": SITES[:, :2]}, r"positions have shape \(2, 2\), expected \(N, 3\)"),
        ({"cell": np.eye(2)}, "cell have shape"),
        ({"positions": SITES * np.nan}, "NaN or infinite"),
        ({"cell": np.diag([np.inf, 1.0, 1.0])}, "NaN or infinite"),
        ({"ids": [1, 2, 3]}, "ids have shape"),
        ({"cell": np.array([[1.0, 0, 0], [2.0, 0, 0], [0, 0, 1.0]])}, "no volume"),
        ({"cell": np.diag([1.0, 1.0, 0.0]), "pbc": True}, "no volume"),
    ],
)
def test_bad_frames_are_refused(changes, message):
    with pytest.raises(InputError, match=message):
        Frame(**{"positions": SITES, "cell": np.eye(3) * 10, **changes})


def test_ase_atoms_without_oxygen_are_refused():
    with pytest.raises(InputError, match="oxygen"):
        Frame.from_ase(bulk("Cu"))

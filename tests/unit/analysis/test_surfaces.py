"""A slab in vacuum whose surface layers are of construction."""

from __future__ import annotations

import numpy as np
import pytest

from iceclass.analysis.measure import measure
from iceclass.analysis.surfaces import find_slab
from iceclass.errors import InputError
from iceclass.frame import Frame
from tests.helpers.configurations import crystal


@pytest.mark.parametrize("periodic", [True, False])
@pytest.mark.parametrize("shift", [0.0, 45.0])
def test_layers_of_a_slab(periodic: bool, shift: float) -> None:
    """Ice Ih 90 Å thick; what lies below 7 Å and above the last 9 Å is liquid."""
    ice = crystal("1h", (4, 4, 10), noise=0.2)
    height = ice.cell[2, 2]
    cell = ice.cell + np.diag([0.0, 0.0, 40.0])
    frame = Frame(
        ice.positions + np.array([0.0, 0.0, shift]), cell, pbc=np.array([True, True, periodic])
    )
    z = ice.positions[:, 2]
    ordered = (z > 7.0) & (z < height - 9.0)
    found = find_slab(frame, ordered)
    assert found is not None
    assert found.lower == pytest.approx(7.0, abs=0.5)
    assert found.upper == pytest.approx(9.0, abs=0.5)
    assert found.thickness == pytest.approx(8.0, abs=0.4)
    assert found.high - found.low == pytest.approx(height, abs=0.7)
    assert found.density == pytest.approx(ice.n_molecules / ice.volume, rel=0.02)
    (row,) = measure([(0, frame, np.where(ordered, 0, 1))], ("ih", "water"))["surfaces"].rows
    assert row["thickness"] == pytest.approx(8.0, abs=0.4)


def test_no_surface_in_bulk() -> None:
    ice = crystal("1h", (3, 3, 3), noise=0.2)
    assert find_slab(ice, np.ones(ice.n_molecules, bool)) is None
    with pytest.raises(InputError, match="ordered"):
        find_slab(ice, np.ones(3, bool))

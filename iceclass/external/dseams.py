"""d-SEAMS: CHILL+ of the oxygens of a frame.

CHILL+ is that of Nguyen & Molinero, J. Phys. Chem. B 119, 9369 (2015), doi 10.1021/jp510289t. Ices
are called as OVITO and mdapy call them; of a liquid it calls more molecules hydrate.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from iceclass.errors import InputError, MissingDependencyError
from iceclass.external.mdapy import CHILL_PLUS
from iceclass.frame import Frame
from iceclass.neighbours.lattice import at_right_angles

_CUTOFF = 3.5
"""Å. d-SEAMS' own default of the distance of neighbours."""

_NAMES = dict(
    zip(
        ("water", "hexagonal", "cubic", "interfacial", "clathrate", "interClathrate"),
        CHILL_PLUS,
        strict=True,
    )
)
"""What d-SEAMS calls a molecule → its name here."""


def chill_plus(frame: Frame) -> NDArray[np.str_]:
    """(N,) names from :data:`iceclass.external.mdapy.CHILL_PLUS`.

    Raises
    ------
    InputError
        The frame's box is not one that is parallel to the axes and periodic along them.
    MissingDependencyError
        d-SEAMS is not installed.
    """
    system = _system(frame)
    system.chill_plus()
    return np.array([_NAMES.get(point.iceType.name, CHILL_PLUS[0]) for point in system.cloud.pts])


def chill_plus_work(frame: Frame) -> Callable[[], object]:
    """What finds out the names and counts them, d-SEAMS' system of the frame included; to be timed.

    Raises
    ------
    InputError, MissingDependencyError
        As :func:`chill_plus`.
    """
    _system(frame)
    return lambda: _system(frame).chill_plus()


def _system(frame: Frame) -> Any:
    """d-SEAMS' own of the oxygens."""
    try:
        import pydseams
    except ImportError as error:
        raise MissingDependencyError("CHILL+ by d-SEAMS", "d-SEAMS", "bench") from error
    if not at_right_angles(frame.cell, frame.pbc):
        raise InputError("d-SEAMS is given periodic boxes parallel to the axes only")
    positions, lengths = frame.positions - frame.origin, np.diagonal(frame.cell)
    return pydseams.Frame.from_arrays(positions, lengths, cutoff=_CUTOFF)

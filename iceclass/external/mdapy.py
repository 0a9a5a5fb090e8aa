"""mdapy: CHILL+ and the volumes of Voronoi cells, of the oxygens of a frame.

CHILL+ is that of Nguyen & Molinero, J. Phys. Chem. B 119, 9369 (2015), doi 10.1021/jp510289t; the
wheel counts periodic images one by one, so that thin cells come out right.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from iceclass.errors import MissingDependencyError
from iceclass.external.boxes import triangular_box
from iceclass.frame import Frame

CHILL_PLUS = ("other", "ih", "ic", "interfacial ice", "hydrate", "interfacial hydrate")
"""Names of mdapy's CHILL+ types 0 to 5, the same as OVITO's."""

_ROOM = 20.0
"""Å, left free around the molecules along open directions."""


def chill_plus_types(frame: Frame) -> NDArray[np.int64]:
    """(N,) places in :data:`CHILL_PLUS`.

    Raises
    ------
    MissingDependencyError
        mdapy is not installed.
    """
    system = _system(frame, "CHILL+")
    system.cal_chill_plus()
    return np.asarray(system.data["chill_plus"].to_numpy(), dtype=np.int64)


def chill_plus_work(frame: Frame) -> Callable[[], NDArray[np.int64]]:
    """What gives :func:`chill_plus_types`, mdapy's system of the frame included; to be timed.

    Raises
    ------
    MissingDependencyError
        mdapy is not installed.
    """
    _system(frame, "CHILL+")
    return partial(chill_plus_types, frame)


def voronoi_volumes(frame: Frame) -> NDArray[np.float64]:
    """(N,) Å³, volume of each molecule's Voronoi cell; along open
    directions it may reach 20 Å beyond the outermost molecules.

    Raises
    ------
    MissingDependencyError
        mdapy is not installed.
    """
    system = _system(frame, "the local density")
    system.cal_voronoi_volume()
    return np.asarray(system.data["volume"].to_numpy(), dtype=np.float64)


def _system(frame: Frame, what: str) -> Any:
    """mdapy's system of the oxygens, its box turned so that the cell is lower triangular."""
    try:
        import mdapy
    except ImportError as error:
        raise MissingDependencyError(what, "mdapy", "compare") from error
    cell, positions, periodic = triangular_box(frame, _ROOM)
    return mdapy.System(pos=positions, box=mdapy.Box(cell, periodic.astype(np.int32)))

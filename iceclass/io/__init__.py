"""Reading and writing trajectories: of one file or in pieces.

The names are imported when they are first used: most modules of this room need few of them.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from iceclass.io.lammps.following import Follow
    from iceclass.io.lammps.index import FrameIndex, ReadPosition
    from iceclass.io.options import ReadOptions
    from iceclass.io.output.writers import DumpWriter, ExtxyzWriter, FrameWriter, output_writer
    from iceclass.io.series import TrajectorySeries, open_trajectory, read
    from iceclass.io.trajectory import Trajectory
    from iceclass.io.water.kinds import AtomRoles, parse_types

__all__ = [
    "AtomRoles",
    "DumpWriter",
    "ExtxyzWriter",
    "Follow",
    "FrameIndex",
    "FrameWriter",
    "ReadOptions",
    "ReadPosition",
    "Trajectory",
    "TrajectorySeries",
    "open_trajectory",
    "output_writer",
    "parse_types",
    "read",
]

_HOMES = {
    "lammps.following": ("Follow",),
    "lammps.index": ("FrameIndex", "ReadPosition"),
    "options": ("ReadOptions",),
    "output.writers": ("DumpWriter", "ExtxyzWriter", "FrameWriter", "output_writer"),
    "series": ("TrajectorySeries", "open_trajectory", "read"),
    "trajectory": ("Trajectory",),
    "water.kinds": ("AtomRoles", "parse_types"),
}


def __getattr__(name: str) -> Any:
    for home, names in _HOMES.items():
        if name in names:
            value = getattr(import_module(f"iceclass.io.{home}"), name)
            globals()[name] = value
            return value
    raise AttributeError(f"module 'iceclass.io' has no attribute {name!r}")

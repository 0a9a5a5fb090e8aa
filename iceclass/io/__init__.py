"""Reading and writing trajectories: LAMMPS dumps and data files, and all that ASE reads."""

from __future__ import annotations

from iceclass.io.lammps.following import Follow
from iceclass.io.lammps.index import FrameIndex, ReadPosition
from iceclass.io.options import ReadOptions
from iceclass.io.output.writers import DumpWriter, ExtxyzWriter, FrameWriter, output_writer
from iceclass.io.trajectory import Trajectory, read
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
    "output_writer",
    "parse_types",
    "read",
]

"""Reading and writing trajectories: LAMMPS dumps and data files, and all that ASE reads."""

from __future__ import annotations

from iceclass.io.lammps.following import Follow
from iceclass.io.lammps.index import FrameIndex, Place
from iceclass.io.output.writers import DumpWriter, ExtxyzWriter, FrameWriter, output_writer
from iceclass.io.trajectory import Trajectory, open_trajectory, read
from iceclass.io.water.kinds import SiteDecision, parse_types

__all__ = [
    "DumpWriter",
    "ExtxyzWriter",
    "Follow",
    "FrameIndex",
    "FrameWriter",
    "Place",
    "SiteDecision",
    "Trajectory",
    "open_trajectory",
    "output_writer",
    "parse_types",
    "read",
]

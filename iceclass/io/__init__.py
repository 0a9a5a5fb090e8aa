"""Reading and writing trajectories: LAMMPS dumps and data files, and all that ASE reads."""

from __future__ import annotations

from iceclass.io.following import Follow
from iceclass.io.index import FrameIndex, Place
from iceclass.io.species import SiteDecision, parse_types
from iceclass.io.trajectory import Trajectory, open_trajectory, read
from iceclass.io.writers import DumpWriter, ExtxyzWriter, FrameWriter, output_writer

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

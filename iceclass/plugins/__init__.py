"""iceclass where people work: OVITO, MDAnalysis, ASE, and a running LAMMPS.

Each module needs the program it is named after, and is imported by itself; this package imports
none of them.
"""

from __future__ import annotations

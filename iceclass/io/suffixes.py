"""Suffixes of file names that are told by, or written under: one table for readers and writers."""

from __future__ import annotations

DUMP = (".lammpstrj", ".dump", ".lammpsdump")
"""LAMMPS text dumps."""
DATA = (".data", ".lmp", ".dat", ".lammps", ".lammps-data")
"""LAMMPS data files, which are only read."""
XYZ = (".extxyz", ".xyz")
PDB = (".pdb", ".ent")
GRO = (".gro",)
TABLE = (".csv", ".parquet", ".npz")
"""Tables of labels, which are only written."""
COMPRESSED = (".gz", ".bz2", ".xz", ".zst")
"""Behind any of the others."""

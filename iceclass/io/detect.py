"""What kind of file a trajectory is: by its content first, by its name where that does not tell."""

from __future__ import annotations

import re
from pathlib import Path

from iceclass.errors import InputError
from iceclass.io import suffixes
from iceclass.io.text.streams import peek, without_compression

_AS_TOPOLOGY = 'name the trajectory, and this as topology="FILE"'

# first bytes, what a file that begins so is, what to do
_OTHERS: tuple[tuple[bytes, str, str], ...] = (
    (
        b"LammpS RestartT",
        "a LAMMPS restart file",
        "make it a data file: lmp -restart2data FILE data.lammps",
    ),
    (b"LAMMPS (", "the log of a LAMMPS run", "label the dump that the run wrote"),
    (
        b"PSF",
        "a psf topology, which has no positions",
        _AS_TOPOLOGY,
    ),
    (
        b"%VERSION",
        "an AMBER topology, which has no positions",
        _AS_TOPOLOGY,
    ),
    (b"\x89HDF\r\n\x1a\n", "an HDF5 file", "a trajectory of H5MD has to end in .h5md"),
    (b"CDF\x01", "a NetCDF file", "an AMBER trajectory has to end in .nc"),
    (b"CDF\x02", "a NetCDF file", "an AMBER trajectory has to end in .nc"),
    (b"\x00\x00\x07\xcb", "an XTC trajectory", "its name has to end in .xtc"),
    (b"\x00\x00\x07\xc9", "a TRR trajectory", "its name has to end in .trr"),
    (b"PK\x03\x04", "a zip archive", "extract it first"),
    (b"\x89PNG", "a picture", "label the dump that the run wrote"),
    (b"\xff\xd8\xff", "a picture", "label the dump that the run wrote"),
    (b"P6", "a picture", "label the dump that the run wrote"),
)


def detect_format(path: str | Path) -> str:
    """``"lammps-dump"``, ``"lammps-binary"``, ``"lammps-yaml"``, ``"lammps-data"``, ``"gro"``,
    ``"pdb"``, ``"history"``, one of MDAnalysis's formats (``"xtc"``), or of ASE's (``"extxyz"``).

    Raises
    ------
    InputError
        The file is missing, empty, or of no known format; or it is no trajectory, and which kind
        of file it is.
    """
    path = Path(path)
    raw = peek(path)
    head = raw.removeprefix(b"\xef\xbb\xbf").lstrip()
    if not raw.strip():
        raise InputError("the file is empty", path=path, frame=0, line=1)
    if head.startswith(b"ITEM:"):
        return "lammps-dump"
    from iceclass.io.lammps.binary import looks_binary
    from iceclass.io.lammps.yaml_dump import looks_yaml
    from iceclass.io.others.history import looks_history
    from iceclass.io.others.md_files import md_format
    from iceclass.io.others.pdb import looks_pdb

    if looks_binary(raw):
        return "lammps-binary"
    if looks_yaml(head):
        return "lammps-yaml"
    if looks_history(head) or path.name.upper().startswith("HISTORY"):
        return "history"
    if (kind := md_format(path)) is not None:
        return kind
    _refuse_others(path, raw)
    name = without_compression(path)
    suffix = name.suffix.lower()
    if suffix in suffixes.DUMP or name.name.startswith("dump."):
        return "lammps-dump"
    header = head[:4096]
    if re.search(rb"^[ \t]*\d+[ \t]+atoms\b", header, re.MULTILINE) and re.search(
        rb"\b(xlo[ \t]+xhi|avec|atom[ \t]+types)\b", header
    ):
        return "lammps-data"
    if suffix in suffixes.DATA:
        return "lammps-data"
    if suffix in suffixes.GRO:
        return "gro"
    if suffix in suffixes.PDB or looks_pdb(head):
        return "pdb"
    from iceclass.io.others.ase_frames import ase_format

    return ase_format(path, head)


def _refuse_others(path: Path, head: bytes) -> None:
    """Raise if this is a file of another kind, and say which."""
    for magic, what, hint in _OTHERS:
        if head.startswith(magic):
            raise InputError(f"this is {what}, not a trajectory", path=path, hint=hint)
    if head[4:8] == b"CORD":
        raise InputError("this is a DCD trajectory", path=path, hint="its name has to end in .dcd")
    if head.startswith(b"---") and b"keywords:" in head and b"natoms:" not in head:
        raise InputError(
            "this is the thermodynamic output of LAMMPS in YAML, not a trajectory",
            path=path,
            hint="label the dump that the run wrote",
        )

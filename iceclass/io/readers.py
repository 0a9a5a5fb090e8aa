"""The reader of each format, imported when it is needed."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from iceclass.io.pieces import Piece
from iceclass.io.text.streams import ByteSource


def pieces_of(source: ByteSource, name: str) -> Iterator[Piece]:
    """The frames of a file in any format but text dumps and those of MDAnalysis."""
    if name == "lammps-binary":
        from iceclass.io.lammps.binary import BinaryDump

        return BinaryDump(source).pieces()
    if name == "lammps-yaml":
        from iceclass.io.lammps.yaml_dump import YamlDump

        return YamlDump(source).pieces()
    if name == "lammps-data":
        from iceclass.io.lammps.data_file import read_data

        return iter([Piece(None, partial(read_data, source))])
    if name == "gro":
        from iceclass.io.others.gro import GroFile

        return GroFile(source).pieces()
    if name == "pdb":
        from iceclass.io.others.pdb import PdbFile

        return PdbFile(source).pieces()
    from iceclass.io.others.ase_frames import ase_pieces

    return ase_pieces(source, name)

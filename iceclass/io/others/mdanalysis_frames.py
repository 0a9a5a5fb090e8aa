"""Trajectories that need a topology: XTC, TRR, DCD, NetCDF, TNG … through MDAnalysis.

Most of these files hold positions and cells but no names: a topology tells what the atoms are.
LAMMPS data files and dumps, gro, pdb and HISTORY are read by iceclass itself, any other topology
by MDAnalysis (psf, tpr, prmtop …). GSD files are their own topologies.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from iceclass.errors import InputError
from iceclass.frame import Frame
from iceclass.io.detect import detect_format
from iceclass.io.options import ReadOptions
from iceclass.io.others.md_files import NAMED, PERIODIC, Snapshot, md_format, needs, open_file
from iceclass.io.others.names import named_kinds
from iceclass.io.pieces import as_input_errors
from iceclass.io.readers import pieces_of
from iceclass.io.text.streams import ByteSource
from iceclass.io.water.assembly import Assembler, RawFrame
from iceclass.io.water.kinds import AtomKinds

if TYPE_CHECKING:
    from MDAnalysis import AtomGroup

_KEPT = ("id", "type", "mol", "element", "resname", "name", "mass", "q")
_TEXTS = (("element", "elements"), ("resname", "resnames"), ("name", "names"), ("type", "types"))
_DAMAGED = "the frame cannot be read: it is damaged or cut short"
_READ_HERE = ("lammps-dump", "lammps-binary", "lammps-yaml", "lammps-data", "gro", "pdb", "history")


def frames_by_mdanalysis(
    path: str | Path,
    options: ReadOptions,
    assembler: Assembler | None = None,
    *,
    skipped: list[InputError] | None = None,
) -> Iterator[tuple[int, Frame]]:
    """Number in the file and frame, for every frame asked for; each is gone to directly.

    Frames hold the topology's columns ``id``, ``type``, ``mol``, ``element``, ``name``, ``mass``
    and ``q``, positions in Å, and where a TRR file has them velocities (``vx vy vz``, Å/ps) and
    forces (``fx fy fz``, kJ/mol/Å). Atoms are in the order of the trajectory; those of a LAMMPS
    topology are put in the order of their ids, in which LAMMPS writes these formats.
    The files do not tell along which directions a cell is periodic: all are, if there is one.

    Parameters
    ----------
    path
        A file of one of :data:`~iceclass.io.others.md_files.FORMATS`, by its name.
    options
        How; its topology tells what the atoms are.
    assembler
        Makes the frames, in place of one for ``options.types``.
    skipped
        The errors of damaged frames are appended to it.

    Raises
    ------
    MissingDependencyError
        MDAnalysis is not installed.
    InputError
        No topology, one of another number of atoms, a file that is unreadable or ends in the
        midst of a frame, or no decision about the sites.
    """
    path, topology = Path(path), options.topology
    start, stop, every = options.frames
    if assembler is None:
        assembler = Assembler(path, options.types)
    errors = skipped if skipped is not None else []
    template = _template(path, topology, options.types)
    n_atoms = len(template.positions)
    with open_file(path, n_atoms) as file:
        if n_atoms != file.n_atoms:
            raise InputError(
                f"has {file.n_atoms} atoms, but the topology {topology} has {n_atoms}",
                path=path,
                hint="give the topology this trajectory was written with",
            )
        if start > file.n_frames:
            raise InputError(
                f"the file has {file.n_frames} frames, none to start from at {start}", path=path
            )
        end = file.n_frames if stop is None else min(stop, file.n_frames)
        whole = True
        for index in range(start, end, every):
            try:
                with as_input_errors(path, _DAMAGED, frame=index):
                    snapshot = file.read(index)
                if options.cell is None and not snapshot.cell.any() and md_format(path) in PERIODIC:
                    raise InputError(
                        "the frame has no cell",
                        path=path,
                        frame=index,
                        hint='give it: cell="a,b,c"',
                    )
                frame = assembler.frame(_raw_frame(template, snapshot), index)
            except InputError as error:
                if options.on_error == "raise":
                    raise
                errors.append(error)
                whole = index < file.n_frames - 1
                continue
            yield index, frame
        if whole and (stop is None or stop > file.n_frames) and not file.ends_well():
            cut = InputError(
                "the file ends in the midst of this frame",
                path=path,
                frame=file.n_frames,
                hint="was the run stopped while writing it?",
            )
            if options.on_error == "raise":
                raise cut
            errors.append(cut)


# -- topologies ---------------------------------------------------------------------------------


def _raw_frame(template: RawFrame, now: Snapshot) -> RawFrame:
    columns = dict(template.columns)
    for axes, values in (
        (("x", "y", "z"), now.positions),
        (("vx", "vy", "vz"), now.velocities),
        (("fx", "fy", "fz"), now.forces),
    ):
        if values is not None:
            columns |= {axis: values[:, i] for i, axis in enumerate(axes)}
    return replace(
        template,
        positions=now.positions,
        cell=now.cell,
        pbc=np.any(now.cell != 0.0, axis=1),
        columns=columns,
        timestep=now.timestep,
        time=now.time,
    )


def _template(path: Path, topology: str | Path | None, types: Mapping[Any, str] | None) -> RawFrame:
    """What the topology says of the atoms, in the order of the trajectory."""
    kind = md_format(path) or ""
    if topology is None and kind not in NAMED:
        raise InputError(
            f"{kind.upper()} files do not tell which atoms are oxygens",
            path=path,
            hint='give one (gro, pdb, psf, LAMMPS data …), as in topology="FILE"',
        )
    topology = path if topology is None else Path(topology)
    if not topology.is_file():
        raise InputError("no such topology file", path=topology)
    raw = None if topology == path else _first_frame(topology, types)
    if raw is not None:
        order = np.arange(len(raw.positions)) if raw.ids is None else np.argsort(raw.ids)
        kinds = raw.kinds(True)
        kinds = replace(kinds, codes=kinds.codes[order])
        columns = {name: raw.columns[name][order] for name in _KEPT if name in raw.columns}
        ids = None if raw.ids is None else raw.ids[order]
        bonds = None if raw.bonds is None else np.argsort(order)[raw.bonds]
    else:
        atoms = _atoms_of(topology)
        columns = _columns_of(atoms)
        kinds = named_kinds(columns)
        ids = None
        with as_input_errors(topology, "the bonds of this topology are not among its atoms"):
            bonds = bonds_of(atoms)
    m = len(kinds.codes)
    return RawFrame(
        positions=np.zeros((m, 3)),
        cell=np.zeros((3, 3)),
        pbc=np.zeros(3, bool),
        origin=np.zeros(3),
        columns=columns,
        kinds=lambda _: kinds,
        ids=ids,
        bonds=bonds,
    )


class _KeepsRaw(Assembler):
    """Keeps what a reader found in the file."""

    raw: RawFrame | None = None

    def frame(self, raw: RawFrame, index: int | None = None, line: int | None = None) -> Frame:
        self.raw = raw
        return super().frame(raw, index, line)


def _first_frame(topology: Path, types: Mapping[Any, str] | None) -> RawFrame | None:
    """The first frame of a file that iceclass reads by itself; ``None`` for any other file."""
    try:
        kind = detect_format(topology)
    except InputError:
        return None  # not known to iceclass; MDAnalysis will tell
    if kind not in _READ_HERE:
        return None
    with closing(ByteSource(topology)) as source:
        if kind != "lammps-dump":
            return next(pieces_of(source, kind)).load()
        from iceclass.io.lammps.dump import DumpReader

        first = _KeepsRaw(topology, types)
        for _ in DumpReader(source, first).frames(0, 1, 1, False):
            break
        return first.raw


def _atoms_of(topology: Path) -> AtomGroup:
    needs(topology, "")
    with as_input_errors(topology, "MDAnalysis cannot read this as a topology"):
        from MDAnalysis import Universe

        kind = md_format(topology)  # else MDAnalysis tells by the suffix
        kind = kind.upper() if kind in NAMED else None
        universe = Universe(str(topology), to_guess=(), format=kind, topology_format=kind)
        if hasattr(universe, "trajectory"):  # a psf, prmtop or tpr has none
            universe.trajectory.close()
        return universe.atoms


def _columns_of(atoms: AtomGroup) -> dict[str, NDArray[Any]]:
    """The columns of a topology; ``id`` counts the atoms."""
    columns: dict[str, NDArray[Any]] = {"id": np.arange(1, len(atoms) + 1)}
    for name, attribute in (("mol", "resids"), ("mass", "masses"), ("q", "charges")):
        if hasattr(atoms, attribute):
            column = np.asarray(getattr(atoms, attribute))
            columns[name] = column.astype(np.int64 if name == "mol" else np.float64)
    for name, attribute in _TEXTS:
        if hasattr(atoms, attribute):
            texts = np.asarray(getattr(atoms, attribute)).astype(str)
            columns[name] = np.where(texts == "", "X", texts)
    return columns


def bonds_of(atoms: AtomGroup) -> NDArray[np.int64] | None:
    """(B, 2) The bonds among the atoms by their places in the group, if the topology has any."""
    if not hasattr(atoms.universe, "bonds") or len(atoms.universe.bonds) == 0:
        return None
    row = np.full(len(atoms.universe.atoms), -1, np.int64)
    row[atoms.indices] = np.arange(len(atoms))
    bonds = row[atoms.universe.bonds.indices]
    return bonds[np.all(bonds >= 0, axis=1)]


def kinds_of(atoms: AtomGroup) -> AtomKinds:
    """The kinds of MDAnalysis's atoms; as :func:`~iceclass.io.others.names.named_kinds`."""
    return named_kinds(_columns_of(atoms))

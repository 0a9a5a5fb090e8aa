"""ASE's ``Atoms`` and every file format that ASE reads.

Extended XYZ is cut into frames here, so that frames stream through compression and an error
names its line; each frame is then parsed by ASE. Other formats go through ``ase.io.iread``.
"""

from __future__ import annotations

import re
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from functools import partial
from io import StringIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from iceclass.errors import InputError
from iceclass.frame import Frame
from iceclass.io.pieces import Piece, as_input_errors, check_whole
from iceclass.io.text.blocks import LINE, LineBuffer
from iceclass.io.text.streams import BLOCK, ByteSource, without_compression
from iceclass.io.water.assembly import Assembler, RawFrame
from iceclass.io.water.kinds import OXYGEN, AtomKinds, Key, role_of_name
from iceclass.kernels.memory import too_much

if TYPE_CHECKING:
    from ase import Atoms

_LONG = 4096  # characters of a row of extended XYZ, on average
_SMALL = 1 << 26  # bytes that every frame may have
_MOST_COLUMNS = 1 << 16  # of a property
_ROW_BYTES = 60  # that a row takes, at least, while it is read
_XYZ = ("extxyz", "xyz")
_LAMMPS_STEP = re.compile(rb"\s*Atoms\. Timestep:\s*(-?\d{1,18})\s*")
_NO_FILES = ("py", "bundletrajectory", "postgresql", "mysql")


def frame_from_ase(atoms: Atoms, types: Mapping[Any, str] | None = None) -> Frame:
    """The frame of an ``Atoms`` object.

    Cell, positions and per-atom arrays are taken as they are (left-handed cells too); arrays of
    shape (M, k) become k columns ``name_0`` …, and forces, charges and other per-atom results
    stored with the object are kept as well.

    Parameters
    ----------
    atoms
        The structure.
    types
        Chemical symbol or atom name → element, where they differ: ``{"X": "O"}``.

    Raises
    ------
    InputError
        No oxygen, or ``types`` that do not fit.
    """
    return Assembler(None, types).frame(raw_frame(atoms))


def raw_frame(atoms: Atoms) -> RawFrame:
    """What an ``Atoms`` object holds, before anything is known of its molecules."""
    positions = np.array(atoms.positions, np.float64)
    symbols = np.array(atoms.arrays.get("element", atoms.get_chemical_symbols()), dtype=str)
    columns: dict[str, NDArray[Any]] = {"element": symbols}
    columns |= {axis: positions[:, i] for i, axis in enumerate("xyz")}
    results = getattr(atoms.calc, "results", {}) if atoms.calc is not None else {}
    arrays = {k: v for k, v in atoms.arrays.items() if k not in ("numbers", "positions")}
    arrays |= {k: np.asarray(v) for k, v in results.items() if k not in arrays}
    for name, array in arrays.items():
        if array.ndim == 0 or len(array) != len(symbols) or array.ndim > 2:
            continue
        parts = {name: array} if array.ndim == 1 else {}
        if array.ndim == 2:
            parts = {f"{name}_{k}": array[:, k] for k in range(array.shape[1])}
        for key, part in parts.items():
            columns.setdefault(key, _plain(part))
    ids = columns.get("id")
    if ids is None or ids.dtype.kind != "i" or len(np.unique(ids)) != len(ids):
        ids = None
    info = atoms.info
    step = info.get("timestep", info.get("step", info.get("Step", 0)))
    pbc = np.array(atoms.pbc, bool)
    cell = np.array(atoms.cell, np.float64)
    pbc &= np.any(cell != 0.0, axis=1)
    return RawFrame(
        positions=positions,
        cell=cell,
        pbc=pbc,
        origin=np.array(atoms.get_celldisp(), np.float64).reshape(3),
        columns=columns,
        kinds=_kinds_of(columns),
        ids=ids,
        timestep=int(step) if isinstance(step, (int, np.integer)) else 0,
        time=_picoseconds(atoms.info),
    )


def _picoseconds(info: Mapping[str, Any]) -> float | None:
    """The time, of files that iceclass wrote: others tell it in units of their own."""
    time = info.get("time")
    return float(time) if "iceclass_model" in info and isinstance(time, int | float) else None


def _plain(array: NDArray[Any]) -> NDArray[Any]:
    """int64, float64 or strings."""
    if array.dtype.kind in "iub":
        return array.astype(np.int64)
    return array.astype(np.float64) if array.dtype.kind == "f" else array.astype(str)


def _kinds_of(columns: Mapping[str, NDArray[Any]]) -> Callable[[bool], AtomKinds]:
    """Kinds by atom names where they tell of oxygen (ASE takes the MW of a 4-site model for
    tungsten), else by chemical symbols where these do, else by types or masses.

    AtomEye files of LAMMPS hold a C for every atom whose element it was not told, but masses:
    types then count these, the heaviest first.
    """

    def kinds(full: bool) -> AtomKinds:
        del full
        kind, source, texts = "element", "chemical symbols", columns["element"]
        names, masses, types = map(columns.get, ("atomtypes", "masses", "type"))
        if names is not None and _tells(names):
            kind, source, texts = "atom name", "atom names", names
        elif _tells(texts):
            pass
        elif types is not None and types.dtype.kind == "i":
            numbers, codes = np.unique(types, return_inverse=True)
            keys: tuple[Key, ...] = tuple(numbers.tolist())
            return AtomKinds("type", keys, codes.astype(np.int64), (None,) * len(keys))
        elif masses is not None and len(np.unique(texts)) < len(np.unique(masses)):
            values, codes = np.unique(-masses, return_inverse=True)
            n = len(values)
            keys, weights = tuple(range(1, n + 1)), tuple((-values).tolist())
            return AtomKinds("type", keys, codes.astype(np.int64), (None,) * n, "", weights)
        found, codes = np.unique(texts, return_inverse=True)
        labels = tuple(str(key) for key in found)
        return AtomKinds(kind, labels, codes.astype(np.int64), labels, source)

    return kinds


def _tells(names: NDArray[Any]) -> bool:
    """Whether any of the names is that of an oxygen."""
    return any(role_of_name(name) == OXYGEN for name in np.unique(names).tolist())


def ase_format(path: Path, head: bytes) -> str:
    """The name of ASE's format for a file.

    Raises
    ------
    InputError
        ASE does not know it either.
    """
    from ase.io.formats import UnknownFileTypeError, filetype, ioformats

    name = without_compression(path)
    try:
        compressed = name != path
        found = str(filetype(str(name if compressed else path), read=not compressed))
    except (UnknownFileTypeError, OSError, UnicodeDecodeError):
        found = ""
    found = "extxyz" if found in _XYZ else found
    if found not in ioformats or not ioformats[found].can_read or found in _NO_FILES:
        text = ascii(head[:40].decode("utf-8", "replace"))
        raise InputError(
            f"not a trajectory of a known format: begins with {text}",
            path=path,
            frame=0,
            line=1,
            hint="expected a LAMMPS dump (text, binary, yaml), a LAMMPS data file, gro, pdb, XTC, "
            "TRR, DCD, NetCDF, or a file ASE reads",
        )
    return found


def ase_pieces(source: ByteSource, name: str) -> Iterator[Piece]:
    """The frames of a file in one of ASE's formats."""
    return _xyz_frames(source) if name in _XYZ else _iread(source, name)


def _iread(source: ByteSource, name: str) -> Iterator[Piece]:
    from ase.io import iread

    with _stored_plain(source) as path:
        images = iter(iread(str(path), index=":", format=name))
        index = 0
        while True:
            with as_input_errors(source.path, f"ASE cannot read this as {name}", frame=index):
                atoms = next(images, None)
            if atoms is None:
                break
            yield Piece(None, partial(raw_frame, atoms))
            index += 1
    if index == 0:
        raise InputError(f"ASE finds no structure in this {name} file", path=source.path, frame=0)


@contextmanager
def _stored_plain(source: ByteSource) -> Iterator[Path]:
    """A file that ASE can open: the file itself, or a decompressed copy for as long as needed."""
    if source.compression is None:
        yield source.path
        return
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / without_compression(source.path).name
        with copy.open("wb") as out:
            while block := source.read(BLOCK):
                out.write(block)
        check_whole(source, 0)
        yield copy


def _check_properties(comment: bytes, path: Path, index: int, line: int) -> None:
    """Raise where a property has more columns than a row can: ASE makes room for them all."""
    for text in re.findall(rb":\s*[A-Za-z]\s*:\s*([^\s:\"'}\]]+)", comment):
        with suppress(ValueError):
            if int(text) > _MOST_COLUMNS:
                raise InputError(
                    f"a property of {int(text)} columns, expected {_MOST_COLUMNS} at most",
                    path=path,
                    frame=index,
                    line=line,
                )


def _odd_species(rows: list[bytes]) -> NDArray[Any] | None:
    """The (M,) names or type numbers of the atoms, where these are no chemical symbols.

    ASE takes nothing else: in ``rows`` they become X.
    """
    from ase.data import atomic_numbers

    comment = rows[1].decode("utf-8", "replace")
    properties = re.search(r"Properties\s*=\s*\"?([^\s\"]+)", comment, re.IGNORECASE)
    words = (properties[1] if properties else "species:S:1").split(":")
    column = 0
    for name, count in zip(words[::3], words[2::3], strict=False):
        if name.lower() in ("species", "symbols", "element"):
            break
        column += int(count) if count.isdigit() else 1
    fields = [row.split(None, column + 1) for row in rows[2:] if row.strip()]
    if any(len(parts) <= column for parts in fields):
        return None  # ASE will say what is wrong
    texts = [parts[column].decode("utf-8", "replace") for parts in fields]
    if all(text in atomic_numbers for text in set(texts)):
        return None
    for k, parts in enumerate(fields):
        parts[column] = b"X"
        rows[2 + k] = b" ".join(parts)
    if all(text.isascii() and text.isdigit() and len(text) < 10 for text in set(texts)):
        return np.array(texts).astype(np.int64)
    return np.array(texts)


def _xyz_frames(source: ByteSource) -> Iterator[Piece]:
    """Frames of an (extended) XYZ file."""
    from ase.io import read

    path = source.path
    buffer = LineBuffer(source)
    index = 0
    while True:
        buffer.skip_blank()
        first = buffer.next()
        if first is None:
            check_whole(source, index, buffer.line + 1)
            return
        line = buffer.line
        words = first.split()
        if len(words) != 1 or not words[0].isdigit():
            text = first[:60].decode("utf-8", "replace")
            raise InputError(
                f"found {text!r}, expected the number of atoms of the next frame",
                path=path,
                frame=index,
                line=line,
                hint="the frame before may have more rows than it announces",
            )
        n = int(words[0][:19])  # what has more digits is too much anyway
        if problem := too_much(n * _ROW_BYTES):
            raise InputError(f"announces {n} atoms: {problem}", path=path, frame=index, line=line)
        rows: list[bytes] = []
        size = 0
        while len(rows) < n + 1:
            row = buffer.next()
            size += 0 if row is None else len(row)
            if size > _SMALL + _LONG * n or (row is not None and len(row) > LINE):
                raise InputError(
                    f"{size} characters or more in {len(rows) + 1} of {n} rows: none is that long",
                    path=path,
                    frame=index,
                    line=buffer.line,
                )
            if row is None:
                found = max(0, len([r for r in rows[1:] if r.strip()]))
                raise InputError(
                    f"the last frame is cut short: found {found} of {n} rows",
                    path=path,
                    frame=index,
                    line=buffer.line,
                )
            rows.append(row)

        def load(
            rows: list[bytes] = [first, *rows, b""],  # noqa: B006
            index: int = index,
            line: int = line,
        ) -> RawFrame:
            _check_properties(rows[1], path, index, line + 1)
            species = _odd_species(rows)
            text = b"\n".join(rows)
            with as_input_errors(path, "ASE cannot read this as extxyz", frame=index, line=line):
                atoms = read(StringIO(text.decode("utf-8")), index=0, format="extxyz")
            assert not isinstance(atoms, list)
            if species is not None:
                atoms.set_array("type" if species.dtype.kind == "i" else "element", species)
            if step := _LAMMPS_STEP.fullmatch(rows[1]):
                atoms.info["timestep"] = int(step[1])
            return raw_frame(atoms)

        yield Piece(line, load)
        index += 1

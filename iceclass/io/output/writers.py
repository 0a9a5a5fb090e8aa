"""Writing frames with added columns: LAMMPS dumps, extended XYZ."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from iceclass.errors import InputError, OutputError
from iceclass.frame import Frame
from iceclass.io import suffixes
from iceclass.io.lammps.box import bounds_text, restricted
from iceclass.io.text import formatting
from iceclass.io.text.blocks import Text, as_array
from iceclass.io.text.columns import COORDINATES, TextColumns
from iceclass.io.text.streams import AtomicFile, without_compression
from iceclass.io.water.kinds import OXYGEN, role_of_name


class OutputFile(Protocol):
    """What takes the bytes of a writer, and makes a file of them."""

    def write(self, data: bytes | bytearray | memoryview) -> None: ...

    def commit(self) -> None: ...

    def abort(self) -> None: ...

    def __exit__(self, *exc: Any) -> None: ...


class FrameWriter(Protocol):
    """A context manager that writes frames; the file appears when the block ends well.

    Attributes
    ----------
    state
        What the next frame's text depends on besides the frame; another writer given it goes on
        as this one would.
    """

    path: Path
    state: str | None

    def write(
        self,
        frame: Frame,
        extra_columns: Mapping[str, ArrayLike] | None = None,
        info: Mapping[str, Any] | None = None,
    ) -> None:
        """Append a frame, with ``extra_columns`` of one value an atom."""

    def close(self) -> None:
        """Finish the file and move it to its final name."""

    def abort(self) -> None:
        """Throw the file away."""

    def __enter__(self) -> Self: ...

    def __exit__(self, *exc: Any) -> None: ...


def output_writer(
    path: str | Path, force: bool = False, file: OutputFile | None = None
) -> FrameWriter:
    """The writer for the suffix of ``path``, after which a compression's suffix may follow.

    ``file`` takes the bytes, instead of one that is opened at ``path``.

    Raises
    ------
    OutputError
        Unknown suffix; the file exists (without ``force``); its directory is missing or closed.
    """
    suffix = without_compression(path).suffix.lower()
    if suffix in suffixes.DUMP:
        return DumpWriter(path, force=force, file=file)
    if suffix in suffixes.XYZ:
        return ExtxyzWriter(path, force=force, file=file)
    raise OutputError(
        f"unknown suffix {suffix!r}",
        path=path,
        hint=f"known: {', '.join(suffixes.DUMP + suffixes.XYZ)}, "
        f"and {', '.join(suffixes.COMPRESSED)} behind",
    )


class _Writer:
    """What the writers share: the file, which appears under its name when it is complete."""

    def __init__(
        self, path: str | Path, *, force: bool = False, file: OutputFile | None = None
    ) -> None:
        self.path = Path(path)
        self.state: str | None = None
        self._file = AtomicFile(self.path, force=force) if file is None else file

    def close(self) -> None:
        """Finish the file and move it to its final name."""
        self._file.commit()

    def abort(self) -> None:
        """Throw the file away."""
        self._file.abort()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: Any) -> None:
        self._file.__exit__(*exc)


class DumpWriter(_Writer):
    """LAMMPS text dumps.

    A frame that came from a dump keeps its header (units, time, box of any form) and its rows as
    they were, byte for byte but for white space at their ends; the new columns follow. Of a binary
    dump every column is written, with all its digits.

    Any other frame is written with the columns ``id type element x y z`` (and ``mol`` and ``q``
    where it has them) in a box with lower-triangular vectors, as LAMMPS wants it: a cell of
    another orientation is turned, together with the positions, and a left-handed one mirrored.
    Types are those of the frame, else they count the elements in alphabetical order. Along open
    boundaries without a cell vector the box encloses the atoms.

    Parameters
    ----------
    path
        Where to write; the suffixes .gz, .bz2, .xz and .zst compress.
    force
        Replace an existing file.

    Raises
    ------
    OutputError
        The path cannot be written, or a column does not fit.
    """

    def write(
        self,
        frame: Frame,
        extra_columns: Mapping[str, ArrayLike] | None = None,
        info: Mapping[str, Any] | None = None,
    ) -> None:
        """Append a frame.

        Parameters
        ----------
        frame
            The frame; where it has no atom table, its sites are the atoms.
        extra_columns
            Name → (M,) integers, floats or strings without blanks.
        info
            Not written: a dump has no place for it.
        """
        del info
        extra = {name: np.asarray(column) for name, column in (extra_columns or {}).items()}
        table = frame.atoms
        kept = dict(table.header) if table is not None else {}
        if table is not None and "box" in kept:  # from a dump, text or binary
            names = tuple(table.columns)
            box, n_rows = kept["box"] + "\n", len(table)
            if isinstance(table.columns, TextColumns):
                rows, new = table.columns.rows, extra
            else:
                rows, new = b"", {**table.columns, **extra}
        else:
            own, cell, origin, boundary = _own_columns(frame)
            names, rows, new = tuple(own), b"", own | extra
            n_rows = len(next(iter(own.values())))
            box = bounds_text(cell, origin, boundary)
            kept = {}
            if frame.time is not None:
                kept = {"units": "metal", "time": f"{frame.time:.16g}"}
        clash = [name for name in extra if name in names]
        if clash:
            raise OutputError(
                f"the frame has a column {clash[0]!r} already",
                path=self.path,
                hint="was this file written by iceclass before?",
            )
        head = ""
        if "units" in kept and kept["units"] != self.state:
            head += f"ITEM: UNITS\n{kept['units']}\n"
            self.state = kept["units"]
        if "time" in kept:
            head += f"ITEM: TIME\n{kept['time']}\n"
        head += f"ITEM: TIMESTEP\n{frame.timestep}\n"
        for item, text in kept.items():
            if item.startswith("ITEM: "):
                head += f"{item}\n{text}\n" if text else f"{item}\n"
        head += f"ITEM: NUMBER OF ATOMS\n{n_rows}\n{box}"
        head += "ITEM: ATOMS " + " ".join([*names, *extra]) + "\n"
        data = format_rows(rows, n_rows, new, self.path)
        self._file.write(head.encode())
        self._file.write(data)


def format_rows(
    rows: Text, n_rows: int, columns: Mapping[str, NDArray[Any]], path: Path | None = None
) -> memoryview | Text:
    """Rows of text with the columns appended.

    Parameters
    ----------
    rows
        M complete rows, or nothing.
    n_rows
        M.
    columns
        Name → (M,) integers, booleans, floats or strings.

    Raises
    ------
    OutputError
        A column of another length, a complex one, or a string that is empty or holds blanks.
    """
    kinds, slots, widths = [], [], []
    integers: list[NDArray[np.int64]] = []
    floats: list[NDArray[np.float64]] = []
    texts: list[NDArray[np.uint8]] = []
    text_bytes = 0
    for name, column in columns.items():
        if column.shape != (n_rows,):
            raise OutputError(
                f"column {name!r} has shape {column.shape}, expected ({n_rows},)", path=path
            )
        width = 0
        if column.dtype.kind in "iub":
            kinds.append(formatting.INTEGERS)
            slots.append(len(integers))
            integers.append(column.astype(np.int64))
        elif column.dtype.kind == "f":
            single = column.dtype.itemsize <= 4
            kinds.append(formatting.SINGLES if single else formatting.DOUBLES)
            slots.append(len(floats))
            floats.append(column.astype(np.float64))
        elif column.dtype.kind in "USO":
            raw = np.char.encode(column.astype(str), "utf-8")
            width = raw.dtype.itemsize
            kinds.append(formatting.TEXTS)
            slots.append(text_bytes)
            texts.append(np.ascontiguousarray(raw).view(np.uint8).reshape(n_rows, width))
            text_bytes += width
        else:
            raise OutputError(f"column {name!r} holds {column.dtype}, which has no text", path=path)
        widths.append(width)
    if not columns and rows:
        return rows
    room = len(rows) + n_rows * (
        formatting.WIDEST * (len(integers) + len(floats)) + text_bytes + len(texts) + 2
    )
    out = np.empty(room, np.uint8)
    length = formatting.append_columns(
        as_array(rows),
        n_rows,
        np.array(kinds, np.int8),
        np.array(slots, np.int64),
        np.array(widths, np.int64),
        np.array(integers, np.int64).reshape(len(integers), n_rows),
        np.array(floats, np.float64).reshape(len(floats), n_rows),
        np.concatenate(texts, axis=1) if texts else np.empty((n_rows, 0), np.uint8),
        out,
    )
    if length < 0:
        name = list(columns)[-1 - length]
        raise OutputError(f"column {name!r} has a text that is empty or holds a blank", path=path)
    return out[:length].data


def _own_columns(
    frame: Frame,
) -> tuple[dict[str, NDArray[Any]], NDArray[np.float64], NDArray[np.float64], str]:
    """Columns, lower-triangular cell, origin and boundary flags of a frame not from a dump."""
    positions, elements = all_atoms(frame)
    cell, origin = np.array(frame.cell), np.array(frame.origin)
    boundary = ["pp" if periodic else "ff" for periodic in frame.pbc]
    missing = ~np.any(cell != 0.0, axis=1)
    for i in np.flatnonzero(missing):
        _, size, basis = np.linalg.svd(cell)
        direction = basis[np.count_nonzero(size > 1e-9 * max(size[0], 1e-9))]
        if missing.all():
            direction = np.eye(3)[i]
        trial = np.where(np.arange(3)[:, None] == i, direction, cell)
        if np.linalg.det(trial) < 0.0:  # completed as a right-handed cell
            direction = -direction
        along = positions @ direction
        low, high = float(along.min()) - 1.0, float(along.max()) + 1.0
        cell[i] = direction * (high - low)
        origin = origin + direction * (low - origin @ direction)
    if not np.array_equal(cell, np.tril(cell)) or np.any(np.diag(cell) <= 0.0):
        cell, turn = restricted(cell)
        positions, origin = positions @ turn, origin @ turn
    table = frame.atoms.columns if frame.atoms is not None else {}
    n = len(positions)
    columns: dict[str, NDArray[Any]] = {}
    given = table.get("id")
    if given is not None and given.dtype.kind == "i":
        columns["id"] = given
    else:
        columns["id"] = frame.ids if frame.atoms is None else np.arange(1, n + 1)
    if "type" in table and table["type"].dtype.kind == "i":
        columns["type"] = table["type"]
    else:
        codes = np.unique(elements, return_inverse=True)[1]
        columns["type"] = codes.astype(np.int64) + 1
    columns["element"] = elements
    for name in ("mol", "q"):
        if name in table and table[name].dtype.kind in "if":
            columns[name] = table[name]
    columns |= {axis: positions[:, i] for i, axis in enumerate("xyz")}
    return columns, cell, origin, " ".join(boundary)


def all_atoms(frame: Frame) -> tuple[NDArray[np.float64], NDArray[Any]]:
    """(M, 3) Cartesian positions in Å and (M,) element names of all atoms of a frame.

    Without names in the file, sites are O, atoms of their molecules H, all others X.
    """
    if frame.atoms is None:
        return np.array(frame.positions), np.full(frame.n_molecules, "O")
    table, molecule = frame.atoms.columns, frame.atoms.molecule
    scale = 1.0
    if "units" in frame.atoms.header:
        from iceclass.io.lammps.units import scale_of

        scale = scale_of(frame.atoms.header["units"])[0]
    for triple in COORDINATES:
        if all(name in table for name in triple):
            raw = np.stack([table[name].astype(np.float64) for name in triple], axis=1)
            scaled = triple[0] in ("xs", "xsu")
            positions = raw @ frame.cell + frame.origin if scaled else raw * scale
            break
    else:
        raise InputError("the frame's atoms have no positions")
    names = np.full(len(molecule), "X", dtype="U8")
    names[molecule >= 0] = "H"
    names[_sites(frame, positions)] = "O"
    if "element" in table:
        given = table["element"].astype(str)
        roles = {text: role_of_name(text) for text in np.unique(given).tolist()}
        if OXYGEN in roles.values():
            names = np.where(molecule < 0, given, names).astype(str)
    return positions, names


def _sites(frame: Frame, positions: NDArray[np.float64]) -> NDArray[np.int64]:
    """(N,) rows of the sites among all atoms: where a molecule's position is that of the atom."""
    assert frame.atoms is not None
    rows = np.flatnonzero(frame.atoms.molecule >= 0)
    own = frame.positions[frame.atoms.molecule[rows]]
    same = rows[np.all(np.abs(positions[rows] - own) <= 1e-9 * (1.0 + np.abs(own)), axis=1)]
    return same


class ExtxyzWriter(_Writer):
    """Extended XYZ through ASE, every per-atom column kept.

    Elements are those of the file, else O for sites, H for hydrogens and X for everything else.
    """

    def write(
        self,
        frame: Frame,
        extra_columns: Mapping[str, ArrayLike] | None = None,
        info: Mapping[str, Any] | None = None,
    ) -> None:
        """Append a frame; arguments as of :meth:`DumpWriter.write`.

        ``info`` goes to the comment line, with timestep and time (ps) of the frame.
        """
        from io import StringIO

        from ase import Atoms
        from ase.data import chemical_symbols
        from ase.io.extxyz import write_extxyz

        positions, names = all_atoms(frame)
        symbols = np.where(np.isin(names, chemical_symbols), names, "X")
        atoms = Atoms(symbols.tolist(), positions=positions, cell=frame.cell, pbc=frame.pbc)
        columns: dict[str, NDArray[Any]] = {}
        if frame.atoms is not None:
            skipped = {name for triple in COORDINATES for name in triple}
            skipped |= {"element", "numbers", "positions"}
            columns = {k: v for k, v in frame.atoms.columns.items() if k not in skipped}
        for name, column in (extra_columns or {}).items():
            if name in columns:
                raise OutputError(f"the frame has a column {name!r} already", path=self.path)
            columns[name] = np.asarray(column)
        for name, column in columns.items():
            if column.shape != (len(atoms),):
                raise OutputError(
                    f"column {name!r} has shape {column.shape}, expected ({len(atoms)},)",
                    path=self.path,
                )
            atoms.set_array(name, np.asarray(column))
        atoms.info = {"timestep": frame.timestep}
        if frame.time is not None:
            atoms.info["time"] = frame.time
        if np.any(frame.origin != 0.0):
            atoms.info["origin"] = np.array(frame.origin)
        atoms.info.update(info or {})
        text = StringIO()
        write_extxyz(text, [atoms], columns=["symbols", "positions", *columns])
        self._file.write(text.getvalue().encode())

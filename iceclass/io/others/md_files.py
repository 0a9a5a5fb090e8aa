"""Trajectories that MDAnalysis reads: any frame of them, in our units.

XTC and TRR are decoded in a process of their own, DCD by MDAnalysis's file object; neither leaves
files of frame offsets beside the trajectory. All others go through MDAnalysis's readers.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray

from iceclass.errors import InputError, MissingDependencyError
from iceclass.io.pieces import as_input_errors

if TYPE_CHECKING:
    from MDAnalysis.coordinates.DCD import DCDReader

FORMATS: dict[str, tuple[str, ...]] = {
    "xtc": (".xtc",),
    "trr": (".trr",),
    "dcd": (".dcd",),
    "ncdf": (".nc", ".ncdf"),
    "tng": (".tng",),
    "gsd": (".gsd",),
    "h5md": (".h5md",),
    "trj": (".mdcrd", ".trj", ".crdbox"),
    "inpcrd": (".inpcrd", ".rst7"),
    "coor": (".coor",),
}
"""MDAnalysis's name of a format, in small letters → the suffixes of its files."""
NAMED = ("gsd",)
"""Formats that tell themselves what their atoms are."""
PERIODIC = ("ncdf",)
"""Formats of periodic simulations, in which a cell may only be missing by mistake."""
_COUNTED = ("trj",)  # do not tell how many atoms there are
_PACKAGES = {"tng": "pytng", "gsd": "gsd", "ncdf": "scipy"}

_WORKER = Path(__file__).with_name("xdr_worker.py")


@dataclass(frozen=True, eq=False)
class Snapshot:
    """One frame: (M, 3) arrays in Å, Å/ps and kJ/mol/Å; cell (3, 3) Å, zero if none; time in ps."""

    positions: NDArray[np.float64]
    cell: NDArray[np.float64]
    timestep: int
    time: float | None
    velocities: NDArray[np.float64] | None = None
    forces: NDArray[np.float64] | None = None


class MdFile(Protocol):
    """A trajectory of M atoms; its methods raise exceptions of any kind."""

    n_atoms: int
    n_frames: int

    def read(self, index: int) -> Snapshot:
        """The frame of that number."""

    def ends_well(self) -> bool:
        """Whether nothing follows the last whole frame."""

    def close(self) -> None: ...


def md_format(path: Path) -> str | None:
    """MDAnalysis's name of the format of a trajectory, by the file's name; else ``None``."""
    suffix = path.suffix.lower()
    return next((name for name, suffixes in FORMATS.items() if suffix in suffixes), None)


def needs(path: Path, what: str) -> None:
    """Raise unless MDAnalysis, and what else it takes to read this format, is installed."""
    for package, name in (("MDAnalysis", "MDAnalysis"), (_PACKAGES.get(what, "numpy"),) * 2):
        if find_spec(package) is None:
            raise MissingDependencyError(f"reading {path.name}", name, "mdanalysis")


@contextmanager
def open_file(path: Path, n_atoms: int) -> Iterator[MdFile]:
    """The file, by its name; formats that do not tell have ``n_atoms`` atoms.

    Raises
    ------
    InputError
        No such file, an unknown suffix, or nothing that can be read.
    MissingDependencyError
        MDAnalysis is not installed.
    """
    kind = md_format(path)
    if kind is None:
        raise InputError(
            f"unknown suffix {path.suffix.lower()!r} of a trajectory",
            path=path,
            hint=f"known: {', '.join(suffix for group in FORMATS.values() for suffix in group)}",
        )
    if not path.is_file():
        raise InputError("no such file", path=path)
    if path.stat().st_size == 0:
        raise InputError("the file is empty", path=path, frame=0)
    needs(path, kind)
    with as_input_errors(path, f"not a {kind.upper()} file, or damaged"):
        file: MdFile
        if kind in ("xtc", "trr"):
            file = XdrFile(path)
        elif kind == "dcd":
            file = DcdFile(path)
        else:
            file = ReaderFile(path, kind, n_atoms)
    with closing(file):
        yield file


class XdrFile:
    """XTC and TRR, whose lengths are in nm, decoded in a process of their own."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._process: subprocess.Popen[bytes] | None = None
        self._next = 0
        try:
            head = self._start()
        except OSError:
            self.close()
            raise
        self.n_atoms, self.n_frames = int(head["n_atoms"]), int(head["n_frames"])
        if self.n_frames == 0:
            self.close()
            raise OSError("it has no whole frame")

    def read(self, index: int) -> Snapshot:
        """The frame of that number."""
        self._next = -1
        head = self._ask(index)
        if "end" in head:
            raise OSError("the file ends before it")
        self._next = index + 1
        arrays = {name: self._array() for name in "xvf" if head[name]}
        if "x" not in arrays:
            raise OSError("it holds no positions")
        return Snapshot(
            positions=10.0 * arrays["x"],
            cell=10.0 * np.array(head["box"]),
            timestep=head["step"],
            time=head["time"],
            velocities=10.0 * arrays["v"] if "v" in arrays else None,
            forces=0.1 * arrays["f"] if "f" in arrays else None,
        )

    def ends_well(self) -> bool:
        """Whether nothing follows; found by reading on behind the last frame."""
        try:
            if self._next != self.n_frames:
                self.read(self.n_frames - 1)
            return "end" in self._ask(self.n_frames)
        except OSError:
            return False

    def close(self) -> None:
        """End the other process."""
        process, self._process = self._process, None
        if process is not None:
            process.kill()
            process.wait()
            for pipe in (process.stdin, process.stdout):
                if pipe is not None:
                    pipe.close()

    def _start(self) -> dict[str, Any]:
        self._process = subprocess.Popen(
            [sys.executable, "-P", "-W", "ignore", str(_WORKER), str(self._path)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
        return self._reply()

    def _ask(self, index: int) -> dict[str, Any]:
        if self._process is None:  # it broke down over another frame
            self._start()
        assert self._process is not None
        assert self._process.stdin is not None
        self._process.stdin.write(f"{index}\n".encode())
        self._process.stdin.flush()
        return self._reply()

    def _reply(self) -> dict[str, Any]:
        assert self._process is not None
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            self._broke_down()
        head: dict[str, Any] = json.loads(line)
        if "error" in head:
            raise OSError(head["error"])
        return head

    def _array(self) -> NDArray[np.float64]:
        assert self._process is not None
        assert self._process.stdout is not None
        data = self._process.stdout.read(12 * self.n_atoms)
        if len(data) < 12 * self.n_atoms:
            self._broke_down()
        return np.frombuffer(data, np.float32).reshape(-1, 3).astype(np.float64)

    def _broke_down(self) -> None:
        self.close()
        raise OSError("its content makes the decoder break down")


class DcdFile:
    """DCD; the many ways in which programs write its cell are MDAnalysis's to tell apart."""

    def __init__(self, path: Path) -> None:
        from MDAnalysis.lib.formats.libdcd import DCDFile

        with DCDFile(str(path)) as file:
            self._header = file.header
            self.n_atoms, self.n_frames = int(file.header["natoms"]), int(file.n_frames)
        if self.n_frames == 0:
            raise OSError("it has no whole frame")
        self._path = path
        self._reader: DCDReader | None = None
        # LAMMPS writes its time step in its own units, which the file does not tell
        self._timed = self._header["delta"] > 0 and "LAMMPS" not in self._header["remarks"]

    def read(self, index: int) -> Snapshot:
        """The frame of that number."""
        if self._reader is None:
            from MDAnalysis.coordinates.DCD import DCDReader

            self._reader = DCDReader(str(self._path))
        now = self._reader[index]
        cell = np.zeros((3, 3)) if now.dimensions is None else now.triclinic_dimensions
        if now.dimensions is not None and not np.any(cell):
            raise OSError(f"its cell {now.dimensions.tolist()} has no volume")
        return Snapshot(
            positions=now.positions.astype(np.float64),
            cell=cell.astype(np.float64),
            timestep=int(self._header["istart"] + index * self._header["nsavc"]),
            time=float(now.time) if self._timed else None,
        )

    def ends_well(self) -> bool:
        """By the size: 84-byte control block, title, number of atoms, then frames of one size."""
        with self._path.open("rb") as file:
            head = file.read(96)
        little = int.from_bytes(head[:4], "little") == 84
        title = int.from_bytes(head[92:96], "little" if little else "big")
        frame = 3 * (4 * self.n_atoms + 8) + (56 if self._header["is_periodic"] else 0)
        rest = self._path.stat().st_size - (92 + title + 8 + 12)
        return bool(rest == self.n_frames * frame)

    def close(self) -> None:
        """Close the file."""
        if self._reader is not None:
            self._reader.close()


class ReaderFile:
    """Any other format, by MDAnalysis's reader."""

    def __init__(self, path: Path, kind: str, n_atoms: int) -> None:
        from MDAnalysis.coordinates.core import get_reader_for

        reader = get_reader_for(str(path), format=kind.upper())
        self._reader: Any = reader.__new__(reader)
        try:
            self._reader.__init__(str(path), **({"n_atoms": n_atoms} if kind in _COUNTED else {}))
        except BaseException:
            self._reader.close = lambda: None  # or it tells, when it is collected, that it cannot
            raise
        self._kind = kind
        self.n_atoms, self.n_frames = int(self._reader.n_atoms), int(self._reader.n_frames)
        if self.n_frames == 0:
            raise OSError("it has no whole frame")

    def read(self, index: int) -> Snapshot:
        """The frame of that number."""
        now = self._reader[index]
        cell = np.zeros((3, 3))
        if self._kind == "gsd":
            cell = _hoomd_cell(self._reader._file[index].configuration.box)
        elif now.dimensions is not None and np.any(now.dimensions[:3]):
            cell = np.asarray(now.triclinic_dimensions, np.float64)
            if not np.any(cell):
                raise OSError(f"its cell {now.dimensions.tolist()} has no volume")
        if not now.has_positions:
            raise OSError("it holds no positions")
        return Snapshot(
            positions=now.positions.astype(np.float64),
            cell=cell,
            timestep=int(now.data.get("step", now.frame)),
            time=float(now.time) if "time" in now.data else None,
            velocities=now.velocities.astype(np.float64) if now.has_velocities else None,
            forces=now.forces.astype(np.float64) if now.has_forces else None,
        )

    def ends_well(self) -> bool:
        """MDAnalysis tells only of whole frames."""
        return True

    def close(self) -> None:
        """Close the file."""
        self._reader.close()


def _hoomd_cell(box: ArrayLike) -> NDArray[np.float64]:
    """(3, 3) vectors of HOOMD's lengths and tilt factors, which MDAnalysis takes for angles."""
    lx, ly, lz, xy, xz, yz = map(float, np.asarray(box))
    return np.array([[lx, 0.0, 0.0], [xy * ly, ly, 0.0], [xz * lz, yz * lz, lz]])

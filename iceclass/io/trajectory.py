"""One way to open every kind of trajectory, and to walk over its frames."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from iceclass.errors import InputError
from iceclass.frame import Frame
from iceclass.io.detect import detect_format
from iceclass.io.lammps.following import Follow, FollowedSource, cannot_follow
from iceclass.io.lammps.index import FrameIndex, ReadPosition, load_index, save_index
from iceclass.io.options import ReadOptions
from iceclass.io.others.md_files import FORMATS as MD_FORMATS
from iceclass.io.pieces import frames_of
from iceclass.io.readers import pieces_of
from iceclass.io.text.streams import ByteSource
from iceclass.io.water.assembly import Assembler
from iceclass.io.water.kinds import AtomRoles

if TYPE_CHECKING:
    from iceclass.io.lammps.dump import DumpReader

_WITHOUT_UNITS = ("lammps", "extxyz", "xyz", "dcd")
"""Beginnings of the names of formats that need not say what their lengths are in."""


class Trajectory:
    """The frames of a file, one at a time; a context manager that closes the file.

    Iterating again reads the file again from its start.

    Parameters
    ----------
    path
        The file; plain or compressed by gzip, bzip2, xz or zstd.
    options
        How to read it; the default options where it is not given.
    at
        Begin here rather than at the beginning of the file: what :attr:`read_position` of another
        trajectory of the same file was, or :meth:`FrameIndex.position` gave. Not beyond ``start``.
    follow
        Wait for more where the file ends: for reading a LAMMPS dump that is being written. The
        file may not even exist yet. Every frame is given as soon as all its rows are there.
    **changes
        Single options, in place of those in ``options``: any attribute of :class:`ReadOptions`.

    Attributes
    ----------
    format
        What :func:`~iceclass.io.detect.detect_format` found.
    options
        How it is read.
    skipped
        The errors of the frames that were left out, each with its frame and line.
    frame_index
        Number in the file of the frame read last, from 0; −1 before the first.

    Raises
    ------
    InputError
        The file cannot be read, or its content is no trajectory (at once); anything wrong with
        its frames (when they are reached).
    """

    def __init__(
        self,
        path: str | Path,
        options: ReadOptions | None = None,
        *,
        at: ReadPosition | None = None,
        follow: Follow | None = None,
        **changes: Any,
    ) -> None:
        options = self.options = ReadOptions.of(options, changes)
        if at is not None and at.frame > options.start:
            raise InputError(
                f"cannot begin at frame {at.frame} to read from {options.start} on", path=path
            )
        self.path = Path(path)
        self.format = detect_format(self.path) if follow is None else _followed_format(self.path)
        if options.topology is not None and self.format not in MD_FORMATS:
            raise InputError(
                f"{self.format} files tell themselves what their atoms are",
                path=path,
                hint="leave out the topology",
            )
        if options.units is not None and not self.format.startswith(_WITHOUT_UNITS):
            raise InputError(
                f"the units of {self.format} files are known", path=path, hint="leave out the units"
            )
        self.skipped: list[InputError] = []
        self.frame_index = -1
        self._range = options.frames
        self._skip_errors = options.on_error == "skip"
        self._at, self._follow = at, follow
        self._assembler = self._new_assembler()
        self._source: ByteSource | None = None
        self._dump: DumpReader | None = None

    @property
    def atom_roles(self) -> AtomRoles | None:
        """What the atoms were taken for and why; ``None`` before the first frame."""
        return self._assembler.decision

    @property
    def position(self) -> tuple[int, int]:
        """Bytes read so far and in all, of the file as stored: for a progress bar."""
        if self._source is None:
            return 0, self.path.stat().st_size if self.path.exists() else 0
        return self._source.position

    @property
    def read_position(self) -> ReadPosition:
        """Where the frame after the one read last begins: to go on from there another time."""
        if self._dump is not None:
            return self._dump.read_position
        if self.frame_index < 0:
            return self._at or ReadPosition(0, 0, 0)
        return ReadPosition(self.frame_index + 1, 0, 0, roles=self.atom_roles)

    def index(self) -> FrameIndex:
        """Where all frames of an uncompressed dump begin: for others to begin anywhere.

        Found by one pass over the file, and kept beside it if that is large.

        Raises
        ------
        InputError
            The file is compressed, or no LAMMPS dump.
        """
        with ByteSource(self.path) as source:
            if self.format != "lammps-dump" or source.compression is not None:
                raise InputError(
                    f"{source.compression or self.format} has no index of its frames",
                    path=self.path,
                    hint="only uncompressed LAMMPS dumps can be read from any place",
                )
            from iceclass.io.lammps.dump import DumpReader

            index = load_index(source)
            if index is None:
                index = DumpReader(source, self._new_assembler()).walk()
                save_index(index, source)
            return index

    def _new_assembler(self) -> Assembler:
        return Assembler(
            self.path,
            self.options.types,
            None if self._at is None else self._at.roles,
            self.options,
        )

    def __iter__(self) -> Iterator[Frame]:
        self.close()
        self._assembler = self._new_assembler()
        self.skipped = []
        self._dump = None
        source = self._source = (
            ByteSource(self.path)
            if self._follow is None
            else FollowedSource(self.path, self._follow)
        )
        read = 0
        try:
            for index, frame in self._frames(source):
                self.frame_index = index
                read += 1
                yield frame
        finally:
            source.close()
        if read == 0 and self.skipped:
            raise self.skipped[0]

    def _frames(self, source: ByteSource) -> Iterator[tuple[int, Frame]]:
        """(number in the file, frame) of the frames asked for."""
        if self.format == "lammps-dump":
            yield from self._dump_frames(source)
        elif self.format in MD_FORMATS:
            from iceclass.io.others.mdanalysis_frames import frames_by_mdanalysis

            yield from frames_by_mdanalysis(
                self.path, self.options, self._assembler, skipped=self.skipped
            )
        else:
            yield from frames_of(
                pieces_of(source, self.format),
                self._assembler,
                self.path,
                *self._range,
                self._skip_errors,
                self.skipped,
            )

    def _dump_frames(self, source: ByteSource) -> Iterator[tuple[int, Frame]]:
        from iceclass.io.lammps.dump import DumpReader

        start, _, every = self._range
        slicing = (start > 0 or every > 1) and not source.growing
        index = load_index(source) if slicing else None
        dump = self._dump = DumpReader(source, self._assembler, index)
        self.skipped = dump.skipped
        yield from dump.frames(*self._range, self._skip_errors, self._at)
        if dump.index is not None and dump.index is not index:
            save_index(dump.index, source)

    def close(self) -> None:
        """Close the file; more than once does no harm."""
        if self._source is not None:
            self._source.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"Trajectory({str(self.path)!r}, {self.format})"


def read(
    path: str | Path,
    options: ReadOptions | None = None,
    *,
    at: ReadPosition | None = None,
    follow: Follow | None = None,
    **changes: Any,
) -> Iterator[Frame]:
    """The frames of a trajectory, in constant memory; arguments as of :class:`Trajectory`.

    >>> for frame in read("traj.lammpstrj", types={1: "O", 2: "H"}):  # doctest: +SKIP
    ...     print(frame)
    """
    with Trajectory(path, options, at=at, follow=follow, **changes) as trajectory:
        yield from trajectory


def _followed_format(path: Path) -> str:
    """The format of a file that is to be followed: a dump, unless its beginning shows otherwise."""
    if path.exists():
        with ByteSource(path) as source:
            head = source.read(4096)
        found = source.compression or (
            detect_format(path) if b"\n" in head.strip() else "lammps-dump"
        )
        if found != "lammps-dump":
            raise cannot_follow(path, found)
    return "lammps-dump"

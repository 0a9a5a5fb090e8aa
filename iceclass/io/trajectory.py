"""One way to open every kind of trajectory, and to walk over its frames."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Literal, Self

from iceclass.errors import InputError
from iceclass.frame import Frame
from iceclass.io.lammps.following import Follow, FollowedSource, cannot_follow
from iceclass.io.lammps.index import FrameIndex, Place, load_index, save_index
from iceclass.io.others.md_files import SUFFIXES as BARE_SUFFIXES
from iceclass.io.text.streams import ByteSource, peek, without_compression
from iceclass.io.water.assembly import Assembler
from iceclass.io.water.kinds import SiteDecision

if TYPE_CHECKING:
    from iceclass.io.lammps.dump import DumpReader

OnError = Literal["raise", "skip"]

DUMP_SUFFIXES = (".lammpstrj", ".dump", ".lammpsdump")
DATA_SUFFIXES = (".data", ".lmp", ".dat", ".lammps", ".lammps-data")


class Trajectory:
    """The frames of a file, one at a time; a context manager that closes the file.

    Iterating again reads the file again from its start.

    Parameters
    ----------
    path
        The file; plain or compressed by gzip, bzip2, xz or zstd.
    types
        Type (number or label) or element → element, where the file does not tell or tells wrong:
        ``{1: "O", 2: "H"}``. Types that are not named are hydrogens only if the file shows so.
    start, stop, every
        Which frames of the file: as in ``range(start, stop, every)``, none of them negative.
        To start where the file ends gives no frames, to start beyond is an error.
    on_error
        ``"raise"``, or ``"skip"`` to go on without damaged frames and list them in
        :attr:`skipped`.
    at
        Begin here rather than at the beginning of the file: what :attr:`place` of another
        trajectory of the same file was, or :meth:`FrameIndex.place` gave. Not beyond ``start``.
    follow
        Wait for more where the file ends: for reading a LAMMPS dump that is being written. The
        file may not even exist yet. Every frame is given as soon as all its rows are there.
    topology
        A file that tells what the atoms are, for formats that do not: XTC, TRR, DCD.

    Attributes
    ----------
    format
        ``"lammps-dump"``, ``"lammps-data"``, ``"xtc"``, ``"trr"``, ``"dcd"``, or the name of one
        of ASE's formats.
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
        types: Mapping[Any, str] | None = None,
        *,
        start: int = 0,
        stop: int | None = None,
        every: int = 1,
        on_error: OnError = "raise",
        at: Place | None = None,
        follow: Follow | None = None,
        topology: str | Path | None = None,
    ) -> None:
        if start < 0 or every < 1 or (stop is not None and stop < 0):
            raise InputError(
                f"frames from {start} to {stop} in steps of {every} cannot be read",
                hint="start and stop count from 0, every from 1",
            )
        if on_error not in ("raise", "skip"):
            raise InputError(f"on_error is {on_error!r}", hint="known: raise, skip")
        if at is not None and at.frame > start:
            raise InputError(f"cannot begin at frame {at.frame} to read from {start} on", path=path)
        self.path = Path(path)
        self.format = detect_format(self.path) if follow is None else _followed_format(self.path)
        if topology is not None and f".{self.format}" not in BARE_SUFFIXES:
            raise InputError(
                f"{self.format} files tell themselves what their atoms are",
                path=path,
                hint="leave out the topology",
            )
        self.skipped: list[InputError] = []
        self.frame_index = -1
        self._types, self._topology = types, topology
        self._range = (start, stop, every)
        self._skip_errors = on_error == "skip"
        self._at, self._follow = at, follow
        self._assembler = self._new_assembler()
        self._source: ByteSource | None = None
        self._dump: DumpReader | None = None

    @property
    def site_decision(self) -> SiteDecision | None:
        """What the atoms were taken for and why; ``None`` before the first frame."""
        return self._assembler.decision

    @property
    def position(self) -> tuple[int, int]:
        """Bytes read so far and in all, of the file as stored: for a progress bar."""
        if self._source is None:
            return 0, self.path.stat().st_size if self.path.exists() else 0
        return self._source.position

    @property
    def place(self) -> Place:
        """Where the frame after the one read last begins: to go on from there another time."""
        if self._dump is not None:
            return self._dump.place
        if self.frame_index < 0:
            return self._at or Place(0, 0, 0)
        return Place(self.frame_index + 1, 0, 0, sites=self.site_decision)

    def index(self) -> FrameIndex:
        """The places of all frames of an uncompressed dump: for others to begin anywhere.

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
        return Assembler(self.path, self._types, None if self._at is None else self._at.sites)

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
        elif self.format == "lammps-data":
            from iceclass.io.lammps.data_file import read_data

            if self._range[0] > 1:
                raise InputError("a data file has one frame", path=self.path)
            if 0 in range(self._range[0], 1 if self._range[1] is None else self._range[1]):
                yield 0, self._assembler.frame(read_data(source), 0)
        elif f".{self.format}" in BARE_SUFFIXES:
            from iceclass.io.others.mdanalysis_frames import frames_by_mdanalysis

            start, stop, every = self._range
            yield from frames_by_mdanalysis(
                self.path,
                self._topology,
                types=self._types,
                assembler=self._assembler,
                start=start,
                stop=stop,
                every=every,
                on_error="skip" if self._skip_errors else "raise",
                skipped=self.skipped,
            )
        else:
            from iceclass.io.others.ase_frames import frames_by_ase

            yield from frames_by_ase(
                source, self.format, self._assembler, *self._range, self._skip_errors, self.skipped
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


def open_trajectory(
    path: str | Path,
    types: Mapping[Any, str] | None = None,
    *,
    start: int = 0,
    stop: int | None = None,
    every: int = 1,
    on_error: OnError = "raise",
    at: Place | None = None,
    follow: Follow | None = None,
    topology: str | Path | None = None,
) -> Trajectory:
    """Open a trajectory of any known format; see :class:`Trajectory`.

    >>> with open_trajectory("traj.lammpstrj", {1: "O", 2: "H"}) as frames:  # doctest: +SKIP
    ...     for frame in frames:
    ...         print(frame)
    """
    return Trajectory(
        path,
        types,
        start=start,
        stop=stop,
        every=every,
        on_error=on_error,
        at=at,
        follow=follow,
        topology=topology,
    )


def read(
    path: str | Path,
    types: Mapping[Any, str] | None = None,
    *,
    start: int = 0,
    stop: int | None = None,
    every: int = 1,
    on_error: OnError = "raise",
    at: Place | None = None,
    follow: Follow | None = None,
    topology: str | Path | None = None,
) -> Iterator[Frame]:
    """The frames of a trajectory, in constant memory; arguments as of :class:`Trajectory`."""
    with open_trajectory(
        path,
        types,
        start=start,
        stop=stop,
        every=every,
        on_error=on_error,
        at=at,
        follow=follow,
        topology=topology,
    ) as trajectory:
        yield from trajectory


def detect_format(path: str | Path) -> str:
    """``"lammps-dump"``, ``"lammps-data"``, or the name of one of ASE's formats.

    The content decides before the name does, but for XTC, TRR and DCD.

    Raises
    ------
    InputError
        The file is missing, empty, or of no known format.
    """
    path = Path(path)
    if path.suffix.lower() in BARE_SUFFIXES:
        return path.suffix.lower().removeprefix(".")
    head = peek(path).removeprefix(b"\xef\xbb\xbf").lstrip()
    if not head:
        raise InputError("the file is empty", path=path, frame=0, line=1)
    name = without_compression(path)
    suffix = name.suffix.lower()
    if head.startswith(b"ITEM:") or suffix in DUMP_SUFFIXES or name.name.startswith("dump."):
        return "lammps-dump"
    header = head[:4096]
    if re.search(rb"^[ \t]*\d+[ \t]+atoms\b", header, re.MULTILINE) and re.search(
        rb"\b(xlo[ \t]+xhi|avec|atom[ \t]+types)\b", header
    ):
        return "lammps-data"
    if suffix in DATA_SUFFIXES:
        return "lammps-data"
    from iceclass.io.others.ase_frames import ase_format

    return ase_format(path, head)


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

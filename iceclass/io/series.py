"""A trajectory in pieces: one frame a file, or a run and its continuations."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from glob import glob, has_magic
from itertools import takewhile
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeGuard

import numpy as np
from numpy.typing import NDArray

from iceclass.errors import InputError
from iceclass.frame import Frame
from iceclass.io.lammps.following import Follow
from iceclass.io.lammps.index import FrameIndex, ReadPosition
from iceclass.io.options import ReadOptions
from iceclass.io.text.streams import peek, without_compression
from iceclass.io.trajectory import Trajectory
from iceclass.io.water.kinds import AtomRoles

Paths = str | Path | Sequence[str | Path]
"""One file, several, or a pattern with ``*``, ``?`` or ``[…]`` that stands for several."""

_STEP = re.compile(rb"^(?:ITEM: TIMESTEP\s*\n|timestep:)\s*(-?\d{1,18})\s*$", re.MULTILINE)
_GAP = 1.5  # of the usual distance of frames: beyond it there are frames missing
_SAME = 0.05  # largest relative change of the number of atoms from one file to the next
_DIGITS = re.compile(r"(\d+)")


def names_files(source: object) -> TypeGuard[Paths]:
    """Whether this names files, one or several."""
    if isinstance(source, str | Path):
        return True
    if not isinstance(source, list | tuple) or not source:
        return False
    return all(isinstance(name, str | Path) for name in source)


def find_paths(source: Paths) -> tuple[Path, ...]:
    """The files that are meant: a pattern stands for all that it matches, in natural order.

    Hidden files and labelled trajectories (``NAME.labels.…``), which the output of an earlier run
    may have put beside the input, are not taken for pieces.

    Raises
    ------
    InputError
        A pattern that matches no file, or no file at all.
    """
    names = [source] if isinstance(source, str | Path) else list(source)
    paths: list[Path] = []
    for name in names:
        if not has_magic(str(name)) or Path(name).exists():
            paths.append(Path(name))
            continue
        matches = [Path(match) for match in glob(str(name))]
        matches = [path for path in matches if path.is_file() and not is_labelled(path)]
        if not matches:
            raise InputError("no file has a name like this", path=name)
        paths += sorted(matches, key=_natural)
    if len(paths) > 1:
        paths = [path for path in paths if not is_labelled(path)]
    if not paths:
        raise InputError("no trajectory is named", hint="give a file, several, or a pattern")
    return tuple(dict.fromkeys(paths))


def is_labelled(path: Path) -> bool:
    """Whether a file is the output of an earlier run, by its name."""
    return without_compression(path).stem.endswith(".labels")


def series_stem(paths: Sequence[Path]) -> str:
    """What the names of the pieces have in common, for the names of the results.

    ``ice.0.lammpstrj``, ``ice.1.lammpstrj`` → ``ice``; the first one's stem, if that is nothing.
    """
    stems = [without_compression(path).stem for path in paths]
    if len(stems) == 1:
        return stems[0]
    same = takewhile(lambda letters: len(set(letters)) == 1, zip(*stems, strict=False))
    common = "".join(letters[0] for letters in same)
    return common.rstrip("0123456789").rstrip("._-") or stems[0]


def _natural(path: Path) -> list[tuple[int, int | str]]:
    """A key that sorts ``ice.2`` before ``ice.10``."""
    return [
        (1, int(part)) if part.isdigit() else (0, part) for part in _DIGITS.split(str(path)) if part
    ]


def open_trajectory(
    source: Paths,
    options: ReadOptions | None = None,
    *,
    at: ReadPosition | None = None,
    follow: Follow | None = None,
    **changes: Any,
) -> Trajectory | TrajectorySeries:
    """A file as a :class:`Trajectory`, several as a :class:`TrajectorySeries`; their arguments."""
    paths = find_paths(source)
    if len(paths) == 1:
        return Trajectory(paths[0], options, at=at, follow=follow, **changes)
    if follow is not None:
        raise InputError("several files cannot be followed", path=paths[-1], hint="name the last")
    return TrajectorySeries(paths, options, at=at, **changes)


def read(
    source: Paths,
    options: ReadOptions | None = None,
    *,
    at: ReadPosition | None = None,
    follow: Follow | None = None,
    **changes: Any,
) -> Iterator[Frame]:
    """The frames of a trajectory in one or several files, in constant memory.

    Parameters
    ----------
    source
        A file, several, or a pattern such as ``"ice.*.lammpstrj"``: see
        :class:`TrajectorySeries`.
    options, at, follow, **changes
        As of :class:`~iceclass.io.trajectory.Trajectory`.

    >>> for frame in read("traj.lammpstrj", types={1: "O", 2: "H"}):  # doctest: +SKIP
    ...     print(frame)
    """
    with open_trajectory(source, options, at=at, follow=follow, **changes) as trajectory:
        yield from trajectory


@dataclass(frozen=True, eq=False)
class SeriesIndex:
    """Where all T frames of a series begin; as :class:`FrameIndex`, over the files as one.

    Attributes
    ----------
    indices
        Of the files.
    counts
        How many frames of each are taken.
    """

    indices: tuple[FrameIndex, ...]
    counts: tuple[int, ...]

    @cached_property
    def befores(self) -> NDArray[np.int64]:
        """(files + 1,) frames taken of the files before each, and of all."""
        return np.concatenate([[0], np.cumsum(self.counts)]).astype(np.int64)

    @cached_property
    def sizes(self) -> NDArray[np.int64]:
        """(files + 1,) bytes of the files before each, and of all."""
        return np.cumsum([0, *(index.size for index in self.indices)])

    @property
    def size(self) -> int:
        """Bytes of all files."""
        return int(self.sizes[-1])

    @cached_property
    def offsets(self) -> NDArray[np.int64]:
        """(T + 1,) bytes before each frame, counted through the files; the last: of all."""
        parts = [
            index.offsets[:count] + start
            for index, count, start in zip(self.indices, self.counts, self.sizes, strict=False)
        ]
        return np.concatenate([*parts, [self.size]])

    @property
    def sound(self) -> int:
        """Number of frames before the first one whose header is damaged; T if there is none."""
        before = 0
        for index, count in zip(self.indices, self.counts, strict=True):
            if index.sound < min(count, len(index)):
                return before + index.sound
            before += count
        return before

    def __len__(self) -> int:
        return int(self.befores[-1])

    def position(self, frame: int, roles: AtomRoles | None = None) -> ReadPosition:
        """Where a frame begins; that of frame T is the end of the last file's frames.

        Raises
        ------
        IndexError
            There is no such frame.
        """
        if not 0 <= frame <= len(self):
            raise IndexError(f"frame {frame} of {len(self)}")
        file, before = self._file_of(frame)
        inner = self.indices[file].position(frame - before, roles)
        return replace(inner, frame=frame, file=file, before=before)

    def units_after(self, frame: int) -> str:
        """The unit style that a frame has told, or one before it in its file; empty: none."""
        file, before = self._file_of(frame)
        return self.indices[file].units_after(frame - before)

    def _file_of(self, frame: int) -> tuple[int, int]:
        """Which file a frame is in, and how many frames the files before it have."""
        file = int(np.searchsorted(self.befores, frame, side="right")) - 1
        file = min(file, len(self.indices) - 1)
        return file, int(self.befores[file])


class TrajectorySeries:
    """The frames of several files as those of one trajectory; used like :class:`Trajectory`.

    Files are taken in the order of their first timesteps. Where a file goes on beyond the first
    timestep of the next one, as a run does that was stopped and started again from an earlier
    state, the rest of it is left out, and :attr:`skipped` says so; it says also where frames seem
    to be missing between two files. Files that begin at the same timestep (or tell none) are
    taken in the order in which they are given, with all their frames.

    Frames are numbered through all files. What the atoms are is decided on the first of them.

    Parameters
    ----------
    paths
        The files.
    options
        How to read them; :attr:`ReadOptions.start` and the like count frames of the series.
    at
        Begin here: what :attr:`read_position` of another series of the same files was.
    **changes
        Single options.

    Raises
    ------
    InputError
        As :class:`Trajectory`; a file with another number of atoms than the one before (by more
        than 5 %).
    """

    def __init__(
        self,
        paths: Sequence[str | Path],
        options: ReadOptions | None = None,
        *,
        at: ReadPosition | None = None,
        **changes: Any,
    ) -> None:
        self.options = ReadOptions.of(options, changes)
        if at is not None and at.frame > self.options.start:
            raise InputError(f"cannot begin at frame {at.frame} to read from {self.options.start}")
        self._each = replace(self.options, start=0, stop=None, every=1)
        given, firsts = [], []
        self._unreadable: list[InputError] = []
        for path in map(Path, paths):
            try:
                firsts.append(self._first_step(path))
                given.append(path)
            except InputError as error:
                if self.options.on_error == "raise":
                    raise
                self._unreadable.append(error)
        if not given:
            raise self._unreadable[0]
        order = list(range(len(given)))
        self._in_order = len(set(firsts)) == len(firsts)
        if self._in_order:
            order.sort(key=firsts.__getitem__)
        self.paths = tuple(given[k] for k in order)
        self._firsts = [firsts[k] for k in order]
        self._sizes = [path.stat().st_size for path in self.paths]
        self.skipped: list[InputError] = []
        self.frame_index = -1
        self._at = at
        self._file, self._before = (0, 0) if at is None else (at.file, at.before)
        self._piece: Trajectory | None = None
        self._roles = None if at is None else at.roles

    @property
    def path(self) -> Path:
        """The first file."""
        return self.paths[0]

    @property
    def format(self) -> str:
        """That of the first file."""
        return Trajectory(self.paths[0], self._each).format

    @property
    def atom_roles(self) -> AtomRoles | None:
        """What the atoms were taken for and why; ``None`` before the first frame."""
        found = None if self._piece is None else self._piece.atom_roles
        return self._roles if found is None else found

    @property
    def position(self) -> tuple[int, int]:
        """Bytes read so far and in all, of the files as stored: for a progress bar."""
        inner = 0 if self._piece is None else self._piece.position[0]
        return sum(self._sizes[: self._file]) + inner, sum(self._sizes)

    @property
    def read_position(self) -> ReadPosition:
        """Where the frame after the one read last begins: to go on from there another time."""
        if self._piece is None:
            return self._at or ReadPosition(0, 0, 0)
        inner = self._piece.read_position
        return replace(
            inner,
            frame=self._before + inner.frame,
            file=self._file,
            before=self._before,
            roles=self.atom_roles,
        )

    def index(self) -> SeriesIndex:
        """Where all frames begin, if all files are uncompressed dumps.

        Raises
        ------
        InputError
            As :meth:`Trajectory.index`.
        """
        indices = tuple(Trajectory(path, self._each).index() for path in self.paths)
        counts = tuple(self._taken(index, k) for k, index in enumerate(indices))
        return SeriesIndex(indices, counts)

    def _taken(self, index: FrameIndex, file: int) -> int:
        """How many frames of a file come before the first timestep of the next one."""
        limit = self._limit(file)
        if limit is None:
            return len(index)
        low, high = 0, index.sound
        if high == len(index) and self._step_at(file, index, high - 1) < limit:
            return high
        while low < high:
            middle = (low + high) // 2
            if self._step_at(file, index, middle) < limit:
                low = middle + 1
            else:
                high = middle
        return low if low < index.sound else len(index)

    def _step_at(self, file: int, index: FrameIndex, frame: int) -> int:
        """The timestep of a frame whose place is known."""
        with self.paths[file].open("rb") as raw:
            raw.seek(int(index.offsets[frame]))
            return _step_in(raw.read(4096), self.paths[file])

    def _first_step(self, path: Path) -> int:
        """The timestep of the first frame of a file."""
        match = _STEP.search(peek(path, 4096))
        if match is not None:
            return int(match[1])
        stop = None if self.options.on_error == "skip" else 1  # the first that is not damaged
        with Trajectory(path, self._each, stop=stop) as piece:
            frame = next(iter(piece), None)
        return 0 if frame is None else frame.timestep

    def _limit(self, file: int) -> int | None:
        """The timestep from which on the next file tells."""
        if not self._in_order or file + 1 == len(self.paths):
            return None
        return self._firsts[file + 1]

    def __iter__(self) -> Iterator[Frame]:
        self.close()
        anew = self._at is None or self._at.frame == 0
        self.skipped = [*self._unreadable] if anew else []
        stop = 1 << 62 if self.options.stop is None else self.options.stop
        wanted = range(self.options.start, stop, self.options.every)
        begin = self._at or ReadPosition(0, 0, 0)
        self._file, self._before, self._roles = begin.file, begin.before, begin.roles
        begin = replace(begin, frame=begin.frame - begin.before, file=0, before=0)
        last: Frame | None = None
        last_step = 0
        if self._before + begin.frame >= stop:
            return
        while True:
            limit = self._limit(self._file)
            index = self._index_of_piece(self._before + begin.frame)
            taken = None if index is None else self._taken(index, self._file)
            fresh = True
            for frame in self._frames_of_piece(begin, wanted, taken):
                assert self._piece is not None
                number = self._before + self._piece.frame_index
                if index is None and limit is not None and frame.timestep >= limit:
                    taken = self._piece.frame_index
                    self._tell_overlap(limit)
                    break
                if fresh and last is not None:
                    step = frame.timestep if index is None else self._firsts[self._file]
                    self._check_seam(last, last_step, frame, step)
                last, last_step, fresh = frame, frame.timestep, False
                if number in wanted:
                    self.frame_index = number
                    yield frame
            assert self._piece is not None
            self._roles = self.atom_roles
            passed = self._piece.read_position.frame if taken is None else taken
            if index is not None and taken:
                last_step = self._step_at(self._file, index, taken - 1)
                if limit is not None and taken < len(index) and self._before + taken < stop:
                    self._tell_overlap(limit)
            if self._before + passed >= stop:
                return
            self._before += passed
            if self._file + 1 == len(self.paths):
                break
            self._file += 1
            begin = ReadPosition(0, 0, 0, roles=self._roles)
            self.close()
        if self._before < self.options.start:
            raise InputError(
                f"the files have {self._before} frames, none to start from at {self.options.start}",
                path=self.path,
            )

    def _index_of_piece(self, first: int) -> FrameIndex | None:
        """Of the present file, from whose frame ``first`` of the series on some are passed over.

        Those are not read then. None where none is, or where the file has no index.
        """
        if self.options.start <= first and self.options.every == 1:
            return None
        try:
            return Trajectory(self.paths[self._file], self._each).index()
        except InputError:  # no dump, compressed or damaged, which is told when it is read
            return None

    def _frames_of_piece(
        self, begin: ReadPosition, wanted: range, taken: int | None
    ) -> Iterator[Frame]:
        """The frames of the present file; what is wrong with it is told when it is met.

        All of them or, where it is known how many are ``taken``, the ``wanted`` ones alone.
        """
        stop = None if self.options.stop is None else self.options.stop - self._before
        start, every = begin.frame, 1
        if taken is not None:
            first = max(self._before + start, wanted.start)
            start = first + (wanted.start - first) % wanted.step - self._before
            every, stop = wanted.step, taken if stop is None else min(stop, taken)
        piece = self._piece = Trajectory(
            self.paths[self._file], self._each, at=begin, start=start, stop=stop, every=every
        )
        if taken is not None and start >= taken:
            return  # none of it is wanted
        seen = 0
        try:
            for frame in piece:
                self.skipped += piece.skipped[seen:]
                seen = len(piece.skipped)
                yield frame
        except InputError as error:
            if not any(error is known for known in piece.skipped):
                raise  # all frames of the file may be damaged, where they are to be left out
        self.skipped += piece.skipped[seen:]

    def _tell_overlap(self, limit: int) -> None:
        self.skipped.append(
            InputError(
                f"from timestep {limit} on left out, since {self.paths[self._file + 1].name} "
                "goes on from there",
                path=self.paths[self._file],
            )
        )

    def _check_seam(self, last: Frame, last_step: int, frame: Frame, step: int) -> None:
        """Whether a file can follow the one before, by a frame of each and the steps between."""
        path, before = self.paths[self._file], self.paths[self._file - 1].name
        size, expected = _size_of(frame), _size_of(last)
        if abs(size - expected) > _SAME * expected:
            raise InputError(
                f"has {size} atoms, but {before} before it has {expected}: it is no piece of the "
                "same trajectory",
                path=path,
                frame=0,
                hint="label it by itself",
            )
        usual = self._spacing() if self._in_order else None
        if usual is not None and step - last_step > _GAP * usual:
            self.skipped.append(
                InputError(
                    f"begins at timestep {step}, {before} ends at {last_step}: "
                    f"frames are missing between them, which are {usual} steps apart elsewhere",
                    path=path,
                )
            )

    def _spacing(self) -> int | None:
        """Usual difference of timesteps about the last seam: within the files beside it, or from
        file to file."""
        for path in self.paths[self._file - 1 : self._file + 1]:
            with Trajectory(path, self._each, stop=2, on_error="skip") as piece:
                steps = [frame.timestep for frame in piece]
            if len(steps) == 2 and steps[1] > steps[0]:
                return steps[1] - steps[0]
        return None if len(self._firsts) < 3 else int(np.median(np.diff(self._firsts)))

    def close(self) -> None:
        """Close the file that is open; more than once does no harm."""
        if self._piece is not None:
            self._piece.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def __str__(self) -> str:
        return f"{self.paths[0]} … {self.paths[-1]} ({len(self.paths)} files)"

    def __repr__(self) -> str:
        return f"TrajectorySeries({self})"


def _size_of(frame: Frame) -> int:
    return frame.n_molecules if frame.atoms is None else len(frame.atoms)


def _step_in(head: bytes, path: Path) -> int:
    match = _STEP.search(head)
    if match is None:
        raise InputError("no timestep where a frame should begin: has the file changed?", path=path)
    return int(match[1])

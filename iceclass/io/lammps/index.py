"""Where the frames of an uncompressed LAMMPS text dump begin, so that reading can begin there.

The index of a large file is kept beside it in a hidden file, and used as long as the size of the
dump and the time of its last change stay the same.
"""

from __future__ import annotations

from array import array
from bisect import bisect_right
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from iceclass.errors import OutputError
from iceclass.files import replacing
from iceclass.io.text.streams import ByteSource
from iceclass.io.water.kinds import AtomRoles

VERSION = 1
WORTHWHILE = 1 << 26
"""Bytes of a dump from which on its index is kept."""


@dataclass(frozen=True)
class ReadPosition:
    """Where a frame begins, and what the frames before it have told.

    All that another process needs to go on from there as if it had read them, too.

    Attributes
    ----------
    frame
        Its number in the file, from 0.
    offset, line
        Bytes (decompressed) and lines before it.
    units
        The unit style named before it; empty: none.
    roles
        What the atoms were taken for in the frames read before; ``None``: not decided yet.
    file, before
        Of a trajectory in several files: which of them, and how many frames the files before it
        gave. ``frame`` counts through all files then; ``offset`` and ``line`` are in this one.
    """

    frame: int
    offset: int
    line: int
    units: str = ""
    roles: AtomRoles | None = None
    file: int = 0
    before: int = 0

    def to_dict(self) -> dict[str, Any]:
        """Plain dict; JSON-serialisable."""
        roles = None if self.roles is None else {**vars(self.roles)}  # flat, and for every frame
        return {**vars(self), "roles": roles}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Self:
        """The position that :meth:`to_dict` was of, JSON's lists being tuples again."""
        roles = values["roles"]
        if roles is not None:
            plain: dict[str, Any] = {
                k: tuple(v) if isinstance(v, list) else v for k, v in roles.items()
            }
            roles = AtomRoles(**plain)
        return cls(**{**values, "roles": roles})


@dataclass(frozen=True, eq=False)
class FrameIndex:
    """The places of all T frames of a dump.

    Attributes
    ----------
    offsets, lines
        (T + 1,) int64. Bytes and lines before each frame; the last: before the end.
    units
        Unit styles, each with the frame from which on it holds.
    sound
        Number of frames before the first one whose header is damaged; T if there is none.
    size, mtime_ns
        Size and time of the last change of the file.
    """

    offsets: NDArray[np.int64]
    lines: NDArray[np.int64]
    units: tuple[tuple[int, str], ...]
    sound: int
    size: int
    mtime_ns: int

    def __post_init__(self) -> None:
        for places in (self.offsets, self.lines):
            places.setflags(write=False)

    def __len__(self) -> int:
        return len(self.offsets) - 1

    def __repr__(self) -> str:
        return f"FrameIndex({len(self)} frames in {self.size} bytes)"

    def position(self, frame: int, roles: AtomRoles | None = None) -> ReadPosition:
        """Where a frame begins; frame T is the end of the data.

        Raises
        ------
        IndexError
            There is no such frame.
        """
        if not 0 <= frame <= len(self):
            raise IndexError(f"frame {frame} of {len(self)}")
        known = bisect_right(self.units, frame, key=lambda entry: entry[0])
        units = self.units[known - 1][1] if known else ""
        return ReadPosition(frame, int(self.offsets[frame]), int(self.lines[frame]), units, roles)

    def units_after(self, frame: int) -> str:
        """The unit style that a frame has told, or one before it; empty: none."""
        return self.position(frame + 1).units


class PassedFrames:
    """Gathers the places of frames in the order in which they are passed.

    Parameters
    ----------
    stamp
        Size and time of the last change of the file.
    """

    def __init__(self, stamp: tuple[int, int]) -> None:
        self._stamp = stamp
        self._offsets, self._lines = array("q"), array("q")
        self._units: list[tuple[int, str]] = []
        self._sound: int | None = None

    def add(self, offset: int, line: int, units: str) -> None:
        """The next frame begins here; the last call is for the end of the data."""
        if units != (self._units[-1][1] if self._units else ""):
            self._units.append((len(self._offsets), units))
        self._offsets.append(offset)
        self._lines.append(line)

    def damaged(self) -> None:
        """The header of the frame that was added last is damaged."""
        if self._sound is None:
            self._sound = len(self._offsets) - 1

    def index(self) -> FrameIndex:
        """What was gathered."""
        sound = len(self._offsets) - 1 if self._sound is None else self._sound
        return FrameIndex(
            np.array(self._offsets, np.int64),
            np.array(self._lines, np.int64),
            tuple(self._units),
            sound,
            *self._stamp,
        )


def index_path(path: Path) -> Path:
    """The hidden file beside a dump that keeps its index."""
    return path.with_name(f".{path.name}.iceclass-index.npz")


def load_index(source: ByteSource) -> FrameIndex | None:
    """The index kept beside a dump, if there is one and it is of this very file."""
    if source.compression is not None or source.stamp[0] < WORTHWHILE:
        return None
    try:
        with (
            open(index_path(source.path), "rb") as raw,
            np.load(raw, allow_pickle=False) as file,
        ):
            if sum(member.file_size for member in file.zip.infolist()) > source.stamp[0]:
                return None  # larger than what it is the index of
            stamp = file["stamp"].tolist()
            if file["version"].tolist() != VERSION or stamp != [*source.stamp]:
                return None
            index = FrameIndex(
                file["offsets"].astype(np.int64, casting="safe"),
                file["lines"].astype(np.int64, casting="safe"),
                tuple(zip(file["units_from"].tolist(), file["units"].tolist(), strict=True)),
                int(file["sound"]),
                *stamp,
            )
    except Exception:  # whatever else the file holds, it is no index: the dump tells all
        return None
    return index if _fits(index, source) else None


def _fits(index: FrameIndex, source: ByteSource) -> bool:
    """Whether an index can be that of a file: places in order, frames where they are looked for."""
    offsets, lines = index.offsets, index.lines
    if offsets.ndim != 1 or len(offsets) < 2 or lines.shape != offsets.shape:
        return False
    if not 0 <= index.sound <= len(index) or lines[0] < 0 or offsets[-1] > index.size:
        return False
    if np.any(np.diff(offsets) <= 0) or np.any(np.diff(lines) <= 0):
        return False
    if not all(type(start) is int and type(name) is str for start, name in index.units):
        return False
    if not source.starts_line(int(offsets[-2]), b"ITEM:"):
        return False
    return lines[0] > 0 or offsets[0] in (0, 3)  # 3: after a byte-order mark


def save_index(index: FrameIndex, source: ByteSource) -> None:
    """Keep the index beside its dump, if that is large and has not changed, and if it can be."""
    stamp = (index.size, index.mtime_ns)
    if index.size < WORTHWHILE or source.stamp != stamp:
        return
    with suppress(OutputError, OSError), replacing(index_path(source.path), force=True) as path:
        np.savez(
            path,
            version=np.int64(VERSION),
            stamp=np.array(stamp, np.int64),
            offsets=index.offsets,
            lines=index.lines,
            units_from=np.array([start for start, _ in index.units], np.int64),
            units=np.array([name for _, name in index.units], np.str_),
            sound=np.int64(index.sound),
        )

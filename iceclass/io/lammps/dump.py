"""LAMMPS text dumps (styles ``atom`` and ``custom``), read frame by frame.

Taken: any order of columns; ``x y z``, ``xs ys zs``, ``xu yu zu``, ``xsu ysu zsu``; orthogonal,
triclinic and general triclinic boxes; every boundary flag; numeric types and type labels;
``ITEM: UNITS`` and ``ITEM: TIME``; atom counts and boxes that change. Not taken: styles
``local`` and ``grid``, one file a processor, lj units. Binary and YAML dumps have readers of their
own.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NoReturn

from iceclass.errors import CutShortError, InputError
from iceclass.frame import Frame
from iceclass.io.lammps.following import FollowError
from iceclass.io.lammps.header import FIRST_ITEMS, Header, HeaderReader
from iceclass.io.lammps.index import FrameIndex, PassedFrames, ReadPosition
from iceclass.io.lammps.kinds import KindReader
from iceclass.io.lammps.rows import RowReader
from iceclass.io.lammps.snapshot import raw_frame
from iceclass.io.text.blocks import item_of, text_of
from iceclass.io.text.columns import TextColumns
from iceclass.io.text.cursor import SKIP_HINT, FrameCursor
from iceclass.io.text.streams import ByteSource
from iceclass.io.water.assembly import Assembler

JUMP = 1 << 22
"""Bytes that it is faster to jump over than to read."""
_MANY = 1 << 62


class DumpReader:
    """The frames of one dump file.

    Parameters
    ----------
    source
        The file.
    assembler
        Makes frames of what is read.
    index
        Where the frames of this very file begin, if that is known.

    Attributes
    ----------
    skipped
        The errors of damaged frames that were left out.
    index
        Where the frames begin, once all of them have been passed, or as it was given.
    """

    def __init__(
        self, source: ByteSource, assembler: Assembler, index: FrameIndex | None = None
    ) -> None:
        self.skipped: list[InputError] = []
        self.index = index
        self._cursor = FrameCursor(source)
        self._buffer = self._cursor.buffer
        self._header = HeaderReader(self._cursor)
        self._assembler = assembler
        self._given = False  # whether the frame before was given
        self._kinds = KindReader()
        self._rows = RowReader(self._cursor, self._kinds)
        self._passed: PassedFrames | None = None

    @property
    def read_position(self) -> ReadPosition:
        """Where the next frame begins, after those read so far."""
        buffer, frame = self._buffer, self._cursor.frame
        units, sites = self._header.units, self._assembler.decision
        return ReadPosition(frame, buffer.offset, buffer.line, units, sites)

    def frames(
        self,
        start: int,
        stop: int | None,
        every: int,
        skip_errors: bool,
        at: ReadPosition | None = None,
    ) -> Iterator[tuple[int, Frame]]:
        """Number in the file and frame, for every frame asked for; from ``at`` on, if given.

        Raises
        ------
        InputError
            Anything wrong with the file; with ``skip_errors`` damaged frames are recorded in
            :attr:`skipped` instead, and reading goes on at the next one.
        """
        wanted = range(start, _MANY if stop is None else stop, every)
        return self._frames(wanted, wanted.stop, skip_errors, at)

    def walk(self) -> FrameIndex:
        """The index of the file, by passing over all its frames."""
        for _ in self._frames(range(0), _MANY, True, None):
            raise AssertionError("a frame that was not asked for")
        assert self.index is not None
        return self.index

    def _frames(
        self, wanted: range, stop: int, skip_errors: bool, at: ReadPosition | None
    ) -> Iterator[tuple[int, Frame]]:
        cursor, buffer, source = self._cursor, self._buffer, self._cursor.source
        self._begin(at)
        slicing = wanted.start > 0 or wanted.step > 1 or not wanted  # an index would be of use
        plain = source.compression is None and not source.growing
        if slicing and plain and at is None and self.index is None:
            self._passed = PassedFrames(source.stamp)
        while cursor.frame < stop:
            if self._jump(wanted, stop, skip_errors):
                continue
            self._between(skip_errors)
            if self._passed is not None:
                self._passed.add(buffer.offset, buffer.line, self._header.units)
            if buffer.at_end:
                if self._passed is not None:
                    self.index = self._passed.index()
                if cursor.frame < wanted.start:
                    raise InputError(
                        f"the file has {cursor.frame} frames, none to start from at {wanted.start}",
                        path=cursor.path,
                    )
                return
            frame = self._next(cursor.frame in wanted, skip_errors)
            self._given = frame is not None
            cursor.frame += 1
            if frame is not None:
                yield cursor.frame - 1, frame

    def _next(self, wanted: bool, skip_errors: bool) -> Frame | None:
        """The next frame, unless it is not wanted, or damaged and left out.

        Where the frame after it begins does not depend on whether it was wanted.
        """
        header = None
        self._rows.begun = self._rows.lost = False
        try:
            if not wanted:
                self._pass_rows(self._header.pass_over())
                return None
            header = self._header.read()
            return self._frame(header)
        except FollowError:
            raise
        except InputError as error:
            error = self._header_cut_short(error)
            if not skip_errors:
                raise error from None
            if wanted:
                self.skipped.append(error)
        if header is None:
            if self._passed is not None:
                self._passed.damaged()
            self._to_next_frame()
        elif not self._rows.begun:
            self._pass_rows(header.n_atoms)
        elif self._rows.lost:
            self._to_next_frame()
        return None

    # -- from frame to frame ------------------------------------------------------------------

    def _begin(self, at: ReadPosition | None) -> None:
        """Go to the first frame."""
        cursor, buffer = self._cursor, self._buffer
        if at is not None:
            self._go_to(at)
        buffer.skip_blank()
        first = buffer.peek()
        if at is not None:
            if not self._may_begin(at, first):
                raise InputError(
                    f"frame {at.frame} does not begin at byte {at.offset} any more",
                    path=cursor.path,
                    line=at.line + 1,
                    hint="has the file changed? start again without the places of its frames",
                )
        elif first is None:
            if cursor.damage:
                cursor.fail(f"the {cursor.source.compression} data are damaged: {cursor.damage}")
            cursor.fail("the file is empty", hint="was the run stopped before its first frame?")
        elif not first.startswith(b"ITEM:"):
            self._not_a_dump(first)

    def _may_begin(self, at: ReadPosition, first: bytes | None) -> bool:
        """Whether a frame, of which this is the first line, can begin at a place."""
        source = self._cursor.source
        if first is None:  # no frame after this place, yet
            return source.compression is not None or at.offset <= source.stamp[0]
        if not first.startswith(b"ITEM:"):
            return False
        return source.compression is not None or at.frame == 0 or source.starts_line(at.offset)

    def _go_to(self, place: ReadPosition) -> None:
        self._buffer.seek(place.offset, place.line)
        self._cursor.frame, self._header.units = place.frame, place.units
        self._header.in_frame = True  # the one before is behind us
        self._given = False

    def _jump(self, wanted: range, stop: int, skip_errors: bool) -> bool:
        """Go on at the next frame that is wanted, if that is known to be far away, and say so.

        Never beyond a frame that would raise an error on the way.
        """
        index, frame = self.index, self._cursor.frame
        if index is None:
            return False
        target = max(frame, wanted.start)
        target += (wanted.start - target) % wanted.step
        target = min(target, stop, len(index) if skip_errors else index.sound)
        if target <= frame or index.offsets[target] - self._buffer.offset <= JUMP:
            return False
        place = index.position(target)
        if target < len(index) and not self._cursor.source.starts_line(place.offset, b"ITEM:"):
            self.index = None  # not of this file
            return False
        self._go_to(place)
        return True

    def _between(self, skip_errors: bool) -> None:
        """Pass over what there may be between two frames: blanks, or what does not belong there."""
        line = self._buffer.peek()
        if line is None or line.startswith(b"ITEM:"):
            return
        if not line.strip():
            self._buffer.skip_blank()
            return self._between(skip_errors)
        if self._given:
            try:
                self._not_an_item(line)
            except InputError as error:
                if not skip_errors:
                    raise
                self.skipped.append(error)
        self._to_next_frame()

    def _not_an_item(self, line: bytes) -> NoReturn:
        number = self._buffer.line + 1
        if b"ITEM:".startswith(line.strip()) and not self._buffer.growing:
            self._cursor.cut_short("it has only the first letters of ITEM:", number)
        raise InputError(
            f"the frame has more rows than announced: {text_of(line)[:60]!r}",
            path=self._cursor.path,
            frame=self._cursor.frame - 1,
            line=number,
            hint="expected ITEM: TIMESTEP or the end of the file",
        )

    def _pass_rows(self, n: int) -> None:
        if self._buffer.skip_rows(n) < n:
            self._to_next_frame()

    def _to_next_frame(self) -> None:
        """Go on to the first line of the next frame."""
        buffer, header = self._buffer, self._header
        while True:
            buffer.skip_rows(_MANY)
            line = buffer.peek()
            if line is None:
                return
            item = item_of(line)
            if item in FIRST_ITEMS and header.in_frame:
                return
            header.in_frame = header.in_frame or item == "TIMESTEP"
            buffer.next()

    # -- errors -------------------------------------------------------------------------------

    def _header_cut_short(self, error: InputError) -> InputError:
        """The same error, or that the file ends here if it ends before the rows of a frame."""
        known = self._rows.begun or isinstance(error, CutShortError)
        if known or self._buffer.growing or not self._buffer.at_end:
            return error
        return CutShortError(
            f"the last frame is cut short: {error.message}",
            path=self._cursor.path,
            frame=self._cursor.frame,
            line=error.line,
            hint=SKIP_HINT,
        )

    def _not_a_dump(self, first: bytes) -> NoReturn:
        text = first[:60].decode("utf-8", "backslashreplace")
        raise InputError(
            f"not a LAMMPS text dump: begins with {text!a}",
            path=self._cursor.path,
            line=1,
            hint="expected ITEM: TIMESTEP",
        )

    # -- rows ---------------------------------------------------------------------------------

    def _frame(self, header: Header) -> Frame:
        line = self._buffer.line
        table = self._rows.read(header)
        try:
            raw = raw_frame(header, table, self._kinds)
        except InputError as error:
            self._cursor.fail(error.message, line, error.hint)
        frame = self._assembler.frame(raw, self._cursor.frame, line)
        if isinstance(table.columns, TextColumns):
            table.columns.forget_much()
        return frame

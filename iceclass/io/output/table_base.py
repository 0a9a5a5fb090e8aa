"""What the tables of labels share: the file, which appears under its name when it is complete."""

from __future__ import annotations

import io
from abc import ABC, abstractmethod
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from iceclass.errors import OutputError
from iceclass.files import OutputLock, check_output, remove_abandoned
from iceclass.io.text.streams import AtomicFile

if TYPE_CHECKING:
    from iceclass.frame import Frame
    from iceclass.prediction import Prediction


class TableWriter(ABC):
    """A context manager that writes labelled frames; the file appears when the block ends well.

    Parameters
    ----------
    path
        The file.
    probabilities
        Also write the probability of every class.
    force
        Replace an existing file.

    Raises
    ------
    OutputError
        The path cannot be written, or another process is writing it.
    """

    def __init__(
        self, path: str | Path, *, probabilities: bool = False, force: bool = False
    ) -> None:
        self.path = Path(path)
        self.probabilities = probabilities
        self._frames = 0
        check_output(self.path, force=force)
        self._lock = OutputLock(self.path)
        remove_abandoned(self.path)
        try:
            self._file = AtomicFile(self.path, force=force)
        except OutputError:
            self._lock.release()
            raise

    def write(self, frame: Frame, prediction: Prediction, number: int | None = None) -> None:
        """Append a frame.

        Parameters
        ----------
        frame, prediction
            N molecules and what the model says of them.
        number
            The frame's number in its trajectory; default: how many were written before.

        Raises
        ------
        OutputError
            The file cannot be written.
        """
        assert len(prediction.labels) == frame.n_molecules
        number = self._frames if number is None else number
        self._append(frame, prediction, number)
        self._frames += 1

    def commit(self) -> None:
        """Finish the file and move it to its final name.

        Raises
        ------
        OutputError
            No frame was written, or the file cannot be.
        """
        try:
            if self._frames == 0:
                raise OutputError("no frame was written to the table", path=self.path)
            self._finish()
            self._file.commit()
        finally:
            self.abort()

    def abort(self) -> None:
        """Throw away what was written, unless it has been committed."""
        self._file.abort()
        self._lock.release()

    @abstractmethod
    def _append(self, frame: Frame, prediction: Prediction, number: int) -> None: ...

    @abstractmethod
    def _finish(self) -> None: ...

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if kind is None:
            self.commit()
        else:
            self.abort()


class ForwardStream(io.RawIOBase):
    """An AtomicFile as a binary file that can only be written forward."""

    def __init__(self, file: AtomicFile) -> None:
        self._file, self._position = file, 0
        self.dropped = False  # writes go nowhere any more

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        size = memoryview(data).nbytes
        if not self.dropped:
            self._file.write(data)
        self._position += size
        return size

    def tell(self) -> int:
        return self._position

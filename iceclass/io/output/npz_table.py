"""Tables of labels as NumPy arrays in an npz file."""

from __future__ import annotations

import shutil
import zipfile
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO, TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from iceclass.errors import OutputError
from iceclass.io.output.table_base import ForwardStream, TableWriter

if TYPE_CHECKING:
    from iceclass.frame import Frame
    from iceclass.prediction import Prediction

Precision = Literal["float16", "float32"]


class NpzTable(TableWriter):
    """NumPy arrays, read by ``numpy.load(path)`` without unpickling.

    ``labels`` (T, N) int8, −1 unknown; ``confidence`` (T, N) float32; ``probabilities`` (T, N, C)
    float16 or float32 if wanted; ``ids`` (N,) int64, or (T, N) if they differ from frame to frame;
    ``frames``, ``timesteps``, ``offsets`` (T,), (T,), (T + 1,) int64; ``classes`` (C,) and
    ``model_id`` strings. Frames that differ in N are joined: (R,) in place of (T, N), frame t in
    rows ``offsets[t]:offsets[t + 1]``.

    The arrays grow in unnamed temporary files in the output's directory, and are put together in
    the end.

    Parameters
    ----------
    path, probabilities, force
        As of :class:`TableWriter`.
    precision
        Of the probabilities.
    """

    def __init__(
        self,
        path: str | Path,
        *,
        probabilities: bool = False,
        precision: Precision = "float32",
        force: bool = False,
    ) -> None:
        super().__init__(path, probabilities=probabilities, force=force)
        self._precision = np.dtype(precision)
        self._spools: dict[str, IO[bytes]] = {}
        self._ids: NDArray[np.int64] | None = None
        self._classes: tuple[str, ...] = ()
        self._model_id = ""

    def _append(self, frame: Frame, prediction: Prediction, number: int) -> None:
        if len(prediction.classes) > 127:
            raise OutputError(
                f"{len(prediction.classes)} classes do not fit the int8 labels of .npz",
                path=self.path,
                hint="write .csv or .parquet",
            )
        self._classes, self._model_id = prediction.classes, prediction.model_id
        self._spool("labels", prediction.labels.astype(np.int8))
        self._spool("confidence", prediction.confidence.astype(np.float32))
        if self.probabilities:
            self._spool("probabilities", prediction.probabilities.astype(self._precision))
        if self._ids is None:
            self._ids = frame.ids
        if "ids" in self._spools:
            self._spool("ids", frame.ids)
        elif not np.array_equal(self._ids, frame.ids):
            for _ in range(self._frames):
                self._spool("ids", self._ids)
            self._spool("ids", frame.ids)
        self._spool("numbers", np.array([number, frame.timestep, frame.n_molecules], np.int64))

    def _spool(self, name: str, values: NDArray[Any]) -> None:
        try:
            if name not in self._spools:
                self._spools[name] = TemporaryFile(dir=self.path.parent)  # noqa: SIM115
            self._spools[name].write(np.ascontiguousarray(values).data)
        except OSError as error:
            raise OutputError(
                f"cannot be written ({error.strerror or error})", path=self.path
            ) from None

    def _finish(self) -> None:
        with self._spools.pop("numbers") as spool:
            spool.seek(0)
            numbers, timesteps, molecules = np.frombuffer(spool.read(), np.int64).reshape(-1, 3).T
        rows: tuple[int, ...] = (int(molecules.sum()),)
        if (molecules == molecules[0]).all():
            rows = (len(molecules), int(molecules[0]))
        small = {
            "frames": numbers,
            "timesteps": timesteps,
            "offsets": np.concatenate([[0], np.cumsum(molecules)]),
            "classes": np.array(self._classes, dtype=str),
            "model_id": np.array(self._model_id),
        }
        if "ids" not in self._spools and self._ids is not None:
            small["ids"] = self._ids
        large: dict[str, tuple[np.dtype[Any], tuple[int, ...]]] = {
            "labels": (np.dtype(np.int8), rows),
            "confidence": (np.dtype(np.float32), rows),
            "probabilities": (self._precision, (*rows, len(self._classes))),
            "ids": (np.dtype(np.int64), rows),
        }
        with zipfile.ZipFile(
            ForwardStream(self._file), "w", zipfile.ZIP_DEFLATED, compresslevel=1
        ) as file:
            for name, array in small.items():
                with file.open(f"{name}.npy", "w") as member:
                    np.lib.format.write_array(member, array, allow_pickle=False)
            for name, spool in self._spools.items():
                dtype, shape = large[name]
                descr = np.lib.format.dtype_to_descr(dtype)
                header = {"descr": descr, "fortran_order": False, "shape": shape}
                with file.open(f"{name}.npy", "w", force_zip64=True) as member:
                    np.lib.format.write_array_header_1_0(member, header)
                    spool.seek(0)
                    shutil.copyfileobj(spool, member, 1 << 20)

    def abort(self) -> None:
        """Throw away what was written, unless it has been committed."""
        for spool in self._spools.values():
            spool.close()
        super().abort()

"""Tables of labels, one row per molecule and frame: CSV, Parquet, NumPy's npz.

All write frame by frame in the memory of one frame (Parquet: of a group of rows), and appear
under their name when they are complete. What is written depends on nothing but the frames and
their labels: the same run makes the same bytes.
"""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from iceclass.errors import MissingDependencyError, OutputError
from iceclass.io import suffixes
from iceclass.io.output.npz_table import NpzTable, Precision
from iceclass.io.output.table_base import ForwardStream, TableWriter
from iceclass.io.output.writers import format_rows
from iceclass.io.text.streams import without_compression
from iceclass.phases import UNKNOWN

if TYPE_CHECKING:
    from iceclass.frame import Frame
    from iceclass.prediction import Prediction

COLUMNS = ("frame", "timestep", "id", "phase", "confidence")

_CSV_ROWS = 1 << 16
_GROUP_ROWS = 1 << 17


def table_writer(
    path: str | Path,
    *,
    probabilities: bool = False,
    precision: Precision = "float32",
    force: bool = False,
) -> TableWriter:
    """The writer for the suffix of ``path``; for CSV a compression's suffix may follow.

    Parameters
    ----------
    path
        ``.csv``, ``.csv.gz`` (``.bz2``, ``.xz``, ``.zst``), ``.parquet`` or ``.npz``.
    probabilities
        Also write the probability of every class.
    precision
        Of the probabilities in ``.npz``.
    force
        Replace an existing file.

    Raises
    ------
    OutputError
        Unknown suffix; the file exists (without ``force``); its directory is missing or closed.
    MissingDependencyError
        Parquet without pyarrow.
    """
    suffix = without_compression(path).suffix.lower()
    if suffix not in suffixes.TABLE:
        raise OutputError(
            f"unknown suffix {suffix!r} of a table", path=path, hint="known: .csv, .parquet, .npz"
        )
    if suffix == ".csv":
        return CsvTable(path, probabilities=probabilities, force=force)
    if without_compression(path) != Path(path):
        raise OutputError(
            f"a {suffix} file is compressed within",
            path=path,
            hint=f"leave out the suffix behind {suffix}",
        )
    if suffix == ".parquet":
        return ParquetTable(path, probabilities=probabilities, force=force)
    return NpzTable(path, probabilities=probabilities, precision=precision, force=force)


def probability_column(name: str) -> str:
    """Name of the column that holds the probability of a class."""
    return f"p_{name}"


class CsvTable(TableWriter):
    """Text: a header, then a row for every molecule and frame; compressed as the suffix asks."""

    # Blanks and what a class name may hold for them while the rows are made.
    _BLANK: ClassVar[str] = "\x7f"
    _TO_COMMAS: ClassVar[bytes] = bytes.maketrans(b" \x7f", b", ")

    def _append(self, frame: Frame, prediction: Prediction, number: int) -> None:
        classes = prediction.classes
        if self._frames == 0:
            more = map(probability_column, classes) if self.probabilities else ()
            self._file.write((",".join(map(_quoted, (*COLUMNS, *more))) + "\n").encode())
        names = [_quoted(name).replace(" ", self._BLANK) for name in (*classes, UNKNOWN)]
        phase = np.array(names, dtype=str)[prediction.labels]
        for start in range(0, frame.n_molecules, _CSV_ROWS):
            rows = slice(start, start + _CSV_ROWS)
            n = len(phase[rows])
            columns: dict[str, NDArray[Any]] = {
                "frame": np.full(n, number),
                "timestep": np.full(n, frame.timestep),
                "id": frame.ids[rows],
                "phase": phase[rows],
                "confidence": prediction.confidence[rows],
            }
            if self.probabilities:
                for k, name in enumerate(classes):
                    columns[probability_column(name)] = prediction.probabilities[rows, k]
            text = bytes(format_rows(b"", n, columns, self.path))
            self._file.write(text.translate(self._TO_COMMAS))

    def _finish(self) -> None:
        pass


def _quoted(text: str) -> str:
    """A field of a CSV file."""
    line = io.StringIO()
    csv.writer(line, lineterminator="").writerow([text])
    return line.getvalue()


class ParquetTable(TableWriter):
    """Parquet (needs pyarrow): the columns of the CSV, ``phase`` a dictionary of names.

    Whole frames are gathered into groups of 131 072 rows or more. The class names (as JSON) and
    the model's id are in the metadata, ``iceclass_classes`` and ``iceclass_model_id``.
    """

    def __init__(
        self, path: str | Path, *, probabilities: bool = False, force: bool = False
    ) -> None:
        try:
            import pyarrow.parquet as parquet
        except ImportError:
            raise MissingDependencyError("writing Parquet", "pyarrow", "parquet") from None
        self._parquet = parquet
        super().__init__(path, probabilities=probabilities, force=force)
        self._sink = ForwardStream(self._file)
        self._writer: Any = None
        self._blocks: list[dict[str, NDArray[Any]]] = []
        self._names: tuple[str, ...] = ()

    def _append(self, frame: Frame, prediction: Prediction, number: int) -> None:
        if self._writer is None:
            self._open(prediction)
        n = frame.n_molecules
        unknown = len(prediction.classes)
        block: dict[str, NDArray[Any]] = {
            "frame": np.full(n, number, dtype=np.int64),
            "timestep": np.full(n, frame.timestep, dtype=np.int64),
            "id": frame.ids,
            "phase": np.where(prediction.labels < 0, unknown, prediction.labels).astype(np.int16),
            "confidence": prediction.confidence.astype(np.float32),
        }
        if self.probabilities:
            for k, name in enumerate(prediction.classes):
                column = np.ascontiguousarray(prediction.probabilities[:, k], dtype=np.float32)
                block[probability_column(name)] = column
        self._blocks.append(block)
        if sum(len(block["id"]) for block in self._blocks) >= _GROUP_ROWS:
            self._write_group()

    def _open(self, prediction: Prediction) -> None:
        import pyarrow as pa

        self._names = (*prediction.classes, UNKNOWN)
        types = [pa.int64(), pa.int64(), pa.int64(), pa.dictionary(pa.int16(), pa.string())]
        fields = list(zip(COLUMNS, [*types, pa.float32()], strict=True))
        if self.probabilities:
            fields += [(probability_column(name), pa.float32()) for name in prediction.classes]
        metadata = {
            "iceclass_classes": json.dumps(prediction.classes, ensure_ascii=False),
            "iceclass_model_id": prediction.model_id,
        }
        schema = pa.schema(fields, metadata=metadata)
        self._writer = self._parquet.ParquetWriter(self._sink, schema, compression="zstd")

    def _write_group(self) -> None:
        import pyarrow as pa

        if not self._blocks:
            return
        joined = {
            name: np.concatenate([block[name] for block in self._blocks])
            for name in self._blocks[0]
        }
        self._blocks = []
        columns = [
            pa.DictionaryArray.from_arrays(column, pa.array(self._names))
            if name == "phase"
            else pa.array(column)
            for name, column in joined.items()
        ]
        table = pa.Table.from_arrays(columns, schema=self._writer.schema)
        self._writer.write_table(table, row_group_size=max(len(table), 1))

    def _finish(self) -> None:
        self._write_group()
        self._writer.close()

    def abort(self) -> None:
        """Throw away what was written, unless it has been committed."""
        self._sink.dropped = True
        if self._writer is not None:
            self._writer.close()  # or it would write its footer when it is collected
        super().abort()

"""How the phases are spread along an axis: their fractions and the number density in layers.

Layers have the same thickness within a frame and divide the cell evenly, parallel to the two
other cell vectors; a molecule's layer follows from its fractional coordinate, so that a cell
that breathes or is deformed keeps its molecules in their layers. Nothing is recentred: a slab
that drifts is smeared in the mean.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from iceclass.analysis.observer import AXES, Observer, Record
from iceclass.errors import InputError, unknown_name
from iceclass.frame import Frame
from iceclass.io.output.csv_tables import write_csv
from iceclass.phases import UNKNOWN
from iceclass.prediction import Prediction

WIDTH = 2.0
"""Å, thickness of a layer."""

MAX_BINS = 10_000
"""Layers beyond which a width is refused as a mistake."""

COMMON = ("axis", "bin", "position", "width", "molecules", "number_density")


@dataclass(frozen=True, eq=False)
class Profile(Observer):
    """Phases in layers along an axis.

    Parameters
    ----------
    classes
        The C class names of the model.
    axis
        ``"a"``, ``"b"`` or ``"c"``: across the layers parallel to the other two cell vectors,
        positions measured at right angles from the lower face of the cell. ``"x"``, ``"y"`` or
        ``"z"``: the same, for cells with one vector alone reaching along that direction (always
        z, in the cells of LAMMPS), positions as in the file.
    width
        Å. Layers are about as thick: the nearest thickness that divides the cell evenly.

    Raises
    ------
    InputError
        Unknown axis, a width that is not positive.
    """

    axis: str = "z"
    width: float = WIDTH

    def __post_init__(self) -> None:
        if self.axis not in AXES:
            raise unknown_name("axis", self.axis, AXES)
        if not 0.0 < self.width < float("inf"):
            raise InputError(f"layers are {self.width} Å thick, expected a positive length")

    @property
    def parameters(self) -> dict[str, Any]:
        """Axis and width."""
        return {"axis": self.axis, "width": self.width}

    def record(self, frame: Frame, prediction: Prediction) -> Record:
        """Position of the lowest layer, extent and volume of the cell, counts in layers.

        ``timestep``; ``low`` and ``extent`` in Å; ``volume`` in Å³, ``None`` where the cell has
        none; ``counts``: name → molecules in each layer, ``unknown`` among them, phases without
        a molecule left out.

        Raises
        ------
        InputError
            The cell has no extent along the axis, or not a single vector along it.
        """
        assert prediction.classes == self.classes
        names = (*self.classes, UNKNOWN)
        fraction, low, extent, _ = along(frame, self.axis)
        n = self._layers(extent)
        layer = np.clip(np.floor(fraction * n), 0, n - 1).astype(np.int64)
        column = np.where(prediction.labels < 0, len(names) - 1, prediction.labels)
        counts = np.bincount(column * n + layer, minlength=len(names) * n).reshape(-1, n)
        return {
            "timestep": int(frame.timestep),
            "low": low,
            "extent": extent,
            "volume": frame.volume or None,
            "layers": n,
            "counts": {
                name: row.tolist() for name, row in zip(names, counts, strict=True) if row.any()
            },
        }

    def _layers(self, extent: float) -> int:
        """How many layers a cell of this extent (Å) has."""
        n = max(1, round(extent / self.width))
        if n > MAX_BINS:
            raise InputError(
                f"{extent:g} Å along {self.axis} make {n} layers of {self.width:g} Å, "
                f"expected at most {MAX_BINS}",
                hint="give a larger width, in Å",
            )
        return n

    def write(
        self,
        path: str | Path,
        records: Iterable[tuple[int, Record]] | None = None,
        *,
        force: bool = False,
    ) -> Path:
        """Write the mean over the frames: a row for every layer, a column for every class.

        Fractions are the molecules of the phase among all that were in the layer in any frame,
        empty where there was none; number densities and positions are means over the frames.
        The layers are those of a cell of the mean extent; the counts of a frame whose extent
        makes another number of layers are shared out by overlap.
        """
        mean = _Mean(len(self.classes) + 1)
        for _, record in self.records if records is None else records:
            mean.add(self._counts(record), record)
        if not mean.frames:
            raise InputError("there are no frames to write a profile of", path=path)
        extent = mean.extent / mean.frames
        low, n = mean.low / mean.frames, self._layers(extent)
        counts, density = mean.on(n)
        rows = self._rows(low, extent, counts / mean.frames, density)
        return write_csv(path, self._header(), rows, force=force)

    def write_frames(
        self,
        path: str | Path,
        records: Iterable[tuple[int, Record]] | None = None,
        *,
        force: bool = False,
    ) -> Path:
        """Write every frame: a row for every frame and layer, arguments as of :meth:`write`."""

        def rows() -> Iterator[tuple[Any, ...]]:
            for number, record in self.records if records is None else records:
                counts = self._counts(record)
                density = None
                if record["volume"] is not None:
                    density = counts.sum(axis=0) * counts.shape[1] / record["volume"]
                for row in self._rows(record["low"], record["extent"], counts, density):
                    yield number, record["timestep"], *row

        return write_csv(path, ("frame", "timestep", *self._header()), rows(), force=force)

    def _header(self) -> tuple[str, ...]:
        return (*COMMON, *self.classes, UNKNOWN)

    def _counts(self, record: Record) -> NDArray[np.int64]:
        """(C + 1, layers) molecules of a record."""
        none = [0] * record["layers"]
        names = (*self.classes, UNKNOWN)
        return np.array([record["counts"].get(name, none) for name in names], dtype=np.int64)

    def _rows(
        self,
        low: float,
        extent: float,
        counts: NDArray[Any],
        density: NDArray[np.float64] | None,
    ) -> Iterator[tuple[Any, ...]]:
        """A row for every layer of (C + 1, layers) counts."""
        n = counts.shape[1]
        width, total = extent / n, counts.sum(axis=0)
        for k in range(n):
            fractions = [f"{c / total[k]:.6f}" if total[k] > 0 else "" for c in counts[:, k]]
            yield (
                self.axis,
                k,
                f"{low + (k + 0.5) * width:.4f}",
                f"{width:.4f}",
                round(total[k], 4),
                "" if density is None else f"{density[k]:.6f}",
                *fractions,
            )


class _Mean:
    """Sums over frames, kept apart by their number of layers."""

    def __init__(self, columns: int) -> None:
        self.frames = 0
        self.low = self.extent = 0.0
        self._columns = columns
        self._dense = True
        # Number of layers → sums of (C + 1, layers) counts, and of counts per volume (Å⁻³).
        self._counts: dict[int, NDArray[np.int64]] = {}
        self._per_volume: dict[int, NDArray[np.float64]] = {}

    def add(self, counts: NDArray[np.int64], record: Record) -> None:
        n = counts.shape[1]
        self.frames += 1
        self.low += record["low"]
        self.extent += record["extent"]
        self._counts[n] = self._counts.get(n, np.zeros_like(counts)) + counts
        if record["volume"] is None:
            self._dense = False
        else:
            per_volume = counts.sum(axis=0) / record["volume"]
            self._per_volume[n] = self._per_volume.get(n, np.zeros(n)) + per_volume

    def on(self, n: int) -> tuple[NDArray[np.float64], NDArray[np.float64] | None]:
        """(C + 1, n) sums of counts, and (n,) mean number densities where all have a volume."""
        counts = sum((_shared_out(c, n) for c in self._counts.values()), np.zeros((1, n)))
        if not self._dense:
            return counts, None
        parts = (_shared_out(c[None], n)[0] for c in self._per_volume.values())
        return counts, sum(parts, np.zeros(n)) * n / self.frames


def _shared_out(counts: NDArray[Any], n: int) -> NDArray[np.float64]:
    """(k, m) counts in m even layers, on n even layers of the same extent by their overlap."""
    k, m = counts.shape
    if m == n:
        return counts.astype(np.float64)
    below = np.concatenate([np.zeros((k, 1)), np.cumsum(counts, axis=1)], axis=1)
    old, new = np.linspace(0.0, 1.0, m + 1), np.linspace(0.0, 1.0, n + 1)
    return np.diff([np.interp(new, old, row) for row in below], axis=1)


def along(frame: Frame, axis: str) -> tuple[NDArray[np.float64], float, float, bool]:
    """(N,) positions along the axis in units of the extent, its lower end and the extent in Å.

    The last value: whether the boundary is periodic; then positions are wrapped into 0 … 1.
    """
    cell = frame.cell
    if axis in "abc":
        k = "abc".index(axis)
        forward, low = True, 0.0
    else:
        direction = "xyz".index(axis)
        reaching = np.abs(cell[:, direction]) > 1e-9 * np.linalg.norm(cell, axis=1)
        if reaching.sum() > 1:
            raise InputError(
                f"several cell vectors reach along {axis}, so that a position along it is not "
                f"unique: {cell.tolist()}",
                hint="take a cell vector, a, b or c, as axis",
            )
        k = int(reaching.argmax())
        forward = bool(cell[k, direction] > 0.0)
        low = float(frame.origin[direction] + min(cell[k, direction], 0.0))
    vectors = np.any(cell != 0.0, axis=1)
    if not vectors[k] or (axis in "xyz" and not reaching.any()):
        raise InputError(
            f"the cell has no extent along {axis}, expected a cell vector there: {cell.tolist()}",
            hint="profiles need a box; give the file one, or another axis",
        )
    inverse = np.linalg.inv(cell) if vectors.all() else np.linalg.pinv(cell)
    fraction = (frame.positions - frame.origin) @ inverse[:, k]
    if not forward:
        fraction = 1.0 - fraction
    if frame.pbc[k]:
        fraction = fraction - np.floor(fraction)
    return fraction, low, float(1.0 / np.linalg.norm(inverse[:, k])), bool(frame.pbc[k])

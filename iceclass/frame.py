"""One snapshot of a simulation, as the descriptors see it: one position per water molecule.

Array sizes (used in every docstring): ``N`` molecules, ``M`` atoms, ``T`` frames,
``F`` features, ``C`` classes, ``Z`` neighbours inside the cut-off. Lengths are in Å.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from iceclass.errors import InputError

if TYPE_CHECKING:
    from ase import Atoms

MASS_WATER = 18.01528  # g/mol
AMU_PER_A3_IN_G_PER_CM3 = 1.66053906660


@dataclass(frozen=True, eq=False)
class AtomTable:
    """All atoms of a frame in their file order, with every column the file had.

    Attributes
    ----------
    columns
        Name → (M,) array, in file order of the columns. Numbers are float64 or int64,
        anything else is a NumPy string array.
    molecule
        (M,) int64. Row of :attr:`Frame.positions` the atom belongs to; −1 for atoms that are
        carried through unlabelled (ions, guests, walls).
    header
        What else the frame's header said, to be written back unchanged
        (``units``, ``time``, ``boundary`` …).
    sites
        (N,) int64. The atom that is the site of each molecule, where it is known.
    """

    columns: Mapping[str, NDArray[Any]]
    molecule: NDArray[np.int64]
    header: Mapping[str, str] = field(default_factory=dict)
    sites: NDArray[np.int64] | None = None

    def __post_init__(self) -> None:
        lazy = getattr(self.columns, "n_rows", None)  # columns converted when they are asked for
        if lazy is not None and lazy != len(self):
            raise ValueError(f"columns have {lazy} rows, expected {len(self)}")
        for name, column in self.columns.items() if lazy is None else ():
            if column.shape != self.molecule.shape:
                raise ValueError(
                    f"column {name!r} has shape {column.shape}, expected {self.molecule.shape}"
                )

    def __len__(self) -> int:
        return int(self.molecule.shape[0])


@dataclass(frozen=True, eq=False)
class Frame:
    """Oxygens of one snapshot and their cell. Immutable: the arrays are read-only.

    Parameters
    ----------
    positions
        (N, 3) float64, Å. One site per water molecule (its oxygen, or the only site of a
        one-site model). They may lie outside the cell.
    cell
        (3, 3) float64, Å. Rows are the cell vectors; zero rows only along open boundaries.
    pbc
        (3,) bool. Periodic along each cell vector. Default: periodic wherever there is a cell.
    ids
        (N,) int64. Atom ids of the sites; default 1 … N.
    timestep
        The simulation step the snapshot was taken at.
    time
        ps, where the file tells it.
    atoms
        All atoms with every column, for writers. ``None`` where sites are all there is.
    origin
        (3,) float64, Å. The lower corner of the cell; matters only to writers.

    Raises
    ------
    InputError
        Wrong shapes, non-finite numbers, or a cell without volume along periodic directions.
    """

    positions: NDArray[np.float64]
    cell: NDArray[np.float64]
    pbc: NDArray[np.bool_] = None  # type: ignore[assignment]
    ids: NDArray[np.int64] = None  # type: ignore[assignment]
    timestep: int = 0
    time: float | None = None
    atoms: AtomTable | None = None
    origin: NDArray[np.float64] = None  # type: ignore[assignment]

    def __post_init__(self) -> None:
        positions = _array(self.positions, (-1, 3), "positions")
        cell = _array(self.cell, (3, 3), "cell")
        if self.pbc is None:
            pbc = np.any(cell != 0.0, axis=1)
        else:
            pbc = np.broadcast_to(np.asarray(self.pbc, dtype=bool), (3,)).copy()
        ids = (
            np.arange(1, len(positions) + 1, dtype=np.int64)
            if self.ids is None
            else np.array(self.ids, dtype=np.int64)
        )
        if ids.shape != (len(positions),):
            raise InputError(f"ids have shape {ids.shape}, expected ({len(positions)},)")
        origin = np.zeros(3) if self.origin is None else _array(self.origin, (3,), "origin")
        spanning = cell[pbc]
        if len(spanning) and not _independent(spanning):
            raise InputError(
                f"the cell has no volume along its periodic directions: {cell.tolist()}",
                hint="check the box of this frame",
            )
        for name, value in (
            ("positions", positions),
            ("cell", cell),
            ("pbc", pbc),
            ("ids", ids),
            ("origin", origin),
        ):
            value.setflags(write=False)
            object.__setattr__(self, name, value)

    @classmethod
    def from_ase(cls, atoms: Atoms, types: Mapping[Any, str] | None = None) -> Frame:
        """The frame of an ASE ``Atoms`` object; oxygens are the sites, hydrogens are carried.

        ``types`` maps chemical symbols to elements where they differ (``{"X": "O"}``).
        """
        from iceclass.io.others.ase_frames import frame_from_ase

        return frame_from_ase(atoms, types=types)

    def only(self, chosen: NDArray[np.bool_]) -> Frame:
        """The frame with those of the sites for which the (N,) ``chosen`` is true, and no atoms."""
        return replace(self, positions=self.positions[chosen], ids=self.ids[chosen], atoms=None)

    @property
    def n_molecules(self) -> int:
        """N."""
        return int(self.positions.shape[0])

    @property
    def volume(self) -> float:
        """Volume of the cell in Å³ (0 where a boundary is open without a cell vector)."""
        return float(abs(np.linalg.det(self.cell)))

    @property
    def density(self) -> float:
        """Density in g/cm³ from N water molecules in the cell; NaN without a volume."""
        if self.volume == 0.0:
            return float("nan")
        return self.n_molecules * MASS_WATER * AMU_PER_A3_IN_G_PER_CM3 / self.volume

    def __repr__(self) -> str:
        a, b, c = np.linalg.norm(self.cell, axis=1)
        box = f"{a:.1f}×{b:.1f}×{c:.1f} Å"
        return f"Frame({self.n_molecules} molecules, {box}, timestep {self.timestep})"


def _array(value: ArrayLike, shape: tuple[int, ...], name: str) -> NDArray[np.float64]:
    """A float64 copy of ``value`` with the given shape (−1: any length), all finite."""
    array = np.array(value, dtype=np.float64, order="C")
    if array.ndim != len(shape) or any(
        want not in (-1, got) for want, got in zip(shape, array.shape, strict=True)
    ):
        expected = "(" + ", ".join("N" if n == -1 else str(n) for n in shape) + ")"
        raise InputError(f"{name} have shape {array.shape}, expected {expected}")
    if not np.isfinite(array).all():
        raise InputError(f"{name} contain NaN or infinite numbers")
    return array


def _independent(vectors: NDArray[np.float64]) -> bool:
    """Whether the (k, 3) cell vectors span k dimensions."""
    lengths = np.linalg.norm(vectors, axis=1)
    if np.any(lengths < 1e-6):
        return False
    units = vectors / lengths[:, None]
    return bool(np.linalg.det(units @ units.T) > 1e-10)

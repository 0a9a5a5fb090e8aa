"""From the atoms of a file to a :class:`~iceclass.frame.Frame`: shared by all readers."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from iceclass.errors import InputError
from iceclass.frame import AtomTable, Frame
from iceclass.io.lammps.units import scale_of
from iceclass.io.options import UNIT_NAMES, ReadOptions
from iceclass.io.water.bonds import REACH
from iceclass.io.water.carried import carried_groups, warning_of
from iceclass.io.water.geometry import check_bonds
from iceclass.io.water.kinds import OXYGEN, AtomKinds, AtomRoles, listed
from iceclass.io.water.molecules import MoleculeFinder
from iceclass.io.water.roles import RoleAssigner
from iceclass.neighbours import Lattice


@dataclass(frozen=True, eq=False)
class RawFrame:
    """One snapshot as a reader found it, before anything is known of its molecules.

    Attributes
    ----------
    positions
        (M, 3) float64, Å.
    cell, pbc, origin
        As in :class:`~iceclass.frame.Frame`.
    columns
        Name → (M,) array of all the file's columns, unchanged.
    kinds
        Gives the kinds of the atoms; called with ``True`` when their names and masses are needed
        too, which may cost more.
    ids
        (M,) atom ids, where the file has them.
    bonds
        (B, 2) rows of atoms that are bonded, where the file or its topology has them.
    """

    positions: NDArray[np.float64]
    cell: NDArray[np.float64]
    pbc: NDArray[np.bool_]
    origin: NDArray[np.float64]
    columns: Mapping[str, NDArray[Any]]
    kinds: Callable[[bool], AtomKinds]
    ids: NDArray[np.int64] | None = None
    timestep: int = 0
    time: float | None = None
    header: Mapping[str, str] = field(default_factory=dict)
    bonds: NDArray[np.int64] | None = None


_SAME_CELL = 1e-3
"""Relative difference of lengths, and of what tells angles, up to which two cells are the same."""


def cell_lengths(cell: NDArray[np.float64]) -> NDArray[np.float64]:
    """(6,) Lengths of the vectors of a cell and of the sums of pairs of them: the same for cells
    that differ by a rotation."""
    return np.linalg.norm(np.vstack([cell, cell + np.roll(cell, 1, axis=0)]), axis=1)


def _in_units(raw: RawFrame, style: str, length: float) -> RawFrame:
    told = raw.header.get("units")
    if told is not None:
        if scale_of(told)[0] != length:
            raise InputError(
                f"the file says that its units are {told}, not {style}",
                hint="leave the units out",
            )
        return raw
    return replace(
        raw,
        positions=raw.positions * length,
        cell=raw.cell * length,
        origin=raw.origin * length,
        header={**raw.header, "units": style},
    )


class Assembler:
    """Makes frames of one trajectory; keeps what was decided on its first frame.

    ``decision`` is what was decided already, where the first frame has been read before; of
    ``options`` cell and units are heard.
    """

    def __init__(
        self,
        path: str | Path | None,
        types: Mapping[Any, str] | None = None,
        decision: AtomRoles | None = None,
        options: ReadOptions | None = None,
    ) -> None:
        self.path = path
        self._options = ReadOptions() if options is None else options
        self._sites = RoleAssigner(
            None if types is None else {str(key): str(value) for key, value in types.items()}
        )
        self._sites.decision = decision
        self._molecules = MoleculeFinder()
        self._lattice: tuple[bytes, bytes, Lattice] | None = None

    @property
    def decision(self) -> AtomRoles | None:
        """What the atoms are; ``None`` before the first frame."""
        return self._sites.decision

    def frame(self, raw: RawFrame, index: int | None = None, line: int | None = None) -> Frame:
        """The frame; ``index`` and ``line`` say in errors where it was found.

        Raises
        ------
        InputError
            No oxygen, no decision about the sites, or a cell without volume.
        """
        try:
            return self._frame(raw)
        except InputError as error:
            raise error.at(path=self.path, frame=index, line=line) from None

    def _frame(self, raw: RawFrame) -> Frame:
        if len(raw.positions) == 0:
            raise InputError("the frame has no atoms: no oxygen")
        raw = self._as_told(raw)
        if not np.isfinite(raw.positions).all():
            row = int(np.argwhere(~np.isfinite(raw.positions))[0, 0])
            raise InputError(f"the position of atom {row + 1} is NaN or infinite")
        if not -(2**63) <= raw.timestep < 2**63:
            raise InputError(f"timestep {str(raw.timestep)[:80]} does not fit into 64 bits")
        lattice = self._lattice_of(raw)
        known = self.decision
        kinds = raw.kinds(known is None)
        if known is not None and any(known.role(key) is None for key in kinds.keys):
            kinds = raw.kinds(True)
        if known is None:
            self._check_told(raw, kinds)
        try:
            roles = self._sites.roles(kinds, raw.positions, lattice)[kinds.codes]
            if not np.any(roles == OXYGEN):
                raise InputError(f"no oxygen in this frame ({self.decision})")
            sites, molecule = self._water(raw, kinds, roles, lattice, first=known is None)
        except InputError:
            self._sites.decision = known  # a frame that is none decides nothing
            raise
        return Frame(
            positions=raw.positions[sites],
            cell=raw.cell,
            pbc=raw.pbc,
            ids=sites + 1 if raw.ids is None else raw.ids[sites],
            timestep=raw.timestep,
            time=raw.time,
            atoms=AtomTable(raw.columns, molecule, raw.header, sites),
            origin=raw.origin,
        )

    def _as_told(self, raw: RawFrame) -> RawFrame:
        """The frame in the units and the cell that were given."""
        options = self._options
        if options.units is not None:
            raw = _in_units(raw, UNIT_NAMES[options.units], options.length)
        if options.cell is None:
            return raw
        given = np.array(options.cell)
        if raw.pbc.any() and not options.force_cell:
            if np.allclose(cell_lengths(raw.cell), cell_lengths(given), rtol=_SAME_CELL, atol=0.0):
                return raw
            sides = " × ".join(f"{length:.4g}" for length in cell_lengths(raw.cell)[:3])
            raise InputError(
                f"the file has a cell, {sides} Å, which is not the one that is given",
                hint="leave the cell out, or replace the file's: force_cell=True",
            )
        header = {key: text for key, text in raw.header.items() if key not in ("box", "boundary")}
        return replace(raw, cell=given, pbc=np.ones(3, bool), header=header)

    def _check_told(self, raw: RawFrame, kinds: AtomKinds) -> None:
        """Raise where a file tells neither its cell nor elements, and neither was told."""
        nameless = kinds.kind == "type" and len(kinds.keys) > 1 and not any(kinds.names)
        told = self._options.types is not None or self._options.cell is not None
        if nameless and not told and not raw.cell.any():
            example = ", ".join(f'{k!r}: "{e}"' for k, e in zip(kinds.keys, "OH", strict=False))
            raise InputError(
                f"the file has type numbers {listed(kinds.keys)} for elements, and no cell",
                hint=f'tell both: types={{{example}}} and cell="23.5,22.1,27.1" (Å)',
            )

    def _lattice_of(self, raw: RawFrame) -> Lattice:
        """That of the frame before, where the cell is the same."""
        cell, pbc = raw.cell.tobytes(), raw.pbc.tobytes()
        if self._lattice is None or self._lattice[:2] != (cell, pbc):
            self._lattice = (cell, pbc, Lattice.of(raw.cell, raw.pbc, REACH))
        return self._lattice[2]

    def _water(
        self,
        raw: RawFrame,
        kinds: AtomKinds,
        roles: NDArray[np.int8],
        lattice: Lattice,
        first: bool,
    ) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Rows of the sites, and the molecule of every atom, as of :class:`MoleculeFinder`."""
        finder, columns = self._molecules, raw.columns
        finder.topology = raw.bonds
        mol = (lambda: columns["mol"]) if "mol" in columns else None
        decision = self.decision
        assert decision is not None
        water_only = decision.water_only or (first and bool(decision.hydrogen))
        sites, molecule = finder.assign(
            roles, raw.positions, lattice, raw.ids, mol, water_only=water_only
        )
        if water_only and (first or len(sites) == 0):
            if len(sites) == 0 or finder.bond_length(raw.positions, lattice) is None:
                check_bonds(kinds, raw.positions, lattice)
            if len(sites) == 0 and np.any(finder.counts > 0):
                raise InputError(
                    f"no water in this frame: none of its {finder.n_oxygens} oxygens has exactly "
                    f"two hydrogens bound to it and nothing else ({decision})",
                    hint="are positions and cell in Å? is it water?",
                )
        if first:
            if water_only and len(sites) == 0:  # the hydrogens of the file are not of these oxygens
                water_only = False
                sites, molecule = finder.assign(roles, raw.positions, lattice, raw.ids, mol)
            bonded = water_only and raw.bonds is not None and len(raw.bonds) > 0
            self._sites.decision = replace(
                decision,
                evidence=decision.evidence + ("; bonds of the topology" if bonded else ""),
                water_only=water_only,
                water=tuple(kinds.keys[k] for k in np.unique(kinds.codes[molecule >= 0])),
                carried=carried_groups(raw.columns, kinds, roles, molecule),
                warning=warning_of(decision, kinds, finder.n_oxygens, len(sites), water_only),
            )
        if len(sites) == 0:
            raise InputError(
                f"no water in this frame: no hydrogen is bound to its oxygens ({decision})"
            )
        return sites, molecule

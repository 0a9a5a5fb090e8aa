"""From the atoms of a file to a :class:`~iceclass.frame.Frame`: shared by all readers."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from iceclass.errors import InputError
from iceclass.frame import AtomTable, Frame
from iceclass.io.water.distances import Lattice
from iceclass.io.water.kinds import OXYGEN, SiteDecision, Species
from iceclass.io.water.molecules import MoleculeFinder
from iceclass.io.water.roles import SiteFinder


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
    species
        Gives the kinds of the atoms; called with ``True`` when their names and masses are needed
        too, which may cost more.
    ids
        (M,) atom ids, where the file has them.
    """

    positions: NDArray[np.float64]
    cell: NDArray[np.float64]
    pbc: NDArray[np.bool_]
    origin: NDArray[np.float64]
    columns: Mapping[str, NDArray[Any]]
    species: Callable[[bool], Species]
    ids: NDArray[np.int64] | None = None
    timestep: int = 0
    time: float | None = None
    header: Mapping[str, str] = field(default_factory=dict)


class Assembler:
    """Makes frames of one trajectory; keeps what was decided on its first frame.

    ``decision`` is what was decided already, where the first frame has been read before.
    """

    def __init__(
        self,
        path: str | Path | None,
        types: Mapping[Any, str] | None = None,
        decision: SiteDecision | None = None,
    ) -> None:
        self.path = path
        self._sites = SiteFinder(
            None if types is None else {str(key): str(value) for key, value in types.items()}
        )
        self._sites.decision = decision
        self._molecules = MoleculeFinder()

    @property
    def decision(self) -> SiteDecision | None:
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
            raise InputError(
                error.message,
                path=self.path if error.path is None else error.path,
                frame=index if error.frame is None else error.frame,
                line=line if error.line is None else error.line,
                hint=error.hint,
            ) from None

    def _frame(self, raw: RawFrame) -> Frame:
        if len(raw.positions) == 0:
            raise InputError("the frame has no atoms: no oxygen")
        if not np.isfinite(raw.positions).all():
            row = int(np.argwhere(~np.isfinite(raw.positions))[0, 0])
            raise InputError(f"the position of atom {row + 1} is NaN or infinite")
        if not -(2**63) <= raw.timestep < 2**63:
            raise InputError(f"timestep {str(raw.timestep)[:80]} does not fit into 64 bits")
        lattice = Lattice.of(raw.cell, raw.pbc)
        known = self.decision
        species = raw.species(known is None)
        if known is not None and any(known.role(key) is None for key in species.keys):
            species = raw.species(True)
        roles = self._sites.roles(species, raw.positions, lattice)[species.codes]
        if not np.any(roles == OXYGEN):
            raise InputError(f"no oxygen in this frame ({self.decision})")
        columns = raw.columns
        mol = (lambda: columns["mol"]) if "mol" in columns else None
        sites, molecule = self._molecules.assign(roles, raw.positions, lattice, raw.ids, mol)
        return Frame(
            positions=raw.positions[sites],
            cell=raw.cell,
            pbc=raw.pbc,
            ids=sites + 1 if raw.ids is None else raw.ids[sites],
            timestep=raw.timestep,
            time=raw.time,
            atoms=AtomTable(raw.columns, molecule, raw.header),
            origin=raw.origin,
        )

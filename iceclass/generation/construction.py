"""What every molecule of a simulation is made to be, before anything moves.

An :class:`Arrangement` is a structure with the phase each molecule is prepared in, which of them
are held while the others melt, and where there is no telling from the start. It becomes part of a
trajectory's description, from which :func:`truth` says frame by frame what each molecule is:
its phase, or :data:`NO_TRUTH` within about a layer of a boundary. No classifier has a say in it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

from iceclass.errors import InputError
from iceclass.frame import Frame
from iceclass.generation.lattices import Structure
from iceclass.generation.other_sites import Others
from iceclass.generation.stacking import molecule_letters
from iceclass.neighbours.cell_list import nearest, neighbour_list
from iceclass.phases import PHASE_OF_LATTICE, PHASE_OF_LETTER

GROUPS = "groups.lmp"
"""File of LAMMPS commands that define the groups ``held``, ``melted`` and ``water``."""

NO_TRUTH = -9
"""Of a molecule at a boundary, where construction does not say what it is."""

MARGIN = 4.0
"""Å. A molecule that has one of another part this near is at the boundary: one that is bonded
(2.8 Å) or squeezed in (to 3.5 Å) to it, with some room for the boundary to have moved."""

LEFT_SITE = 1.4
"""Å; half the distance of bonded molecules. What is further from its site has left the crystal."""

VAPOUR = 3.5
"""Å; a molecule of a liquid with no other one this near has evaporated."""


@dataclass(frozen=True, eq=False)
class Arrangement:
    """Molecules with what each is made to be.

    Attributes
    ----------
    structure
        Where they start.
    phases
        Names that ``made`` refers to.
    made
        (N,) int8. Index into ``phases``.
    parts
        Of each of ``phases``, the part of the simulation it belongs to: between two parts there
        is a boundary, between two phases of one part (the layers of a stacking-disordered ice)
        there is none.
    solid
        Of each of ``phases``, whether molecules stay at their sites.
    held
        (N,) bool. Those that stand still while the others melt.
    uncertain
        (N,) bool. Those without truth from the start, at the surface of a crystal.
    others
        What else is there.
    """

    structure: Structure
    phases: tuple[str, ...]
    made: NDArray[np.int8]
    parts: tuple[int, ...]
    solid: tuple[bool, ...]
    held: NDArray[np.bool_]
    uncertain: NDArray[np.bool_]
    others: Others | None = field(default=None)

    @classmethod
    def of_one(cls, structure: Structure, phase: str, *, solid: bool = False) -> Arrangement:
        """All molecules of one phase, none held.

        Those of a stacking-disordered ice ``one[…]`` are hexagonal or cubic by layer.
        """
        nothing = np.zeros(structure.n_molecules, dtype=bool)
        phases, made = _phases(structure, phase, ~nothing)
        alike = len(phases)
        return cls(structure, phases, made, (0,) * alike, (solid,) * alike, nothing, nothing)

    @classmethod
    def half_melted(
        cls, structure: Structure, crystal: str, melt: str, held: NDArray[np.bool_]
    ) -> Arrangement:
        """``held`` molecules of a crystal, the others melted."""
        phases, made = _phases(structure, crystal, held)
        n = len(phases)
        nothing = np.zeros(len(held), dtype=bool)
        made[~held] = n
        parts, solid = (*(0,) * n, 1), (*(True,) * n, False)
        return cls(structure, (*phases, melt), made, parts, solid, held, nothing)

    @classmethod
    def of_two(
        cls, structure: Structure, crystals: tuple[str, str], second: NDArray[np.bool_]
    ) -> Arrangement:
        """Two crystals in one box, the molecules of the ``second`` told; none held."""
        phases, made = _phases(structure, crystals[0], ~second)
        more, of_second = _phases(structure, crystals[1], second)
        n, m = len(phases), len(more)
        made[second] = n + of_second[second]
        nothing = np.zeros(len(second), dtype=bool)
        parts = (0,) * n + (1,) * m
        return cls(structure, (*phases, *more), made, parts, (True,) * (n + m), nothing, nothing)

    def groups(self) -> str:
        """LAMMPS commands that define the groups: ``water``, ``held``, ``melted``.

        Other sites are held where the nearest molecule is.
        """
        sites = self.structure.molecules.shape[1]
        n = self.structure.n_molecules
        held = np.repeat(self.held, sites)
        if self.others is not None:
            held = np.concatenate([held, self.held[self._nearest(self.others.positions)]])
        lines = [f"group water id 1:{n * sites}"]
        for name, chosen in (("held", held), ("melted", ~held)):
            edges = np.flatnonzero(np.diff(np.concatenate([[0], chosen.astype(int), [0]])))
            runs = [f"{a + 1}:{b}" for a, b in edges.reshape(-1, 2)]
            lines += [
                f"group {name} id {' '.join(runs[k : k + 50])}" for k in range(0, len(runs), 50)
            ]
            lines += [] if runs else [f"group {name} empty"]
        return "\n".join(lines) + "\n"

    def _nearest(self, positions: NDArray[np.float64]) -> NDArray[np.int64]:
        """(K,) index of the molecule nearest to each of (K, 3) positions."""
        cell = self.structure.cell
        away = (positions[:, None] - self.structure.molecules[None, :, 0]) @ np.linalg.inv(cell)
        away = (away - np.round(away)) @ cell
        return np.asarray(np.linalg.norm(away, axis=2).argmin(axis=1))

    def to_dict(self) -> dict[str, Any]:
        """JSON-serialisable, one character a molecule; all but where they start."""
        return {
            "phases": list(self.phases),
            "made": _digits(self.made),
            "parts": list(self.parts),
            "solid": list(self.solid),
            "held": _digits(self.held),
            "uncertain": _digits(self.uncertain),
        }


def made(construction: Mapping[str, Any]) -> NDArray[np.int8]:
    """(N,) int8. What each molecule is made to be: indices into the construction's ``phases``.

    Raises
    ------
    InputError
        Not of the form :meth:`Arrangement.to_dict` gives.
    """
    found = _numbers(construction, "made")
    phases = construction.get("phases")
    if not isinstance(phases, list) or (len(found) and found.max() >= len(phases)):
        raise InputError("'made' of the construction refers to more phases than it names")
    return found


def truth(
    construction: Mapping[str, Any], sites: Frame | None, frames: Sequence[Frame]
) -> NDArray[np.int8]:
    """What every molecule is in every frame, by construction and nothing else.

    A molecule is what it was made to be, except that it has no truth (:data:`NO_TRUTH`) if

    - it was uncertain from the start,
    - a molecule of another part is within :data:`MARGIN` of it in that frame,
    - it belongs to a crystal and is further than :data:`LEFT_SITE` from its site, each crystal
      being moved and turned as a whole to where it is in that frame,
    - it belongs to a liquid and has no neighbour within :data:`VAPOUR`.

    Parameters
    ----------
    construction
        Of the trajectory's description.
    sites
        The crystals' undisplaced molecules; needed where a part of the simulation is solid.
    frames
        T frames of N oxygens.

    Returns
    -------
    (T, N) int8 array
        Indices into the construction's ``phases``, or :data:`NO_TRUTH`.

    Raises
    ------
    InputError
        The construction is not of these frames.
    """
    own = made(construction)
    solid = np.array(construction["solid"], dtype=bool)[own]
    part = np.array(construction["parts"], dtype=np.int64)[own]
    uncertain = _numbers(construction, "uncertain").astype(bool)
    if any(f.n_molecules != len(own) for f in frames) or len(uncertain) != len(own):
        raise InputError(f"the construction is of {len(own)} molecules, the frames are not")
    found = np.tile(np.where(uncertain, NO_TRUTH, own).astype(np.int8), (len(frames), 1))
    if solid.any():
        if sites is None:
            raise InputError("the sites of a crystal are needed to tell what has left them")
        for one in set(part[solid]):
            crystal = solid & (part == one)
            found[_displacement(sites, frames, crystal) > LEFT_SITE] = NO_TRUTH
    liquid = not solid.all()
    for row, frame in zip(found, frames, strict=True):
        if len(set(part)) > 1:
            offsets, neighbour = neighbour_list(frame, MARGIN)[:2]
            centre = np.repeat(np.arange(len(own)), np.diff(offsets))
            row[centre[part[centre] != part[neighbour]]] = NO_TRUTH
        if liquid:
            near = np.diff(neighbour_list(frame, VAPOUR)[0])
            row[~solid & (near == 0)] = NO_TRUTH
    return found


def on_sites(sites: Frame, frame: Frame, solid: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """(N,) bool: which molecules are at a site of the crystal that filled the box at the start.

    At a site is within half of :data:`LEFT_SITE`, of whichever site, the crystal being moved by
    the mean drift of the solid molecules. Of a liquid these are few, of what never melted, or
    has crystallised onto the rest, most.
    """
    start = sites.positions @ np.linalg.inv(sites.cell)
    moved = start + _drift(start[solid], frame, solid)
    radius = LEFT_SITE / 2
    indices, _ = nearest(
        frame.positions, moved @ frame.cell + frame.origin, frame.cell, frame.pbc, radius
    )
    return np.asarray(indices >= 0)


def _drift(
    start: NDArray[np.float64], frame: Frame, solid: NDArray[np.bool_]
) -> NDArray[np.float64]:
    """(3,) mean motion of solid molecules, in units of the cell vectors, within half a cell."""
    step = (frame.positions[solid] - frame.origin) @ np.linalg.inv(frame.cell) - start
    return np.asarray(np.angle(np.exp(2j * np.pi * step).mean(axis=0)) / (2 * np.pi))


def _phases(
    structure: Structure, name: str, chosen: NDArray[np.bool_]
) -> tuple[tuple[str, ...], NDArray[np.int8]]:
    """Phases of the chosen molecules of a crystal, and (N,) int8 which of them each is."""
    made = np.zeros(structure.n_molecules, dtype=np.int8)
    if not name.startswith("one[") or name in PHASE_OF_LATTICE:
        return (PHASE_OF_LATTICE.get(name, name),), made
    letters = molecule_letters(structure, name[4:-1])
    kinds = sorted(set(letters[chosen]))
    for k, kind in enumerate(kinds):
        made[letters == kind] = k
    return tuple(PHASE_OF_LETTER[k] for k in kinds), made


def _displacement(
    sites: Frame, frames: Sequence[Frame], solid: NDArray[np.bool_]
) -> NDArray[np.float64]:
    """(T, N) Å from the sites in the breathing cell, of solid molecules; 0 of the others."""
    away = np.zeros((len(frames), len(solid)))
    start = sites.positions[solid] @ np.linalg.inv(sites.cell)
    for row, frame in zip(away, frames, strict=True):
        step = (frame.positions[solid] - frame.origin) @ np.linalg.inv(frame.cell) - start
        # the crystal as a whole may have drifted: first by the circular mean, then exactly
        step -= _drift(start, frame, solid)
        step -= np.round(step)
        row[solid] = _misfit(start @ frame.cell, (start + step) @ frame.cell)
    return away


def _misfit(sites: NDArray[np.float64], places: NDArray[np.float64]) -> NDArray[np.float64]:
    """(n,) Å between places and sites moved and turned onto them.

    The rigid motion is that of the molecules that have not left: all but the ones that are far
    off, then all but those that are off after the first fit.
    """
    off = np.linalg.norm(places - sites - np.median(places - sites, axis=0), axis=1)
    for limit in (2 * LEFT_SITE, LEFT_SITE):
        stay = off < limit
        if stay.sum() < 4:
            break
        middle, centre = sites[stay].mean(axis=0), places[stay].mean(axis=0)
        turn, _ = Rotation.align_vectors(places[stay] - centre, sites[stay] - middle)
        off = np.linalg.norm(places - centre - turn.apply(sites - middle), axis=1)
    return np.asarray(off)


def _digits(values: NDArray[Any]) -> str:
    """One character a molecule."""
    return "".join(map(str, values.astype(int)))


def _numbers(construction: Mapping[str, Any], key: str) -> NDArray[np.int8]:
    """The inverse of :func:`_digits`."""
    text = construction.get(key)
    if not isinstance(text, str) or not (text.isascii() and text.isdigit()):
        raise InputError(f"{key!r} of the construction is not a digit for each molecule")
    return (np.frombuffer(text.encode(), dtype=np.uint8) - ord("0")).astype(np.int8)

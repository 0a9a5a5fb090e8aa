"""What other programs call the molecules of a frame: OVITO's CHILL+ and template matching.

CHILL+ goes by the four nearest neighbours of each oxygen (Nguyen & Molinero, J. Phys. Chem. B 119,
9369 (2015), doi 10.1021/jp510289t), polyhedral template matching by the second shell as well
(Larsen et al., Model. Simul. Mater. Sci. Eng. 24, 055007 (2016),
doi 10.1088/0965-0393/24/5/055007).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from iceclass.errors import MissingDependencyError
from iceclass.frame import Frame

CHILL_PLUS = ("other", "ih", "ic", "interfacial ice", "hydrate", "interfacial hydrate")
"""Names of OVITO's CHILL+ types 0 to 5."""

PTM_CUTOFF = 0.1
"""OVITO's default of the largest RMSD that still is a match."""


Work = Callable[[], NDArray[np.int64]]
"""Applies a modifier; (N,) structure types."""


def chill_plus(frame: Frame) -> NDArray[np.str_]:
    """(N,) names from :data:`CHILL_PLUS`.

    Raises
    ------
    MissingDependencyError
        OVITO is not installed.
    """
    return np.array(CHILL_PLUS)[chill_plus_types(frame)()]


def chill_plus_types(frame: Frame) -> Work:
    """What gives the (N,) places in :data:`CHILL_PLUS`; it can be timed by itself.

    Raises
    ------
    MissingDependencyError
        OVITO is not installed.
    """
    return _applied(frame, _modifiers("CHILL+").ChillPlusModifier())


def template_matching(frame: Frame, rmsd_cutoff: float = PTM_CUTOFF) -> NDArray[np.str_]:
    """(N,) ``ih`` (hexagonal diamond), ``ic`` (cubic diamond) or ``other``.

    ``rmsd_cutoff`` is the largest deviation from the template; 0 for no limit.

    Raises
    ------
    MissingDependencyError
        OVITO is not installed.
    """
    kind = _modifiers("polyhedral template matching").PolyhedralTemplateMatchingModifier
    types = template_types(frame, rmsd_cutoff)()
    found = np.full(types.shape, "other")
    found[types == int(kind.Type.HEX_DIAMOND)] = "ih"
    found[types == int(kind.Type.CUBIC_DIAMOND)] = "ic"
    return found


def template_types(frame: Frame, rmsd_cutoff: float = PTM_CUTOFF) -> Work:
    """What gives the (N,) structure types of OVITO's template matching, of the two diamonds.

    Raises
    ------
    MissingDependencyError
        OVITO is not installed.
    """
    kind = _modifiers("polyhedral template matching").PolyhedralTemplateMatchingModifier
    modifier = kind(rmsd_cutoff=rmsd_cutoff)
    diamonds = (int(kind.Type.HEX_DIAMOND), int(kind.Type.CUBIC_DIAMOND))
    for structure in modifier.structures:
        structure.enabled = structure.id in diamonds
    return _applied(frame, modifier)


def _modifiers(what: str) -> Any:
    """OVITO's modifiers."""
    try:
        import ovito.data  # noqa: F401  # what _applied needs
        from ovito import modifiers
    except ImportError as error:
        raise MissingDependencyError(what, "OVITO", "ovito") from error
    return modifiers


def _applied(frame: Frame, modifier: Any) -> Work:
    """What applies the modifier to the frame's oxygens."""
    from ovito.data import DataCollection

    data = DataCollection()
    particles = data.create_particles(count=frame.n_molecules)
    particles.create_property("Position", data=frame.positions - frame.origin)
    data.create_cell(frame.cell.T, pbc=(bool(frame.pbc[0]), bool(frame.pbc[1]), bool(frame.pbc[2])))

    def work() -> NDArray[np.int64]:
        data.apply(modifier)
        return np.array(data.particles["Structure Type"], dtype=np.int64)

    return work

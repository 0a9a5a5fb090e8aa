"""freud: Steinhardt's order parameters, of the oxygens of a frame."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from iceclass.errors import MissingDependencyError
from iceclass.frame import Frame
from iceclass.neighbours.cell_list import neighbour_list


def averaged_steinhardt(frame: Frame, degree: int, r_cut: float) -> NDArray[np.float64]:
    """(N,) q̄_l, averaged over a molecule and its neighbours closer than ``r_cut`` Å.

    Lechner & Dellago, J. Chem. Phys. 129, 114707 (2008), doi 10.1063/1.2977970. The neighbours are
    ours, so that any cell and any boundaries will do; NaN for a molecule without one.

    Raises
    ------
    MissingDependencyError
        freud is not installed.
    """
    try:
        import freud
    except ImportError as error:
        raise MissingDependencyError("averaged q6", "freud", "compare") from error
    n = frame.n_molecules
    offsets, indices, vectors, _ = neighbour_list(frame, r_cut)
    centres = np.repeat(np.arange(n), np.diff(offsets))
    found = np.full(n, np.nan)
    if not len(centres):
        return found
    pairs = freud.locality.NeighborList.from_arrays(
        n, n, centres, indices, np.ascontiguousarray(vectors, dtype=np.float32)
    )
    # the box is not asked once the neighbours are given
    size = float(np.ptp(frame.positions, axis=0).max() + 10.0 * r_cut)
    box = freud.box.Box.cube(size)
    points = np.ascontiguousarray(frame.positions - frame.positions.mean(axis=0), dtype=np.float32)
    steinhardt = freud.order.Steinhardt(l=degree, average=True)
    steinhardt.compute((box, points), neighbors=pairs)
    values = np.asarray(steinhardt.particle_order, dtype=np.float64)
    has = np.diff(offsets) > 0
    found[has] = values[has]
    return found

"""freud: Steinhardt's order parameters, of the oxygens of a frame."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from iceclass.errors import InputError, MissingDependencyError
from iceclass.external.boxes import boxed
from iceclass.frame import Frame
from iceclass.neighbours import neighbour_list


def averaged_steinhardt(frame: Frame, degree: int, r_cut: float) -> NDArray[np.float64]:
    """(N,) q̄_l, averaged over a molecule and its neighbours closer than ``r_cut`` Å.

    Lechner & Dellago, J. Chem. Phys. 129, 114707 (2008), doi 10.1063/1.2977970. The neighbours are
    ours, so that any boundaries will do; NaN for a molecule without one.

    Raises
    ------
    InputError
        The cell is thinner than twice the cut-off, where freud knows one image of a molecule only.
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
    # freud takes bond vectors from the nearest images in its box, the origin in its middle
    rows, points = boxed(frame, r_cut, 2.0 * r_cut)
    thin = float(1.0 / np.linalg.norm(np.linalg.inv(rows), axis=0).max())
    if thin < 2.0 * r_cut:
        raise InputError(
            f"the cell is {thin:.2f} Å thin, expected {2 * r_cut:g} Å or more for averaged q6",
            hint="repeat it",
        )
    points = (points - 0.5 * rows.sum(axis=0)).astype(np.float32)
    steinhardt = freud.order.Steinhardt(l=degree, average=True)
    box = freud.box.Box.from_matrix(rows.T)
    steinhardt.compute((box, points), neighbors=pairs)
    values = np.asarray(steinhardt.particle_order, dtype=np.float64)
    has = np.diff(offsets) > 0
    found[has] = values[has]
    return found

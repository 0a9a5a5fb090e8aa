"""freud: Steinhardt's order parameters, of the oxygens of a frame."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from iceclass.errors import InputError, MissingDependencyError
from iceclass.frame import Frame
from iceclass.neighbours import make_bins, neighbour_list


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
    box, points = _boxed(frame, r_cut)
    steinhardt = freud.order.Steinhardt(l=degree, average=True)
    steinhardt.compute((freud.box.Box.from_matrix(box), points), neighbors=pairs)
    values = np.asarray(steinhardt.particle_order, dtype=np.float64)
    has = np.diff(offsets) > 0
    found[has] = values[has]
    return found


def _boxed(frame: Frame, r_cut: float) -> tuple[NDArray[np.float64], NDArray[np.float32]]:
    """(3, 3) columns of an upper triangular box around the origin, and the (N, 3) points in it.

    freud takes bond vectors from the nearest images in its box, so along open directions that is
    large enough for none to be near.
    """
    bins = make_bins(frame, r_cut)
    rows, positions = bins.cell.copy(), bins.positions[bins.rank]
    lengths = np.linalg.norm(rows, axis=1)
    rows *= np.where(bins.periodic, 1.0, 1.0 + 3.0 * r_cut / lengths)[:, None]
    inverse = np.linalg.inv(rows)
    heights = 1.0 / np.linalg.norm(inverse, axis=0)
    if (heights < 2.0 * r_cut).any():
        raise InputError(
            f"the cell is {heights.min():.2f} Å thin, expected {2 * r_cut:g} Å or more for q̄6",
            hint="repeat it",
        )
    triangle = np.linalg.qr(rows.T)[1]
    triangle = np.sign(np.diag(triangle))[:, None] * triangle
    points = (positions @ inverse - 0.5) @ triangle.T
    return triangle, np.ascontiguousarray(points, dtype=np.float32)

"""freud: Steinhardt's order parameters, of the oxygens of a frame."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from iceclass.errors import InputError, MissingDependencyError
from iceclass.frame import Frame
from iceclass.neighbours.cell_list import neighbour_list

ORDERS = tuple(range(2, 13))
NEIGHBOURS = (4, 12)
"""Numbers of nearest neighbours that :func:`steinhardt` is of: first shell, and two."""


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


def steinhardt_names() -> list[str]:
    """Names of the columns of :func:`steinhardt`."""
    return [f"{kind}{order} of {n}" for n in NEIGHBOURS for kind in "qQw" for order in ORDERS]


def steinhardt(frame: Frame) -> NDArray[np.float32]:
    """(N, F) q_l, neighbour-averaged Q_l and normalised w_l of the nearest neighbours.

    Steinhardt, Nelson, Ronchetti, Phys. Rev. B 28, 784 (1983); averaged: Lechner & Dellago,
    J. Chem. Phys. 129, 114707 (2008).

    Raises
    ------
    MissingDependencyError
        freud is not installed.
    InputError
        A molecule whose parameters are not defined.
    """
    try:
        import freud
    except ImportError as error:
        raise MissingDependencyError("Steinhardt features", "freud", "compare") from error
    box = freud.box.Box.from_matrix(np.asarray(frame.cell).T)
    inside = np.linalg.solve(frame.cell.T, (frame.positions - frame.origin).T).T
    system = (box, box.make_absolute(inside - np.floor(inside)))
    columns = []
    with freud.parallel.NumThreads(1):
        for n in NEIGHBOURS:
            nearest = {"num_neighbors": n, "exclude_ii": True}
            for options in ({}, {"average": True}, {"wl": True, "wl_normalize": True}):
                order = freud.order.Steinhardt(l=list(ORDERS), **options)
                columns.append(order.compute(system, neighbors=nearest).particle_order)
    features = np.concatenate(columns, axis=1).astype(np.float32)
    if not np.isfinite(features).all():
        row = int(np.argwhere(~np.isfinite(features))[0, 0])
        raise InputError(f"Steinhardt parameters of molecule {frame.ids[row]} are not defined")
    return features

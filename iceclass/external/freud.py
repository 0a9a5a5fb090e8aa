"""freud: Steinhardt's order parameters, of the oxygens of a frame."""

from __future__ import annotations

import atexit
import gc
from itertools import product
from typing import Any

import numpy as np
from numpy.typing import NDArray

from iceclass.errors import InputError, MissingDependencyError
from iceclass.external.boxes import triangular_box
from iceclass.frame import Frame
from iceclass.neighbours.lattice import heights

ORDERS = tuple(range(2, 13))
NEIGHBOURS = (4, 12)
"""Numbers of nearest neighbours that :func:`steinhardt` is of: first shell, and two."""


def averaged_steinhardt(frame: Frame, degree: int, r_cut: float) -> NDArray[np.float64]:
    """(N,) q̄_l, averaged over a molecule and its neighbours closer than ``r_cut`` Å.

    Lechner & Dellago, J. Chem. Phys. 129, 114707 (2008), doi 10.1063/1.2977970. Any cell and any
    boundaries: freud sees the nearest image of a neighbour only, so a thin cell is repeated, and
    knows periodic boxes only, so that room is left along open directions. NaN for a molecule
    without a neighbour.

    Raises
    ------
    MissingDependencyError
        freud is not installed.
    """
    freud = _import_freud("averaged q6")
    n = frame.n_molecules
    if n == 0:
        return np.empty(0)
    cell, positions, periodic = triangular_box(frame, r_cut)
    # so many that the cut-off is less than half of it: one image
    times = np.maximum(np.ceil(2.001 * r_cut / heights(cell)), 1.0)
    shifts = np.array(list(product(*map(range, np.where(periodic, times, 1).astype(int)))))
    copies = positions + (shifts @ cell)[:, None]
    box = freud.box.Box.from_matrix((cell * times[:, None]).T)
    centre = 0.5 * (cell * times[:, None]).sum(axis=0)  # freud's boxes are around the origin
    points = np.ascontiguousarray(copies.reshape(-1, 3) - centre, dtype=np.float32)
    near = freud.locality.AABBQuery(box, points).query(points, {"r_max": r_cut, "exclude_ii": True})
    pairs = near.toNeighborList()
    steinhardt = freud.order.Steinhardt(l=degree, average=True)
    steinhardt.compute((box, points), neighbors=pairs)
    values = np.asarray(steinhardt.particle_order, dtype=np.float64)[:n]
    return np.where(np.asarray(pairs.neighbor_counts)[:n] > 0, values, np.nan)


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
    freud = _import_freud("Steinhardt features")
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


def _import_freud(what: str) -> Any:
    try:
        import freud
    except ImportError as error:
        raise MissingDependencyError(what, "freud", "compare") from error
    # the command line ends so, and freud's binding would print hundreds of lines on what is left
    atexit.unregister(gc.freeze)
    return freud

"""freud: Steinhardt's order parameters, which descriptors are compared with."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from iceclass.errors import InputError, MissingDependencyError
from iceclass.frame import Frame

ORDERS = tuple(range(2, 13))
NEIGHBOURS = (4, 12)
"""Numbers of nearest neighbours that the order parameters are of: first shell, and two."""


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
        raise MissingDependencyError(
            "the Steinhardt baseline", "freud (freud-analysis)", "workflow"
        ) from error
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

"""Neighbour search in any cell: one cell list, for sites and for query points.

    >>> import numpy as np
    >>> from iceclass.neighbours import nearest, pairs
    >>> cell, pbc = np.eye(3) * 10.0, np.ones(3, dtype=bool)
    >>> sites = np.array([[0.5, 0.0, 0.0], [5.0, 5.0, 5.0]])
    >>> around = pairs(sites, cell, pbc, 1.5, points=np.array([[9.5, 0.0, 0.0]]))
    >>> around.indices.tolist(), around.distances.tolist()
    ([0], [1.0])
    >>> nearest(np.array([[9.5, 0.0, 0.0]]), sites, cell, pbc, 1.5)[0].tolist()
    [0]

:class:`Lattice` gives shortest images of single vectors. Kernels take :class:`Bins`.
"""

from iceclass.neighbours.bins import Bins, make_bins
from iceclass.neighbours.cell_list import (
    Pairs,
    nearest,
    neighbour_list,
    neighbours_of,
    neighbours_of_point,
    neighbours_of_resized,
    pairs,
)
from iceclass.neighbours.lattice import Lattice

__all__ = [
    "Bins",
    "Lattice",
    "Pairs",
    "make_bins",
    "nearest",
    "neighbour_list",
    "neighbours_of",
    "neighbours_of_point",
    "neighbours_of_resized",
    "pairs",
]

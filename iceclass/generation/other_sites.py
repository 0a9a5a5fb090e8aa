"""What is in a simulation beside water: sites of another kind."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, eq=False)
class Others:
    """Sites that are not water: Lennard-Jones atoms of one kind.

    Attributes
    ----------
    element
        Chemical symbol in files.
    positions
        (K, 3) float64, Å.
    mass
        g/mol.
    epsilon, sigma
        kcal/mol and Å, between two of them.
    water_epsilon, water_sigma
        The same with the oxygen or single site of water.
    """

    element: str
    positions: NDArray[np.float64]
    mass: float
    epsilon: float
    sigma: float
    water_epsilon: float
    water_sigma: float

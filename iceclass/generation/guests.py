"""Recipes with methane: dissolved in water, or in the cages of a hydrate.

Methane is one Lennard-Jones site (TraPPE: Martin & Siepmann, J. Phys. Chem. B 102, 2569 (1998),
doi 10.1021/jp972543+), with Lorentz–Berthelot rules for its interaction with the water's oxygen.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import product
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import Voronoi, cKDTree

from iceclass.errors import InputError
from iceclass.generation.construction import Arrangement
from iceclass.generation.lattices import Structure
from iceclass.generation.other_sites import Others
from iceclass.generation.recipes import Crystal, Liquid
from iceclass.generation.water_models import WaterModel

METHANE_MASS = 16.043
METHANE_EPSILON = 148.0 * 0.0019872043
"""kcal/mol."""
METHANE_SIGMA = 3.73
"""Å."""

CAGE_RADIUS = 3.4
"""Å; a place with no oxygen nearer than this is inside a cage (the smallest have 3.9 Å)."""


@dataclass(frozen=True)
class Solution(Liquid):
    """Water with methane dissolved in it, far beyond its solubility: it may gather in bubbles.

    Attributes
    ----------
    guests
        Number of methane molecules, each in the place of a molecule of the starting ice.
    """

    environment: ClassVar[str] = "solution"

    guests: int = 8

    def arrange(self, structure: Structure, phase: str) -> Arrangement:
        """The ice with some molecules replaced by methane."""
        n = structure.n_molecules
        if not 0 < self.guests < n // 4:
            raise InputError(f"{self.guests} guests: expected 1 to a quarter of {n} molecules")
        chosen = np.random.default_rng(structure.seed).choice(n, self.guests, replace=False)
        others = methane(structure.model, structure.molecules[chosen, 0])
        water = replace(structure, molecules=np.delete(structure.molecules, chosen, axis=0))
        return replace(Arrangement.of_one(water, phase), others=others)


@dataclass(frozen=True)
class FilledHydrate(Crystal):
    """A clathrate hydrate with a methane in each of its cages."""

    def arrange(self, structure: Structure, phase: str) -> Arrangement:
        """The lattice with its cages filled."""
        places = cages(structure)
        if not len(places):
            raise InputError(f"{structure.lattice} has no cages", hint="hydrates are CS1, CS2, sH")
        whole = super().arrange(structure, phase)
        return replace(whole, others=methane(structure.model, places))


def methane(model: WaterModel, positions: NDArray[np.float64]) -> Others:
    """Methane at (K, 3) positions, beside a water model with an oxygen.

    Raises
    ------
    InputError
        A one-site model, whose molecules are no Lennard-Jones particles.
    """
    if model.one_site:
        raise InputError(
            f"methane beside {model.label}: its mixing rules need a Lennard-Jones oxygen",
            hint="use an atomistic water model",
        )
    return Others(
        element="C",
        positions=positions,
        mass=METHANE_MASS,
        epsilon=METHANE_EPSILON,
        sigma=METHANE_SIGMA,
        water_epsilon=float(np.sqrt(METHANE_EPSILON * model.epsilon)),
        water_sigma=(METHANE_SIGMA + model.sigma) / 2,
    )


def cages(structure: Structure) -> NDArray[np.float64]:
    """(K, 3) float64, Å. The middles of the cages: where oxygens are furthest on all sides.

    Vertices of the oxygens' Voronoi diagram with no oxygen within :data:`CAGE_RADIUS`, the best of
    each cluster of them.
    """
    images = np.array(list(product((-1, 0, 1), repeat=3))) @ structure.cell
    oxygens = (structure.molecules[:, 0] + images[:, None]).reshape(-1, 3)
    vertices = Voronoi(oxygens).vertices
    fractional = vertices @ np.linalg.inv(structure.cell)
    vertices = vertices[((fractional >= -1e-9) & (fractional < 1.0 - 1e-9)).all(axis=1)]
    room = cKDTree(oxygens).query(vertices)[0]
    found: list[NDArray[np.float64]] = []
    for k in np.argsort(-room):
        if room[k] < CAGE_RADIUS:
            break
        near = [vertices[k] + shift for shift in images]
        taken = cKDTree(np.array(near))
        if not found or taken.query(np.array(found))[0].min() > CAGE_RADIUS:
            found.append(vertices[k])
    return np.array(found).reshape(-1, 3)

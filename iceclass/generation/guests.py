"""Recipes with guests: methane dissolved in water, guests in the cages of a hydrate.

Every guest is one Lennard-Jones site, with Lorentz–Berthelot rules for its interaction with the
water's oxygen: methane of TraPPE (Martin & Siepmann, J. Phys. Chem. B 102, 2569 (1998), doi
10.1021/jp972543+); carbon dioxide and tetrahydrofuran, which fill their cages and whose shape and
charges are left out, by corresponding states, ε = 0.77 k T_c and σ = 0.841 (V_c/cm³ mol⁻¹)^⅓ Å
(Bird, Stewart & Lightfoot, Transport Phenomena, Wiley 2002, eq. 1.4-11): T_c 304.1 and 540.2 K,
V_c 94 and 224 cm³/mol.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import product
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import Voronoi, cKDTree

from iceclass.errors import InputError, unknown_name
from iceclass.generation.construction import Arrangement
from iceclass.generation.lattices import Structure
from iceclass.generation.other_sites import Others
from iceclass.generation.places import Coexistence, TwoCrystals
from iceclass.generation.recipes import Crystal, Liquid, Recipe
from iceclass.generation.water_models import WaterModel

BOLTZMANN = 0.0019872043
"""kcal/mol/K."""

CAGE_RADIUS = 3.4
"""Å; a place with no oxygen nearer than this is inside a cage (the smallest have 3.9 Å)."""


@dataclass(frozen=True)
class Guest:
    """A molecule in a cage, as one Lennard-Jones site.

    Attributes
    ----------
    element
        What its site is called in files.
    mass
        g/mol.
    epsilon
        K, over the Boltzmann constant.
    sigma
        Å.
    room
        Å; a cage that takes it has no oxygen nearer than this to its middle.
    """

    element: str
    mass: float
    epsilon: float
    sigma: float
    room: float = CAGE_RADIUS


GUESTS = {
    "methane": Guest("C", 16.043, 148.0, 3.73),
    "co2": Guest("C", 44.010, 0.77 * 304.1, 0.841 * 94.0 ** (1 / 3)),
    "thf": Guest("C", 72.107, 0.77 * 540.2, 0.841 * 224.0 ** (1 / 3), room=4.2),
}
"""By the name that the setting ``guest`` takes; tetrahydrofuran is in the large cages alone."""


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
        others = sites(GUESTS["methane"], structure.model, structure.molecules[chosen, 0])
        water = replace(structure, molecules=np.delete(structure.molecules, chosen, axis=0))
        return replace(Arrangement.of_one(water, phase), others=others)


@dataclass(frozen=True)
class _WithGuests(Recipe):
    """A hydrate with a guest in each cage that is large enough for it.

    Attributes
    ----------
    guest
        A name of :data:`GUESTS`.
    """

    guest: str = "methane"

    def arrange(self, structure: Structure, phase: str) -> Arrangement:
        """The lattice with its cages filled."""
        others = in_cages(structure, self.guest)
        return replace(super().arrange(structure, phase), others=others)


@dataclass(frozen=True)
class FilledHydrate(_WithGuests, Crystal):
    """A clathrate hydrate with its guests."""


@dataclass(frozen=True)
class FilledTwoCrystals(_WithGuests, TwoCrystals):
    """A hydrate with its guests that lies against another crystal."""


@dataclass(frozen=True)
class FilledCoexistence(_WithGuests, Coexistence):
    """Half of a filled hydrate held, with its guests, while the rest melts, then let go."""


def in_cages(structure: Structure, name: str) -> Others:
    """A guest in each cage of a lattice that is large enough for it.

    Raises
    ------
    InputError
        No such guest, or no such cage.
    """
    if name not in GUESTS:
        raise unknown_name("guest", name, GUESTS)
    guest = GUESTS[name]
    places = cages(structure, guest.room)
    if not len(places):
        raise InputError(
            f"{structure.lattice} has no cages for {name}", hint="hydrates are CS1, CS2, sH"
        )
    return sites(guest, structure.model, places)


def sites(guest: Guest, model: WaterModel, positions: NDArray[np.float64]) -> Others:
    """Guests at (K, 3) positions, beside a water model with an oxygen.

    Raises
    ------
    InputError
        A one-site model, whose molecules are no Lennard-Jones particles.
    """
    if model.one_site:
        raise InputError(
            f"guests beside {model.label}: their mixing rules need a Lennard-Jones oxygen",
            hint="use an atomistic water model",
        )
    epsilon = guest.epsilon * BOLTZMANN
    return Others(
        element=guest.element,
        positions=positions,
        mass=guest.mass,
        epsilon=epsilon,
        sigma=guest.sigma,
        water_epsilon=float(np.sqrt(epsilon * model.epsilon)),
        water_sigma=(guest.sigma + model.sigma) / 2,
    )


def cages(structure: Structure, room: float = CAGE_RADIUS) -> NDArray[np.float64]:
    """(K, 3) float64, Å. The middles of the cages: where oxygens are furthest on all sides.

    Vertices of the oxygens' Voronoi diagram with no oxygen within ``room`` Å, the best of each
    cluster of them.
    """
    images = np.array(list(product((-1, 0, 1), repeat=3))) @ structure.cell
    oxygens = (structure.molecules[:, 0] + images[:, None]).reshape(-1, 3)
    vertices = Voronoi(oxygens).vertices
    fractional = vertices @ np.linalg.inv(structure.cell)
    vertices = vertices[((fractional >= -1e-9) & (fractional < 1.0 - 1e-9)).all(axis=1)]
    free = cKDTree(oxygens).query(vertices)[0]
    found: list[NDArray[np.float64]] = []
    for k in np.argsort(-free):
        if free[k] < room:
            break
        near = [vertices[k] + shift for shift in images]
        taken = cKDTree(np.array(near))
        if not found or taken.query(np.array(found))[0].min() > CAGE_RADIUS:
            found.append(vertices[k])
    return np.array(found).reshape(-1, 3)

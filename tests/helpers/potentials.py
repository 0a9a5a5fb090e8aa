"""Neural network potentials for tests: a random one, a published one where it is, and water."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
from ase import Atoms

from iceclass.potential.functions import Angular, Radial, in_order
from iceclass.potential.hdnnp import AtomicNetwork, Potential

PUBLISHED = Path(
    os.environ.get(
        "ICECLASS_REVPBE0_D3", Path(__file__).parents[3] / "shared" / "data" / "revpbe0-d3"
    )
)
"""The parameters of Cheng et al., PNAS 116, 1110 (2019), doi:10.1073/pnas.1815117116."""

needs_published = pytest.mark.skipif(
    not (PUBLISHED / "input.nn").exists(),
    reason="needs the revPBE0-D3 potential of Cheng et al. (2019) in n2p2's format: give its "
    "folder in the environment variable ICECLASS_REVPBE0_D3",
)


def water(count: int = 4, edge: float = 5.0, seed: int = 0) -> Atoms:
    """Molecules on a crooked grid in a skewed periodic cell, each turned at random."""
    rng = np.random.default_rng(seed)
    shape = np.array([[0.0, 0.0, 0.0], [0.0, 0.757, 0.586], [0.0, -0.757, 0.586]])
    side = int(np.ceil(count ** (1 / 3)))
    places = np.array(list(np.ndindex(side, side, side)))[:count] * edge / side
    atoms = Atoms(cell=np.eye(3) * edge + np.triu(np.full((3, 3), 0.3), 1), pbc=True)
    for place in places + rng.uniform(-0.2, 0.2, places.shape):
        turned = shape @ np.linalg.qr(rng.normal(size=(3, 3)))[0]
        atoms += Atoms("OHH", turned + place)
    return atoms


def random_potential(cutoff: int = 2, r_cut: float = 7.0, seed: int = 0) -> Potential:
    """A potential whose functions are ordinary and whose weights mean nothing."""
    rng = np.random.default_rng(seed)
    functions, networks = {}, {}
    for element in ("H", "O"):
        own: list[Radial | Angular] = [
            Radial(element, other, eta, shift, r_cut)
            for other in ("H", "O")
            for eta, shift in ((0.03, 0.0), (0.6, 1.9))
        ]
        own += [
            Angular(element, pair, eta, lam, zeta, r_cut)
            for pair in (("H", "H"), ("H", "O"), ("O", "O"))
            for eta, lam, zeta in ((0.03, 1.0, 1), (0.03, -1.0, 4), (0.01, 1.0, 3))
        ]
        functions[element] = in_order(own)
        n = len(own)
        networks[element] = AtomicNetwork(
            rng.uniform(0.0, 1.0, n),
            rng.uniform(0.5, 2.0, n),
            (rng.normal(size=(n, 7)), rng.normal(size=(7, 5)), rng.normal(size=(5, 1))),
            (rng.normal(size=7), rng.normal(size=5), rng.normal(size=1)),
        )
    return Potential(functions, networks, cutoff)

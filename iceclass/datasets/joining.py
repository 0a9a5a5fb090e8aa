"""Two phases side by side, cut from their bulks: interfaces where every molecule's phase is known.

Two frames are continued periodically, one is kept on one side of a plane or a sphere and the other
on its other side, and molecules of the second that come too close to one of the first are taken
out. Nothing relaxes, so that the few molecules at the cut are worse off than in a real interface;
what the cut is for is the surroundings of the others, half of one phase and half of the other.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from iceclass.frame import Frame
from iceclass.neighbours.lattice import heights


@dataclass(frozen=True)
class Cut:
    """How two phases are joined. Lengths in Å.

    Attributes
    ----------
    radius
        Of the ball of molecules that is made; vacuum is around it.
    reach
        How deep below the surface of the ball a molecule has to be to see nothing of the vacuum.
    near
        How far from the cut molecules of the first phase, the ice, are counted: the outermost
        layer of real ice is less ordered than a cut leaves it.
    depth
        Up to which distance from the cut molecules of both are counted; deeper ones are in the
        bulk.
    clash
        Molecules of the second phase closer than this to one of the first are taken out.
    tries
        Places in the second phase that are tried; the one that loses fewest molecules is taken.
    """

    radius: float = 30.0
    reach: float = 16.0
    near: float = 1.5
    depth: float = 8.0
    clash: float = 2.45
    tries: int = 10


def ball(frame: Frame, radius: float, rng: np.random.Generator) -> NDArray[np.float64]:
    """(M, 3) positions, Å, within ``radius`` of a random point in the periodic continuation."""
    fractions = frame.positions @ np.linalg.inv(frame.cell)
    fractions -= rng.uniform(size=3)
    most = np.ceil(radius / heights(frame.cell)).astype(int) + 1
    ranges = [np.arange(-n, n + 1) for n in most]
    shifts = np.stack(np.meshgrid(*ranges, indexing="ij"), axis=-1).reshape(-1, 1, 3)
    places = ((fractions - np.floor(fractions)) + shifts).reshape(-1, 3) @ frame.cell
    return places[(places**2).sum(axis=1) < radius**2]


def join(
    first: Frame, second: Frame, curvature: float, cut: Cut, rng: np.random.Generator
) -> tuple[Frame, NDArray[np.int64], NDArray[np.int64]]:
    """A ball of two phases, the cut through its middle.

    Parameters
    ----------
    first, second
        Bulks, periodic in all directions.
    curvature
        1/Å; of the sphere that holds the first phase. 0: a plane.
    cut, rng
        The direction of the cut and the places in the bulks are random.

    Returns
    -------
    frame
        The ball in a larger box.
    of_first, of_second
        The molecules of either phase that are near the cut and deep enough in the ball.
    """
    normal = rng.normal(size=3)
    normal /= np.linalg.norm(normal)

    def outside(places: NDArray[np.float64]) -> NDArray[np.float64]:
        """Å from the cut, positive on the second phase's side."""
        if curvature == 0.0:
            return places @ normal
        return np.linalg.norm(places + normal / curvature, axis=1) - 1.0 / curvature

    def fitting() -> NDArray[np.float64]:
        """Molecules of the second phase, from a random place, that do not touch the first."""
        two = ball(second, cut.radius, rng)
        two = two[outside(two) > 0.0]
        return two[~np.isfinite(tree.query(two, distance_upper_bound=cut.clash)[0])]

    one = ball(first, cut.radius, rng)
    one = one[outside(one) < 0.0]
    tree = cKDTree(one)
    places = np.concatenate([one, max((fitting() for _ in range(cut.tries)), key=len)])
    counted = np.linalg.norm(places, axis=1) < cut.radius - cut.reach
    away = outside(places)
    counted &= ((away < -cut.near) | (away > 0.0)) & (np.abs(away) < cut.depth)
    edge = 2.0 * (cut.radius + cut.reach)
    frame = Frame(positions=places + edge / 2.0, cell=np.eye(3) * edge)
    chosen = np.flatnonzero(counted)
    return frame, chosen[chosen < len(one)], chosen[chosen >= len(one)]

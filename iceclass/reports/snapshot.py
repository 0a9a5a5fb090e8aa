"""A labelled frame as a picture: oxygens, their neighbours, one colour a phase."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from iceclass.frame import Frame
from iceclass.neighbours.cell_list import neighbour_list
from iceclass.reports.style import DARK

if TYPE_CHECKING:
    from matplotlib.axes import Axes

BOND = 3.2
"""Å; oxygens closer than this are joined."""
DEPTH = 9.0
"""Å; thickness of the slice that is shown."""


def draw_snapshot(axes: Axes, frame: Frame, colours: str | Sequence[str]) -> None:
    """Oxygens and the lines between neighbours in a slice, farther ones paler.

    Parameters
    ----------
    axes
        Drawn on with equal scales; the longer edge of the box lies along x, in Å.
    frame
        Seen along the cell vector that lines up most oxygens behind each other.
    colours
        Of all molecules, or of each.
    """
    from matplotlib.collections import LineCollection
    from matplotlib.colors import to_rgba_array

    flat, depth, basis = _projected(frame)
    offsets, indices, vectors, _ = neighbour_list(frame, BOND)
    centres = np.repeat(np.arange(frame.n_molecules), np.diff(offsets))
    inside = depth < DEPTH
    bonds = inside[centres] & inside[indices]
    # each half bond is drawn from its own end, so that those across the edge stay short
    start = flat[centres[bonds]]
    lines = np.stack([start, start + 0.5 * vectors[bonds] @ basis.T], axis=1)
    fade = np.clip(depth / DEPTH, 0.0, 1.0)
    tint = to_rgba_array(colours)[:, :3]
    shade = tint + (1.0 - tint) * 0.6 * fade[:, None]
    axes.add_collection(
        LineCollection(list(lines), colors=shade[centres[bonds]], linewidths=1.1, zorder=1)
    )
    order = np.flatnonzero(inside)[np.argsort(-depth[inside])]
    x, y = flat[order].T
    axes.scatter(x, y, s=9, c=shade[order], edgecolors=DARK, linewidths=0.25, zorder=2)
    axes.set_aspect("equal")


def _projected(
    frame: Frame,
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """(N, 2) Å in the plane of view, (N,) Å of depth from the front, (2, 3) the plane's basis.

    The view is along the cell vector that lines up most oxygens behind each other.
    """
    fractional = (frame.positions - frame.origin) @ np.linalg.inv(frame.cell)
    fractional -= np.floor(fractional)

    def clumped(axis: int) -> float:
        i, j = [k for k in range(3) if k != axis]
        return float(np.histogram2d(fractional[:, i], fractional[:, j], bins=36)[0].var())

    axis = max(range(3), key=clumped)
    along = frame.cell[axis] / np.linalg.norm(frame.cell[axis])
    first = max((frame.cell[k] for k in range(3) if k != axis), key=lambda v: float(v @ v))
    first = first - (first @ along) * along
    first /= np.linalg.norm(first)
    basis = np.array([first, np.cross(along, first)])
    # sliced parallel to the other two cell vectors, so that a tilted box keeps its outline
    depth = fractional[:, axis] * abs(float(np.linalg.det(frame.cell)))
    depth /= np.linalg.norm(np.cross(*np.delete(frame.cell, axis, axis=0)))
    return fractional @ frame.cell @ basis.T, depth, basis

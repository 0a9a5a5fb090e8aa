"""Flat interfaces between an ordered and a disordered phase: where they are, how wide, how fast.

Along an axis, the share of ordered molecules is smoothed with a Gaussian; where it passes the
middle between its two levels, and both sides are thick enough to be a phase, there is an
interface. Its position and width then come from a fit to the unsmoothed shares near it, layer by
layer and weighted by the molecules in each,

    share(z) = low + (high − low) / 2 · (1 ± tanh((z − z0) / w)),

of which the share goes from 10 to 90 % of the way within 2 artanh(0.8) w = 2.197 w.

Interfaces move at half, or an n-th, of what the thickness of the ordered phase grows by, for n of
them: a box that breathes or drifts does not matter.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter1d
from scipy.optimize import curve_fit

from iceclass.analysis.profile import along
from iceclass.errors import InputError
from iceclass.frame import Frame

LAYER = 0.5
"""Å, thickness of the layers whose shares are fitted: a sixth of the distance of neighbours."""

SMOOTHING = 2.5
"""Å, standard deviation of the Gaussian: about a molecule, so that layers of a crystal melt."""

THINNEST = 6.0
"""Å, two bilayers of ice: a layer of a phase that is thinner is taken for a fluctuation."""

MAJORITY = 0.5
"""Share of ordered molecules that one side has to be above and the other below: across a ball of
ice in water it is nowhere reached, unless the ball fills the box."""

REACH = 20.0
"""Å to either side of an interface that are fitted at most, half way to the next one."""

_TEN_TO_NINETY = 2.0 * np.arctanh(0.8)


@dataclass(frozen=True)
class Interface:
    """One interface.

    Attributes
    ----------
    position
        Å along the axis, as in the file (x, y, z) or from the lower face of the cell (a, b, c).
    width
        Å, from 10 to 90 % of the step.
    rises
        Whether the ordered phase is above it.
    """

    position: float
    width: float
    rises: bool


@dataclass(frozen=True, eq=False)
class Interfaces:
    """The interfaces of a frame.

    Attributes
    ----------
    interfaces
        By position.
    thickness
        Å of the ordered phase along the axis, in all its layers together.
    extent
        Å of the cell along the axis.
    """

    interfaces: tuple[Interface, ...]
    thickness: float
    extent: float


def find_interfaces(
    frame: Frame,
    ordered: NDArray[np.bool_],
    axis: str = "z",
    *,
    smoothing: float = SMOOTHING,
    thinnest: float = THINNEST,
) -> Interfaces:
    """The interfaces of a frame between ordered molecules and the others.

    Parameters
    ----------
    frame
        N molecules, at least one.
    ordered
        (N,) which of them are of the ordered phase.
    axis
        As of :class:`iceclass.analysis.profile.Profile`.
    smoothing, thinnest
        Å, see :data:`SMOOTHING` and :data:`THINNEST`.

    Raises
    ------
    InputError
        No extent along the axis, or lengths that are not positive.
    """
    if not (0.0 < smoothing < np.inf and 0.0 <= thinnest < np.inf):
        raise InputError(f"smoothing {smoothing} Å, thinnest layer {thinnest} Å: expected lengths")
    if ordered.shape != (frame.n_molecules,):
        raise InputError(f"{ordered.shape} molecules ordered, expected ({frame.n_molecules},)")
    fraction, low, extent, periodic = along(frame, axis)
    n = max(4, round(extent / LAYER))
    width = extent / n
    layer = np.clip((fraction * n).astype(np.int64), 0, n - 1)
    total = np.bincount(layer, minlength=n).astype(np.float64)
    solid = np.bincount(layer[ordered], minlength=n).astype(np.float64)
    mode, sigma = ("wrap" if periodic else "constant"), smoothing / width
    density = gaussian_filter1d(total, sigma, mode=mode)
    # layers of vacuum belong to no phase
    matter = density > 0.1 * np.median(density[density > 0])
    share = np.where(matter, gaussian_filter1d(solid, sigma, mode=mode), 0.0)
    share /= np.where(matter, density, 1.0)
    shift = 0 if not periodic else _quietest(share, matter, n)
    total, solid, share = (np.roll(a, -shift) for a in (total, solid, share))
    matter = np.roll(matter, -shift)
    levels = share[matter]
    middle = 0.5 * float(levels.max() + levels.min()) if len(levels) else 0.5
    edges = _edges(share > middle, matter, round(thinnest / width), periodic)
    if len(levels) == 0 or not levels.min() < MAJORITY < levels.max():
        edges = []
    found = []
    for k, edge in enumerate(edges):
        reach, last = REACH / width, k + 1 == len(edges)
        # half way to the next interface, or to the end of an open axis
        before = edges[k - 1] - n * (k == 0) if periodic or k else -edge
        after = edges[0] + n if last and periodic else 2 * n - edge if last else edges[k + 1]
        start = int(max(edge - reach, 0.5 * (before + edge)))
        stop = int(np.ceil(min(edge + reach, 0.5 * (edge + after))))
        cells = np.arange(start, stop, dtype=np.int64)
        z, around = np.asarray(cells + 0.5, dtype=np.float64), cells % n
        rises = bool(share[edge % n] > middle)
        place, w = _fitted(z, edge, solid[around], total[around], rises)
        found.append((place, w * width, rises))
    thickness = _thickness(found, share > middle, matter, n, periodic) * width
    interfaces = sorted(
        (
            Interface(low + ((place + shift) % n) * width, w * _TEN_TO_NINETY, rises)
            for place, w, rises in found
        ),
        key=lambda interface: interface.position,
    )
    return Interfaces(tuple(interfaces), thickness, extent)


def _quietest(share: NDArray[np.float64], matter: NDArray[np.bool_], n: int) -> int:
    """The layer farthest from any crossing, to cut a periodic axis at."""
    levels = share[matter]
    if not len(levels):
        return 0
    above = share > 0.5 * (levels.max() + levels.min())
    changes = np.flatnonzero(above != np.roll(above, 1))
    if not len(changes):
        return 0
    gaps = np.diff(np.append(changes, changes[0] + n))
    k = int(gaps.argmax())
    return int((changes[k] + gaps[k] // 2) % n)


def _edges(
    above: NDArray[np.bool_], matter: NDArray[np.bool_], least: int, periodic: bool
) -> list[int]:
    """First layers of runs, of matter, on either side of which the share is another.

    Runs of less than ``least`` layers are given to their neighbours, the shortest first.
    """
    n = len(above)
    state = np.where(matter, above.astype(np.int64), -1)
    while True:
        starts = np.flatnonzero(np.diff(state, prepend=state[0] - 2))
        lengths = np.diff(np.append(starts, n))
        kinds = state[starts]
        short = [
            k
            for k in range(len(starts))
            if kinds[k] >= 0
            and lengths[k] < least
            and 0 < k < len(starts) - 1
            and kinds[k - 1] >= 0
            and kinds[k + 1] >= 0
        ]
        if not short:
            break
        k = min(short, key=lambda k: int(lengths[k]))
        state[starts[k] : starts[k] + lengths[k]] = kinds[k - 1]
    return [int(s) for s in starts[1:] if state[s] >= 0 and state[s - 1] >= 0]


def _fitted(
    z: NDArray[np.float64],
    edge: int,
    solid: NDArray[np.float64],
    total: NDArray[np.float64],
    rises: bool,
) -> tuple[float, float]:
    """Position and tanh width of one interface in layers; where no fit is to be had, the crossing
    of the smoothed profile and a width of 0."""
    full = total > 0
    sign = 1.0 if rises else -1.0

    def step(
        z: NDArray[np.float64], z0: float, w: float, low: float, high: float
    ) -> NDArray[np.float64]:
        return low + 0.5 * (high - low) * (1.0 + sign * np.tanh((z - z0) / w))

    try:
        (z0, w, _, _), _ = curve_fit(
            step,
            z[full],
            solid[full] / total[full],
            p0=(float(edge), 4.0, 0.02, 0.98),
            sigma=1.0 / np.sqrt(total[full]),
            bounds=([z[0], 0.05, -0.05, 0.3], [z[-1], len(z), 0.7, 1.05]),
        )
    except (RuntimeError, ValueError):  # fewer layers than parameters, or no convergence
        return float(edge), 0.0
    return float(z0), float(w)


def _thickness(
    found: Sequence[tuple[float, float, bool]],
    above: NDArray[np.bool_],
    matter: NDArray[np.bool_],
    n: int,
    periodic: bool,
) -> float:
    """Layers of the ordered phase, between its interfaces or the ends of the matter."""
    if not found:
        return float((above & matter).sum())
    inside = np.flatnonzero(matter)
    ends = (float(inside[0]), float(inside[-1] + 1)) if not matter.all() else (0.0, float(n))
    total, start = 0.0, None if found[0][2] else ends[0]
    for place, _, rises in found:
        if rises:
            start = place
        elif start is not None:
            total, start = total + place - start, None
    return total + (ends[1] - start if start is not None else 0.0)

"""Order parameters that are quoted beside a label, from oxygens, and F4 from hydrogens too.

q: tetrahedral order, 1 − 3/8 Σ_(j<k) (cos ψ_jk + 1/3)² over the pairs of the four nearest
neighbours; 1 in a perfect tetrahedral network, 0 on average in an ideal gas (Errington &
Debenedetti, Nature 409, 318 (2001), doi 10.1038/35053024).

LSI: local structure index, the variance of the n gaps Δ_j = r_(j+1) − r_j between the neighbours
in their order of distance, r_1 < … < r_n < 3.7 Å < r_(n+1); large where the first two shells are
apart (Shiratani & Sasai, J. Chem. Phys. 104, 7671 (1996), doi 10.1063/1.471475).

F4: mean of cos 3φ over the neighbours within 3.5 Å, φ the torsion H–O…O–H of the outermost
hydrogens of the pair; about −0.4 in ice, 0 in liquid, 0.7 in hydrates (Rodger, Forester & Smith,
Fluid Phase Equilib. 116, 326 (1996), doi 10.1016/0378-3812(95)02903-6).

Where one is not defined (fewer than four neighbours within reach, no hydrogens) it is NaN.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from iceclass.errors import InputError
from iceclass.frame import Frame
from iceclass.neighbours import neighbour_list

REACH = 6.0
"""Å, how far the four nearest neighbours, and the one beyond the shell of LSI, are looked for."""

LSI_SHELL = 3.7
"""Å."""

F4_SHELL = 3.5
"""Å."""

OH = (0.6, 1.4)
"""Å, between which lengths of O–H lie: every water model has 0.95 to 1.01."""

_POSITIONS = (("x", "y", "z"), ("xu", "yu", "zu"), ("xs", "ys", "zs"))


def tetrahedral_order(frame: Frame) -> NDArray[np.float64]:
    """(N,) q; NaN with fewer than four neighbours within :data:`REACH`."""
    order = np.full(frame.n_molecules, np.nan)
    offsets, _, vectors, distances = neighbour_list(frame, REACH)
    count = np.diff(offsets)
    own = np.flatnonzero(count >= 4)
    if not len(own):
        return order
    nearest = _by_distance(offsets, distances)[offsets[own][:, None] + np.arange(4)]
    units = vectors[nearest] / distances[nearest][..., None]
    cosines = np.einsum("njx,nkx->njk", units, units)
    j, k = np.triu_indices(4, 1)
    order[own] = 1.0 - 0.375 * ((cosines[:, j, k] + 1.0 / 3.0) ** 2).sum(axis=1)
    return order


def local_structure_index(frame: Frame) -> NDArray[np.float64]:
    """(N,) LSI in Å²; NaN without a neighbour in the shell, or beyond it within :data:`REACH`."""
    found = np.full(frame.n_molecules, np.nan)
    offsets, _, _, distances = neighbour_list(frame, REACH)
    ordered = distances[_by_distance(offsets, distances)]
    centres = np.repeat(np.arange(frame.n_molecules), np.diff(offsets))
    inside = np.bincount(centres[ordered < LSI_SHELL], minlength=frame.n_molecules)
    defined = (inside > 0) & (np.diff(offsets) > inside)
    gaps = np.diff(ordered, append=0.0)
    # gap p of a molecule leads from its neighbour p to the next; the shell has as many
    rank = np.arange(len(ordered)) - offsets[centres]
    used = defined[centres] & (rank < inside[centres])
    owners, n = centres[used], np.maximum(inside, 1)
    mean = np.bincount(owners, gaps[used], frame.n_molecules) / n
    variance = np.bincount(owners, (gaps[used] - mean[owners]) ** 2, frame.n_molecules) / n
    found[defined] = variance[defined]
    return found


def f4(frame: Frame) -> NDArray[np.float64]:
    """(N,) F4; NaN without a neighbour in the shell.

    Raises
    ------
    InputError
        The frame has no atoms, or not two hydrogens for every oxygen.
    """
    oh = _hydrogens(frame)
    found = np.full(frame.n_molecules, np.nan)
    offsets, indices, vectors, _ = neighbour_list(frame, F4_SHELL)
    centres = np.repeat(np.arange(frame.n_molecules), np.diff(offsets))
    # of the four pairs of hydrogens, those farthest apart are the outermost
    ends = oh[indices] + vectors[:, None, :]
    apart = np.linalg.norm(ends[:, None] - oh[centres][:, :, None], axis=-1).reshape(-1, 4)
    first, second = np.divmod(apart.argmax(axis=1), 2)
    b1, b2, b3 = -oh[centres, first], vectors, oh[indices, second]
    n1, n2 = np.cross(b1, b2), np.cross(b2, b3)
    sine = np.einsum("px,px->p", b1, n2) * np.linalg.norm(b2, axis=1)
    torsion = np.arctan2(sine, np.einsum("px,px->p", n1, n2))
    count = np.diff(offsets)
    total = np.bincount(centres, np.cos(3.0 * torsion), frame.n_molecules)
    np.divide(total, count, out=found, where=count > 0)
    return found


def _by_distance(offsets: NDArray[np.int64], distances: NDArray[np.float64]) -> NDArray[np.int64]:
    """(P,) the neighbours of each molecule in order of distance."""
    centres = np.repeat(np.arange(len(offsets) - 1), np.diff(offsets))
    return np.lexsort((distances, centres))


def _hydrogens(frame: Frame) -> NDArray[np.float64]:
    """(N, 2, 3) Å, vectors from every oxygen to its hydrogens, by the nearest image."""
    what = "F4 needs the two hydrogens of every molecule"
    if frame.atoms is None:
        raise InputError(what, hint="this frame has oxygens only")
    columns, molecule = frame.atoms.columns, frame.atoms.molecule
    ids = np.asarray(columns["id"]) if "id" in columns else np.arange(1, len(molecule) + 1)
    own = np.flatnonzero(molecule >= 0)
    others = own[ids[own] != frame.ids[molecule[own]]]
    names = next((n for n in _POSITIONS if n[0] in columns), None)
    if names is None:
        raise InputError(f"{what}, and their positions", hint="as columns x, y, z")
    positions = np.stack([np.asarray(columns[n], dtype=np.float64) for n in names], axis=-1)
    if names[0] == "xs":
        positions = positions @ frame.cell + frame.origin
    vectors = positions[others] - frame.positions[molecule[others]]
    inverse = np.linalg.pinv(frame.cell)
    vectors -= np.where(frame.pbc, np.round(vectors @ inverse), 0.0) @ frame.cell
    lengths = np.linalg.norm(vectors, axis=1)
    bonded = (lengths > OH[0]) & (lengths < OH[1])  # not the fourth site of a model
    vectors, owner = vectors[bonded], molecule[others[bonded]]
    count = np.bincount(owner, minlength=frame.n_molecules)
    wrong = np.flatnonzero(count != 2)
    if len(wrong):
        raise InputError(
            f"{what}; that with id {frame.ids[wrong[0]]} has {count[wrong[0]]} at "
            f"{OH[0]} to {OH[1]} Å",
            hint="models of one site have none",
        )
    return vectors[np.argsort(owner, kind="stable")].reshape(-1, 2, 3)

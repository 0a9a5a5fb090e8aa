"""The largest cluster of a kind of molecules: how many they are, how far it reaches, its shape.

Two molecules of the kind belong together if they are closer than a cut-off, or are joined by
molecules of the kind each closer than it to the next, across periodic boundaries. A cluster that
closes on itself through a periodic boundary has a size, but neither a radius nor a shape.

Radius of gyration and relative shape anisotropy are those of the gyration tensor with every
molecule of the same mass: R_g² = λ1 + λ2 + λ3 and κ² = 1 − 3 (λ1 λ2 + λ2 λ3 + λ3 λ1) / R_g⁴, which
is 0 for a ball and 1 for a rod (Theodorou & Suter, Macromolecules 18, 1206 (1985),
doi 10.1021/ma00148a028).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from iceclass.errors import InputError
from iceclass.frame import Frame
from iceclass.neighbours import neighbour_list
from iceclass.phases import is_crystal

if TYPE_CHECKING:
    from scipy.sparse import csr_array

R_CUT = 3.5
"""Å, in the first minimum of the O–O radial distribution function of ice and water."""

ICE_I = ("ih", "ic")
"""Classes that together are ice I: nuclei of water are made of both."""


@dataclass(frozen=True, eq=False)
class Nucleus:
    """The largest cluster of a frame.

    Attributes
    ----------
    molecules
        (n,) int64, which molecules of the frame it is made of; in no given order.
    positions
        (n, 3) float64, Å. Theirs, put together across periodic boundaries around their mean;
        of a spanning cluster, whichever images were met first.
    spans
        Periodic directions along which it closes on itself, 0 to 3.
    """

    molecules: NDArray[np.int64]
    positions: NDArray[np.float64]
    spans: int

    @property
    def size(self) -> int:
        """n, molecules."""
        return len(self.molecules)

    @property
    def semi_axes(self) -> NDArray[np.float64] | None:
        """(3,) Å, largest first: roots of the eigenvalues of the gyration tensor."""
        if self.spans or not self.size:
            return None
        tensor = self.positions.T @ self.positions / self.size
        return np.sqrt(np.clip(np.linalg.eigvalsh(tensor)[::-1], 0.0, None))

    @property
    def radius_of_gyration(self) -> float | None:
        """Å."""
        axes = self.semi_axes
        return None if axes is None else float(np.sqrt((axes**2).sum()))

    @property
    def anisotropy(self) -> float | None:
        """κ², 0 for a ball or four and more molecules evenly around their centre, 1 for a rod."""
        axes = self.semi_axes
        if axes is None or not axes.any():
            return None
        a, b, c = axes**2
        return float(1.0 - 3.0 * (a * b + b * c + c * a) / (a + b + c) ** 2)


def ice_i(classes: Sequence[str]) -> tuple[str, ...]:
    """Those of the classes that are ice I."""
    return tuple(name for name in ICE_I if name in classes)


def crystals(classes: Sequence[str]) -> tuple[str, ...]:
    """Those of the classes that are crystals; one the catalogue does not know counts as one."""
    return tuple(filter(is_crystal, classes))


def is_one_of(
    labels: NDArray[np.int64], classes: Sequence[str], members: Sequence[str]
) -> NDArray[np.bool_]:
    """(N,) whether each label is that of one of the members."""
    return np.isin(labels, [k for k, name in enumerate(classes) if name in members])


def cluster_ranks(
    frame: Frame, member: NDArray[np.bool_], r_cut: float = R_CUT
) -> NDArray[np.int64]:
    """(N,) rank of the cluster of each molecule, 0 for the largest; −1 for those of no cluster.

    Parameters
    ----------
    frame
        N molecules; any cell, any boundaries.
    member
        (N,) which molecules may be connected.
    r_cut
        Å. Connected are molecules at a distance below it.

    Raises
    ------
    InputError
        The cut-off is not positive, or ``member`` is not of N molecules.
    """
    return _ranked(frame, member, r_cut)[0]


def largest_nucleus(frame: Frame, member: NDArray[np.bool_], r_cut: float = R_CUT) -> Nucleus:
    """The largest cluster of the molecules for which ``member`` is true; arguments as above.

    Of several of the same size, that which holds the first molecule.
    """
    from scipy.sparse.csgraph import breadth_first_order

    ranks, graph, vectors = _ranked(frame, member, r_cut)
    own = np.flatnonzero(ranks == 0)
    if not len(own):
        return Nucleus(own, np.empty((0, 3)), 0)
    order, before = breadth_first_order(graph, own[0], directed=False)
    positions = np.zeros((frame.n_molecules, 3))
    # one bond, or none, for a cluster of one or two, comes out as a sparse array
    entries = graph[before[order[1:]], order[1:]] if len(own) > 1 else np.empty(0, np.int64)
    entries = entries.toarray() if hasattr(entries, "toarray") else np.asarray(entries)
    steps = vectors[entries.ravel() - 1]
    for k, step in zip(order[1:].tolist(), steps, strict=True):
        positions[k] = positions[before[k]] + step
    rows = graph[own].tocoo()
    ends = positions[rows.col] - positions[own[rows.row]]
    windings = ends - vectors[rows.data - 1]
    spans = np.linalg.matrix_rank(windings, tol=0.1 * r_cut) if len(windings) else 0
    placed = positions[own]
    return Nucleus(own, placed - placed.mean(axis=0), int(spans))


def _ranked(
    frame: Frame, member: NDArray[np.bool_], r_cut: float
) -> tuple[NDArray[np.int64], csr_array, NDArray[np.float64]]:
    """Ranks; the graph, whose entries count the bonds from 1; the bonds' (P, 3) vectors."""
    from scipy.sparse import csr_array
    from scipy.sparse.csgraph import connected_components

    if not 0.0 < r_cut < float("inf"):
        raise InputError(f"the cut-off of clusters is {r_cut} Å, expected a positive length")
    if member.shape != (frame.n_molecules,):
        raise InputError(f"{member.shape} molecules of a kind, expected ({frame.n_molecules},)")
    n, own = frame.n_molecules, np.flatnonzero(member)
    ranks = np.full(n, -1, dtype=np.int64)
    if not len(own):
        return ranks, csr_array((n, n), dtype=np.int64), np.empty((0, 3))
    offsets, indices, vectors, _ = neighbour_list(frame.only(member), r_cut)
    centres = np.repeat(np.arange(len(own)), np.diff(offsets))
    # in small cells a pair may meet twice: one image is enough to connect it
    _, first = np.unique(centres * len(own) + indices, return_index=True)
    first = first[centres[first] != indices[first]]
    graph = csr_array(
        (np.arange(1, len(first) + 1), (own[centres[first]], own[indices[first]])), shape=(n, n)
    )
    component = connected_components(graph, directed=False)[1][own]
    names, where, sizes = np.unique(component, return_index=True, return_counts=True)
    by_size = np.lexsort((where, -sizes))
    rank_of = np.empty(len(names), dtype=np.int64)
    rank_of[by_size] = np.arange(len(names))
    ranks[own] = rank_of[np.searchsorted(names, component)]
    return ranks, graph, vectors[first]

"""The connected clusters of every phase in a frame, and the size of the largest.

Two molecules of the same phase belong to one cluster if they are closer than a cut-off, or are
joined by molecules of their phase each closer than it to the next, across periodic boundaries.
The default of 3.5 Å lies in the first minimum of the O–O radial distribution function of ice and
water, so that molecules are joined to their hydrogen-bonded neighbours.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

from iceclass.analysis.observer import Observer, Record
from iceclass.errors import InputError, unknown_name
from iceclass.frame import Frame
from iceclass.io.output.csv_tables import write_csv
from iceclass.neighbours.bins import Bins, make_bins
from iceclass.neighbours.cell_list import check_crowded, neighbours_of_resized
from iceclass.phases import PHASES, UNKNOWN, family_of, is_crystal
from iceclass.prediction import Prediction

R_CUT = 3.5
"""Å. Molecules of a phase closer than this are connected."""

COLUMNS = (
    "frame",
    "timestep",
    "molecules",
    "phase",
    "classes",
    "clusters",
    "largest",
    "second_largest",
)


def default_groups(classes: Iterable[str]) -> dict[str, tuple[str, ...]]:
    """``ice`` and ``hydrate`` with all classes of the family, where there are two or more of them.

    A nucleus of stacking-disordered ice is one nucleus, of molecules of Ih and of Ic, and so is
    one of several hydrates. A class that the catalogue does not know counts as an ice, as it
    does in ``iceclass generate``.
    """
    classes = tuple(classes)
    groups: dict[str, list[str]] = {}
    for name in classes:
        if is_crystal(name):
            groups.setdefault(family_of(name) if name in PHASES else "ice", []).append(name)
    return {k: tuple(v) for k, v in groups.items() if len(v) > 1 and k not in classes}


def cluster_sizes(frame: Frame, labels: NDArray[Any], r_cut: float = R_CUT) -> NDArray[np.int64]:
    """(N,) size of the cluster each molecule belongs to; 0 for labels below 0.

    Parameters
    ----------
    frame
        N molecules; any cell, any boundaries.
    labels
        (N,) integers. Molecules of the same label may be connected.
    r_cut
        Å. Connected are molecules at a distance below it.

    Raises
    ------
    InputError
        ``r_cut`` is not positive, the labels are not N, or the cell is too thin (see
        :func:`iceclass.neighbours.cell_list.make_bins`).
    """
    roots = _roots(frame, np.asarray(labels, dtype=np.int64)[None], r_cut)[0]
    sizes = np.bincount(roots[roots >= 0], minlength=len(roots))
    return np.where(roots >= 0, sizes[roots], 0)


@dataclass(frozen=True, eq=False)
class Clusters(Observer):
    """Number of clusters, the largest and the second largest, of each phase and of groups.

    Parameters
    ----------
    classes
        The C class names of the model.
    r_cut
        Å, the cut-off.
    groups
        Name → classes (``unknown`` may be one) whose molecules are connected as if they were of
        one phase; default: :func:`default_groups`.

    Raises
    ------
    InputError
        The cut-off is not positive, a group has the name of a class, is empty or names an unknown
        class.
    """

    r_cut: float = R_CUT
    groups: Mapping[str, tuple[str, ...]] | None = None

    def __post_init__(self) -> None:
        _check_cut_off(self.r_cut)
        if self.groups is None:
            object.__setattr__(self, "groups", default_groups(self.classes))
        known = (*self.classes, UNKNOWN)
        for name, members in self._groups.items():
            if name in known:
                raise InputError(f"a group of phases is called {name!r}, as a phase is")
            if not members:
                raise InputError(f"the group {name!r} names no phase")
            for member in members:
                if member not in known:
                    raise unknown_name("phase", member, known)

    @property
    def _groups(self) -> Mapping[str, tuple[str, ...]]:
        return self.groups or {}

    @property
    def parameters(self) -> dict[str, Any]:
        """Cut-off and groups."""
        return {
            "r_cut": self.r_cut,
            "groups": {name: list(members) for name, members in self._groups.items()},
        }

    def record(self, frame: Frame, prediction: Prediction) -> Record:
        """``timestep``, ``molecules``, and ``clusters``: name → [number, largest, second largest].

        Phases and groups without a molecule are left out.
        """
        classes, labels = prediction.classes, prediction.labels
        assert classes == self.classes
        rows = [labels]
        for members in self._groups.values():
            member = np.array([name in members for name in (*classes, UNKNOWN)])
            rows.append(np.where(member[labels], 0, -1))
        kinds = np.array(rows, dtype=np.int64)
        roots = _roots(frame, kinds, self.r_cut)
        clusters = dict(zip(classes, _largest(kinds[0], roots[0], len(classes)), strict=True))
        for k, name in enumerate(self._groups, start=1):
            clusters[name] = _largest(kinds[k], roots[k], 1)[0]
        return {
            "timestep": int(frame.timestep),
            "molecules": frame.n_molecules,
            "clusters": {name: row.tolist() for name, row in clusters.items() if row[0]},
        }

    def write(
        self,
        path: str | Path,
        records: Iterable[tuple[int, Record]] | None = None,
        *,
        force: bool = False,
    ) -> Path:
        """Write a row for every frame and phase or group, in :data:`COLUMNS`."""
        records = self.records if records is None else records
        return write_csv(path, COLUMNS, self._rows(records), force=force)

    def _rows(self, records: Iterable[tuple[int, Record]]) -> Iterator[tuple[Any, ...]]:
        named = {name: (name,) for name in self.classes} | dict(self._groups)
        for number, record in records:
            start = (number, record["timestep"], record["molecules"])
            for name, members in named.items():
                yield *start, name, " ".join(members), *record["clusters"].get(name, (0, 0, 0))


def _check_cut_off(r_cut: float) -> None:
    if not 0.0 < r_cut < float("inf"):
        raise InputError(f"the cut-off of clusters is {r_cut} Å, expected a positive length")


def _roots(frame: Frame, kinds: NDArray[np.int64], r_cut: float) -> NDArray[np.int64]:
    """(K, N) first molecule of each molecule's cluster; −1 where its kind is below 0.

    ``kinds`` is (K, N): K ways to tell the molecules apart, for one search of neighbours.
    """
    _check_cut_off(r_cut)
    if kinds.shape[1] != frame.n_molecules:
        raise InputError(f"{kinds.shape[1]} labels for {frame.n_molecules} molecules")
    parent = np.where(kinds >= 0, np.arange(frame.n_molecules), -1)
    check_crowded(_unite(make_bins(frame, r_cut), kinds, parent), frame, r_cut)
    return parent


@njit(cache=True, nogil=True)
def _unite(
    bins: Bins, kinds: NDArray[np.int64], parent: NDArray[np.int64]
) -> int:  # pragma: no cover
    """Union-find over pairs of neighbours; the molecule with too many of them, or −1.

    Links go to the lower index and paths are halved on the way, so that the root of a cluster is
    its first molecule whatever the order of the pairs. ``parent`` holds the roots in the end.
    """
    indices, vectors = np.empty(64, dtype=np.int64), np.empty((64, 3))
    for i in range(kinds.shape[1]):
        if kinds[:, i].max() < 0:
            continue
        count, indices, vectors = neighbours_of_resized(bins, i, indices, vectors)
        if count < 0:
            return i
        for neighbour in range(count):
            j = indices[neighbour]
            if j >= i:  # the pair comes again from the other side
                continue
            for k in range(len(kinds)):
                if kinds[k, i] >= 0 and kinds[k, i] == kinds[k, j]:
                    a, b = _root(parent[k], i), _root(parent[k], j)
                    parent[k, max(a, b)] = min(a, b)
    for k in range(len(kinds)):
        for i in range(kinds.shape[1]):
            if kinds[k, i] >= 0:
                parent[k, i] = parent[k, parent[k, i]]
    return -1


@njit(cache=True, nogil=True)
def _root(parent: NDArray[np.int64], i: int) -> int:  # pragma: no cover
    while parent[i] != i:
        parent[i] = parent[parent[i]]
        i = parent[i]
    return i


def _largest(kind: NDArray[np.int64], roots: NDArray[np.int64], n_kinds: int) -> NDArray[np.int64]:
    """(n_kinds, 3) number of clusters, size of the largest and of the second largest."""
    sizes = np.bincount(roots[roots >= 0], minlength=1)
    first = np.flatnonzero(sizes)
    largest = np.zeros((n_kinds, 3), dtype=np.int64)
    for k in range(n_kinds):
        of_kind = np.sort(sizes[first[kind[first] == k]])[::-1]
        largest[k, 0] = len(of_kind)
        largest[k, 1 : 1 + min(len(of_kind), 2)] = of_kind[:2]
    return largest

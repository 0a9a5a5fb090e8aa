"""A second opinion on every molecule: other classifiers and order parameters beside the label.

Two of them decide whether a molecule is ice: CHILL+ (Nguyen & Molinero, J. Phys. Chem. B 119, 9369
(2015), doi 10.1021/jp510289t), whose hexagonal, cubic and interfacial ice count as ice I, and q̄6
(Lechner & Dellago, J. Chem. Phys. 129, 114707 (2008), doi 10.1063/1.2977970) above 0.358 with
neighbours within 3.5 Å. With them we agree or not. The others are numbers whose means are told by
phase: q, LSI and F4 (:mod:`iceclass.analysis.order_parameters`) and the density of the molecule's
Voronoi cell.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from iceclass.analysis import order_parameters
from iceclass.analysis.nuclei import ice_i, is_one_of
from iceclass.errors import InputError, unknown_name
from iceclass.external.mdapy import CHILL_PLUS
from iceclass.frame import AMU_PER_A3_IN_G_PER_CM3, MASS_WATER, Frame
from iceclass.phases import UNKNOWN

Q6_ICE = 0.358
"""q̄6 above which a molecule is ice, with neighbours within 3.5 Å."""

Q6_REACH = 3.5
"""Å."""

CHILL_ICE = ("ih", "ic", "interfacial ice")
"""CHILL+'s types that are ice I."""

DISAGREEMENT = "i_disagree"
"""Column: how many of the deciding opinions call ice what we do not, or do not what we do."""

LISTED = 1000
"""Molecules of disagreement that are listed."""


@dataclass(frozen=True)
class Opinion:
    """One method.

    Attributes
    ----------
    column
        Its column in labelled files.
    label
        For people.
    values
        Names of the values, for a classifier.
    decides
        Whether it tells ice from the rest.
    """

    column: str
    label: str
    values: tuple[str, ...] | None = None
    decides: bool = False


OPINIONS: Mapping[str, Opinion] = {
    "chill+": Opinion("i_chill", "CHILL+", CHILL_PLUS, True),
    "q6bar": Opinion("d_q6bar", "q̄6", None, True),
    "q": Opinion("d_q", "q"),
    "lsi": Opinion("d_lsi", "LSI / Å²"),
    "f4": Opinion("d_f4", "F4"),
    "density": Opinion("d_density", "density / g cm⁻³"),
}
"""What ``--compare`` takes."""

OPINION_COLUMNS: Mapping[str, Opinion] = {
    **{opinion.column: opinion for opinion in OPINIONS.values()},
    DISAGREEMENT: Opinion(DISAGREEMENT, "disagreement"),
}
"""By column."""


def parse_opinions(text: str) -> tuple[str, ...]:
    """``"chill+,q6bar"`` → names from :data:`OPINIONS`, each once.

    Raises
    ------
    InputError
        None, or an unknown one.
    """
    names = [name.strip().lower() for name in text.split(",") if name.strip()]
    if not names:
        raise InputError(f"no method to compare with in {text!r}", hint=", ".join(OPINIONS))
    for name in names:
        if name not in OPINIONS:
            raise unknown_name("method to compare with", name, OPINIONS)
    return tuple(dict.fromkeys(names))


def opinions(
    frame: Frame, names: Iterable[str], labels: NDArray[np.int64], classes: Sequence[str]
) -> dict[str, NDArray[Any]]:
    """Column → (N,) values: what the methods say of a frame, and how many disagree.

    Parameters
    ----------
    frame
        N molecules.
    names
        From :data:`OPINIONS`.
    labels
        (N,) indices into ``classes``, −1 unknown, −2 not asked about (never in disagreement).

    Raises
    ------
    MissingDependencyError
        mdapy or freud is not installed and needed.
    InputError
        F4 of a frame without hydrogens.
    """
    columns: dict[str, NDArray[Any]] = {}
    ours = is_one_of(labels, classes, ice_i(classes))
    differing = np.zeros(frame.n_molecules, dtype=np.int64)
    decides = False
    for name in names:
        opinion = OPINIONS[name]
        values = columns[opinion.column] = _METHODS[name](frame)
        if opinion.decides:
            decides = True
            differing += calls_ice(name, values) != ours
    if decides:
        columns[DISAGREEMENT] = np.where(labels < -1, 0, differing)
    return columns


def calls_ice(name: str, values: NDArray[Any]) -> NDArray[np.bool_]:
    """(N,) whether a deciding method's values mean ice I."""
    if name == "chill+":
        return np.isin(values, [CHILL_PLUS.index(kind) for kind in CHILL_ICE])
    assert name == "q6bar"
    return np.nan_to_num(values) > Q6_ICE


def _chill_plus(frame: Frame) -> NDArray[Any]:
    from iceclass.external.mdapy import chill_plus_types

    return chill_plus_types(frame)


def _averaged_q6(frame: Frame) -> NDArray[Any]:
    from iceclass.external.freud import averaged_steinhardt

    return averaged_steinhardt(frame, 6, Q6_REACH)


def _density(frame: Frame) -> NDArray[Any]:
    from iceclass.external.mdapy import voronoi_volumes

    return MASS_WATER * AMU_PER_A3_IN_G_PER_CM3 / voronoi_volumes(frame)


_METHODS: Mapping[str, Callable[[Frame], NDArray[Any]]] = {
    "chill+": _chill_plus,
    "q6bar": _averaged_q6,
    "q": order_parameters.tetrahedral_order,
    "lsi": order_parameters.local_structure_index,
    "f4": order_parameters.f4,
    "density": _density,
}


@dataclass
class Agreement:
    """Sums over frames: by phase, how often a deciding method agrees, and means of numbers.

    Attributes
    ----------
    listed
        (frame number, molecule id, our label, column → value) of molecules of disagreement, the
        first :data:`LISTED` of them.
    disagreeing
        How many there are in all.
    """

    names: tuple[str, ...]
    classes: tuple[str, ...]
    listed: list[tuple[int, int, str, dict[str, float]]] = field(default_factory=list)
    disagreeing: int = 0

    def __post_init__(self) -> None:
        phases = len(self.classes) + 1
        self._molecules = np.zeros(phases, dtype=np.int64)
        self._agreeing = {n: np.zeros(phases, dtype=np.int64) for n in self.names}
        self._sums = {n: np.zeros((2, phases)) for n in self.names}

    def add(
        self, number: int, frame: Frame, labels: NDArray[np.int64], columns: Mapping[str, Any]
    ) -> None:
        """A frame with its labels and the columns of :func:`opinions`."""
        asked = labels >= -1
        phase = np.where(labels < 0, len(self.classes), labels)[asked]
        phases = len(self.classes) + 1
        self._molecules += np.bincount(phase, minlength=phases)
        ours = is_one_of(labels, self.classes, ice_i(self.classes))
        for name in self.names:
            values = np.asarray(columns[OPINIONS[name].column])
            if OPINIONS[name].decides:
                agrees = (calls_ice(name, values) == ours)[asked]
                self._agreeing[name] += np.bincount(phase[agrees], minlength=phases)
            if OPINIONS[name].values is None:
                numbers = values[asked].astype(np.float64)
                finite = np.isfinite(numbers)
                self._sums[name] += [
                    np.bincount(phase[finite], weights, phases)
                    for weights in (numbers[finite], np.ones(int(finite.sum())))
                ]
        if DISAGREEMENT in columns:
            differing = np.flatnonzero(np.asarray(columns[DISAGREEMENT]) > 0)
            self.disagreeing += len(differing)
            named = (*self.classes, UNKNOWN)
            for k in differing[: LISTED - len(self.listed)]:
                told = {
                    OPINIONS[n].column: columns[OPINIONS[n].column][k].item() for n in self.names
                }
                label = named[labels[k]]
                self.listed.append((number, int(frame.ids[k]), label, told))

    def rows(self) -> list[dict[str, Any]]:
        """A row for every phase met and one, ``all``, for all: molecules, for deciding methods
        the share that agrees, for numbers their mean (``None`` where none is defined)."""
        table = []
        for k, name in [*enumerate((*self.classes, UNKNOWN)), (slice(None), "all")]:
            molecules = int(self._molecules[k].sum())
            if not molecules:
                continue
            row: dict[str, Any] = {"phase": name, "molecules": molecules}
            for method in self.names:
                opinion = OPINIONS[method]
                if opinion.decides:
                    row[f"agrees with {opinion.label}"] = float(
                        self._agreeing[method][k].sum() / molecules
                    )
                if opinion.values is None:
                    total, count = (self._sums[method][c][k].sum() for c in (0, 1))
                    row[f"mean {opinion.label}"] = float(total / count) if count else None
            table.append(row)
        return table

    def to_dict(self) -> dict[str, Any]:
        """JSON-serialisable."""
        return {
            "methods": list(self.names),
            "by_phase": self.rows(),
            "disagreeing": self.disagreeing,
            "molecules_of_disagreement": [
                {"frame": frame, "id": molecule, "phase": label, **told}
                for frame, molecule, label, told in self.listed
            ],
        }

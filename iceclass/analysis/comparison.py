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
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from iceclass.analysis import order_parameters
from iceclass.analysis.nuclei import ice_i, is_one_of
from iceclass.analysis.observer import Observer, Record
from iceclass.errors import InputError, unknown_name
from iceclass.external.mdapy import CHILL_PLUS
from iceclass.frame import AMU_PER_A3_IN_G_PER_CM3, MASS_WATER, Frame
from iceclass.io.output.csv_tables import write_csv
from iceclass.phases import UNKNOWN
from iceclass.prediction import Prediction

Q6_ICE = 0.358
"""q̄6 above which a molecule is ice, with neighbours within 3.5 Å."""

Q6_REACH = 3.5
"""Å."""

CHILL_ICE = ("ih", "ic", "interfacial ice")
"""CHILL+'s types that are ice I."""

DISAGREEMENT = "i_disagree"
"""Column: how many of the deciding opinions call ice what we do not, or do not what we do."""

LISTED = 1000
"""Molecules of disagreement of a frame that are listed at most."""


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
    names = tuple(names)
    for name in names:
        opinion = OPINIONS[name]
        values = columns[opinion.column] = _METHODS[name](frame)
        if opinion.decides:
            differing += calls_ice(name, values) != ours
    if decide(names):
        columns[DISAGREEMENT] = np.where(labels < -1, 0, differing)
    return columns


def decide(names: Iterable[str]) -> bool:
    """Whether one of the methods tells ice from the rest."""
    return any(OPINIONS[name].decides for name in names)


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


@dataclass(frozen=True, eq=False)
class Comparison(Observer):
    """By phase, how many molecules the deciding methods agree on, and means of the numbers.

    Parameters
    ----------
    classes
        The C class names of the model.
    methods
        From :data:`OPINIONS`; the predictions are to have their columns in ``further``.
    """

    methods: tuple[str, ...] = ()

    @property
    def parameters(self) -> dict[str, Any]:
        """The methods."""
        return {"methods": list(self.methods)}

    def record(self, frame: Frame, prediction: Prediction) -> Record:
        """Phase → molecules, and by method how many agree and [sum, how many] of its numbers."""
        by_phase: dict[str, Any] = {}
        names = np.array([*self.classes, UNKNOWN])[prediction.labels]
        ours = is_one_of(prediction.labels, self.classes, ice_i(self.classes))
        for phase in np.unique(names).tolist():
            own = names == phase
            told: dict[str, Any] = {"molecules": int(own.sum())}
            for name in self.methods:
                opinion = OPINIONS[name]
                values = np.asarray(prediction.further[opinion.column])[own]
                if opinion.decides:
                    told[f"{name} agrees"] = int((calls_ice(name, values) == ours[own]).sum())
                if opinion.values is None:
                    finite = values[np.isfinite(values)]
                    told[name] = [float(finite.sum()), len(finite)]
            by_phase[phase] = told
        return {"timestep": int(frame.timestep), "by_phase": by_phase}

    @property
    def columns(self) -> tuple[str, ...]:
        """Of the table."""
        names = ["phase", "molecules"]
        for method in self.methods:
            opinion = OPINIONS[method]
            names += [f"agrees with {opinion.label}"] if opinion.decides else []
            names += [f"mean {opinion.label}"] if opinion.values is None else []
        return tuple(names)

    def rows(self, records: Iterable[tuple[int, Record]] | None = None) -> list[tuple[Any, ...]]:
        """A row for every phase met and one for ``all``, in :attr:`columns`: shares that agree and
        means, ``None`` where none is defined."""
        sums: dict[str, dict[str, Any]] = {}
        for _, record in self.records if records is None else records:
            for phase, told in record["by_phase"].items():
                for total in (sums.setdefault(phase, {}), sums.setdefault("all", {})):
                    for key, value in told.items():
                        total[key] = np.add(total.get(key, 0), value)
        table = []
        for phase in (*self.classes, UNKNOWN, "all"):
            if phase not in sums:
                continue
            own = sums[phase]
            row: list[Any] = [phase, int(own["molecules"])]
            for method in self.methods:
                opinion = OPINIONS[method]
                if opinion.decides:
                    row.append(float(own[f"{method} agrees"] / own["molecules"]))
                if opinion.values is None:
                    value, count = own[method]
                    row.append(float(value / count) if count else None)
            table.append(tuple(row))
        return table

    def write(
        self,
        path: str | Path,
        records: Iterable[tuple[int, Record]] | None = None,
        *,
        force: bool = False,
    ) -> Path:
        """Write :meth:`rows`."""
        rows = (
            ["" if v is None else f"{v:.6g}" if isinstance(v, float) else v for v in row]
            for row in self.rows(records)
        )
        return write_csv(path, self.columns, rows, force=force)


@dataclass(frozen=True, eq=False)
class Disagreement(Comparison):
    """The molecules on which a deciding method and we differ, at most :data:`LISTED` a frame."""

    def record(self, frame: Frame, prediction: Prediction) -> Record:
        """``differing``: how many; ``molecules``: id, phase and the methods' values of each."""
        differing = np.flatnonzero(np.asarray(prediction.further[DISAGREEMENT]) > 0)
        named = (*self.classes, UNKNOWN)
        columns = [np.asarray(prediction.further[OPINIONS[m].column]) for m in self.methods]
        return {
            "timestep": int(frame.timestep),
            "differing": len(differing),
            "molecules": [
                [int(frame.ids[k]), named[prediction.labels[k]], *(c[k].item() for c in columns)]
                for k in differing[:LISTED]
            ],
        }

    @property
    def columns(self) -> tuple[str, ...]:
        """Of the table."""
        return ("frame", "timestep", "id", "phase", *(OPINIONS[m].label for m in self.methods))

    def rows(self, records: Iterable[tuple[int, Record]] | None = None) -> list[tuple[Any, ...]]:
        """A row for every molecule."""
        rows = []
        for number, record in self.records if records is None else records:
            for molecule, phase, *told in record["molecules"]:
                shown = (
                    (OPINIONS[m].values or ())[v] if OPINIONS[m].values else v
                    for m, v in zip(self.methods, told, strict=True)
                )
                rows.append((number, record["timestep"], molecule, phase, *shown))
        return rows

    def write(
        self,
        path: str | Path,
        records: Iterable[tuple[int, Record]] | None = None,
        *,
        force: bool = False,
    ) -> Path:
        """Write :meth:`rows`; a table without rows where all agree."""
        rows = (
            [f"{v:.6g}" if isinstance(v, float) else v for v in row] for row in self.rows(records)
        )
        return write_csv(path, self.columns, rows, force=force, may_be_empty=True)

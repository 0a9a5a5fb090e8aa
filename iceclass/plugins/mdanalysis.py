"""Labels as an MDAnalysis analysis."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from iceclass.errors import MissingDependencyError
from iceclass.frame import Frame
from iceclass.io.others.mdanalysis_frames import bonds_of, kinds_of
from iceclass.io.water.assembly import Assembler, RawFrame
from iceclass.labelling.label import label_frames
from iceclass.model.file import load_model
from iceclass.model.network import Model
from iceclass.phases import UNKNOWN

try:
    from MDAnalysis import AtomGroup, Universe
    from MDAnalysis.analysis.base import AnalysisBase
    from MDAnalysis.analysis.results import ResultsGroup
except ImportError as error:
    raise MissingDependencyError("the MDAnalysis analysis", "MDAnalysis", "mdanalysis") from error


class IceclassAnalysis(AnalysisBase):
    """The phase of every water molecule, frame by frame.

    Parameters
    ----------
    atoms
        A universe or a group. Its oxygens are found by the rules of iceclass (names, elements,
        distances, masses); a group of one kind of atoms is taken as it is, so that any site of
        a coarse model will do. Give **all** the water: molecules outside the group are not seen
        as neighbours, and a part cut out of a crystal has a surface.
    model
        Name of a shipped model, path of a model file, or a ``Model``.
    unknown
        Whether a molecule unlike anything in the training set is called unknown (−1).
    types
        Atom name, element or type → element, where the rules fail: ``{"1": "O", "2": "H"}``.
    verbose
        Show MDAnalysis's progress bar.

    Attributes
    ----------
    sites : AtomGroup
        The N oxygens, in the order of the labels; known at once.
    results.labels
        (T, N) int8, index into ``results.classes``; −1 for unknown.
    results.confidence
        (T, N) float32, calibrated probability of the most probable class.
    results.counts, results.fractions
        (T, C + 1) int64 and float64. Molecules in each of ``results.columns``.
    results.classes, results.columns
        The C class names; the same and ``"unknown"``.
    results.model_id
        Of the model.

    Raises
    ------
    InputError
        No oxygen, no decision which atoms are oxygens, unknown model.

    Notes
    -----
    Frames are independent: ``run(backend="multiprocessing", n_workers=…)`` splits them over
    processes. A single process already uses all cores on every frame, set
    ``NUMBA_NUM_THREADS=1`` when running one process a core.
    """

    _analysis_algorithm_is_parallelizable = True

    @classmethod
    def get_supported_backends(cls) -> tuple[str, ...]:
        """Serial, multiprocessing and dask."""
        return ("serial", "multiprocessing", "dask")

    def __init__(
        self,
        atoms: Universe | AtomGroup,
        model: str | Path | Model = "default",
        *,
        unknown: bool = True,
        types: Mapping[Any, str] | None = None,
        verbose: bool = False,
    ) -> None:
        group = atoms.atoms
        super().__init__(group.universe.trajectory, verbose=verbose)
        self._model = model if isinstance(model, Model) else load_model(model)
        self._unknown = unknown
        kinds = kinds_of(group)
        cell, pbc = _cell(group)
        first = RawFrame(
            positions=group.positions.astype(np.float64),
            cell=cell,
            pbc=pbc,
            origin=np.zeros(3),
            columns={},
            kinds=lambda _: kinds,
            bonds=bonds_of(group),
        )
        atoms_of_frame = Assembler(None, types).frame(first).atoms
        assert atoms_of_frame is not None
        self.sites = group[atoms_of_frame.sites]

    def _prepare(self) -> None:
        self.results.labels = []
        self.results.confidence = []

    def _single_frame(self) -> None:
        cell, pbc = _cell(self.sites)
        frame = Frame(self.sites.positions, cell, pbc)
        _, prediction = next(label_frames([frame], self._model, unknown=self._unknown))
        self.results.labels.append(prediction.labels.astype(np.int8))
        self.results.confidence.append(prediction.confidence)

    def _get_aggregator(self) -> ResultsGroup:
        join = ResultsGroup.flatten_sequence
        return ResultsGroup(lookup={"labels": join, "confidence": join})

    def _conclude(self) -> None:
        classes, n = self._model.classes, len(self.sites)
        labels = np.array(self.results.labels, np.int8).reshape(-1, n)
        self.results.labels = labels
        self.results.confidence = np.array(self.results.confidence, np.float32).reshape(-1, n)
        members = [*range(len(classes)), -1]
        self.results.counts = np.stack([(labels == k).sum(axis=1) for k in members], axis=1)
        self.results.fractions = self.results.counts / n
        self.results.classes = classes
        self.results.columns = (*classes, UNKNOWN)
        self.results.model_id = self._model.model_id


def _cell(atoms: AtomGroup) -> tuple[np.ndarray, np.ndarray]:
    """(3, 3) Å and (3,): the present cell, periodic along all directions if there is one."""
    now = atoms.universe.trajectory.ts
    if now.dimensions is None:
        return np.zeros((3, 3)), np.zeros(3, bool)
    return now.triclinic_dimensions.astype(np.float64), np.ones(3, bool)

"""Tables to test a model on, and what of them the model has not seen."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from iceclass.datasets.featurize import featurize, find_trajectories
from iceclass.datasets.reference import is_reference
from iceclass.datasets.store import FeatureStore, Table
from iceclass.descriptors import Descriptor
from iceclass.errors import InputError
from iceclass.model.network import Model
from iceclass.phases import EITHER


def load_table(
    sources: Sequence[Path],
    descriptor: Descriptor,
    *,
    phase: str | None = None,
    types: Mapping[Any, str] | None = None,
    every: int = 1,
    report: Callable[[str], None] = lambda text: None,
) -> Table:
    """The features of one store, or of trajectories of known phase, computed on the way.

    ``sources`` are one feature store, or whatever
    :func:`~iceclass.datasets.featurize.find_trajectories` takes. Molecules at boundaries, of which
    nobody knows the phase, are left out.

    Raises
    ------
    InputError
        A store of another descriptor, several stores, or trajectories of unknown phase.
    """
    import h5py

    stores = [s for s in sources if s.is_file() and h5py.is_hdf5(s) and not is_reference(s)]
    if stores and len(sources) > 1:
        raise InputError("give one feature store, or trajectories", path=stores[0])
    if stores:
        table = FeatureStore.open(stores[0], descriptor=descriptor).load()
        return table.of(lambda trajectory: EITHER not in trajectory.phase)
    found = find_trajectories(sources, phase=phase, report=report)
    with TemporaryDirectory() as directory:
        path = Path(directory) / "features.h5"
        featurize(found, descriptor, path, types=types, every=every, report=report)
        return FeatureStore.open(path).load()


def training_preparations(model: Model) -> set[tuple[str, str]]:
    """(phase, preparation) of all that trained or validated the model, by its record."""
    record = model.record or {}
    split = record.get("split", {})
    sides = [split.get(side, {}).get("preparations", {}) for side in ("train", "validation")]
    return {
        (phase, preparation)
        for phases in (*sides, record.get("other", {}))
        for phase, names in phases.items()
        for preparation in names
    }


def held_out_rows(table: Table, model: Model) -> Table:
    """The rows of preparations that neither trained nor validated the model."""
    known = training_preparations(model)
    fresh = np.array([t.group not in known for t in table.trajectories], dtype=bool)
    return table.rows(fresh[table.trajectory])

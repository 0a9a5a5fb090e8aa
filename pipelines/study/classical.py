"""What is compared with: CHILL+, polyhedral template matching, Steinhardt's order parameters."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from iceclass.benchmark import references
from iceclass.benchmark.machine import machine
from iceclass.benchmark.timing import alternate
from iceclass.errors import InputError, MissingDependencyError
from iceclass.external.ovito import chill_plus, template_matching
from iceclass.files import replacing
from iceclass.frame import Frame
from pipelines.study.data import find
from pipelines.study.jobs import Classical
from pipelines.study.settings import Study

ORDERS = tuple(range(2, 13))
NEIGHBOURS = (4, 12)
"""Numbers of nearest neighbours that the order parameters are of: first shell, and two."""


def classify(study: Study, name: str) -> dict[str, Any]:
    """Molecules that each method calls hexagonal and cubic ice, over all frames.

    Steinhardt features of the same frames go to the ``.npz`` file of the job's name.
    """
    frames = find(study.data, name).frames
    counts = {"CHILL+": _called(map(chill_plus, frames))}
    for limit in study.settings.template_deviations:
        counts[f"PTM, RMSD ≤ {limit:g}"] = _called(template_matching(f, limit) for f in frames)
    ids = frames[0].ids
    if any(not np.array_equal(f.ids, ids) for f in frames) or (np.diff(ids) <= 0).any():
        raise InputError(f"{name}: molecules are not in the same, ascending order in every frame")
    path = study.path(Classical(name)).with_suffix(".npz")
    features = np.concatenate([steinhardt(frame) for frame in frames])
    with replacing(path, force=True) as temporary:
        np.savez(temporary, ids=ids, features=features, names=np.array(steinhardt_names()))
    return {"molecules": len(features), "counts": counts}


def _called(labels: Iterable[NDArray[np.str_]]) -> list[int]:
    """How many are hexagonal, and cubic."""
    every = np.concatenate(list(labels))
    return [int((every == name).sum()) for name in ("ih", "ic")]


def steinhardt_names() -> list[str]:
    """Names of the columns of :func:`steinhardt`."""
    return [f"{kind}{order} of {n}" for n in NEIGHBOURS for kind in "qQw" for order in ORDERS]


def steinhardt(frame: Frame) -> NDArray[np.float32]:
    """(N, F) q_l, neighbour-averaged Q_l and normalised w_l of the nearest neighbours, by freud.

    Steinhardt, Nelson, Ronchetti, Phys. Rev. B 28, 784 (1983); averaged: Lechner & Dellago,
    J. Chem. Phys. 129, 114707 (2008).

    Raises
    ------
    MissingDependencyError
        freud is not installed.
    InputError
        A molecule whose parameters are not defined.
    """
    try:
        import freud
    except ImportError as error:
        raise MissingDependencyError(
            "the Steinhardt baseline", "freud (freud-analysis)", "workflow"
        ) from error
    box = freud.box.Box.from_matrix(np.asarray(frame.cell).T)
    inside = np.linalg.solve(frame.cell.T, (frame.positions - frame.origin).T).T
    system = (box, box.make_absolute(inside - np.floor(inside)))
    columns = []
    with freud.parallel.NumThreads(1):
        for n in NEIGHBOURS:
            nearest = {"num_neighbors": n, "exclude_ii": True}
            for options in ({}, {"average": True}, {"wl": True, "wl_normalize": True}):
                order = freud.order.Steinhardt(l=list(ORDERS), **options)
                columns.append(order.compute(system, neighbors=nearest).particle_order)
    features = np.concatenate(columns, axis=1).astype(np.float32)
    if not np.isfinite(features).all():
        row = int(np.argwhere(~np.isfinite(features))[0, 0])
        raise InputError(f"Steinhardt parameters of molecule {frame.ids[row]} are not defined")
    return features


def time_all(study: Study) -> dict[str, Any]:
    """µs of processor time a molecule, on one frame of each phase and one thread."""
    frames = list(_one_of_each(study))
    molecules = sum(f.n_molecules for f in frames)

    def of_all(work: Any) -> tuple[Any, int]:
        return lambda: [work(frame) for frame in frames], molecules

    calls = {name: of_all(d.compute) for name, d in study.descriptors.items()}
    calls["steinhardt"] = of_all(steinhardt)
    for name, prepare in (
        ("CHILL+", references.chill_plus),
        ("PTM", references.template_matching),
    ):
        ready = [prepare(frame) for frame in frames]
        calls[name] = (lambda ready=ready: [work() for work in ready], molecules)
    timings = alternate(calls, study.settings.timed)
    return {
        "microseconds": {name: round(t.median("cpu"), 3) for name, t in timings.items()},
        "wall": {name: round(t.median("wall"), 3) for name, t in timings.items()},
        "molecules": molecules,
        "frames": len(frames),
        "machine": machine(),
    }


def _one_of_each(study: Study) -> Iterator[Frame]:
    """The middle frame of the first trajectory of every phase."""
    for phase in study.classes:
        info = next(t for t in study.trajectories if t.phase == phase)
        frames = find(study.data, info.name).frames
        yield frames[len(frames) // 2]

"""What is compared with: CHILL+, polyhedral template matching, Steinhardt's order parameters."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from iceclass.benchmark.machine import machine
from iceclass.benchmark.timing import alternate
from iceclass.datasets.reference import ReferenceTrajectory, load_reference
from iceclass.descriptors import Descriptor
from iceclass.errors import InputError
from iceclass.external.freud import steinhardt, steinhardt_names
from iceclass.external.ovito import (
    chill_plus,
    chill_plus_types,
    template_matching,
    template_types,
)
from iceclass.files import replacing
from iceclass.frame import Frame


def trajectories(data: Iterable[Path], phase: str = "") -> list[ReferenceTrajectory]:
    """All of some compact data sets, or those of a phase."""
    return [t for path in data for t in load_reference(path) if phase in ("", t.phase)]


def classify(data: Sequence[Path], phase: str, deviations: Sequence[float], output: Path) -> Any:
    """Molecules of every trajectory of a phase that each method calls hexagonal and cubic ice.

    Steinhardt features of the same frames go to ``output``, an ``.npz`` file.

    Raises
    ------
    InputError
        No trajectory of the phase, or molecules in another order in some frame.
    """
    found: dict[str, Any] = {}
    arrays: dict[str, Any] = {"names": np.array(steinhardt_names())}
    for t in trajectories(data, phase):
        frames, ids = t.frames, t.frames[0].ids
        counts = {"CHILL+": _called(map(chill_plus, frames))}
        for limit in deviations:
            each = (template_matching(frame, limit) for frame in frames)
            counts[f"PTM, RMSD ≤ {limit:g}"] = _called(each)
        if any(not np.array_equal(f.ids, ids) for f in frames) or (np.diff(ids) <= 0).any():
            raise InputError(
                f"{t.name}: molecules are not in the same, ascending order in every frame"
            )
        arrays[f"{t.name}/ids"] = ids
        arrays[f"{t.name}/features"] = np.concatenate([steinhardt(frame) for frame in frames])
        found[t.name] = {"molecules": len(ids) * len(frames), "counts": counts}
    if not found:
        raise InputError(f"the data hold no trajectory of {phase}")
    with replacing(output, force=True) as temporary:
        np.savez(temporary, **arrays)
    return found


def _called(labels: Iterable[NDArray[np.str_]]) -> list[int]:
    """How many are hexagonal, and cubic."""
    every = np.concatenate(list(labels))
    return [int((every == name).sum()) for name in ("ih", "ic")]


def time_all(
    data: Sequence[Path], descriptors: Mapping[str, Descriptor], repeats: int
) -> dict[str, Any]:
    """µs of processor time a molecule, on one frame of each phase and one thread."""
    first = {t.phase: t for t in reversed(trajectories(data))}
    frames = [t.frames[len(t.frames) // 2] for t in first.values()]
    molecules = sum(f.n_molecules for f in frames)

    def of_all(work: Callable[[Frame], Any]) -> tuple[Any, int]:
        return lambda: [work(frame) for frame in frames], molecules

    calls = {name: of_all(d.compute) for name, d in descriptors.items()}
    calls["steinhardt"] = of_all(steinhardt)
    for name, prepare in (
        ("CHILL+", chill_plus_types),
        ("PTM", template_types),
    ):
        ready = [prepare(frame) for frame in frames]
        calls[name] = (lambda ready=ready: [work() for work in ready], molecules)
    timings = alternate(calls, repeats)
    return {
        "microseconds": {name: round(t.median("cpu"), 3) for name, t in timings.items()},
        "wall": {name: round(t.median("wall"), 3) for name, t in timings.items()},
        "molecules": molecules,
        "frames": len(frames),
        "machine": machine(),
    }

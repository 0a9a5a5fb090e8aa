"""Simulated trajectories as one compact data set: oxygens only, to 0.001 Å."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from iceclass.datasets.featurize import find_trajectories
from iceclass.datasets.metadata import read_metadata
from iceclass.datasets.table import SPLITS
from iceclass.errors import InputError
from iceclass.frame import Frame
from iceclass.io import Trajectory

FIXED_SPLITS = {n: ("train",) * (n - 2) + ("validation", "test") for n in (4, 5)}
"""By the number of preparations that every phase has: the sides, in the order of the seeds."""

Described = tuple[str, dict[str, Any], tuple[Frame, ...]]
"""Name, metadata and frames of a trajectory, as
:func:`~iceclass.datasets.reference.write_reference` takes them."""


def trajectories_to_pack(runs: Sequence[Path], split: str = "") -> Iterator[Described]:
    """Every trajectory of one phase under ``runs``, with the side of the split it is on.

    Where every phase has five preparations (or four), the last in the order of their seeds tests,
    the one before it validates and the others train. Otherwise no side is fixed.

    Parameters
    ----------
    split
        "train", "validation" or "test" puts all of them on that side.

    Raises
    ------
    InputError
        Nothing to pack, metadata without the seed, or a trajectory that cannot be read.
    """
    if split not in ("", *SPLITS):
        raise InputError(f"split {split!r}, expected one of {', '.join(SPLITS)}")
    found = sorted(find_trajectories(runs), key=lambda t: t.name)
    metadata = {info.name: read_metadata(Path(info.path)) or {} for info in found}
    seeds: dict[str, set[int]] = defaultdict(set)
    for info in found:
        try:
            seed = int(metadata[info.name]["definition"]["seed"])
        except (KeyError, TypeError, ValueError) as error:
            raise InputError(
                "the metadata does not tell the seed of the preparation",
                path=info.path,
                hint="pack what iceclass generate has made",
            ) from error
        seeds[info.phase].add(seed)
    counts = {len(numbers) for numbers in seeds.values()}
    sides = FIXED_SPLITS.get(counts.pop()) if len(counts) == 1 else None
    for info in found:
        own = metadata[info.name]
        if split:
            own["split"] = split
        elif sides is not None:
            order = sorted(seeds[info.phase])
            own["split"] = sides[order.index(own["definition"]["seed"])]
        with Trajectory(info.path) as trajectory:
            yield info.name, own, tuple(trajectory)

"""Pack simulated trajectories into a compact data set: oxygens only, to 0.001 Å.

    python pipelines/pack.py runs/ -o iceclass/data/reference.h5

Where there are five preparations of each phase (or four), the last in the order of their seeds
tests, the one before it validates and the others train: a split that never changes. Of fewer,
training draws the split. Further preparations are packed apart, all to train:

    python pipelines/pack.py accepted/ -o pipelines/data/more.h5 --all-train
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click

from iceclass.datasets.featurize import find_trajectories
from iceclass.datasets.metadata import read_sidecar
from iceclass.datasets.reference import write_reference
from iceclass.datasets.table import TrajectoryInfo
from iceclass.frame import Frame
from iceclass.io import Trajectory

SPLITS = {n: ("train",) * (n - 2) + ("validation", "test") for n in (4, 5)}
"""By the number of preparations a phase has: the sides, in the order of the seeds."""


def described(
    runs: Path, all_train: bool = False
) -> Iterator[tuple[str, dict[str, Any], tuple[Frame, ...]]]:
    """Name, description and frames of every trajectory of one phase under ``runs``."""
    found = sorted(find_trajectories([runs]), key=lambda t: t.name)
    descriptions = {info.name: _description(info) for info in found}
    seeds: dict[str, set[int]] = defaultdict(set)
    for description in descriptions.values():
        seeds[description["phase"]].add(description["definition"]["seed"])
    counts = {len(numbers) for numbers in seeds.values()}
    sides = SPLITS.get(counts.pop()) if len(counts) == 1 else None
    for info in found:
        description = descriptions[info.name]
        if all_train:
            description["split"] = "train"
        elif sides is not None:
            order = sorted(seeds[info.phase])
            description["split"] = sides[order.index(description["definition"]["seed"])]
        with Trajectory(info.path) as trajectory:
            yield info.name, description, tuple(trajectory)


def _description(info: TrajectoryInfo) -> dict[str, Any]:
    """What stands in the file beside a trajectory; it was found by that."""
    description = read_sidecar(Path(info.path))
    assert description is not None
    return description


@click.command(help=__doc__.splitlines()[0])
@click.argument("runs", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("-o", "--output", type=click.Path(path_type=Path), required=True)
@click.option("--all-train", is_flag=True, help="No preparation validates or tests.")
@click.option("--force", is_flag=True, help="Replace an existing file.")
def main(runs: Path, output: Path, all_train: bool, force: bool) -> None:
    write_reference(output, described(runs, all_train), force=force)
    size = output.stat().st_size / 2**20
    click.echo(json.dumps({"file": str(output), "MiB": round(size, 2)}))


if __name__ == "__main__":
    main()

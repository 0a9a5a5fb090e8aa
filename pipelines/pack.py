"""Pack simulated trajectories into a compact data set: oxygens only, to 0.001 Å.

    python pipelines/pack.py runs/ -o iceclass/data/reference.h5

Of five preparations of each phase, in the order of their seeds, the first three train, the fourth
validates and the fifth tests: a split that never changes. Of fewer, training draws the split.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click

from iceclass.featurizing import find_trajectories
from iceclass.frame import Frame
from iceclass.io import open_trajectory
from iceclass.reference import write_reference
from iceclass.sidecar import read_sidecar
from iceclass.table import TrajectoryInfo

SPLIT = ("train", "train", "train", "validation", "test")


def described(runs: Path) -> Iterator[tuple[str, dict[str, Any], tuple[Frame, ...]]]:
    """Name, description and frames of every trajectory of one phase under ``runs``."""
    found = sorted(find_trajectories([runs]), key=lambda t: t.name)
    descriptions = {info.name: _description(info) for info in found}
    seeds: dict[str, set[int]] = defaultdict(set)
    for description in descriptions.values():
        seeds[description["phase"]].add(description["definition"]["seed"])
    fixed = all(len(numbers) == len(SPLIT) for numbers in seeds.values())
    for info in found:
        description = descriptions[info.name]
        if fixed:
            order = sorted(seeds[info.phase])
            description["split"] = SPLIT[order.index(description["definition"]["seed"])]
        with open_trajectory(info.path) as trajectory:
            yield info.name, description, tuple(trajectory)


def _description(info: TrajectoryInfo) -> dict[str, Any]:
    """What stands in the file beside a trajectory; it was found by that."""
    description = read_sidecar(Path(info.path))
    assert description is not None
    return description


@click.command(help=__doc__.splitlines()[0])
@click.argument("runs", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("-o", "--output", type=click.Path(path_type=Path), required=True)
@click.option("--force", is_flag=True, help="Replace an existing file.")
def main(runs: Path, output: Path, force: bool) -> None:
    write_reference(output, described(runs), force=force)
    size = output.stat().st_size / 2**20
    click.echo(json.dumps({"file": str(output), "MiB": round(size, 2)}))


if __name__ == "__main__":
    main()

"""Check simulated trajectories by physics, and draw all their phases on one page.

    python pipelines/check.py runs/ -o checks.json --figure phases.png --accepted accepted/

Every trajectory of one phase under RUNS is measured and accepted or rejected, with the reasons;
README.md tells by which thresholds. ``--accepted`` makes a directory that holds, as links, the
accepted trajectories only, each with a description to which its checks are added: what
``pack.py`` packs.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import click

from iceclass.acceptance.check import Checks, check, write_checks
from iceclass.acceptance.criteria import Thresholds
from iceclass.datasets.featurize import find_trajectories
from iceclass.datasets.metadata import read_sidecar
from iceclass.errors import IceclassError, InputError
from iceclass.frame import Frame
from iceclass.io import Trajectory
from iceclass.phases import label_of
from iceclass.reports.phase_checks import phase_checks_figure

WITHOUT = ("g", "name", "phase", "preparation", "water_model", "temperature", "pressure")
"""What an accepted trajectory's description does not repeat."""


def link_accepted(directory: Path, paths: dict[str, Path], checks: Sequence[Checks]) -> None:
    """Fill ``directory`` anew with links to accepted trajectories and their descriptions."""
    fresh = directory.with_name(f".{os.getpid()}.part.{directory.name}")
    for one in checks:
        if not one.accepted:
            continue
        path = paths[one.name]
        folder = fresh / one.preparation
        folder.mkdir(parents=True, exist_ok=True)
        (folder / path.name).symlink_to(os.path.relpath(path.resolve(), folder.resolve()))
        description = read_sidecar(path)
        assert description is not None
        results = {k: v for k, v in one.to_dict().items() if k not in WITHOUT}
        text = json.dumps({**description, "checks": results}, indent=1)
        (folder / path.with_suffix(".json").name).write_text(text + "\n", encoding="utf-8")
    if directory.exists():
        if not directory.is_dir() or any(directory.rglob("preparation.json")):
            raise InputError("is not a directory of links made by this command", path=directory)
        shutil.rmtree(directory)
    fresh.mkdir(exist_ok=True)
    os.replace(fresh, directory)


def as_text(checks: Sequence[Checks]) -> str:
    """A table by phase, and one line for every rejected trajectory."""
    lines = [f"{'phase':10s} {'checked':>8s} {'accepted':>9s}"]
    for phase in dict.fromkeys(c.phase for c in checks):
        own = [c for c in checks if c.phase == phase]
        lines.append(f"{label_of(phase):10s} {len(own):8d} {sum(c.accepted for c in own):9d}")
    lines += [f"{c.name}: {'; '.join(c.reasons)}" for c in checks if not c.accepted]
    return "\n".join(lines)


def run(
    runs: Sequence[Path],
    *,
    thresholds: Thresholds,
    replaced: Sequence[str] = (),
) -> tuple[list[Checks], dict[str, Path], dict[str, Frame]]:
    """Check everything under ``runs``: the checks, paths by name, a snapshot of each phase."""
    checks: list[Checks] = []
    paths: dict[str, Path] = {}
    middle: dict[str, tuple[float, Frame]] = {}
    for info in find_trajectories(runs):
        path = Path(info.path)
        description: dict[str, Any] = read_sidecar(path) or {}
        with Trajectory(path) as trajectory:
            frames = tuple(trajectory)
        try:
            one = check(description, frames, name=info.name, thresholds=thresholds)
        except InputError as error:
            raise InputError(error.message, path=path, frame=error.frame) from error
        if one.preparation in replaced:
            reason = "the preparation is replaced by another one"
            one = replace(one, reasons=(*one.reasons, reason))
        checks.append(one)
        paths[info.name] = path
        # the snapshot shown is of the coldest accepted state: its structure is seen best
        key = one.temperature + (0.0 if one.accepted else 1e6)
        if one.phase not in middle or key < middle[one.phase][0]:
            middle[one.phase] = (key, frames[-1])
    return checks, paths, {phase: frame for phase, (_, frame) in middle.items()}


@click.command(help=__doc__.splitlines()[0])
@click.argument(
    "runs", nargs=-1, required=True, type=click.Path(exists=True, file_okay=False, path_type=Path)
)
@click.option("-o", "--output", type=click.Path(path_type=Path), required=True, help="JSON file.")
@click.option("--figure", type=click.Path(path_type=Path), help="Page of figures to draw.")
@click.option("--accepted", type=click.Path(path_type=Path), help="Directory to fill with links.")
@click.option(
    "--replaced", multiple=True, help="Name of a preparation that another one stands in for."
)
@click.option("--thresholds", help="JSON object of thresholds that differ from the default.")
def main(
    runs: tuple[Path, ...],
    output: Path,
    figure: Path | None,
    accepted: Path | None,
    replaced: tuple[str, ...],
    thresholds: str | None,
) -> None:
    try:
        limits = Thresholds.from_mapping(json.loads(thresholds) if thresholds else {})
        checks, paths, snapshots = run(runs, thresholds=limits, replaced=replaced)
        write_checks(output, checks, limits)
        if figure is not None:
            phase_checks_figure(checks, snapshots, figure)
        if accepted is not None:
            link_accepted(accepted, paths, checks)
    except IceclassError as error:
        raise click.ClickException(str(error)) from error
    click.echo(as_text(checks))


if __name__ == "__main__":
    main()

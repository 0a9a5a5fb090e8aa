"""Measure a model on what it was not trained on: stacking, other ices, perturbations, interfaces.

    python -m pipelines.validation.run default -o validation/

Writes validation.json, a CSV of each part, figures, and validation.md, which is made of them.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator, Sequence
from itertools import chain
from pathlib import Path
from typing import Any

import click

from iceclass._version import __version__
from iceclass.datasets.reference import load_reference
from iceclass.errors import IceclassError
from iceclass.files import replacing
from iceclass.frame import Frame
from iceclass.io import Trajectory
from iceclass.model.file import load_model
from iceclass.model.network import Model
from pipelines.validation import figures
from pipelines.validation.held_out import held_out, transferred
from pipelines.validation.interfaces import bulks, interface_rows
from pipelines.validation.novelty import every_lattice_rows, known_molecules, novelty_rows
from pipelines.validation.plan import INTERFACES
from pipelines.validation.report import as_markdown
from pipelines.validation.robustness import HELD_OUT, TRANSFERRED, lattice_rows, robustness_rows
from pipelines.validation.sets import (
    all_lattices,
    compressed_ices,
    crystals_at_0_kelvin,
    no_ices,
    other_ices,
    stacking_cases,
)
from pipelines.validation.stacking import DISPLACED, DYNAMICS, overall, stacking_rows

PARTS = ("stacking", "novelty", "lattices", "robustness", "interfaces")
DEMO = Path(__file__).parents[2] / "demo" / "melting-slab.lammpstrj.gz"


def measure(
    model: Model, parts: Sequence[str] = PARTS, frames: int = 3, sources: Sequence[Path | None] = ()
) -> dict[str, Any]:
    """All that is measured; JSON-serialisable.

    Parameters
    ----------
    parts
        Which of :data:`PARTS`.
    frames
        How many of each trajectory.
    sources
        Compact data sets with the classes' trajectories; default: the shipped one.
    """
    found: dict[str, Any] = {
        "model_id": model.model_id,
        "descriptor": model.descriptor.to_dict(),
        "classes": list(model.classes),
        "iceclass_version": __version__,
        "frames": frames,
    }
    if "stacking" in parts:
        rows = stacking_rows(model, stacking_cases())
        kinds = [overall(rows, kind) for kind in (DYNAMICS, DISPLACED)]
        found["stacking"] = {"overall": kinds, "rows": rows}
    if {"novelty", "robustness"} & set(parts):
        own = held_out(model, sources or (None,))
        found["held_out"] = [t.name for t in own]
    if "novelty" in parts:
        known, classes = known_molecules(model, own, frames)
        rows = novelty_rows(model, known, chain(other_ices(), compressed_ices(), no_ices()))
        threshold = None if model.novelty is None else model.novelty.threshold
        found["novelty"] = {"threshold": threshold, "classes": classes, "rows": rows}
    if "lattices" in parts:
        found["lattices"] = {"rows": every_lattice_rows(model, all_lattices())}
    if "robustness" in parts:
        rows = robustness_rows(model, HELD_OUT, own, frames)
        rows += robustness_rows(model, TRANSFERRED, transferred(model), frames)
        found["robustness"] = {"rows": rows + lattice_rows(model, crystals_at_0_kelvin())}
    if "interfaces" in parts:
        rows = [row for system in systems() for row in interface_rows(model, *system)]
        found["interfaces"] = {"bulks": bulks(rows), "rows": rows}
    return found


def systems() -> Iterator[tuple[str, str, Sequence[Frame]]]:
    """Name, shape and frames of everything with an interface."""
    for t in load_reference(INTERFACES):
        name = f"{t.description['shape']}, {t.model}, {t.temperature:g} K"
        yield name, str(t.description["shape"]), t.frames
    with Trajectory(DEMO) as trajectory:
        frames = tuple(trajectory)[:6:2]  # later, there is no ice left
    yield "melting slab, tip4p-ice, 310 K", "slab", frames


def write(found: dict[str, Any], directory: Path) -> None:
    """The files of a measurement, in place of older ones."""
    directory.mkdir(parents=True, exist_ok=True)
    for part in PARTS:
        if part not in found:
            continue
        rows = found[part]["rows"]
        with (
            replacing(directory / f"{part}.csv", force=True) as temporary,
            open(temporary, "w", newline="", encoding="utf-8") as file,
        ):
            writer = csv.DictWriter(file, rows[0])
            writer.writeheader()
            writer.writerows(rows)
        if part in figures.FIGURES:
            figures.FIGURES[part](found[part], directory / f"{part}.png")
    texts = {
        "validation.json": json.dumps(found, indent=1, ensure_ascii=False) + "\n",
        "validation.md": as_markdown(found),
    }
    for name, text in texts.items():
        with replacing(directory / name, force=True) as temporary:
            temporary.write_text(text, encoding="utf-8")


@click.command(help=__doc__.splitlines()[0])
@click.argument("model")
@click.option("-o", "--output", type=click.Path(path_type=Path), required=True)
@click.option("--part", "parts", multiple=True, type=click.Choice(PARTS), help="Default: all.")
@click.option("--frames", type=click.IntRange(min=1), default=3, show_default=True)
@click.option(
    "--reference",
    "sources",
    multiple=True,
    type=click.Path(exists=True, path_type=Path),
    help="Compact data set with the classes' trajectories; default: the shipped one.",
)
def main(
    model: str, output: Path, parts: tuple[str, ...], frames: int, sources: tuple[Path, ...]
) -> None:
    try:
        found = measure(load_model(model), parts or PARTS, frames, sources)
        write(found, output)
    except IceclassError as error:
        raise click.ClickException(str(error)) from error
    click.echo(as_markdown(found))


if __name__ == "__main__":
    main()

"""``iceclass augment``."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path
from typing import Any

import click

from iceclass.cli.options import PATH, force_option, quiet_option, say
from iceclass.datasets.augment import Variation, augment
from iceclass.datasets.reference import load_reference, write_reference

HELP = {
    "density": "Largest relative change of the density.",
    "strain": "Largest stretch, and half of the largest shear.",
    "motion": "Largest standard deviation of added displacements, Å.",
    "glassy": "The same in amorphous ices, Å.",
    "glassy_density": "Largest relative change of the density of amorphous ices.",
    "still": "Smallest factor of the displacements from the mean places of solids.",
    "frames": "How many of a trajectory.",
    "displaced": "How many of a lattice in a draw.",
    "shaken": "Largest standard deviation of displacements from lattices, Å.",
    "seed": "Of all random numbers.",
}


def variation_options(function: Any) -> Any:
    """One option for each field of :class:`~iceclass.datasets.augment.Variation`."""
    for one in reversed(fields(Variation)):
        function = click.option(
            f"--{one.name}", default=one.default, show_default=True, help=HELP[one.name]
        )(function)
    return function


@click.command(short_help="Vary training trajectories, for a robust model.")
@click.argument("data", nargs=-1, required=True, type=PATH)
@click.option("-o", "--output", type=PATH, required=True, help="HDF5 file.")
@click.option(
    "--lattices",
    "directory",
    type=PATH,
    help="Directory of lattices.h5, stacking-train.h5 and other-lattices.h5.  "
    "[default: pipelines/data of a checkout]",
)
@variation_options
@force_option
@quiet_option
def command(
    data: tuple[Path, ...],
    output: Path,
    directory: Path | None,
    force: bool,
    quiet: bool,
    **variation: Any,
) -> None:
    """Vary training trajectories, for a robust model.

    DATA are compact data sets with a fixed split (iceclass pack). Of every trajectory that
    trains, frames are changed in density, shape of the cell and motion; lattices,
    stacking-disordered ices and interfaces cut from frames that train are added. What validates
    or tests is not touched. Train on DATA and the output together.

    \b
    Example:
      iceclass augment data.h5 -o varied.h5
      iceclass featurize data.h5 varied.h5 --descriptor soap-148-scales -o features.h5
    """
    write_reference(output, augment(data, Variation(**variation), directory), force=force)
    say(quiet)(f"{output}: {len(load_reference(output))} trajectories")

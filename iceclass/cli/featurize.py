"""``iceclass featurize``."""

from __future__ import annotations

from pathlib import Path

import click

from iceclass.cli.options import (
    PATH,
    quiet_option,
    read_options,
    say,
)
from iceclass.datasets.featurize import featurize, find_trajectories
from iceclass.descriptors import descriptor as find_descriptor
from iceclass.io.options import ReadOptions


@click.command(short_help="Turn trajectories into a feature store.")
@click.argument("trajectories", nargs=-1, required=True, type=PATH)
@click.option(
    "-o",
    "--output",
    type=PATH,
    required=True,
    help="Feature store (HDF5); what is in it already is kept and not computed again.",
)
@click.option(
    "-d",
    "--descriptor",
    default="soap-325",
    show_default=True,
    help="acsf, bispectrum-30, soap-37, soap-325, with other parameters as in soap-325(r_cut=10); "
    "with -avg averaged over the first shell, with -scales the molecule, its first shell and its "
    "surroundings to 8 Å: soap-148-scales.",
)
@click.option("--phase", help="What the given files hold, where no .json beside them says it.")
@click.option(
    "--preparation", help="The preparation the given files come from.  [default: each its own]"
)
@read_options("types", "every")
@click.option("--backend", help="Implementation of the descriptor: numba or dscribe.")
@click.option("--force", is_flag=True, help="Compute trajectories that have changed anew.")
@quiet_option
def command(
    trajectories: tuple[Path, ...],
    output: Path,
    descriptor: str,
    phase: str | None,
    preparation: str | None,
    reading: ReadOptions,
    backend: str | None,
    force: bool,
    quiet: bool,
) -> None:
    """Turn trajectories into a feature store.

    TRAJECTORIES are files, directories made by iceclass generate --md, which are searched,
    "reference", the trajectories that come with iceclass, or "environments", those of interfaces,
    nuclei, surfaces and supercooled liquid in a checkout.
    Trajectories that are in the store already are left as they are; a stopped run goes on when
    the same command is given again.

    \b
    Examples:
      iceclass featurize runs/ --descriptor soap-325 -o soap-325.h5
      iceclass featurize reference --descriptor soap-37 -o soap-37.h5
      iceclass featurize mine.dump --phase ih --preparation mine-1 -o soap-325.h5
    """
    report = say(quiet)
    described = find_trajectories(
        trajectories, phase=phase, preparation=preparation, boundaries=True, report=report
    )
    featurize(
        described,
        find_descriptor(descriptor),
        output,
        types=reading.types,
        every=reading.every,
        backend=backend,
        force=force,
        report=report,
    )
    click.echo(f"{output}: {len(described)} trajectories")

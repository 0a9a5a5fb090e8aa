"""``iceclass pack``."""

from __future__ import annotations

from pathlib import Path

import click

from iceclass.cli.options import PATH, force_option
from iceclass.datasets.pack import trajectories_to_pack
from iceclass.datasets.reference import write_reference


@click.command(short_help="Pack simulated trajectories into a compact data set.")
@click.argument("runs", nargs=-1, required=True, type=PATH)
@click.option("-o", "--output", type=PATH, required=True, help="HDF5 file.")
@click.option("--all-train", is_flag=True, help="No preparation validates or tests.")
@force_option
def command(runs: tuple[Path, ...], output: Path, all_train: bool, force: bool) -> None:
    """Pack simulated trajectories into a compact data set.

    Oxygens only, to 0.001 Å.
    RUNS are directories of trajectories of one phase each, with their metadata beside them, as
    iceclass generate --md and iceclass check --accepted leave them. Where every phase has five
    preparations (or four), the last in the order of their seeds tests, the one before it
    validates and the others train: a split that never changes. Of fewer, training draws the
    split. iceclass featurize, evaluate and load_reference of Python read the file.

    \b
    Examples:
      iceclass pack accepted/ -o data.h5
      iceclass pack accepted/ -o more.h5 --all-train
    """
    split = "train" if all_train else ""
    write_reference(output, trajectories_to_pack(runs, split), force=force)
    click.echo(f"{output}: {output.stat().st_size / 2**20:.2f} MiB")

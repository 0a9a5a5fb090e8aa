"""Run the molecular dynamics of the validation sets, one preparation after the other.

    python -m pipelines.validation.simulate -o runs-validation

What is complete is not redone; a killed run goes on where it was.
"""

from __future__ import annotations

from pathlib import Path

import click

from iceclass.errors import IceclassError
from iceclass.generation.runs import run
from pipelines.validation.plan import preparations


@click.command(help=__doc__.splitlines()[0])
@click.option("-o", "--output", type=click.Path(path_type=Path), required=True)
def main(output: Path) -> None:
    for preparation in preparations():
        try:
            run(preparation, output, report=click.echo)
        except IceclassError as error:
            raise click.ClickException(f"{preparation.name}: {error}") from error


if __name__ == "__main__":
    main()

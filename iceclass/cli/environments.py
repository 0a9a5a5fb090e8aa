"""``iceclass environments``."""

from __future__ import annotations

import re
from pathlib import Path

import click

from iceclass.acceptance.packing import NAMES, pack_new
from iceclass.cli.options import PATH
from iceclass.cli.parallel import jobs_option, parallel
from iceclass.generation.plan import perform, read_plan

plan_argument = click.argument("plan", type=PATH)


@click.group(short_help="Simulate what a plan lists, and pack what is accepted.")
def command() -> None:
    """Simulate what a plan lists, and pack what is accepted.

    A plan lists preparations of interfaces, nuclei, surfaces, liquids … in YAML;
    pipelines/config/environments.yaml of the repository is one, and iceclass.generation.plan
    explains the keys.

    \b
    Example:
      iceclass environments run plan.yaml -o runs/ --jobs 2
      iceclass environments pack plan.yaml runs/ -o data/
    """


@command.command(short_help="Run what is missing of a plan.")
@plan_argument
@click.option("-o", "--output", type=PATH, required=True, help="Directory of the runs.")
@click.option("--match", default="", help="Only preparations whose name has this expression.")
@jobs_option
@click.option("--list", "listing", is_flag=True, help="Only say what is complete and what is not.")
def run(plan: Path, output: Path, match: str, jobs: int, listing: bool) -> None:
    """Run what is missing of a plan, in its order.

    May be stopped at any time, kill -9 included: the same command goes on where it was. Several may
    run at a time, also with other --match; a preparation is taken by one of them only. One that
    LAMMPS cannot finish leaves failed.txt with the reason and is not tried again before that is
    removed.

    Example: nohup nice iceclass environments run plan.yaml -o runs/ --jobs 2 &
    """
    try:
        expression = re.compile(match)
    except re.error as error:
        raise click.BadParameter(f"{match!r}: {error}", param_hint="--match") from None
    chosen = [job for job in read_plan(plan) if expression.search(job.name)]
    if listing:
        for job in chosen:
            click.echo(f"{job.state(output):9s} {job.split:11s} {job.name}")
        return
    missing = [(job, output) for job in chosen if job.state(output) != "complete"]
    for said in parallel(perform, missing, jobs):
        click.echo(said)


@command.command(short_help="Check what is new, and pack what is accepted.")
@plan_argument
@click.argument("runs", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("-o", "--output", type=PATH, required=True, help="Directory of the data set.")
@click.option(
    "--name",
    type=click.Choice(NAMES),
    default=NAMES[0],
    show_default=True,
    help="What the files begin with.",
)
def pack(plan: Path, runs: Path, output: Path, name: str) -> None:
    """Check what is new of a plan's RUNS, and add the accepted trajectories to a data set.

    They become a file of their own, NAME-01.h5, NAME-02.h5 …; none is written twice. What is
    rejected stays in NAME-rejected.json with the reasons. load_environments of Python reads the
    directory.

    Example: iceclass environments pack plan.yaml runs/ -o data/
    """
    path = pack_new(read_plan(plan), runs, output, name, click.echo)
    if path is None:
        click.echo("nothing new is accepted")
    else:
        click.echo(f"{path}: {path.stat().st_size / 2**20:.2f} MiB")

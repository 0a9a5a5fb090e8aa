"""Run what is missing of the environments' simulations, in the order of the plan.

    nohup nice -n 19 python -m pipelines.environments.run RUNS --jobs 2 &

May be stopped at any time, kill -9 included: the same command goes on where it was. Several may
run at a time, also with other ``--match``; a preparation is taken by one of them only. One that
LAMMPS cannot finish leaves ``failed.txt`` with the reason and is not tried again before that is
removed.
"""

from __future__ import annotations

import fcntl
import re
from concurrent.futures import ProcessPoolExecutor, as_completed
from pathlib import Path

import click

from iceclass.errors import IceclassError
from iceclass.generation.runs import run
from pipelines.environments.plan import CONFIG, Job, read_plan


def complete(job: Job, runs: Path) -> bool:
    """Whether every trajectory of a job is there with its description."""
    made = job.preparation
    folder = job.directory(runs) / made.name
    paths = [folder / made.trajectory_name(state) for state in made.states]
    return all(p.is_file() and p.with_suffix(".json").is_file() for p in paths)


def perform(job: Job, runs: Path) -> str:
    """Run one job; a line that says what became of it."""
    folder = job.directory(runs) / job.preparation.name
    folder.mkdir(parents=True, exist_ok=True)
    failed = folder / "failed.txt"
    if failed.exists():
        return f"{job.name}: failed before, see {failed}"
    with (folder / "lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return f"{job.name}: taken by another process"
        if complete(job, runs):
            return f"{job.name}: complete"
        try:
            run(job.preparation, job.directory(runs))
        except IceclassError as error:
            failed.write_text(f"{error}\n", encoding="utf-8")
            return f"{job.name}: failed: {error}"
    return f"{job.name}: done"


@click.command(help=__doc__.splitlines()[0])
@click.argument("runs", type=click.Path(path_type=Path))
@click.option("--plan", type=click.Path(path_type=Path), default=CONFIG, show_default=True)
@click.option("--match", default="", help="Only preparations whose name has this expression.")
@click.option("--jobs", type=click.IntRange(min=1), default=1, show_default=True)
@click.option("--list", "listing", is_flag=True, help="Only say what is complete and what is not.")
def main(runs: Path, plan: Path, match: str, jobs: int, listing: bool) -> None:
    try:
        chosen = [job for job in read_plan(plan) if re.search(match, job.name)]
    except IceclassError as error:
        raise click.ClickException(str(error)) from error
    if listing:
        for job in chosen:
            failed = (job.directory(runs) / job.preparation.name / "failed.txt").exists()
            state = "failed" if failed else "complete" if complete(job, runs) else "missing"
            click.echo(f"{state:9s} {job.split:11s} {job.name}")
        return
    with ProcessPoolExecutor(jobs) as pool:
        todo = [pool.submit(perform, job, runs) for job in chosen if not complete(job, runs)]
        for one in as_completed(todo):
            click.echo(one.result())


if __name__ == "__main__":
    main()

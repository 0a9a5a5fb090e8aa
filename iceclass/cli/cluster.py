"""Options for sharing work out among the workers of a Dask cluster, and finding them."""

from __future__ import annotations

import logging
import shutil
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import wraps
from inspect import signature
from tempfile import NamedTemporaryFile
from typing import TYPE_CHECKING, Any

import click

from iceclass.errors import InputError, MissingDependencyError, unknown_name

if TYPE_CHECKING:
    from dask_jobqueue import SLURMCluster
    from distributed import Client

_LISTS = ("job_extra_directives", "job_script_prologue", "job_directives_skip", "worker_extra_args")
_NOT_OPTIONS = ("self", "scheduler", "name", "config_name", "base_class_kwargs", "security")
_DEPRECATED = ("extra", "job_extra", "env_extra", "header_skip", "project")
_GIGABYTES_A_CORE = 2


@dataclass(frozen=True)
class ClusterOptions:
    """Where the workers are: at a scheduler's address, or so many SLURM jobs with options."""

    scheduler: str | None
    jobs: int
    slurm: dict[str, Any]


def cluster_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options to a command, which is given ``cluster``: ``ClusterOptions`` or ``None``."""

    @click.option(
        "--scheduler",
        metavar="ADDRESS",
        help="Share the frames out among the workers of a Dask scheduler: tcp://HOST:PORT, or a "
        "scheduler file.",
    )
    @click.option("--slurm", is_flag=True, help="Share the frames out among SLURM jobs.")
    @click.option(
        "--jobs", type=click.IntRange(min=1), metavar="N", help="How many SLURM jobs.  [default: 1]"
    )
    @click.option(
        "--slurm-option",
        "options",
        multiple=True,
        metavar="KEY=VALUE",
        help="Of a SLURM job: queue, account, walltime, cores, memory, …; as often as needed.",
    )
    @wraps(command)
    def with_cluster(
        *arguments: Any,
        scheduler: str | None,
        slurm: bool,
        jobs: int | None,
        options: tuple[str, ...],
        **others: Any,
    ) -> Any:
        cluster = None
        if scheduler is not None and slurm:
            raise click.UsageError("--scheduler or --slurm, not both")
        if not slurm and (jobs is not None or options):
            raise click.UsageError("--jobs and --slurm-option go with --slurm")
        if scheduler is not None or slurm:
            cluster = ClusterOptions(scheduler, jobs or 1, _parsed(options))
        return command(*arguments, cluster=cluster, **others)

    return with_cluster


def _parsed(options: tuple[str, ...]) -> dict[str, Any]:
    """``("cores=4", "queue=long")`` → ``{"cores": 4, "queue": "long"}``."""
    from iceclass.io.text.pairs import parse_pair

    parsed: dict[str, Any] = {}
    for option in options:
        name, text = parse_pair(option, "KEY=VALUE")
        key = name.replace("-", "_")
        value: Any = int(text) if text.isdecimal() else text
        if key in _LISTS:
            parsed.setdefault(key, []).append(text)
        elif key in parsed:
            raise click.UsageError(f"--slurm-option {key} is given twice")
        else:
            parsed[key] = value
    return parsed


@contextmanager
def connected_to(options: ClusterOptions, quiet: bool) -> Iterator[Client]:
    """A client of the cluster; SLURM jobs are there as long as the block lasts.

    Raises
    ------
    ClusterError
        No scheduler answers; there is no SLURM here, or it does not take the job.
    InputError
        An option of SLURM jobs that is unknown or cannot be used.
    MissingDependencyError
        ``distributed`` or ``dask-jobqueue`` is not installed.
    """
    from iceclass.labelling.distributed import connected

    jobs = connected(options.scheduler) if options.scheduler is not None else _slurm_jobs(options)
    with jobs as client:
        # its tracebacks are about what the error says in a line
        logging.getLogger("distributed.client").setLevel(logging.CRITICAL)
        if not quiet and not client.nthreads():
            click.echo("waiting for the first worker", err=True)
        yield client


@contextmanager
def _slurm_jobs(options: ClusterOptions) -> Iterator[Client]:
    with slurm_cluster(options.slurm) as cluster:
        _try_submission(cluster.job_script())
        # unlike scale, this replaces jobs that come to the end of their time
        cluster.adapt(minimum_jobs=options.jobs, maximum_jobs=options.jobs)
        with cluster.get_client() as client:
            yield client


def slurm_cluster(options: dict[str, Any]) -> SLURMCluster:
    """A Dask cluster of SLURM jobs, none of them submitted yet; unless said, of one core each.

    The threads of a job are those of one process; only so are lost jobs replaced.

    Raises
    ------
    InputError, MissingDependencyError
        As :func:`connected_to`.
    """
    try:
        import dask
        from dask_jobqueue import SLURMCluster
        from dask_jobqueue.core import Job
        from dask_jobqueue.slurm import SLURMJob
    except ImportError:
        raise MissingDependencyError("--slurm", "dask-jobqueue", "distributed") from None
    known = {*signature(SLURMJob.__init__).parameters, *signature(Job.__init__).parameters}
    known -= {*_NOT_OPTIONS, *_DEPRECATED}
    for key in options:
        if key not in known:
            raise unknown_name("SLURM option", key, known)
    configured = dask.config.get("jobqueue.slurm")
    cores = options.get("cores") or configured["cores"] or 1
    memory = configured["memory"] or f"{_GIGABYTES_A_CORE * cores}GB"
    # not the usual port, which on a login node others have
    scheduler = {"dashboard_address": ":0"} | configured.get("scheduler-options", {})
    defaults = {"cores": cores, "memory": memory, "processes": 1, "scheduler_options": scheduler}
    try:
        return SLURMCluster(**defaults | options)
    except (ValueError, TypeError, RuntimeError) as error:
        raise InputError(f"--slurm-option: {error}") from None


def _try_submission(script: str) -> None:
    """Whether SLURM would take the job, for nobody sees the errors of a later submission."""
    from iceclass.labelling.distributed import ClusterError

    if shutil.which("sbatch") is None:
        raise ClusterError(
            "--slurm: there is no sbatch here; run the command where jobs are submitted, "
            "or start the workers yourself and use --scheduler"
        )
    with NamedTemporaryFile("w", suffix=".sh") as file:
        file.write(script)
        file.flush()
        test = ["sbatch", "--test-only", file.name]
        done = subprocess.run(test, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        said = " ".join(done.stderr.split()) or f"status {done.returncode}"
        raise ClusterError(f"--slurm: sbatch would not take the job: {said}")

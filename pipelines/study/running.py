"""Doing the jobs of a study that are not done yet, one after the other or several at once."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from concurrent.futures import ProcessPoolExecutor, as_completed
from multiprocessing import get_context
from typing import Any

from pipelines.study.settings import Study


def run_waves(
    study: Study, waves: Iterable[list[Any]], jobs: int, report: Callable[[str], None]
) -> int:
    """Do what is missing; how many jobs that were. A killed run goes on where it was."""
    (study.directory / "results").mkdir(parents=True, exist_ok=True)
    count = 0
    for wave in waves:
        missing = [job for job in wave if not study.path(job).exists()]
        if jobs == 1 or len(missing) < 2:
            for number, job in enumerate(missing, 1):
                report(f"{number}/{len(missing)} {do(study, job)}")
        else:
            _in_processes(study, missing, jobs, report)
        count += len(missing)
    return count


def _in_processes(
    study: Study, missing: list[Any], jobs: int, report: Callable[[str], None]
) -> None:
    with ProcessPoolExecutor(jobs, mp_context=get_context("spawn")) as pool:
        futures = [pool.submit(do, study, job) for job in missing]
        try:
            for number, future in enumerate(as_completed(futures), 1):
                report(f"{number}/{len(missing)} {future.result()}")
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise


def do(study: Study, job: Any) -> str:
    """One job; its name."""
    study.keep(job, job.run(study))
    return str(job.name)

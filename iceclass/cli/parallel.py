"""Simulations side by side: the option ``--jobs``, and what it does."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from typing import Any, TypeVar

import click

Result = TypeVar("Result")

jobs_option = click.option(
    "--jobs",
    type=click.IntRange(min=1),
    default=1,
    show_default=True,
    help="Preparations simulated at a time, one core each.",
)


def parallel(
    work: Callable[..., Result], calls: Iterable[tuple[Any, ...]], jobs: int
) -> Iterator[Result]:
    """What ``work`` returns of the arguments of each call, as they get done, in some processes.

    An error, or an interruption, keeps what has not begun from beginning.
    """
    if jobs == 1:
        yield from (work(*arguments) for arguments in calls)
        return
    with ProcessPoolExecutor(jobs) as pool:
        futures = [pool.submit(work, *arguments) for arguments in calls]
        try:
            for future in as_completed(futures):
                yield future.result()
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise

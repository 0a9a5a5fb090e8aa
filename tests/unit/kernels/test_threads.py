"""Who works on the rows of a frame: every row once, by those who have time."""

from __future__ import annotations

import threading

import numpy as np
import pytest

from iceclass.kernels.threads import BLOCK, Team, over_rows, threads

LARGE = 200 * BLOCK + 7


@pytest.mark.parametrize("n_rows", [0, 1, BLOCK, 5 * BLOCK + 1, LARGE])
@pytest.mark.parametrize("count", [1, 2, 3])
@pytest.mark.parametrize("together", [False, True])
def test_every_row_is_worked_on_once(n_rows: int, count: int, together: bool) -> None:
    done = np.zeros(n_rows, dtype=np.int64)

    def work(start: int, stop: int) -> None:
        assert start % BLOCK == 0
        done[start:stop] += 1

    with threads(count):
        if together:
            with Team(count).member():
                over_rows(work, n_rows)
        else:
            over_rows(work, n_rows)
    assert np.all(done == 1)


def test_a_thread_that_gets_free_helps_with_what_another_has_begun() -> None:
    team, here = Team(2), threading.current_thread()
    leave, left, helped = threading.Event(), threading.Event(), threading.Event()

    def elsewhere() -> None:
        with team.member():
            assert leave.wait(10)
        left.set()

    def work(start: int, stop: int) -> None:
        if threading.current_thread() is not here:
            helped.set()
        elif start == 0:
            assert team.borrow(1) == 0
            leave.set()
            assert left.wait(10)
        else:
            assert helped.wait(10)

    other = threading.Thread(target=elsewhere)
    other.start()
    while team.borrow(2) == 2:  # until the other one has its place
        team.give_back(2)
    team.give_back(1)
    with team.member():
        over_rows(work, LARGE)
    other.join()
    assert team.borrow(3) == 2  # all places are given back


def test_what_a_helper_raises_is_raised() -> None:
    here, raised = threading.current_thread(), threading.Event()

    def work(start: int, stop: int) -> None:
        if threading.current_thread() is here:
            assert raised.wait(10)
        else:
            raised.set()
            raise ValueError("of a helper")

    with threads(2), pytest.raises(ValueError, match="of a helper"):
        over_rows(work, LARGE)

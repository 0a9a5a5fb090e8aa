"""Work on items in threads of their own, results in order."""

from __future__ import annotations

import threading
import time

import pytest

from iceclass.kernels.threads import Team, over_rows, threads
from iceclass.labelling.prefetch import side_by_side


def squares(count, n_threads, room=1000, seconds=0.0):
    def work(item):
        time.sleep(seconds * (item % 3))
        return item * item

    with threads(n_threads):
        return [
            (item, result.result())
            for item, result in side_by_side(range(count), work, lambda item: 10, room)
        ]


@pytest.mark.parametrize("n_threads", [1, 3])
@pytest.mark.parametrize("room", [5, 1000])
def test_results_come_in_the_order_of_the_items(n_threads, room):
    assert squares(20, n_threads, room, 0.002) == [(k, k * k) for k in range(20)]


def test_pieces_are_worked_on_at_the_same_time():
    together = threading.Barrier(2, timeout=10)
    with threads(2):
        for _, result in side_by_side(range(4), lambda item: together.wait(), lambda item: 1, 9):
            result.result()


def test_no_more_is_under_way_than_there_is_room_for():
    under_way, most = [0], [0]

    def items():
        for item in range(12):
            under_way[0] += 1
            most[0] = max(most[0], under_way[0])
            yield item

    with threads(2):
        for _, result in side_by_side(items(), lambda item: time.sleep(0.002), lambda item: 1, 3):
            result.result()
            under_way[0] -= 1
    assert most[0] <= 3 + 2  # and one that waits for room, and the one that is used


def test_errors_of_items_and_of_work_come_in_their_turn():
    def items():
        yield from (1, 2)
        raise ValueError("no more")

    seen = []

    def take():
        for item, result in side_by_side(items(), lambda item: 1 // (item - 1), lambda i: 1, 9):
            seen.append((item, type(result.exception())))

    with pytest.raises(ValueError, match="no more"):
        take()
    assert seen == [(1, ZeroDivisionError), (2, type(None))]


def test_leaving_early_ends_the_threads():
    before = threading.active_count()
    with threads(2):
        work = side_by_side(iter(int, 1), lambda item: item, lambda item: 1, 2)
        next(work)
        work.close()
    assert threading.active_count() <= before


def test_a_team_shares_its_places_out():
    team = Team(3)
    rows = []
    with team.member():
        assert team.borrow(5) == 2
        assert team.borrow(1) == 0
        team.give_back(2)
        over_rows(lambda start, stop: rows.append((start, stop)), 5000)
        assert team.borrow(5) == 2
        team.give_back(2)
    assert sorted(rows)[0][0] == 0
    assert sum(stop - start for start, stop in rows) == 5000
    assert team.borrow(9) == 3

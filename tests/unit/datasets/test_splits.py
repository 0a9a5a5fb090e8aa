"""Splits never divide a preparation."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from iceclass.datasets.splits import (
    balanced_rows,
    class_weights,
    preparation_folds,
    split_by_preparation,
    split_randomly,
    split_table,
)
from iceclass.datasets.table import SPLITS, TrajectoryInfo
from iceclass.errors import InputError
from tests.helpers.iceframes import ice_table, trajectory


def sides(infos: list[TrajectoryInfo], split: np.ndarray) -> dict[tuple[str, str], set[str]]:
    """(phase, preparation) → the sides its trajectories are on."""
    found: dict[tuple[str, str], set[str]] = {}
    for info, side in zip(infos, split, strict=True):
        found.setdefault(info.group, set()).add(str(side))
    return found


@settings(deadline=None, derandomize=True)
@given(
    preparations=st.lists(st.integers(2, 12), min_size=1, max_size=4),
    states=st.integers(1, 3),
    seed=st.integers(0, 1000),
)
def test_a_preparation_is_on_one_side(preparations: list[int], states: int, seed: int):
    phases = ("ih", "ic", "ii", "vi")
    infos = [
        trajectory(phase, k, temperature=200.0 + s)
        for phase, n in zip(phases, preparations, strict=False)
        for k in range(n)
        for s in range(states)
    ]
    split = split_by_preparation(infos, seed=seed)
    found = sides(infos, split)
    assert all(len(where) == 1 for where in found.values())
    for phase, n in zip(phases, preparations, strict=False):
        counts = {
            side: sum(where == {side} for group, where in found.items() if group[0] == phase)
            for side in SPLITS
        }
        assert counts["train"] >= 1
        assert counts["test"] >= 1
        assert counts["validation"] >= (n > 2)
        if n > 2:
            assert abs(counts["test"] - 0.2 * n) < 1
            assert abs(counts["validation"] - 0.2 * n) < 1
    np.testing.assert_array_equal(split, split_by_preparation(infos, seed=seed))


def test_seeds_draw_different_splits():
    infos = [trajectory("ih", k) for k in range(8)]
    drawn = {tuple(split_by_preparation(infos, seed=seed)) for seed in range(5)}
    assert len(drawn) > 1


def test_two_preparations_leave_no_validation():
    split = split_table(ice_table(("ih", "ii"), preparations=2))
    assert set(split.rows) == {"train", "test"}
    assert split.without_validation == ("ih", "ii")
    assert split.without_test == ()


def test_one_preparation_is_refused_with_the_reason():
    with pytest.raises(InputError, match="phase ih has one preparation, 'seed-1': it cannot both"):
        split_by_preparation([trajectory("ih", 1), trajectory("ih", 1, temperature=220.0)])


def test_explicit_splits_stand():
    told = {1: "test", 2: "test", 3: "validation"}
    infos = [trajectory("ih", k, split=told.get(k, "")) for k in range(1, 8)]
    split = split_by_preparation(infos, seed=5)
    assert [str(s) for s in split[:3]] == ["test", "test", "validation"]
    assert set(split[3:]) == {"train"}
    alone = [trajectory("v", 1, split="train")]
    assert list(split_by_preparation(alone)) == ["train"]
    with pytest.raises(InputError, match="given to both 'train' and 'test'"):
        split_by_preparation([*alone, trajectory("v", 1, temperature=250.0, split="test")])


@pytest.mark.parametrize(
    "fractions", [(0.5, 0.5), (0.5, 0.1, 0.1), (0.0, 0.5, 0.5), (1.2, -0.1, -0.1)]
)
def test_fractions_are_checked(fractions: tuple[float, ...]):
    with pytest.raises(InputError, match="three shares"):
        split_by_preparation([trajectory("ih", k) for k in range(3)], fractions)


def test_a_test_share_of_nothing_gives_all_to_the_others():
    infos = [trajectory("ih", k) for k in range(5)]
    assert sorted(split_by_preparation(infos, (0.8, 0.2, 0.0))) == ["train"] * 4 + ["validation"]


def test_random_split_divides_trajectories_and_says_so():
    table = ice_table(("ih", "ii"))
    split = split_table(table, "molecule", seed=1)
    assert split.by == "molecule"
    shares = [len(split.index(side)) / len(table) for side in SPLITS]
    np.testing.assert_allclose(shares, (0.6, 0.2, 0.2), atol=1e-3)
    assert set(split.rows[table.trajectory == 0]) == set(SPLITS)
    np.testing.assert_array_equal(split_randomly(100, seed=3), split_randomly(100, seed=3))


def test_class_weights_give_every_class_the_same_sum():
    target = np.repeat([0, 1, 3], [10, 30, 60])
    weights = class_weights(target, 4)
    np.testing.assert_allclose(weights[target].sum(), 100)
    np.testing.assert_allclose([weights[c] * n for c, n in ((0, 10), (1, 30), (3, 60))], 100 / 3)
    assert weights[2] == 0


def test_balanced_rows():
    target = np.repeat([-1, 0, 1, 2], [5, 10, 30, 60])
    rows = balanced_rows(target, seed=1)
    assert np.bincount(target[rows]).tolist() == [10, 10, 10]
    assert len(np.unique(rows)) == 30
    rows = balanced_rows(target, 20, seed=1)
    assert np.bincount(target[rows]).tolist() == [10, 20, 20]


@settings(deadline=None, derandomize=True)
@given(
    preparations=st.lists(st.integers(2, 6), min_size=1, max_size=3),
    train=st.none() | st.integers(1, 4),
    validation=st.booleans(),
)
def test_folds_never_share_preparations(preparations, train, validation):
    counts = dict(zip(("ih", "ic", "ii"), preparations, strict=False))
    infos = [
        trajectory(phase, k, temperature=200.0 + s)
        for phase, n in counts.items()
        for k in range(n)
        for s in range(2)
    ]
    folds = preparation_folds(infos, train=train, validation=validation)
    assert len(folds) == max(preparations)
    tested = set()
    for fold in folds:
        found = sides(infos, fold)
        assert all(len(where) == 1 for where in found.values())
        tested |= {group for group, where in found.items() if where == {"test"}}
        for phase, n in counts.items():
            own = [where for group, where in found.items() if group[0] == phase]
            validating = int(validation and n > 2)
            assert own.count({"test"}) == 1
            assert own.count({"validation"}) == validating
            assert own.count({"train"}) == min(n - 1 - validating, train or n)
    assert tested == {t.group for t in infos}


def test_folds_need_two_preparations():
    with pytest.raises(InputError, match="phase ih has one preparation, 'seed-1'"):
        preparation_folds([trajectory("ih", 1)])
    with pytest.raises(InputError, match="0 preparations to train on"):
        preparation_folds([trajectory("ih", 1), trajectory("ih", 2)], train=0)

"""Block averages of series whose correlation is known."""

from __future__ import annotations

import json

import numpy as np
import pytest
from scipy.signal import lfilter
from scipy.stats import sem

from iceclass.analysis import statistics
from iceclass.analysis.statistics import (
    MIN_BLOCKS,
    RunningAverages,
    as_json,
    block_average,
)
from iceclass.errors import InputError


def correlated(rho: float, frames: int, repeats: int, seed: int = 0) -> np.ndarray:
    """(repeats, T) stationary Gaussian series of unit variance with correlation ρ^t."""
    noise = np.random.default_rng(seed).normal(size=(repeats, frames + 500))
    return lfilter([np.sqrt(1.0 - rho**2)], [1.0, -rho], noise, axis=1)[:, 500:]


def exact_error(rho: float, frames: int) -> float:
    """Standard error of the mean of such a series."""
    t = np.arange(1, frames)
    return float(np.sqrt((1.0 + 2.0 * ((1.0 - t / frames) * rho**t).sum()) / frames))


@pytest.mark.parametrize("rho", [0.0, 0.5, 0.9])
def test_error_of_correlated_series(rho: float) -> None:
    """Long enough, it converges, and on the average to the exact error."""
    found = [block_average(series) for series in correlated(rho, 4096, 100)]
    assert all(a.converged for a in found)
    assert all(a.blocks >= MIN_BLOCKS and a.block * a.blocks <= 4096 for a in found)
    errors = np.array([a.standard_error for a in found])
    assert errors.mean() == pytest.approx(exact_error(rho, 4096), rel=0.08)
    covered = np.mean([abs(a.mean) < 2.0 * a.standard_error for a in found])
    assert covered > 0.88


def test_too_short_for_its_correlation() -> None:
    """Called not converged, and never below the naive error."""
    for series in correlated(0.97, 100, 50):
        found = block_average(series)
        assert not found.converged
        assert found.standard_error >= sem(series) * (1 - 1e-12)


def test_below_64_frames_nothing_is_believed() -> None:
    series = correlated(0.0, 63, 50)
    assert not any(block_average(s[:n]).converged for s in series for n in (2, 7, 16, 31, 63))
    assert sum(block_average(s).converged for s in correlated(0.0, 64, 50)) > 40


def test_a_trend_does_not_converge() -> None:
    noise = np.random.default_rng(2).normal(size=2000)
    assert not block_average(np.linspace(0.0, 20.0, 2000) + noise).converged


def test_few_frames() -> None:
    one = block_average([0.25])
    assert (one.mean, one.standard_error, one.frames, one.converged) == (0.25, None, 1, False)
    values = np.random.default_rng(1).normal(size=5)
    five = block_average(values)
    assert five.mean == pytest.approx(values.mean())
    assert five.standard_error == pytest.approx(sem(values))
    assert (five.block, five.blocks) == (1, 5)


def test_blocks_are_those_of_flyvbjerg_and_petersen() -> None:
    """By hand: of 32 values in pairs and fours, the largest error is from the fours or pairs."""
    series = correlated(0.9, 32, 1, seed=4)[0]
    by_hand = {b: sem(series.reshape(-1, b).mean(axis=1)) for b in (1, 2, 4)}
    found = block_average(series)
    assert found.standard_error == pytest.approx(max(by_hand.values()))
    assert found.standard_error == pytest.approx(by_hand[found.block])


def test_a_constant_has_no_error() -> None:
    assert block_average(np.full(100, 0.1)).standard_error == 0.0
    assert block_average(np.full(100, 0.1)).mean == pytest.approx(0.1)


def test_values_that_come_one_by_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """As if all were there at once, whatever the number that is kept."""
    series = correlated(0.9, 3001, 3, seed=5).T
    series[:, 2] = 0.25
    expected = [block_average(column) for column in series.T]
    for chunk in (16, 64, 1024):
        monkeypatch.setattr(statistics, "CHUNK", chunk)
        monkeypatch.setattr(statistics, "_LEVELS", int(np.log2(chunk)))
        running = RunningAverages(3)
        for number, row in enumerate(series, 1):
            running.add(row)
            if number in (1, 2, chunk, chunk + 1):
                assert running.averages()[0].mean == pytest.approx(series[:number, 0].mean())
        for found, whole in zip(running.averages(), expected, strict=True):
            assert found.mean == pytest.approx(whole.mean, rel=1e-12)
            assert found.standard_error == pytest.approx(whole.standard_error, rel=1e-9)
            assert (found.frames, found.block, found.blocks, found.converged) == (
                whole.frames,
                whole.block,
                whole.blocks,
                whole.converged,
            )
        assert running.totals() == pytest.approx(series.sum(axis=0), rel=1e-12)


@pytest.mark.parametrize("values", [[], [[1.0]], [1.0, np.nan], [np.inf, 1.0]])
def test_what_cannot_be_averaged(values: list) -> None:
    with pytest.raises(InputError, match="values"):
        block_average(values)


def test_plain_dicts_say_the_same() -> None:
    found = {"ih": block_average([0.25, 0.5]), "water": block_average([0.75])}
    plain = json.loads(json.dumps(as_json(found)))
    assert plain["ih"]["mean"] == pytest.approx(0.375)
    assert plain["ih"]["standard_error"] == pytest.approx(0.125)
    assert plain["water"]["standard_error"] is None

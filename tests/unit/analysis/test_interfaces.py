"""Interfaces of construction: their positions, widths and velocities are known."""

from __future__ import annotations

import numpy as np
import pytest

from iceclass.analysis.interfaces import find_interfaces
from iceclass.analysis.measure import MeasureOptions, measure
from iceclass.analysis.trend import trend
from iceclass.errors import InputError
from iceclass.frame import Frame
from tests.helpers.configurations import crystal

BOX = np.array([40.0, 40.0, 100.0])
N = int(0.0334 * BOX.prod())


def slab(
    low: float, high: float, width: float, seed: int, shift: float = 0.0, noise: float = 0.03
) -> tuple[Frame, np.ndarray]:
    """Random molecules, those between two planes ordered, edges a tanh of a 10–90 ``width``; a
    share ``noise`` of each kind is mislabelled."""
    rng = np.random.default_rng(seed)
    positions = rng.uniform(0.0, 1.0, (N, 3)) * BOX
    w = max(width, 1e-6) / (2.0 * np.arctanh(0.8))
    z = positions[:, 2]
    share = 0.5 * (np.tanh((z - low) / w) - np.tanh((z - high) / w))
    ordered = rng.uniform(size=N) < noise + (1.0 - 2.0 * noise) * share
    return Frame(positions + np.array([0.0, 0.0, shift]), np.diag(BOX)), ordered


@pytest.mark.parametrize("width", [0.0, 2.0, 6.0])
@pytest.mark.parametrize("seed", range(6))
def test_position_within_half_an_angstrom(width: float, seed: int) -> None:
    rng = np.random.default_rng(seed)
    low, high = rng.uniform(5.0, 40.0), rng.uniform(55.0, 95.0)
    shift = rng.uniform(0.0, 100.0)  # the cut of the axis may lie anywhere, in the slab too
    frame, ordered = slab(low, high, width, seed, shift)
    found = find_interfaces(frame, ordered)
    assert len(found.interfaces) == 2
    for interface in found.interfaces:
        expected = low if interface.rises else high
        off = (interface.position - shift - expected + 50.0) % 100.0 - 50.0
        assert abs(off) < 0.5
        assert interface.width == pytest.approx(width, abs=0.8 + 0.2 * width)
    assert {interface.rises for interface in found.interfaces} == {True, False}
    assert found.thickness == pytest.approx(high - low, abs=0.7)


def test_layers_of_a_crystal() -> None:
    """The plane between two layers of ice Ih, which are up to 2.3 Å apart, is met."""
    frame = crystal("1h", (4, 4, 10), noise=0.2)
    perfect = crystal("1h", (4, 4, 10))
    z = np.sort(np.unique(perfect.positions[:, 2].round(2)))
    z = np.concatenate([z, [z[0] + perfect.cell[2, 2]]])
    gaps = np.flatnonzero(np.diff(z) > 1.0)
    for first, second in zip(gaps[2:8], gaps[10:16], strict=True):
        low, high = 0.5 * (z[first] + z[first + 1]), 0.5 * (z[second] + z[second + 1])
        ordered = (perfect.positions[:, 2] > low) & (perfect.positions[:, 2] < high)
        found = [i.position for i in find_interfaces(frame, ordered).interfaces]
        assert found == pytest.approx([low, high], abs=0.5)


def test_open_axis_and_any_other_axis() -> None:
    frame, ordered = slab(0.0, 60.0, 2.0, 0)
    opened = Frame(frame.positions, frame.cell, pbc=np.array([True, True, False]))
    (only,) = find_interfaces(opened, ordered).interfaces
    assert only.position == pytest.approx(60.0, abs=0.5)
    assert not only.rises
    turned = Frame(frame.positions[:, [2, 0, 1]], np.diag(BOX[[2, 0, 1]]))
    both = find_interfaces(turned, ordered, "a").interfaces
    assert max(i.position for i in both) == pytest.approx(60.0, abs=0.5)


def test_no_interface_in_one_phase() -> None:
    frame, _ = slab(20.0, 60.0, 2.0, 0)
    rng = np.random.default_rng(0)
    for share in (0.0, 0.05, 0.95, 1.0):
        assert find_interfaces(frame, rng.uniform(size=N) < share).interfaces == ()


@pytest.mark.parametrize("speed", [0.05, -0.02])
def test_velocity_within_two_percent(speed: float) -> None:
    """A boundary moved by a known amount, in a slab that drifts; Å/ps are 100 m/s."""
    frames = []
    for k in range(60):
        half = 20.0 + speed * 10.0 * k + (30.0 if speed < 0 else 0.0) * 0.5
        frame, ordered = slab(50.0 - half, 50.0 + half, 3.0, k, shift=1.3 * k)
        moved = Frame(frame.positions, frame.cell, timestep=2500 * k)
        frames.append((k, moved, np.where(ordered, 0, 1)))
    options = MeasureOptions(timestep=4.0)
    found = measure(frames, ("ih", "water"), ["interfaces"], options)["interfaces"].summary
    assert found["interfaces"] == 2
    velocity = found["velocity"]
    assert velocity["unit"] == "m/s"
    assert velocity["value"] == pytest.approx(100.0 * speed, rel=0.02)
    assert abs(velocity["value"] - 100.0 * speed) < 4.0 * velocity["standard_error"]


def test_error_of_a_slope_knows_of_correlation() -> None:
    """Over many series whose noise is correlated, two standard errors hold the slope as often as
    they should; an error that takes frames for independent holds it far less often."""
    rng = np.random.default_rng(5)
    inside = naive = 0
    time = np.arange(256.0)
    for _ in range(200):
        noise = np.zeros(256)
        for k, kick in enumerate(rng.normal(size=255), start=1):
            noise[k] = 0.8 * noise[k - 1] + kick
        found = trend(time, 0.05 * time + noise)
        assert found.standard_error is not None
        assert found.converged == (found.block < 32)  # the longest of which there are eight
        inside += abs(found.slope - 0.05) < 2.0 * found.standard_error
        residual = noise - np.polyval(np.polyfit(time, noise, 1), time)
        plain = residual.std() / (time.std() * 16.0)
        naive += abs(found.slope - 0.05) < 2.0 * plain
    assert inside > 165
    assert naive < 120


def test_what_cannot_be_measured() -> None:
    frame, ordered = slab(20.0, 60.0, 2.0, 0)
    with pytest.raises(InputError, match="smoothing"):
        find_interfaces(frame, ordered, smoothing=0.0)
    with pytest.raises(InputError, match="ordered"):
        find_interfaces(frame, ordered[:-1])
    with pytest.raises(InputError, match="two different times"):
        trend([1.0, 1.0], [0.0, 1.0])
    with pytest.raises(InputError, match="NaN"):
        trend([1.0, 2.0], [0.0, np.nan])

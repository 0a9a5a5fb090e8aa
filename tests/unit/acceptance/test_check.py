"""Checks of trajectories: measured quantities against known ones, verdicts on real dynamics."""

from __future__ import annotations

import json
import re
import sys
from dataclasses import fields, replace
from inspect import getdoc
from pathlib import Path

import numpy as np
import pytest

import iceclass
from iceclass.acceptance.check import check, read_checks, write_checks
from iceclass.acceptance.criteria import Thresholds, violations
from iceclass.acceptance.densities import KNOWN, LIQUID_FACTORS, expected_density
from iceclass.acceptance.results import Checks
from iceclass.acceptance.structure import (
    ice_fractions,
    mean_square_displacement,
    radial_distribution,
)
from iceclass.datasets.metadata import read_metadata
from iceclass.errors import InputError, MissingDependencyError
from iceclass.frame import Frame
from iceclass.generation.catalogue import RECIPES
from iceclass.generation.lattices import Size, build
from iceclass.generation.runs import Preparation, run
from iceclass.generation.stages import Dynamics, State
from iceclass.generation.water_models import water_model
from iceclass.io import Trajectory
from iceclass.phases import PHASES, STUDY
from iceclass.reports.phase_checks import phase_checks_figure


def lattice(name: str, noise: float = 0.0, seed: int = 0) -> Frame:
    """Oxygens of a GenIce2 structure, displaced at random by ``noise`` Å along each axis."""
    structure = build(name, water_model("mw"), seed=1, size=Size())
    positions = structure.molecules[:, 0]
    rng = np.random.default_rng(seed)
    return Frame(
        positions=positions + noise * rng.standard_normal(positions.shape), cell=structure.cell
    )


@pytest.fixture(scope="module")
def simulated(tmp_path_factory):
    """Checks of real mW trajectories: ice, overheated ice, water, water cooled to a glass."""
    root = tmp_path_factory.mktemp("runs")
    found = {}
    for phase, states in (
        ("ih", (State(250.0, 0.0), State(420.0, 0.0))),
        ("water", (State(300.0, 0.0), State(60.0, 0.0))),
    ):
        recipe = replace(
            RECIPES["crystal" if phase == "ih" else "liquid"],
            relax_time=0.5,
            heating_rate=50.0,
            equilibration=3.0,
        )
        if phase == "water":
            recipe = replace(recipe, melt_time=4.0, supercooled_equilibration=10.0)
        made = Preparation(phase, water_model("mw"), 1, states, recipe, Dynamics())
        for path in run(made, root):
            with Trajectory(path) as trajectory:
                frames = tuple(trajectory)
            description = read_metadata(path)
            found[phase, description["temperature"]] = (
                check(description, frames),
                description,
                frames,
            )
    return found


def test_g_of_cubic_ice_has_the_shells_of_diamond():
    frame = lattice("ic", noise=0.02)
    g = radial_distribution([frame])
    side = (8 * frame.volume / frame.n_molecules) ** (1 / 3)
    assert g.first_peak == pytest.approx(side * np.sqrt(3) / 4, abs=0.05)
    assert g.second_peak == pytest.approx(side / np.sqrt(2), abs=0.05)
    assert g.first_minimum_height == 0.0
    assert g.coordination == 4.0
    shells = 4 * np.pi * g.r**2 * 0.05 * frame.n_molecules / frame.volume
    second = (g.r > 4.0) & (g.r < 4.9)
    assert (shells * g.g)[second].sum() == pytest.approx(12.0, rel=0.01)


def test_g_of_points_at_random_is_one():
    rng = np.random.default_rng(3)
    cell = np.array([[24.0, 0, 0], [6.0, 22.0, 0], [-3.0, 5.0, 23.0]])
    frames = [Frame(positions=rng.random((400, 3)) @ cell, cell=cell) for _ in range(20)]
    g = radial_distribution(frames)
    assert np.abs(g.g[g.r > 2.0] - 1.0).max() < 0.25
    assert g.g[g.r > 3.0].mean() == pytest.approx(1.0, abs=0.01)
    assert g.long_range_order < 0.05


def test_displacement_of_a_random_walk_through_the_boundaries():
    rng = np.random.default_rng(4)
    cell = np.array([[20.0, 0, 0], [7.0, 19.0, 0], [-8.0, 4.0, 21.0]])
    path = np.cumsum(rng.normal(0.0, 0.8, (12, 3000, 3)), axis=0) + rng.random((3000, 3)) @ cell
    wrapped = []
    for positions in path:
        fractional = positions @ np.linalg.inv(cell)
        wrapped.append(Frame(positions=(fractional - np.floor(fractional)) @ cell, cell=cell))
    moved = mean_square_displacement(wrapped)
    np.testing.assert_allclose(moved, 3 * 0.8**2 * np.arange(12), rtol=0.05)


def test_displacement_ignores_drift_strain_and_flips_of_the_box():
    still = lattice("ih")
    frames = []
    for k in range(6):
        cell = still.cell * (1.0 + 0.01 * k)
        positions = still.positions @ np.linalg.inv(still.cell) @ cell + 0.3 * k
        if k >= 3:  # an equivalent box: the third vector sheared by the first
            cell = cell + np.outer([0, 0, 1], cell[0])
        frames.append(Frame(positions=positions, cell=cell, origin=np.full(3, 0.1 * k)))
    np.testing.assert_allclose(mean_square_displacement(frames), 0.0, atol=1e-20)


def test_chill_plus_knows_the_two_ices():
    assert ice_fractions([lattice("ih", 0.1)]) == (1.0, 0.0)
    assert ice_fractions([lattice("ic", 0.1)]) == (0.0, 1.0)
    assert ice_fractions([lattice("v", 0.1)]) == (0.0, 0.0)


def test_without_ovito_the_message_says_how_to_get_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "ovito.data", None)
    with pytest.raises(MissingDependencyError, match=r"iceclass\[ovito\]"):
        ice_fractions([lattice("ic")])


REAL = (
    ("ih", 250.0, 0.0, 0.920),
    ("ii", 123.0, 0.0, 1.190),
    ("iii", 250.0, 0.28, 1.165),
    ("v", 223.0, 0.53, 1.283),
)
"""K, GPa, g/cm³ of the real ices, as collected by Abascal and Vega, J. Chem. Phys. 123, 234505
(2005), whose TIP4P/2005 was fitted to be as dense."""


@pytest.mark.parametrize(("phase", "temperature", "pressure", "density"), REAL)
def test_tip4p_2005_is_as_dense_as_real_ice_and_tip4p_ice_a_little_less(
    phase, temperature, pressure, density
):
    fitted = expected_density(phase, "tip4p-2005", temperature, pressure)
    assert fitted.density == pytest.approx(density, rel=0.01)
    other = expected_density(phase, "tip4p-ice", temperature, pressure)
    assert 0.975 * density < other.density < density


def test_the_reference_trajectories_are_as_dense_as_expected():
    """By their own frames, at the states that the table of densities does not hold."""
    tabulated = {(k.phase, k.temperature, k.pressure) for k in KNOWN}
    deviations = {}
    for trajectory in iceclass.load_reference():
        d = trajectory.metadata
        at = (trajectory.phase, d["temperature"], d["pressure"])
        expected = expected_density(at[0], d["water_model"], *at[1:])
        volume = np.mean([abs(np.linalg.det(frame.cell)) for frame in trajectory.frames])
        density = trajectory.frames[0].n_molecules * 18.0153 / (0.602214 * volume)
        if at not in tabulated:
            assert expected.low <= density <= expected.high, trajectory.name
            deviations.setdefault(at[0], []).append(density / expected.density - 1.0)
    assert set(deviations) == set(STUDY)
    for phase, found in deviations.items():
        assert len(found) >= 10
        own = 0.02 if PHASES[phase].recipe == "crystal" else 0.04
        assert abs(np.mean(found)) < 0.75 * own, f"{phase} is expected too light or too dense"


def test_known_densities_are_reproduced_and_tolerance_grows_away_from_them():
    for known in KNOWN:
        at = (known.phase, known.model, known.temperature)
        here = expected_density(*at, known.pressure)
        assert here.density == pytest.approx(known.density, rel=1e-9)
        assert here.tolerance in (0.02, 0.04)
        assert expected_density(*at, known.pressure + 0.25).tolerance > here.tolerance
    assert expected_density("water", "tip4p-ice", 300, 0.8).tolerance > 0.08
    assert expected_density("vi", "tip4p-ice", 220, 1.0) is None
    assert expected_density("lda", "mw", 100, 0.0) is None
    assert expected_density("water", "other", 300, 0.0) is None


def test_densities_grow_with_pressure_and_tell_the_glasses_apart():
    for phase in ("ih", "ii", "water", "lda", "mda", "hda"):
        densities = [expected_density(phase, "tip4p-ice", 250, p).density for p in (0, 0.2, 0.6)]
        assert densities == sorted(densities)
    lda, mda, hda = (expected_density(p, "tip4p-ice", 100, 0.0) for p in ("lda", "mda", "hda"))
    assert lda.density < mda.density < hda.density
    assert mda.high < hda.low
    by_their_authors = {"tip4p-ice": 0.993, "tip4p-2005": 0.998, "spc-e": 0.998, "mw": 0.997}
    by_their_authors |= {"tip4p-ew": 0.995, "tip4p-fb": 0.996, "opc": 0.997, "tip3p": 0.984}
    assert set(by_their_authors) == set(LIQUID_FACTORS)
    for model, density in by_their_authors.items():
        expected = expected_density("water", model, 298, 0.0).density
        assert expected == pytest.approx(density, abs=1.5e-3)


def test_ice_and_water_are_accepted(simulated):
    ice, _, _ = simulated["ih", 250.0]
    assert ice.reasons == ()
    assert ice.accepted
    assert ice.hexagonal > 0.98
    assert ice.interval == 1.0
    water, _, _ = simulated["water", 300.0]
    assert water.reasons == ()
    assert water.diffusion > 20 * abs(ice.diffusion)
    assert water.long_range_order < ice.long_range_order / 2


def said(checks: Checks) -> str:
    return "\n".join(checks.reasons)


def test_overheated_ice_is_rejected_as_molten(simulated):
    melted, _, _ = simulated["ih", 420.0]
    assert not melted.accepted
    for words in ("hexagonal ice by CHILL+", "in a crystal", "molecules diffuse", "it melts"):
        assert words in said(melted)


def test_water_turned_to_glass_is_rejected(simulated):
    glass, _, _ = simulated["water", 60.0]
    assert "it froze or turned to glass" in said(glass)


def test_ice_given_out_as_something_else_is_rejected(simulated):
    _, description, frames = simulated["ih", 250.0]
    for phase, words in (
        ("ic", "0.0 % of the molecules are cubic ice"),
        ("water", "ice I by CHILL+"),
        ("lda", "it crystallises"),
        ("hda", "in a high-density glass"),
    ):
        assert words in said(check({**description, "phase": phase}, frames))


def test_bad_dynamics_are_rejected(simulated):
    _, description, frames = simulated["ih", 250.0]
    for change, words in (
        ({"energy_drift": 0.02}, "the conserved energy changes by 0.200"),
        ({"mean_temperature": 280.0}, "mean temperature 280.0 K"),
    ):
        assert words in said(check({**description, **change}, frames))
    assert "6 frames, expected at least 10" in said(check(description, frames[:6]))
    assert "too short" in said(check(description, frames[:4]))
    close = [replace(f, time=0.5 * k) for k, f in enumerate(frames)]
    assert "0.5 ps apart" in said(check(description, close))


def test_thresholds_can_be_changed(simulated):
    checks, _, _ = simulated["ih", 250.0]
    strict = Thresholds.from_mapping({"ice_fraction": 1.0001, "first_peak": [2.7, 2.9]})
    told = list(violations(checks, strict))
    assert any("hexagonal" in line for line in told)
    assert any("first peak" in line for line in told)
    with pytest.raises(InputError, match="ice_fractions"):
        Thresholds.from_mapping({"ice_fractions": 0.5})


def test_every_threshold_is_explained():
    for field in fields(Thresholds):
        assert re.search(rf"^(\w+, )*{field.name}(, \w+)*$", getdoc(Thresholds), re.MULTILINE)


def test_bad_input_is_told(simulated):
    _, description, frames = simulated["ih", 250.0]
    with pytest.raises(InputError, match="lacks 'energy_drift'"):
        check({k: v for k, v in description.items() if k != "energy_drift"}, frames)
    with pytest.raises(InputError, match="no frame"):
        check(description, [])
    fewer = replace(frames[1], positions=frames[1].positions[1:], ids=frames[1].ids[1:])
    with pytest.raises(InputError, match="expected 432"):
        check(description, [frames[0], fewer])


def test_checks_are_written_and_read(simulated, tmp_path: Path):
    checks = tuple(c for c, _, _ in simulated.values())
    path = tmp_path / "checks.json"
    write_checks(path, checks, Thresholds())
    assert read_checks(path) == checks
    content = json.loads(path.read_text())
    assert [t["accepted"] for t in content["trajectories"]] == [True, False, True, False]
    for text in ("{}", "no json", '{"format": "iceclass-checks", "format_version": 9}'):
        path.write_text(text)
        with pytest.raises(InputError):
            read_checks(path)


def test_figure_names_phases_and_rejections(simulated, tmp_path: Path):
    checks = [c for c, _, _ in simulated.values()]
    snapshots = {c.phase: frames[-1] for c, _, frames in simulated.values()}
    path = phase_checks_figure(checks, snapshots, tmp_path / "phases.svg")
    texts = re.findall(r"<text[^>]*>([^<]*)</text>", path.read_text(encoding="utf-8"))
    assert "ice Ih (2 trajectories, 1 rejected)" in texts
    assert {"ice Ih", "water", "rejected", "g(r)", "T / K", "p / GPa"} <= set(texts)
    with pytest.raises(InputError, match="no trajectory"):
        phase_checks_figure([], {}, tmp_path / "none.svg")

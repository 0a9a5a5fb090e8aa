"""Nuclei of construction: how many molecules, how large, which layers."""

from __future__ import annotations

import numpy as np
import pytest

from iceclass.analysis.measure import MeasureOptions, measure
from iceclass.analysis.nuclei import cluster_ranks, largest_nucleus
from iceclass.analysis.stacking import followers, runs, stacking
from iceclass.errors import InputError
from iceclass.frame import Frame
from iceclass.generation.lattices import Size, Structure, build
from iceclass.generation.stacking import molecule_letters, random_sequence
from iceclass.generation.water_models import water_model
from iceclass.neighbours import neighbour_list

CLASSES = ("ih", "ic", "water")


def pile(sequence: str, molecules: int = 3000) -> Structure:
    return build(f"one[{sequence}]", water_model("mw"), size=Size(molecules=molecules))


def ball(structure: Structure, radius: float, noise: float = 0.2) -> tuple[Frame, np.ndarray]:
    """Displaced molecules, and which of them lie in a ball around a corner of the box: it is cut
    by all boundaries."""
    sites = structure.molecules[:, 0]
    rng = np.random.default_rng(int(radius * 10))
    away = sites - np.round(sites @ np.linalg.inv(structure.cell)) @ structure.cell
    frame = Frame(sites + noise * rng.normal(size=sites.shape), structure.cell)
    return frame, np.linalg.norm(away, axis=1) < radius


@pytest.mark.parametrize("radius", [9.0, 11.0, 14.0, 18.0])
def test_size_and_shape_of_a_ball(radius: float) -> None:
    frame, inside = ball(pile("hhccc"), radius)
    found = largest_nucleus(frame, inside)
    assert inside.sum() - 2 <= found.size <= inside.sum()  # one at the edge may stand alone
    assert found.spans == 0
    assert found.radius_of_gyration == pytest.approx(np.sqrt(0.6) * radius, rel=0.03)
    assert found.anisotropy < 0.01
    assert np.linalg.norm(found.positions, axis=1).max() < radius + 2.0


@pytest.mark.parametrize("radius", [11.0, 14.0, 18.0])
@pytest.mark.parametrize("seed", range(3))
def test_size_with_mistaken_labels(radius: float, seed: int) -> None:
    """Within 10 % of the construction from 150 molecules on, with 3 % of all labels wrong."""
    frame, inside = ball(pile("hhccc", 6000), radius)
    assert inside.sum() > 150
    wrong = np.random.default_rng(seed).uniform(size=len(inside)) < 0.03
    found = largest_nucleus(frame, inside ^ wrong)
    assert found.size == pytest.approx(inside.sum(), rel=0.10)


def test_a_rod_and_what_spans() -> None:
    chain = np.zeros((20, 3))
    chain[:, 0] = 3.0 * np.arange(20)
    rod = largest_nucleus(Frame(chain, np.diag([100.0, 50.0, 50.0])), np.ones(20, bool))
    assert rod.anisotropy == pytest.approx(1.0)
    assert rod.radius_of_gyration == pytest.approx(3.0 * np.sqrt((20**2 - 1) / 12))
    ring = largest_nucleus(Frame(chain, np.diag([60.0, 50.0, 50.0])), np.ones(20, bool))
    assert (ring.size, ring.spans, ring.radius_of_gyration) == (20, 1, None)
    frame = Frame(pile("hh", 400).molecules[:, 0], pile("hh", 400).cell)
    assert largest_nucleus(frame, np.ones(frame.n_molecules, bool)).spans == 3
    none = largest_nucleus(frame, np.zeros(frame.n_molecules, bool))
    assert (none.size, none.radius_of_gyration, none.anisotropy) == (0, None, None)


def test_ranks_go_by_size() -> None:
    x = np.array([0.0, 3.0, 6.0, 20.0, 23.0, 40.0])
    frame = Frame(np.stack([x, 0 * x, 0 * x], axis=1), np.diag([100.0, 50.0, 50.0]))
    member = np.array([True, True, True, True, True, False])
    assert cluster_ranks(frame, member).tolist() == [0, 0, 0, 1, 1, -1]
    with pytest.raises(InputError, match="cut-off"):
        cluster_ranks(frame, member, 0.0)


@pytest.mark.parametrize("sequence", ["hhccc", "hh", "ccc", "hccchccc", random_sequence(12, 6, 1)])
@pytest.mark.parametrize("noise", [0.0, 0.25])
def test_sequence_is_that_of_construction(sequence: str, noise: float) -> None:
    structure = pile(sequence)
    truth = molecule_letters(structure, sequence)
    frame, inside = ball(structure, 16.0, noise)
    found = largest_nucleus(frame, inside)
    layers = stacking(
        found.positions, neighbour_list(frame.only(inside), 3.5)[2], truth[found.molecules] == "c"
    )
    assert layers is not None
    if "h" in sequence:  # cubic ice has four axes that are as good
        assert abs(layers.axis[2]) == pytest.approx(1.0, abs=0.01)
    assert layers.spacing == pytest.approx(
        structure.cell[2, 2] / structure.repetition[2] / len(sequence), rel=0.02
    )
    told = layers.sequence
    assert len(told) in (8, 9, 10)
    twice = 8 * sequence
    assert told in twice or told[::-1] in twice


def test_no_layers_in_a_liquid() -> None:
    rng = np.random.default_rng(0)
    positions = rng.uniform(0.0, 25.0, (500, 3))
    bonds = neighbour_list(Frame(positions, 25.0 * np.eye(3)), 3.5)[2]
    assert stacking(positions, bonds, np.zeros(500, bool)) is None


def test_runs_and_followers() -> None:
    assert runs(["hhcc?c", "h"]) == {"h": [2, 1], "c": [2, 1]}
    assert followers(["hhcch"]) == {"hh": 1, "hc": 1, "ch": 1, "cc": 1}


def test_measured_nucleus() -> None:
    sequence = "hhccc"
    structure = pile(sequence)
    cubic = molecule_letters(structure, sequence) == "c"
    frame, inside = ball(structure, 15.0)
    labels = np.where(inside, np.where(cubic, 1, 0), 2)
    found = measure([(0, frame, labels)], CLASSES, options=MeasureOptions(definitions=("ice",)))
    assert set(found) == {"nuclei", "stacking"}  # no flat interface, no surface
    (row,) = found["nuclei"].rows
    assert row["size"] == inside.sum()
    assert row["cubicity"] == pytest.approx(cubic[inside].mean())
    assert found["stacking"].rows[0]["cubicity"] == pytest.approx(cubic[inside].mean())
    assert row["stacking"] == found["stacking"].rows[0]["sequence"]
    assert found["nuclei"].summary["largest_cluster"]["ice"]["last"] == inside.sum()
    pairs = found["stacking"].summary["pairs"]
    assert sum(pairs.values()) == len(row["stacking"]) - 1


@pytest.mark.parametrize("n", [1, 2, 3])
def test_smallest_clusters(n: int) -> None:
    x = 3.0 * np.arange(n)
    frame = Frame(np.stack([x, 0 * x, 0 * x], axis=1), 30.0 * np.eye(3))
    found = largest_nucleus(frame, np.ones(n, bool))
    assert (found.size, found.spans) == (n, 0)
    assert found.radius_of_gyration == pytest.approx(np.std(x))
    assert found.anisotropy == (None if n == 1 else pytest.approx(1.0))

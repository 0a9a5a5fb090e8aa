"""Variations of training data keep side and preparation, and change what they say they change."""

from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
from scipy.spatial import cKDTree

from iceclass.acceptance.structure import mean_square_displacement
from iceclass.datasets import augment
from iceclass.datasets.augment import (
    COMPRESSIBLE,
    LATTICE_DRAWS,
    Variation,
    joined,
    lattices,
    others,
    stacked,
    training,
    varied,
)
from iceclass.datasets.featurize import featurize, find_trajectories
from iceclass.datasets.joining import Cut, ball, join
from iceclass.datasets.reference import find_data, load_reference, write_reference
from iceclass.datasets.splits import split_by_preparation
from iceclass.datasets.store import FeatureStore
from iceclass.descriptors import descriptor
from iceclass.errors import InputError
from iceclass.phases import PHASE_OF_LATTICE
from tests.cli.test_main import run

MORE, LATTICES = find_data("more.h5"), find_data("lattices.h5")
STACKING = find_data("stacking-train.h5")


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """Six trajectories of the shipped set: two preparations that train, one that tests."""
    path = tmp_path_factory.mktemp("data") / "data.h5"
    found = []
    for phase in ("ih", "water"):
        own = [t for t in load_reference() if t.phase == phase]
        names = sorted({t.preparation for t in own})[:3]
        for name, split in zip(names, ("train", "train", "test"), strict=True):
            t = next(t for t in own if t.preparation == name)
            found.append((t.name, {**t.metadata, "split": split}, t.frames))
    write_reference(path, found)
    return path


def test_only_what_trains_is_varied(data):
    made = list(varied(training(data), Variation(frames=3)))
    sources = {t.name: t for t in load_reference(data)}
    assert sorted(name for name, _, _ in made) == sorted(
        f"{t.name}_varied" for t in sources.values() if t.split == "train"
    )
    for name, metadata, frames in made:
        source = sources[name.removesuffix("_varied")]
        assert metadata["preparation"] == source.preparation
        assert metadata["split"] == "train"
        assert metadata["varied"]["frames"] == len(frames) == 3


def test_further_preparations_train_and_are_none_of_the_reference():
    """What pipelines/data/more.h5 adds to the training of the shipped models."""
    more, reference = load_reference(MORE), {t.preparation for t in load_reference()}
    assert Counter(t.phase for t in more) == {"water": 20, "mda": 12, "hda": 4}
    for trajectory in more:
        assert trajectory.split == "train"
        assert trajectory.preparation not in reference
        assert trajectory.metadata["checks"]["accepted"]


def test_without_a_split_nothing_is_varied(data, tmp_path):
    path = tmp_path / "data.h5"
    described = [
        (t.name, {k: v for k, v in t.metadata.items() if k != "split"}, t.frames)
        for t in load_reference(data)
    ]
    write_reference(path, described)
    with pytest.raises(InputError, match="no trajectory is marked to train"):
        training(path)


def test_lattices_are_displaced_or_not():
    made = {
        name: frames for name, _, frames in lattices(LATTICES, Variation(density=0.0, strain=0.0))
    }
    assert {"ih_lattice", "v_lattice"} <= made.keys()
    first = made["ii_lattice"][0].positions
    moved = [np.abs(f.positions - first).max() for f in made["ii_lattice"]]
    assert sum(m < 1e-9 for m in moved) == 6  # of 24
    assert max(moved) > 0.5
    assert len(made) == 9 - 1 + 6 + 2 * 3
    again = made["ii_lattice_2"]
    assert len(again) == 24
    assert not np.array_equal(again[1].positions, made["ii_lattice"][1].positions)


def test_ices_that_differ_by_proton_order_train_as_the_class():
    drawn = [(name, d["phase"]) for name, d, _ in lattices(LATTICES, Variation(displaced=1))]
    assert len({name for name, _ in drawn}) == len(drawn)
    made = {name: phase for name, phase in drawn if name.endswith("_lattice")}
    assert {name.partition("_lattice_")[0] for name, _ in drawn if name not in made} == {
        "ii",
        "iii",
        "ix",
    }
    assert made == {
        **{f"{phase}_lattice": phase for phase in ("ih", "ic", "ii", "iii", "v")},
        "basal_lattice": "ih",
        "xi_lattice": "ih",
        "ix_lattice": "iii",
        "xiii_lattice": "v",
    }


def test_density_and_motion_change_within_their_limits(data):
    variation = Variation(density=0.05, motion=0.0, frames=6)
    for t in load_reference(data):
        if t.split != "train" or t.phase != "water":
            continue
        ratios = []
        for frame in variation.of(t):
            near = [frame.density / f.density for f in t.frames]
            ratios.append(min(near, key=lambda r: abs(r - 1.0)))
        assert np.ptp(ratios) > 0.02
        assert max(abs(r - 1.0) for r in ratios) <= 0.05


def test_solids_get_less_motion_too(data):
    ice = next(t for t in load_reference(data) if t.phase == "ih" and t.split == "train")
    less = Variation(motion=0.0, density=0.0, still=0.0, frames=len(ice.frames)).of(ice)[1::2]
    usual = ice.frames[1::2]
    a, b = (mean_square_displacement(frames)[1:].mean() for frames in (less, usual))
    assert 0.0 < a < 0.8 * b


def test_glasses_move_no_more_and_keep_their_density():
    glass = next(t for t in load_reference() if t.phase == "mda" and t.split == "train")
    variation = Variation(strain=0.0, frames=6)
    steps = [f.timestep for f in variation.of(glass)]
    for frame in variation.of(glass):
        source = next(f for f in glass.frames if f.timestep == frame.timestep)
        assert abs(frame.density / source.density - 1) <= 0.02 + 1e-9
    assert len(set(steps)) == 6
    with_motion = replace(variation, glassy=0.1, glassy_density=0.0).of(glass)
    pairs = zip(replace(variation, glassy_density=0.0).of(glass), with_motion, strict=True)
    moved = [np.abs(a.positions - b.positions).max() > 0.05 for a, b in pairs]
    assert moved == [True, False] * 3  # the others have less motion than in the trajectory


def test_other_lattices_train_what_is_none_of_the_classes():
    data = find_data("other-lattices.h5")
    made = list(others(data, Variation(frames=5, displaced=6, strain=0.0, density=0.0)))
    sources = {t.name: t for t in load_reference(data)}
    names = [name for name, _, _ in made]
    assert {f"other_{name}" for name in sources} <= set(names)
    assert len(set(names)) == len(names)
    assert sum(name.startswith("other_CS1") for name in names) == LATTICE_DRAWS["cs1"]
    assert sum(name.startswith("other_TS1") for name in names) == LATTICE_DRAWS["TS1"]
    for name, metadata, frames in made:
        source = sources.get(name.removeprefix("other_"))
        assert metadata["split"] == "train"
        assert (metadata["phase"] == "other") == (len(frames) == 5)
        assert metadata["phase"] == PHASE_OF_LATTICE.get(metadata["lattice"], "other")
        if source is None:
            continue  # drawn once more
        still = source.frames[0]
        if metadata["phase"] in COMPRESSIBLE:
            densities = [f.density / still.density for f in frames]
            assert max(abs(d - 1) for d in densities) > 0.05
            continue
        moved = [np.abs(f.positions - still.positions).max() > 1e-6 for f in frames]
        assert moved == [False, True, True, True, False, True][: len(frames)]


def test_the_same_seed_makes_the_same(data):
    one, same, other = (
        list(varied(training(data), Variation(seed=s, frames=2))) for s in (1, 1, 2)
    )
    a, b, c = (
        np.concatenate([f.positions for _, _, fs in made for f in fs])
        for made in (one, same, other)
    )
    np.testing.assert_array_equal(a, b)
    assert np.abs(a - c).max() > 0.01


def test_every_molecule_of_a_sequence_counts_once(tmp_path):
    made = {name: (d, f) for name, d, f in stacked(STACKING, Variation())}
    for t in load_reference(STACKING):
        hexagonal, cubic = (made[f"{t.name}_{phase}"][0] for phase in ("ih", "ic"))
        assert (hexagonal["phase"], cubic["phase"]) == ("ih", "ic")
        both = sorted(hexagonal["counted"] + cubic["counted"])
        assert both == list(range(t.frames[0].n_molecules))
        first, again = made[f"{t.name}_ih"][1], made[f"{t.name}_2_ih"][1]
        assert len(first) == len(again) == (6 if t.is_lattice else len(t.frames))
        assert np.abs(first[0].positions - again[0].positions).max() > 0.01
        same = np.array_equal(first[0].positions, t.frames[0].positions)
        assert same is not t.is_lattice  # dynamics is there as it is, too


def bulks(data, *phases):
    """A frame of each phase."""
    return [next(t for t in load_reference(data) if t.phase == p).frames[0] for p in phases]


def test_a_ball_is_filled_as_the_bulk_is(data):
    (ice,) = bulks(data, "ih")
    places = ball(ice, 25.0, np.random.default_rng(0))
    number = ice.n_molecules / ice.volume * 4.0 / 3.0 * np.pi * 25.0**3
    assert len(places) == pytest.approx(number, rel=0.02)
    assert np.linalg.norm(places, axis=1).max() < 25.0
    nearest = cKDTree(places).query(places, k=2)[0][:, 1]
    inside = np.linalg.norm(places, axis=1) < 20.0
    assert nearest[inside].min() > 2.4
    assert nearest[inside].max() < 3.1


@pytest.mark.parametrize("curvature", [0.0, 0.1])
def test_each_half_of_a_cut_keeps_its_surroundings(data, curvature):
    cut = Cut(radius=24.0, reach=8.0, tries=3)
    one, two = bulks(data, "ih", "water")
    frame, ice, water = join(one, two, curvature, cut, np.random.default_rng(3))
    middle = np.full(3, frame.cell[0, 0] / 2.0)
    for molecules in (ice, water):
        assert len(molecules) > 20
        deep = np.linalg.norm(frame.positions[molecules] - middle, axis=1)
        assert deep.max() < cut.radius - cut.reach
    assert not set(ice) & set(water)
    between = cKDTree(frame.positions[ice]).query(frame.positions[water])[0]
    assert between.min() > cut.clash
    neighbours = cKDTree(frame.positions).query_ball_point(frame.positions[ice], 3.3)
    four = [len(found) == 5 for found in neighbours]
    assert np.mean(four) > 0.7  # of the water, fewer
    neighbours = cKDTree(frame.positions).query_ball_point(frame.positions[water], 3.3)
    assert np.mean([len(found) == 5 for found in neighbours]) < np.mean(four)


def test_interfaces_are_of_what_trains(data, monkeypatch):
    monkeypatch.setattr(augment, "JOINED", {("ih", "water"): 2, ("ii", "water"): 1})
    made = list(joined(training(data), Variation()))
    assert [name for name, _, _ in made] == [
        f"interface_ih-water_{k}_{phase}" for k in range(2) for phase in ("ih", "water")
    ]  # there is no ice II
    trained = {t.preparation for t in load_reference(data) if t.split == "train"}
    for _, metadata, frames in made:
        assert metadata["split"] == "train"
        assert metadata["preparation"].startswith("interface_")
        assert metadata["definition"]["seed"] in {int(p[-1]) for p in trained}
        assert len(frames) == 1


def test_features_of_the_counted_molecules_only(data, tmp_path):
    path, store = tmp_path / "stacked.h5", tmp_path / "features.h5"
    name, metadata, frames = next(stacked(STACKING, Variation()))
    write_reference(path, [(name, metadata, frames[:2])])
    d = descriptor("soap-37-wide")
    featurize(find_trajectories([path]), d, store)
    table = FeatureStore.open(store).load()
    kept = load_reference(path).trajectories[0].frames
    expected = np.concatenate([d.compute(f)[metadata["counted"]] for f in kept])
    np.testing.assert_allclose(table.features, expected.astype(np.float32))
    assert table.molecule[0] == kept[0].ids[metadata["counted"][0]]


def test_the_split_holds_for_the_variations(data, tmp_path):
    path = tmp_path / "varied.h5"
    write_reference(path, list(varied(training(data), Variation(frames=1))))
    found = find_trajectories([data, path])
    sides = split_by_preparation(found)
    for info, side in zip(found, sides, strict=True):
        assert side == info.split
        assert not (info.name.endswith("_varied") and side != "train")


@pytest.mark.parametrize("counted", [[], [0, 0], [10**6], [-1], [0.5], "all", [True]])
def test_wrong_indices_are_refused(data, tmp_path, counted):
    t = load_reference(data).trajectories[0]
    path = tmp_path / "odd.h5"
    write_reference(path, [(t.name, {**t.metadata, "counted": counted}, t.frames)])
    with pytest.raises(InputError, match=r"'counted' of trajectory .* is not a list"):
        featurize(find_trajectories([path]), descriptor("soap-37"), tmp_path / "f.h5")


def test_the_command_adds_lattices_stacking_and_variations(data, tmp_path, monkeypatch):
    monkeypatch.setattr(augment, "JOINED", {("ih", "water"): 1})
    out = tmp_path / "varied.h5"
    options = ("--frames", "1", "--displaced", "2", "-q")
    assert run("augment", str(data), "-o", str(out), *options) == 0
    made = load_reference(out)
    assert {t.split for t in made} == {"train"}
    kinds = Counter(t.preparation.partition("_")[0] for t in made)
    assert kinds["ih"] == kinds["water"] == 2
    assert kinds["interface"] == 2
    further = len(list(others(find_data("other-lattices.h5"), Variation(frames=1, displaced=1))))
    assert kinds["lattice"] == 9 - 1 + 6 + 2 * 3 + further
    assert kinds["stacking"] == 2 * 6 * len(load_reference(STACKING))
    assert run("augment", str(data), "-o", str(out), *options) == 2  # it exists already
    empty = ("--lattices", str(tmp_path))
    assert run("augment", str(data), "-o", str(tmp_path / "x.h5"), *options, *empty) == 2
    assert not (tmp_path / "x.h5").exists()

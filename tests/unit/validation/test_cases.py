"""The shipped test sets: what they hold is what they say."""

from __future__ import annotations

import numpy as np
import pytest

from iceclass.datasets.reference import find_data, load_reference
from iceclass.errors import InputError
from iceclass.external.ovito import chill_plus
from iceclass.generation.lattices import Size, build, lattice_names
from iceclass.generation.stacking import closes, same_sequence
from iceclass.phases import (
    CRYSTALS,
    PHASE_OF_LATTICE,
    PHASE_OF_LETTER,
    PHASES,
    STUDY,
    UNKNOWN,
    is_crystal,
)
from iceclass.validation.cases import (
    all_lattices,
    compressed_ices,
    crystals_at_0_kelvin,
    lattice_named,
    no_ices,
    other_ices,
    stacking_cases,
)
from pipelines.validation_sets import (
    BASAL,
    LATTICES,
    MODEL,
    OTHER_ICES,
    STACKING,
    planned,
    sequences,
)
from tests.helpers.iceframes import neighbour_distances


def test_no_sequence_is_on_both_sides():
    every = {side: sequences(side) for side in STACKING}
    assert all(closes(s) for own in every.values() for s in own)
    for one in every["train"]:
        assert not any(same_sequence(one, other) for other in every["test"])
    for side, path in STACKING.items():
        found = {t.metadata["sequence"] for t in load_reference(path)}
        assert found == set(every[side])
        assert {t.split for t in load_reference(path)} == {side}


@pytest.mark.parametrize("side", ["train", "test"])
def test_truth_of_sequences_is_chill_plus_on_the_lattice_and_nobody_left_its_site(side):
    for t in load_reference(STACKING[side]):
        truth = np.array([PHASE_OF_LETTER[c] for c in t.metadata["letters"]])
        assert len(truth) == t.frames[0].n_molecules >= 400
        if t.is_lattice:
            assert (chill_plus(t.frames[0]) == truth).all()
        else:
            assert t.metadata["largest_displacement"] < 1.38
            called = chill_plus(t.frames[0])
            decided = np.isin(called, ("ih", "ic"))
            assert decided.mean() > 0.95
            assert (called[decided] == truth[decided]).mean() > 0.99


def test_lattices_in_the_file_are_genices():
    by_name = {t.name: t for t in load_reference(LATTICES)}
    assert {*CRYSTALS, "basal", *OTHER_ICES} <= set(by_name)
    for name, lattice, size in (("cs1", "CS1", Size(molecules=400)), ("basal", "one[hh]", BASAL)):
        frame = build(lattice, MODEL, size=size).frame()
        stored = by_name[name].frames[0]
        np.testing.assert_allclose(stored.cell, frame.cell)
        step = (stored.positions - frame.positions) @ np.linalg.inv(frame.cell)
        np.testing.assert_allclose((step - np.round(step)) @ frame.cell, 0.0, atol=6e-4)


def test_cases_are_the_same_every_time_and_say_what_is_right():
    ices = load_reference(LATTICES)
    first, second = list(other_ices(ices, (0.1,))), list(other_ices(ices, (0.1,)))
    for one, two in zip(first, second, strict=True):
        assert one.name == two.name
        for a, b in zip(one.frames, two.frames, strict=True):
            np.testing.assert_array_equal(a.positions, b.positions)
    expected = {case.name: case.expected for case in first}
    assert {k: v for k, v in expected.items() if v != UNKNOWN} == {
        "ice-0": "ice0",
        "iv": "iv",
        "vi": "vi",
        "vii": "vii",
        "viii": "vii",
        "ix": "iii",
        "xi": "ih",
        "xii": "xii",
        "xiii": "v",
        "xvii": "xvii",
        "cs1": "cs1",
        "cs2": "cs2",
    }
    nine = {case.name for case in first if case.right_for(STUDY) != UNKNOWN}
    assert nine == {"ix", "xi", "xiii"}
    assert {case.name for case in crystals_at_0_kelvin(ices)} == set(CRYSTALS)
    cases = {case.condition: case for case in no_ices(ices)}
    squeezed = list(compressed_ices(ices, [t for t in load_reference() if t.split == "test"]))
    assert [c.name for c in squeezed[::5]] == [f"{phase}, compressed" for phase in CRYSTALS]
    assert squeezed[0].frames[0].density == pytest.approx(0.92 / 0.9, rel=0.02)
    assert all(len(c.frames) == 3 for c in squeezed)
    assert {c.expected for c in squeezed} == set(CRYSTALS)  # a compressed ice is that ice
    surface = next(c for c in cases.values() if c.name == "surface")
    assert surface.counted is not None
    assert surface.counted[0].sum() == 2 * 2 * 3 * 8  # a bilayer at each of two faces
    displaced = list(stacking_cases(load_reference(STACKING["test"]), (0.1,)))
    assert {c.name for c in displaced} == set(sequences("test"))


def test_every_lattice_comes_once_with_what_it_is():
    names = ("2", "ice2", "II", "11", "CS1", "sI", "CRN1", "xFAU")  # GenIce2 cannot make the last
    cases = list(all_lattices((0.1, 0.15), names))
    assert [(c.name, c.expected) for c in cases[::2]] == [
        ("11", "ih"),
        ("2", "ii"),
        ("CS1", "cs1"),
    ]
    assert all(c.frames[0].n_molecules >= 160 for c in cases)


@pytest.mark.parametrize("phase", list(filter(is_crystal, PHASES)))
def test_lattices_of_a_class_have_its_neighbours(phase):
    """The first two shells of the class's own lattice, for its other cells and proton orders."""
    names = [name for name, known in PHASE_OF_LATTICE.items() if known == phase]
    plain = [name for name in names if not name.startswith("one[")]
    assert set(plain) <= {*lattice_names(), "ice0"}
    own, *others = (case.frames[0] for case in all_lattices((0.0,), plain))
    assert len(others) >= (phase in CRYSTALS)  # some have one cell only, under two names
    for other in others:
        assert other.density == pytest.approx(own.density, rel=0.12)  # filled ices are stretched
        for count in (4, 12):
            a, b = (
                np.quantile(neighbour_distances(f, count), (0.1, 0.5, 0.9)) * f.density ** (1 / 3)
                for f in (own, other)
            )
            np.testing.assert_allclose(a, b, rtol=0.04)


def test_what_is_planned_is_what_is_there():
    """By lattice and states; the nucleus is of mW."""
    data = [*STACKING.values(), LATTICES, LATTICES.with_name("interfaces.h5")]
    there = [t for path in data for t in load_reference(path) if not t.is_lattice]
    for job in planned().values():
        states = {(s.temperature, s.pressure) for s in job.preparation.states}
        kind = job.group if job.group in ("slab", "nucleus") else job.preparation.phase
        own = [t for t in there if kind in (t.metadata.get("shape"), t.metadata["lattice"])]
        assert {(t.temperature, t.pressure) for t in own} == states, job.name
        assert {t.model for t in own} == {job.preparation.model.name}
    assert len(there) == sum(len(job.preparation.states) for job in planned().values())


def test_data_that_are_not_there_are_told(tmp_path):
    with pytest.raises(InputError, match=r"lattices\.h5: no such data set.*pipelines/data"):
        find_data("lattices.h5", tmp_path)
    assert find_data("lattices.h5").samefile(LATTICES)
    with pytest.raises(InputError, match="has no 'xx'"):
        lattice_named(load_reference(LATTICES), "xx")

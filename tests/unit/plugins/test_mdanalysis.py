"""The MDAnalysis analysis gives the labels of iceclass.label."""

import MDAnalysis
import numpy as np
import pytest

import iceclass
from iceclass.errors import InputError
from iceclass.generation.formats import write_gro, write_lammps_data
from iceclass.plugins.mdanalysis import IceclassAnalysis
from tests.helpers.trajectories import demo_frames, ice, ice_frames, write_mda

pytestmark = [
    pytest.mark.filterwarnings("ignore:Reader has no dt information:UserWarning"),
    pytest.mark.filterwarnings("ignore:DCDReader currently makes:DeprecationWarning"),
]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    from ase import Atoms

    path = tmp_path_factory.mktemp("mda")
    frame = demo_frames(1)[0]
    atoms = Atoms(["O", "H", "H"] * 720, cell=frame.cell, pbc=True)
    atoms.write(path / "slab.gro")
    write_mda(path / "slab.trr", demo_frames(5))
    write_gro(ice("ii"), path / "ii.gro")
    write_lammps_data(ice("ii"), path / "ii.data")
    write_mda(path / "ii.dcd", ice_frames("ii", 2))
    return path


@pytest.fixture
def slab(folder):
    return MDAnalysis.Universe(str(folder / "slab.gro"), str(folder / "slab.trr"))


def test_same_as_label(slab):
    analysis = IceclassAnalysis(slab).run()
    expected = iceclass.label(demo_frames(5))
    results = analysis.results
    np.testing.assert_array_equal(results.labels, np.array(expected.labels))
    np.testing.assert_array_equal(results.counts, expected.counts)
    np.testing.assert_array_equal(results.fractions, expected.fractions)
    confidence = [probabilities.max(axis=1) for probabilities in expected.probabilities]
    np.testing.assert_allclose(results.confidence, confidence, atol=1e-4)
    assert results.columns == expected.columns
    assert results.classes == expected.classes
    assert results.model_id == expected.parameters["model_id"]
    assert results.labels.dtype == np.int8
    np.testing.assert_array_equal(analysis.times, [0.0, 4.0, 8.0, 12.0, 16.0])
    assert (analysis.sites.names == "O").all()


def test_slices_and_processes(slab):
    whole = IceclassAnalysis(slab).run().results
    part = IceclassAnalysis(slab).run(start=1, step=2)
    np.testing.assert_array_equal(part.results.labels, whole.labels[1::2])
    np.testing.assert_array_equal(part.frames, [1, 3])
    split = IceclassAnalysis(slab).run(backend="multiprocessing", n_workers=2)
    np.testing.assert_array_equal(split.results.labels, whole.labels)
    np.testing.assert_array_equal(split.results.counts, whole.counts)
    np.testing.assert_array_equal(split.frames, np.arange(5))
    none = IceclassAnalysis(slab).run(stop=0)
    assert none.results.fractions.shape == (0, len(whole.columns))


def test_groups(slab):
    everything = IceclassAnalysis(slab).run(stop=1).results
    oxygens = IceclassAnalysis(slab.select_atoms("name O")).run(stop=1).results
    np.testing.assert_array_equal(oxygens.labels, everything.labels)
    some = IceclassAnalysis(slab.select_atoms("prop z < 20")).run(stop=1).results
    assert 0 < some.labels.shape[1] < everything.labels.shape[1]


@pytest.mark.parametrize("topology", ["ii.gro", "ii.data"])
def test_triclinic(folder, topology):
    """With atom names, and with nothing but type numbers."""
    universe = MDAnalysis.Universe(str(folder / topology), str(folder / "ii.dcd"))
    results = IceclassAnalysis(universe, "soap-325", unknown=False).run().results
    assert dict(zip(results.columns, results.fractions[1], strict=True))["ii"] > 0.98
    assert results.labels.min() >= 0


def test_types_and_one_kind_of_any_name():
    """mW water whose sites have a name of their own."""
    frame = ice_frames("ih", 1)[0]
    universe = MDAnalysis.Universe.empty(frame.n_molecules + 1, trajectory=True)
    universe.add_TopologyAttr("names", ["W"] * frame.n_molecules + ["NA"])
    universe.atoms.positions = np.vstack([frame.positions, [0.0, 0.0, 0.0]])
    universe.dimensions = [*np.diag(frame.cell), 90, 90, 90]
    group = universe.select_atoms("name W")
    for analysis in (IceclassAnalysis(group), IceclassAnalysis(universe, types={"W": "O"})):
        assert len(analysis.sites) == frame.n_molecules
        assert analysis.run().results.fractions[0, 0] > 0.98
    with pytest.raises(InputError, match="cannot be decided"):
        IceclassAnalysis(universe)

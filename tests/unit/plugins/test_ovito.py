"""The OVITO modifier, in OVITO."""

from importlib.metadata import entry_points

import numpy as np
import pytest
from ovito.io import export_file, import_file
from ovito.modifiers import ChillPlusModifier, DeleteSelectedModifier, SelectTypeModifier

import iceclass
from iceclass.generation.formats import write_gro, write_lammps_data
from iceclass.phases import PHASES
from iceclass.plugins.ovito import IceclassModifier
from tests.helpers.trajectories import ice, plain_demo

MIDDLE = 15  # half ice, half water


@pytest.fixture(scope="module")
def demo(tmp_path_factory):
    return plain_demo(tmp_path_factory.mktemp("ovito"))


@pytest.fixture
def pipeline(demo):
    pipeline = import_file(demo)
    pipeline.modifiers.append(IceclassModifier())
    return pipeline


def colour(name):
    return np.array(tuple(bytes.fromhex(PHASES[name].colour[1:]))) / 255.0


def test_ovito_finds_it():
    (entry,) = entry_points(group="OVITO.Modifier", name="Ice phases (iceclass)")
    assert entry.load() is IceclassModifier


def test_same_labels_as_label(demo, pipeline):
    frames = list(iceclass.read(demo))
    result = iceclass.label(demo)
    for k in (0, MIDDLE, 20, 3):  # in any order
        data = pipeline.compute(k)
        structure = data.particles["Structure Type"]
        names = {kind.id: kind.name for kind in structure.types}
        assert list(names.values()) == ["Other", *result.classes, "unknown"]
        molecule = frames[k].atoms.molecule
        labels = result.labels[k].astype(int)
        expected = np.where(labels < 0, len(result.classes), labels) + 1
        np.testing.assert_array_equal(structure[...], expected[molecule])
        confidence = result.probabilities[k].max(axis=1)[molecule]
        np.testing.assert_allclose(data.particles["Confidence"][...], confidence, rtol=1e-6)
        for name, count in zip(result.columns, result.counts[k], strict=True):
            assert data.attributes[f"iceclass.count.{name}"] == count
            fraction = data.attributes[f"iceclass.fraction.{name}"]
            assert fraction == pytest.approx(count / 720)
        assert data.attributes["iceclass.molecules"] == 720
        assert data.attributes["iceclass.model_id"] == result.parameters["model_id"]


def test_types_have_colours_and_particles_too(pipeline):
    data = pipeline.compute(MIDDLE)
    structure = data.particles["Structure Type"]
    kinds = {kind.name: kind for kind in structure.types}
    for name in ("ih", "water", "ii"):
        np.testing.assert_allclose(kinds[name].color, colour(name), atol=1e-6)
    ih = structure[...] == kinds["ih"].id
    assert 0 < ih.sum() < len(ih)
    np.testing.assert_allclose(data.particles.colors[ih], colour("ih")[None].repeat(ih.sum(), 0))


def test_after_another_modifier_and_without_unknown(demo):
    pipeline = import_file(demo)
    pipeline.modifiers.append(ChillPlusModifier())
    pipeline.modifiers.append(IceclassModifier(model="soap-37", unknown=False, color_by_type=False))
    data = pipeline.compute(0)
    assert data.attributes["iceclass.count.unknown"] == 0
    result = iceclass.label(demo, "soap-37", stop=1, unknown=False)
    assert data.attributes["iceclass.count.ih"] == result.counts[0][0]
    names = [kind.name for kind in data.particles["Structure Type"].types]
    assert names == ["Other", *result.classes, "unknown"]


def test_select_by_phase_afterwards(pipeline):
    pipeline.modifiers.append(SelectTypeModifier(property="Structure Type", types={"ih"}))
    pipeline.modifiers.append(DeleteSelectedModifier())
    data = pipeline.compute(MIDDLE)
    assert data.particles.count == 3 * (720 - data.attributes["iceclass.count.ih"])


@pytest.mark.parametrize("write", [write_gro, write_lammps_data])
def test_triclinic_ice_from_other_formats(write, tmp_path):
    """Atom names of a gro file; nothing but numbers and masses in a LAMMPS data file."""
    path = tmp_path / ("ii.gro" if write is write_gro else "ii.data")
    write(ice("ii"), path)
    pipeline = import_file(path)
    pipeline.modifiers.append(IceclassModifier())
    data = pipeline.compute()
    assert data.attributes["iceclass.fraction.ii"] == 1.0
    assert set(data.particles["Structure Type"][...].tolist()) == {3}


def test_ions_are_other(demo):
    """Every tenth molecule's oxygen is called sodium: it and its hydrogens are no water."""
    pipeline = import_file(demo)

    def salt(frame, data):
        types = data.particles_.particle_types_
        types.types.append(type(types.type_by_id(1))(id=3, name="Na"))
        types[::30] = 3

    pipeline.modifiers.append(salt)
    pipeline.modifiers.append(IceclassModifier())
    data = pipeline.compute()
    assert data.attributes["iceclass.molecules"] == 648
    assert not data.particles["Structure Type"][::30].any()
    assert not data.particles["Confidence"][::30].any()


def test_one_kind_of_particles_and_types(demo, tmp_path):
    """Oxygens alone, as from a coarse model; then types that only the user can tell."""
    pipeline = import_file(demo)
    pipeline.modifiers.append(
        lambda frame, data: data.particles_.delete_elements(
            np.asarray(data.particles.particle_types) != 1
        )
    )
    pipeline.modifiers.append(IceclassModifier())
    alone = pipeline.compute(MIDDLE)
    assert set(alone.particles["Structure Type"][...].tolist()) <= set(range(1, 11))
    told = import_file(demo)
    told.modifiers.append(IceclassModifier(types="1=O"))
    data = told.compute(MIDDLE)
    key = "iceclass.count.ih"
    assert data.attributes["SourceFrame"] == alone.attributes["SourceFrame"] == MIDDLE
    assert data.attributes[key] == alone.attributes[key]


def test_errors_reach_the_user(demo):
    for arguments, message in (
        ({"model": "soap-38"}, "unknown model 'soap-38'"),
        ({"types": "7=O"}, "no atom has type 7"),
        ({"types": "nonsense"}, "'nonsense' is not understood: expected TYPE=ELEMENT"),
    ):
        pipeline = import_file(demo)
        pipeline.modifiers.append(IceclassModifier(**arguments))
        with pytest.raises(Exception, match=message):
            pipeline.compute()


def test_exported_file_keeps_the_labels(pipeline, tmp_path):
    columns = ["Particle Identifier", "Structure Type", "Confidence"]
    export_file(pipeline, tmp_path / "out.xyz", "xyz", columns=columns, frame=0)
    rows = [line.split() for line in (tmp_path / "out.xyz").read_text().splitlines()[2:]]
    structure = pipeline.compute(0).particles["Structure Type"]
    names = [structure.type_by_id(number).name for number in structure[...]]
    assert [row[1] for row in rows] == names

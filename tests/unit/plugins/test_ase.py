"""Labels as arrays of ASE atoms."""

import numpy as np
import pytest
from ase import Atoms
from ase.io import read, write

import iceclass
from iceclass.errors import InputError
from iceclass.plugins.ase import label_atoms
from tests.helpers.trajectories import ice


def structure(name):
    made = ice(name)
    symbols = ["O", "H", "H"] * made.n_molecules
    return Atoms(symbols, made.molecules.reshape(-1, 3), cell=made.cell, pbc=True)


def test_arrays_are_those_of_label(tmp_path):
    atoms = structure("ii") + Atoms("Na", [[1.0, 2.0, 3.0]])
    rng = np.random.default_rng(3)
    atoms.positions += np.repeat(rng.normal(scale=0.2, size=(len(atoms) // 3 + 1, 3)), 3, 0)[:-2]
    before = atoms.copy()
    labelled = label_atoms(atoms)
    result = iceclass.label(atoms)
    names = np.array([*result.classes, "unknown"])[result.labels[0]]
    assert labelled.arrays["phase"].tolist() == [*np.repeat(names, 3), "other"]
    confidence = result.probabilities[0].max(axis=1)
    np.testing.assert_array_equal(
        labelled.arrays["confidence"], np.append(np.repeat(confidence, 3), 0)
    )
    assert labelled.info["iceclass_model"] == result.parameters["model_id"]
    assert atoms == before
    assert set(atoms.arrays) == set(before.arrays)
    write(tmp_path / "a.extxyz", labelled)
    again = read(tmp_path / "a.extxyz")
    assert again.arrays["phase"].tolist() == labelled.arrays["phase"].tolist()


def test_types_and_unknown():
    oxygens = structure("ih")[::3]
    oxygens.symbols[:] = "X"
    labelled = label_atoms(oxygens, "soap-325", types={"X": "O"}, unknown=False)
    assert set(labelled.arrays["phase"]) == {"ih"}
    oxygens.symbols[:] = "Ne"
    with pytest.raises(InputError, match="no oxygen"):
        label_atoms(oxygens)

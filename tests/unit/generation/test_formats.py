"""Structure files are read back by the programs they are written for."""

import numpy as np
import pytest
from ase.io import read

from iceclass.errors import InputError, OutputError
from iceclass.external.lammps import read_thermo, run_script
from iceclass.generation.formats import WRITERS, write_structure
from iceclass.generation.lattices import build
from iceclass.generation.water_models import MW_POTENTIAL, WATER_MODELS, water_model

ENERGY = {
    "tip4p-ice": -16.4,
    "tip4p-2005": -15.1,
    "tip4p-ew": -14.7,
    "tip4p-fb": -15.4,
    "opc": -15.9,
    "tip3p": -13.0,
    "spc-e": -14.6,
    "mw": -2 * 6.189,
}
"""kcal/mol a molecule: cold ice Ih; a tetrahedral network of mW has −2 ε by construction."""


@pytest.mark.parametrize("kind", WRITERS)
def test_structures_are_read_back_by_ase(kind, tmp_path):
    structure = build("v", water_model("tip4p-2005"), seed=2)
    path = write_structure(structure, tmp_path / "v", kind)
    options = {"format": "lammps-data", "atom_style": "full"} if kind == "lammps" else {}
    atoms = read(path, **options)
    assert list(atoms.symbols[:3]) == ["O", "H", "H"]
    digits = 2e-2 if kind == "gro" else 1e-6
    assert np.allclose(atoms.cell.array, structure.cell, atol=digits)
    assert np.allclose(atoms.positions, structure.molecules.reshape(-1, 3), atol=digits)


@pytest.mark.parametrize("name", WATER_MODELS)
def test_lammps_runs_the_data_file(name, tmp_path):
    model = water_model(name)
    structure = build("ih", model)
    write_structure(structure, tmp_path / "ice", "lammps")
    (tmp_path / "mW.sw").write_text(MW_POTENTIAL, encoding="utf-8")
    script = [
        "units real",
        f"atom_style {'atomic' if model.one_site else 'full'}",
        "read_data ice.data",
        *model.force_field(heavy_hydrogen=False),
        "thermo_style custom step pe density",
        "timestep 0.5",
        "fix md all nve/limit 0.05",
        "fix bath all langevin 1.0 1.0 20.0 7",
        "run 300",
    ]
    run_script("\n".join(script), tmp_path, "energy")
    table = read_thermo(tmp_path / "energy.log")
    assert table["PotEng"][-1] / structure.n_molecules == pytest.approx(ENERGY[name], abs=0.3)
    assert table["Density"][-1] == pytest.approx(structure.density, rel=1e-3)


def test_nothing_is_replaced_without_force(tmp_path):
    structure = build("ic", water_model("mw"))
    path = write_structure(structure, tmp_path / "ic", "extxyz")
    before = path.read_bytes()
    with pytest.raises(OutputError, match="exists already"):
        write_structure(structure, tmp_path / "ic", "extxyz")
    assert write_structure(structure, tmp_path / "ic", "extxyz", force=True) == path
    assert path.read_bytes() == before
    assert [p.name for p in tmp_path.iterdir()] == ["ic.extxyz"]


def test_unknown_format_names_the_nearest(tmp_path):
    with pytest.raises(InputError, match="did you mean 'lammps'"):
        write_structure(build("ic", water_model("mw")), tmp_path / "x", "lamps")

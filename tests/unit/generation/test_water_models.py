"""Parameters of the water models, against what they must add up to."""

import numpy as np
import pytest

from iceclass.errors import InputError
from iceclass.external.lammps import run_script
from iceclass.generation.formats import write_lammps_data
from iceclass.generation.lattices import build
from iceclass.generation.water_models import WATER_MODELS, stillinger_weber, water_model

DIPOLES = {
    "tip4p-ice": 2.426,
    "tip4p-2005": 2.305,
    "tip4p-ew": 2.321,
    "tip4p-fb": 2.428,
    "opc": 2.48,
    "tip3p": 2.347,
    "spc-e": 2.351,
}
"""D, by the models' authors."""


@pytest.mark.parametrize(("name", "published"), DIPOLES.items())
def test_dipole_moment_is_the_published_one(name, published):
    model = water_model(name)
    height = model.geometry[1, 2]
    dipole = 2 * model.q_h * (height - model.d_om) * 4.80320
    assert dipole == pytest.approx(published, abs=0.01)


def test_every_atomistic_model_has_its_dipole_tested():
    assert set(DIPOLES) == {n for n, m in WATER_MODELS.items() if not m.one_site}


def energy(tmp_path, model):
    """kcal/mol a molecule of undisplaced ice Ih."""
    write_lammps_data(build("ih", model), tmp_path / "ice.data")
    (tmp_path / "mW.sw").write_text(model.potential, encoding="utf-8")
    script = ["units real", "atom_style atomic", "read_data ice.data"]
    script += [*model.force_field(heavy_hydrogen=False), "run 0", "variable e equal pe/atoms"]
    script += ['print "$e" file energy.txt']
    run_script("\n".join(script), tmp_path, "energy")
    return float((tmp_path / "energy.txt").read_text())


def test_lambda_changes_liquids_not_perfect_tetrahedra(tmp_path):
    mw, strong = water_model("mw"), water_model("sw-26")
    assert water_model("sw-23.15").potential.splitlines()[2:] == mw.potential.splitlines()[2:]
    one, two = energy(tmp_path, mw), energy(tmp_path, strong)
    # four bonds at tetrahedral angles cost nothing, whatever λ; GenIce2's are nearly so
    assert np.isclose(one, two, atol=0.2)
    assert one == pytest.approx(-2 * mw.epsilon, rel=0.05)
    assert stillinger_weber(26.0) == strong


@pytest.mark.parametrize("name", ["sw-50", "sw-x", "tip4q", "sw-"])
def test_unknown_models_are_refused(name):
    with pytest.raises(InputError):
        water_model(name)

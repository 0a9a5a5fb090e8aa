"""Labels during a run of real LAMMPS, in a process of its own."""

import csv

import pytest

from iceclass.generation.formats import write_lammps_data
from iceclass.generation.lattices import build
from iceclass.generation.water_models import MW_POTENTIAL, WATER_MODELS
from tests.helpers.trajectories import ice, run_python

MELT = """
import json
import numpy as np
import iceclass
from iceclass.errors import InputError, OutputError, SimulationError
from iceclass.plugins.lammps import LammpsLabeller, lammps_class

def session():
    lammps = lammps_class()(cmdargs=["-log", "none", "-screen", "none"])
    lammps.commands_list([
        "units real", "atom_style atomic", "read_data ice.data", "pair_style sw",
        "pair_coeff * * mW.sw mW", "mass 1 18.0154", "velocity all create 900 7",
        "timestep 5.0", "fix 1 all nvt temp 500 450 200",
    ])
    return lammps
"""


@pytest.fixture
def folder(tmp_path):
    write_lammps_data(build("ih", WATER_MODELS["mw"]), tmp_path / "ice.data")
    (tmp_path / "mW.sw").write_text(MW_POTENTIAL)
    return tmp_path


def run(code, folder):
    done = run_python(code, folder)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_ice_melts(folder):
    """Same phases as in the dump of the run; the run is that of one ``run`` command; the
    variables reach LAMMPS's own output."""
    code = (
        MELT
        + """
lammps = session()
lammps.command("dump d all custom 100 run.lammpstrj id type x y z")
labeller = LammpsLabeller(lammps)
lammps.command('fix p all print 50 "$(step) $(v_phase_ih) $(v_phase_water)" file seen.txt '
               'screen no title ""')
history = labeller.run(350, 100, csv="run.csv")
assert history.timesteps.tolist() == [0, 100, 200, 300, 350], history.timesteps
assert history.columns == labeller.columns and (history.molecules == 432).all()
assert history.counts[0, 0] == 432 and history.counts[-1, 0] < 200, history.counts
assert (history.fractions == history.counts / 432).all()
assert lammps.extract_variable("phase_ih") == history.fractions[-1, 0]
cut = lammps.gather_atoms("x", 1, 3)[:]
lammps.close()
result = iceclass.label("run.lammpstrj")
np.testing.assert_array_equal(result.timesteps, history.timesteps[:4])
np.testing.assert_array_equal(result.counts, history.counts[:4])
whole = session()
whole.command("run 350")
np.testing.assert_allclose(whole.gather_atoms("x", 1, 3)[:], cut, atol=1e-6)
print(json.dumps(history.fractions.tolist()))
"""
    )
    import json

    fractions = json.loads(run(code, folder))
    with (folder / "run.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [row["timestep"] for row in rows] == ["0", "100", "200", "300", "350"]
    for row, expected in zip(rows, fractions, strict=True):
        assert float(row["ih"]) == pytest.approx(expected[0], abs=1e-6)
    assert not (folder / "run.csv.part").exists()
    seen = [line.split() for line in (folder / "seen.txt").read_text().splitlines() if line]
    at = {int(step): float(ih) for step, ih, _ in seen}
    assert at[50] == fractions[0][0]
    assert at[150] == pytest.approx(fractions[1][0], abs=1e-6)


def test_a_halt_on_the_phases(folder):
    """LAMMPS ends the run itself, by what the labelling found."""
    code = (
        MELT
        + """
lammps = session()
labeller = LammpsLabeller(lammps)
lammps.command("fix h all halt 25 v_phase_ih < 0.9 error soft")
history = labeller.run(1000, 50)
steps = history.timesteps.tolist()
assert steps[:2] == [0, 50] and steps[-1] < 1000 and len(set(steps)) == len(steps), steps
assert (history.fractions[:-2, 0] >= 0.9).all(), history.fractions
"""
    )
    run(code, folder)


def test_hydrogens_and_triclinic_cell(folder):
    """TIP4P/Ice in a full-style session, types found out by LAMMPS's masses and distances."""
    write_lammps_data(ice("ii"), folder / "ii.data")
    code = (
        MELT
        + """
lammps = lammps_class()(cmdargs=["-log", "none", "-screen", "none"])
lammps.commands_list(["units real", "atom_style full", "bond_style zero", "angle_style zero",
                      "pair_style zero 8.5", "read_data ii.data", "pair_coeff * *",
                      "bond_coeff *", "angle_coeff *"])
frame, prediction = LammpsLabeller(lammps, "soap-325", prefix="f").label()
assert frame.n_molecules == 432 and (prediction.names == "ii").all()
assert frame.atoms is not None and (frame.atoms.molecule == np.arange(1296) // 3).all()
assert lammps.extract_variable("f_ii") == 1.0
"""
    )
    run(code, folder)


def test_errors(folder):
    code = (
        MELT
        + """
lammps = lammps_class()(cmdargs=["-log", "none", "-screen", "none"])
try:
    LammpsLabeller(lammps)
except InputError as error:
    assert "no box yet" in str(error), error
lammps.close()
lammps = session()
labeller = LammpsLabeller(lammps, unknown=False)
try:
    labeller.run(100, 0)
except InputError as error:
    assert "expected positive numbers" in str(error), error
open("there.csv", "w").close()
try:
    labeller.run(100, 50, csv="there.csv")
except OutputError as error:
    assert "exists already" in str(error), error
lammps.command("fix h all halt 75 v_phase_ih > -1.0 error hard")
try:
    labeller.run(100, 50, csv="run.csv")
except SimulationError as error:
    assert "run 50 start 0 stop 100 pre no post no" in str(error), error
else:
    raise SystemExit("no error")
"""
    )
    run(code.replace('open("there.csv", "w").close()', 'with open("there.csv", "w"): pass'), folder)
    rows = (folder / "run.csv.part").read_text().splitlines()
    assert [row.split(",")[0] for row in rows] == ["timestep", "0", "50"]
    assert not (folder / "run.csv").exists()

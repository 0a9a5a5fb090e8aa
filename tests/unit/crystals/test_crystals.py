"""Crystals from CIF files: faults named, relaxed, stopped and resumed, compared."""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from ase.build import bulk
from click.testing import CliRunner

import iceclass
from iceclass.cli.crystals import command
from iceclass.cli.main import main
from iceclass.crystals.calculators import calculator
from iceclass.crystals.collect import collect, read_crystals
from iceclass.crystals.database import entries
from iceclass.crystals.deviations import compare, fit
from iceclass.crystals.faults import Fault, mass_density, parse_formula
from iceclass.crystals.relax import RelaxOptions, relax
from iceclass.errors import InputError, MissingDependencyError, OutputError
from iceclass.generation.formats import to_ase
from iceclass.generation.lattices import Size, build
from iceclass.generation.water_models import water_model
from pipelines.crystals import cif, damaged

LJ = "ase.calculators.lj:LennardJones"
KIND = {
    "unreadable": Fault.UNREADABLE,
    "meaningless": Fault.MEANINGLESS,
    "ambiguous": Fault.AMBIGUOUS_SITE,
    "hydrogens": Fault.HYDROGENS,
    "unfinished": None,  # found when it is relaxed
}


@pytest.fixture(scope="module")
def ice():
    """The 16 molecules of a cell of ice Ih."""
    small = replace(water_model("tip4p-ice"), r_cut=2.0)
    atoms = to_ase(build("1h", small, size=Size(repetition=(1, 1, 1))))
    del atoms.arrays["mol"]
    return atoms


@pytest.fixture(scope="module")
def model():
    return iceclass.load_model("default")


@pytest.fixture
def solids(tmp_path):
    """Lennard-Jones solids, one of them stretched so far that it evaporates."""
    folder = tmp_path / "cifs"
    folder.mkdir()
    for k, edge in enumerate((1.50, 1.56, 1.60), start=1):
        atoms = bulk("He", "fcc", a=edge, cubic=True)
        (folder / f"solid{k}.cif").write_text(cif(atoms, mass_density(atoms)))
    return folder


def run(*arguments):
    return CliRunner().invoke(command, [str(a) for a in arguments], catch_exceptions=True)


def test_every_damaged_file_gets_its_fault(ice, model, tmp_path):
    files = []
    for name, text in damaged(ice):
        files.append(tmp_path / f"{name}.cif")
        files[-1].write_text(text)
    good = tmp_path / "good.cif"
    good.write_text(cif(ice, mass_density(ice)))
    crystals = collect([*files, good], str(tmp_path / "raw.db"), model)
    assert len(files) == 20
    for crystal in crystals[:-1]:
        expected = KIND[crystal.source.partition("-")[0]]
        found = None if crystal.finding is None else crystal.finding.fault
        assert found == expected, crystal.source
    assert crystals[-1].finding is None
    assert (crystals[-1].phase, crystals[-1].agreement) == ("ih", 1.0)
    stored = entries(tmp_path / "raw.db")
    assert [e.source for e in stored] == [c.source for c in crystals]  # nothing is dropped
    assert [e.fault for e in stored] == [
        str(c.finding.fault) if c.finding else "" for c in crystals
    ]
    assert stored[-1].density == pytest.approx(mass_density(ice), abs=1e-4)
    moved = stored[-1].atoms.get_scaled_positions(wrap=False) - ice.get_scaled_positions(wrap=False)
    assert np.allclose(moved, np.rint(moved), atol=1e-9)  # by whole cells


def test_blocks_and_formulas(ice, tmp_path):
    path = tmp_path / "two.cif"
    path.write_text(cif(ice) + "\n" + cif(ice).replace("data_image0", "data_image1"))
    assert [c.source for c in read_crystals(path)] == ["two.cif#1", "two.cif#2"]
    assert parse_formula("C6 H12.5 O") == {"C": 6.0, "H": 12.5, "O": 1.0}
    assert parse_formula("D2 O") == {"H": 2.0, "O": 1.0}


def test_from_files_to_a_report(solids, tmp_path):
    raw, clean, relaxed, out = (tmp_path / n for n in ("raw.db", "clean.db", "relaxed.db", "out"))
    done = run("collect", solids, "-o", raw)
    assert done.exit_code == 0, done.output
    assert run("clean", raw, "-o", clean, "--elements", "He").exit_code == 0
    done = run("relax", clean, "-c", LJ, "-o", relaxed)
    assert done.exit_code == 0, done.output
    rows = entries(relaxed)
    edges = [e.atoms.cell.lengths()[0] for e in rows]
    assert edges == pytest.approx([edges[0]] * 3, rel=1e-4)  # all the same solid
    assert not (tmp_path / "relaxed.db.parts").exists()
    done = run("report", relaxed, "--originals", clean, "-o", out)
    assert done.exit_code == 0, done.output
    comparison = compare(rows, {e.source: e for e in entries(clean)}, LJ)
    starts = np.array([1.50, 1.56, 1.60])
    assert np.sort(comparison.length) == pytest.approx(
        np.sort(100 * (edges[0] / starts - 1)), abs=0.01
    )
    assert np.sort(comparison.volume) == pytest.approx(
        np.sort(100 * ((edges[0] / starts) ** 3 - 1)), abs=0.03
    )
    page = (out / "crystals.md").read_text()
    assert f"{comparison.volume.mean():.2f}" in page
    assert "| 3.0, 8.4 |" in page
    assert (out / "crystals.csv").read_text().count("\n") == 4


def test_a_gaussian_is_found_again():
    values = np.random.default_rng(0).normal(1.6, 10.0, 4000)
    normal = fit(values)
    assert abs(normal.mean - 1.6) < 3 * normal.mean_error < 0.5
    assert abs(normal.deviation - 10.0) < 3 * normal.deviation_error < 0.4


def test_the_stated_density_counts_as_the_experiments(tmp_path, model):
    atoms = bulk("He", "fcc", a=1.55, cubic=True)
    (tmp_path / "a.cif").write_text(cif(atoms, mass_density(atoms) * 0.9))
    collect([tmp_path / "a.cif"], str(tmp_path / "raw.db"), model)
    rows = relax(tmp_path / "raw.db", str(tmp_path / "r.db"), RelaxOptions(LJ), model)
    comparison = compare(rows, {e.source: e for e in entries(tmp_path / "raw.db")}, LJ)
    ratio = rows[0].atoms.get_volume() / atoms.get_volume()
    assert comparison.volume[0] == pytest.approx(100 * (ratio * 0.9 - 1), abs=0.01)


def test_what_fails_is_recorded_and_the_others_go_on(tmp_path, model, capsys):
    for name, edge in (("good", 1.56), ("far-apart", 2.3)):
        (tmp_path / f"{name}.cif").write_text(cif(bulk("He", "fcc", a=edge, cubic=True)))
    collect(sorted(tmp_path.glob("*.cif")), str(tmp_path / "raw.db"), model)
    words = ["relax", str(tmp_path / "raw.db"), "-c", LJ, "-o", str(tmp_path / "r.db"), "-q"]
    with pytest.raises(SystemExit) as status:
        main(["crystals", *words])
    assert status.value.code == 1
    assert "1 relaxed, 1 failed" in capsys.readouterr().out
    failed = {e.source: e for e in entries(tmp_path / "r.db") if e.fault}
    assert list(failed) == ["far-apart.cif"]
    assert failed["far-apart.cif"].fault == str(Fault.UNFINISHED)
    assert failed["far-apart.cif"].message.startswith("exploded: 0.")
    starved = RelaxOptions(LJ, steps=1, steps_per_atom=0)
    rows = relax(tmp_path / "raw.db", str(tmp_path / "s.db"), starved, model)
    assert {e.message for e in rows} == {"not relaxed after 1 steps"}


def rows_in(database: Path) -> int:
    try:
        with closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True)) as connection:
            return connection.execute("SELECT COUNT(*) FROM systems").fetchone()[0]
    except sqlite3.OperationalError:  # not there yet, no tables yet, locked
        return 0


def test_a_killed_relaxation_goes_on(solids, tmp_path, model):
    """kill -9: what is done stays done, nothing is done twice, the rest follows."""
    collect(sorted(solids.glob("*.cif")), str(tmp_path / "raw.db"), model)
    slow = tmp_path / "slow.py"
    slow.write_text(
        "import time\nfrom ase.calculators.lj import LennardJones\n"
        "class Slow(LennardJones):\n"
        "    def calculate(self, *a, **k):\n"
        "        time.sleep(0.05)\n        super().calculate(*a, **k)\n"
    )
    words = [sys.executable, "-m", "iceclass.cli", "crystals", "relax", str(tmp_path / "raw.db")]
    words += ["-c", "slow:Slow", "-o", str(tmp_path / "r.db"), "--fmax", "1e-5"]
    paths = [str(tmp_path), os.environ.get("PYTHONPATH", "")]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(paths)}
    process = subprocess.Popen(words, env=environment, stdout=subprocess.DEVNULL)
    end = time.monotonic() + 120
    # seen from outside: opening an ASE database makes the tables that it lacks
    while not rows_in(tmp_path / "r.db"):
        assert process.poll() is None
        assert time.monotonic() < end
        time.sleep(0.02)
    process.send_signal(signal.SIGKILL)
    process.wait()
    before = [(e.source, e.steps) for e in entries(tmp_path / "r.db")]
    assert 1 <= len(before) < 3
    subprocess.run(words, env=environment, check=True, stdout=subprocess.DEVNULL)
    after = [(e.source, e.steps) for e in entries(tmp_path / "r.db")]
    assert after[: len(before)] == before
    assert sorted(s for s, _ in after) == ["solid1.cif", "solid2.cif", "solid3.cif"]


def test_jobs_give_the_same(solids, tmp_path, model):
    collect(sorted(solids.glob("*.cif")), str(tmp_path / "raw.db"), model)
    volumes = []
    for jobs in (1, 2):
        rows = relax(
            tmp_path / "raw.db", str(tmp_path / f"r{jobs}.db"), RelaxOptions(LJ, jobs=jobs), model
        )
        volumes.append({e.source: e.atoms.get_volume() for e in rows})
    assert volumes[0] == volumes[1]


def test_other_databases(solids, tmp_path, model):
    collect(sorted(solids.glob("*.cif")), str(tmp_path / "raw.json"), model)
    assert len(entries(tmp_path / "raw.json")) == 3
    assert json.loads((tmp_path / "raw.json").read_text())["ids"] == [1, 2, 3]
    with pytest.raises(OutputError, match="exists already"):
        collect(sorted(solids.glob("*.cif")), str(tmp_path / "raw.json"), model)
    with pytest.raises(InputError, match="unknown kind of database"):
        collect(sorted(solids.glob("*.cif")), str(tmp_path / "raw.txt"), model)


def test_a_locked_database(solids, tmp_path, model, monkeypatch):
    collect(sorted(solids.glob("*.cif")), str(tmp_path / "raw.db"), model)
    connect = sqlite3.connect
    with closing(connect(tmp_path / "raw.db")) as connection:
        connection.execute("BEGIN EXCLUSIVE")
        # ASE waits 20 s for the other process
        monkeypatch.setattr(sqlite3, "connect", lambda path, timeout: connect(path, timeout=0.1))
        with pytest.raises(InputError, match=r"locked.*another process uses it"):
            entries(tmp_path / "raw.db")


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("chgnett", "unknown calculator 'chgnett'; did you mean 'chgnet'"),
        ("nowhere:Nothing", "there is no calculator nowhere:Nothing"),
        ("tblite:PM7", "unknown method 'PM7'"),
        ("hdnnp", "give hdnnp:FOLDER"),
        ("hdnnp:nowhere", r"nowhere/input\.nn.*cannot be read"),
        ("ani1x:nowhere", r"nowhere/ani-1x_8x\.info.*not a model of NeuroChem"),
    ],
)
def test_calculators_that_are_not_there(name, message):
    try:
        with pytest.raises(InputError, match=message):
            calculator(name)
    except MissingDependencyError:
        pytest.skip(f"{name.partition(':')[0]} is not installed")


def test_errors_end_with_status_2(tmp_path, capsys):
    for words in (
        ["crystals", "collect", str(tmp_path), "-o", str(tmp_path / "raw.db")],
        ["crystals", "clean", str(tmp_path / "none.db"), "-o", str(tmp_path / "c.db")],
    ):
        with pytest.raises(SystemExit) as status:
            main(words)
        assert status.value.code == 2
        assert "Error" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


def test_rigid_water_forces_and_stress_are_slopes(ice):
    atoms = ice.copy()
    atoms.rattle(0.02, seed=1)
    atoms.calc = calculator("tip4p-ice")
    forces, stress, step = atoms.get_forces(), atoms.get_stress(voigt=False), 1e-3

    def energy(change):
        moved = atoms.copy()
        moved.calc = atoms.calc
        change(moved)
        return moved.get_potential_energy()

    def shift(i, axis, by):
        def change(moved):
            moved.positions[i, axis] += by

        return change

    def strain(a, b, by):
        def change(moved):
            matrix = np.eye(3)
            matrix[a, b] += by / 2
            matrix[b, a] += by / 2
            moved.set_cell(atoms.cell @ matrix, scale_atoms=True)

        return change

    for i, axis in ((0, 0), (5, 2)):
        slope = (energy(shift(i, axis, step)) - energy(shift(i, axis, -step))) / (2 * step)
        assert forces[i, axis] == pytest.approx(-slope, abs=2e-3)
    for a, b in ((0, 0), (1, 2)):
        slope = (energy(strain(a, b, step)) - energy(strain(a, b, -step))) / (2 * step)
        assert stress[a, b] == pytest.approx(slope / atoms.get_volume(), abs=2e-4)

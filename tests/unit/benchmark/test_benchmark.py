"""``iceclass bench``, once, small and for real; what it computes from its timings; its systems."""

from __future__ import annotations

import csv
import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import iceclass
from iceclass.benchmark import Benchmark, Comparison, Growth, Settings, run
from iceclass.benchmark.labels import trajectory, write_dump
from iceclass.benchmark.references import comparable, reference_name
from iceclass.benchmark.systems import configurations, ice, liquid
from iceclass.benchmark.timing import Ratio, Timing, alternate
from iceclass.cli.main import main
from iceclass.descriptors import descriptor, presets
from iceclass.descriptors.registry import FAMILIES
from iceclass.errors import IceclassError, InputError
from iceclass.external.ovito import chill_plus_types
from iceclass.neighbours.cell_list import neighbour_list
from iceclass.reports.benchmark import as_text, write_benchmark
from tests.helpers.iceframes import lattice_frame

NAMES = ("soap-37", "bispectrum-30", "acsf", "mtp-6")


@pytest.fixture(scope="module")
def bench(tmp_path_factory):
    """Directory and printed text of one run of the command in a process of its own."""
    directory = tmp_path_factory.mktemp("bench") / "new" / "bench"
    command = [sys.executable, "-m", "iceclass.cli", "bench", "--quick", "--threads", "1"]
    for name in NAMES:
        command += ["--descriptor", name]
    done = subprocess.run(
        [*command, "-o", str(directory)],
        capture_output=True,
        text=True,
        check=False,
        env=os.environ | {"COLUMNS": "200"},
    )
    assert done.returncode == 0, done.stderr
    return directory, done.stdout


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_every_family_is_timed_against_its_reference(bench):
    directory, _ = bench
    table = rows(directory / "bench.csv")
    assert {r["family"]: r["reference"].split(",")[0] for r in table} == {
        "soap": "DScribe SOAP",
        "bispectrum": "LAMMPS compute sna/atom",
        "acsf": "DScribe ACSF",
        "mtp": "NumPy einsum",
        "label": "OVITO PTM",
        "read": "text dump",
    }
    assert {r["configuration"] for r in table} == {"ice Ih", "liquid"}
    assert {r["reference"] for r in table if r["family"] == "label"} == {
        "OVITO CHILL+",
        "OVITO PTM",
        "d-SEAMS CHILL+",
        "mdapy CHILL+",
    }
    assert set(FAMILIES) <= {r["family"] for r in table}  # a family without reference fails the run
    for r in table:
        assert float(r["ratio"]) > 0
        assert float(r["wall_us_min"]) <= float(r["wall_us"]) <= float(r["wall_us_max"])
        assert float(r["reference_cpu_us"]) > 0
        assert r["molecules"] == "432"


def test_descriptors_agree_with_their_references(bench):
    directory, _ = bench
    table = [r for r in rows(directory / "bench.csv") if r["error"]]
    assert {(r["family"], r["dtype"]) for r in table} == {
        ("soap", "float64"),
        ("soap", "float32"),
        ("bispectrum", "float64"),
        ("bispectrum", "float32"),
        ("acsf", "float64"),
        ("mtp", "float64"),
        ("mtp", "float32"),
    }
    for r in table:
        assert float(r["error"]) < float(r["error_bound"] or 1e-5), r


def test_columns_of_the_table(bench):
    directory, _ = bench
    table = rows(directory / "bench.csv")
    wanted = {"subject", "F", "dtype", "threads", "ratio", "goal", "met", "error", "memory_MB"}
    assert wanted <= set(table[0])
    goals = {(r["subject"], r["dtype"]): r["goal"] for r in table if "PTM" not in r["reference"]}
    against = {r["reference"]: r["goal"] for r in table if r["family"] == "label"}
    assert goals["soap-37", "float64"] == "10"
    assert goals["bispectrum-30", "float64"] == "8"
    others = {"mdapy CHILL+": "0.67", "d-SEAMS CHILL+": "0.67", "OVITO PTM": ""}
    assert against == {"OVITO CHILL+": "1.8", **others}
    assert {r["met"] for r in table if r["goal"]} <= {"True", "False"}
    assert {r["F"] for r in table if r["subject"] == "bispectrum-30"} == {"30"}
    assert float(table[0]["reference_memory_MB"]) > 0


def test_growth_is_measured(bench):
    directory, _ = bench
    table = rows(directory / "growth.csv")
    assert {(r["subject"], r["molecules"]) for r in table} == {
        (name, size) for name in NAMES for size in ("432", "2000")
    }
    assert all(float(r["cpu_us"]) > 0 for r in table)


def test_json_tells_the_machine_and_nothing_private(bench):
    directory, _ = bench
    text = (directory / "bench.json").read_text(encoding="utf-8")
    content = json.loads(text)
    assert content["machine"]["cores"] >= 1
    assert content["machine"]["processor"]
    assert content["machine"]["versions"]["numpy"] == np.__version__
    assert content["settings"]["liquid"].startswith("water")
    assert content["missing"] == {}
    for private in (os.uname().nodename, str(Path.home()), str(directory)):
        assert f'"{private}' not in text


def test_text_holds_the_study_and_the_goals(bench):
    directory, text = bench
    assert "15 min" in text
    assert "not comparable" in text
    assert "number of molecules that is not stated" in text
    assert "soap-37 float64 against DScribe SOAP" in text
    assert "not measured" not in text
    for name in ("bench.png", "growth.png"):
        assert (directory / name).read_bytes()[:4] == b"\x89PNG"
        assert name in text


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--descriptor", "sop-37"], "did you mean 'soap-37'"),
        (["--molecules", "3"], "x>=8"),
        (["--threads", "0"], "x>=1"),
        (["-o", "file/in/it"], "cannot be made"),
    ],
)
def test_wrong_usage_is_told_before_anything_is_measured(
    arguments, message, capsys, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    Path("file").write_text("")
    with pytest.raises(SystemExit) as stop:
        main(["bench", *arguments])
    assert stop.value.code == 2
    assert message in capsys.readouterr().err
    assert [p.name for p in tmp_path.iterdir()] == ["file"]


@pytest.mark.parametrize("change", [{"repeats": 0}, {"threads": (0,)}, {"sizes": (433,)}])
def test_settings_are_checked(change):
    with pytest.raises(InputError, match="expected"):
        Settings(**change)


def test_settings_hold_one_thread_and_every_preset():
    settings = Settings(threads=(4,))
    assert settings.threads == (1, 4)
    assert settings.names == tuple(presets())


def test_a_missing_reference_is_named(tmp_path, monkeypatch):
    (tmp_path / "dscribe").mkdir()
    (tmp_path / "dscribe" / "__init__.py").write_text("raise ImportError('not here')")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    settings = Settings(names=("soap-37",), threads=(2,), sizes=(), labelling=False).quick()
    found = run(settings)
    assert list(found.missing) == ["DScribe SOAP"]
    assert all(c.theirs is None and c.ratio is None for c in found.comparisons)
    assert {c.threads for c in found.comparisons} == {1, 2}
    assert all((c.speed_up is None) == (c.threads == 1) for c in found.comparisons)
    (goal,) = found.goals
    assert goal.what.startswith("soap-37 second core (arithmetic alone: ")
    text = as_text(found)
    assert 'pip install "iceclass[reference]"' in text
    written = write_benchmark(found, tmp_path)
    assert [p.name for p in written] == ["bench.csv", "bench.json"]


def test_a_measurement_that_fails_is_an_error(tmp_path, monkeypatch):
    (tmp_path / "dscribe").mkdir()
    (tmp_path / "dscribe" / "__init__.py").write_text("raise ValueError('broken')")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    settings = Settings(names=("soap-37",), threads=(1,), sizes=(), labelling=False).quick()
    with pytest.raises(IceclassError, match="measuring soap-37 failed: ValueError: broken"):
        run(settings)


def timing(*samples: float) -> Timing:
    return Timing(wall=samples, cpu=tuple(s / 2 for s in samples))


def test_ratios_and_goals_follow_from_the_timings():
    ours = timing(1.0, 2.0, 4.0)
    row = Comparison(
        subject="soap-37",
        family="soap",
        configuration="ice Ih",
        molecules=4000,
        features=37,
        dtype="float64",
        threads=1,
        ours=ours,
        reference="DScribe SOAP",
        theirs=timing(20.0, 30.0, 40.0),
        goal=10.0,
    )
    assert row.ratio == Ratio((20.0, 15.0, 10.0))
    assert (row.ratio.median, row.ratio.low, row.ratio.high) == (15.0, 10.0, 20.0)
    assert row.met is True
    liquid_row = replace(row, configuration="liquid", theirs=timing(9.0, 9.0, 9.0))
    assert liquid_row.met is False
    two = replace(row, threads=2, goal=None, speed_up=Ratio((1.9, 1.7, 2.0)))
    growth = (Growth("soap-37", 5488, timing(2.0)), Growth("soap-37", 100_000, timing(2.2)))
    goals = Benchmark((row, liquid_row, two), growth, {}, {}, {}, 0).goals
    assert [(g.value, g.bound, g.met) for g in goals] == [
        (pytest.approx(4.5), 10.0, False),
        (pytest.approx(1.9), 1.8, True),
        (pytest.approx(1.1), 1.15, True),
    ]
    cores = replace(two, family="label", speed_up=Ratio((1.6,)), ceiling=Ratio((2.0,)))
    better = replace(cores, molecules=1000, speed_up=Ratio((1.9,)))
    (goal,) = Benchmark((cores, better), (), {}, {}, {}, 0).goals
    assert (goal.value, goal.bound, goal.met) == (pytest.approx(0.8), 0.95, False)


def test_threads_are_held_against_processes():
    task = {
        "task": "cores",
        "threads": 2,
        "sizes": [216],
        "molecules": 432,
        "repeats": 1,
        "least_frames": 2,
    }
    done = subprocess.run(
        [sys.executable, "-m", "iceclass.benchmark.worker"],
        input=json.dumps(task),
        capture_output=True,
        text=True,
        check=True,
    )
    timings = json.loads(done.stdout)["timings"]
    assert {(content, n, key) for content, n, key, _, _ in timings} == {
        (content, 216, key) for content in ("O", "O H H") for key in ("one", "threads", "processes")
    }
    assert all(wall[0] > 0 for _, _, _, wall, _ in timings)


def test_alternation_runs_everything_in_turn():
    order = []
    calls = {name: (lambda name=name: order.append(name), 10) for name in "ab"}
    found = alternate(calls, 3)
    assert all(len(t.wall) == len(t.cpu) == 3 for t in found.values())
    changes = "".join(a for a, b in zip(order, [*order[1:], ""], strict=True) if a != b)
    assert changes == "abababab"


PEAK = """
from contextlib import nullcontext
import numpy as np
from iceclass.benchmark.memory import peak_memory
from iceclass.benchmark.systems import ice
prepare = lambda frame: nullcontext(lambda: np.ones(frame.n_molecules * 10_000))
print(peak_memory(prepare, ice(8), ice(800)))
"""


def test_peak_memory_counts_what_was_taken():
    """In a process without other threads: the fork of one with threads may wait for ever."""
    done = subprocess.run([sys.executable, "-c", PEAK], capture_output=True, text=True, check=True)
    assert float(done.stdout) == pytest.approx(64.0, abs=4.0)


@pytest.mark.parametrize("molecules", [432, 2000, 5488, 11664, 100_000])
def test_ice_has_the_sizes_that_growth_is_measured_at(molecules):
    frame = ice(molecules)
    assert frame.n_molecules == molecules
    lengths = np.diag(frame.cell)
    assert lengths.max() < 2 * lengths.min()
    assert frame.density == pytest.approx(0.92, abs=0.01)


def test_ice_is_hexagonal():
    from iceclass.acceptance.structure import ice_fractions

    hexagonal, cubic = ice_fractions([ice(432)])
    assert hexagonal > 0.9
    assert cubic < 0.02
    ours, theirs = (
        np.sort(neighbour_list(f, 6.0)[3]).size / f.n_molecules
        for f in (ice(432), lattice_frame("ih"))
    )
    assert ours == pytest.approx(theirs, rel=0.03)


def test_configurations_are_the_same_every_time():
    first, second = configurations(4000), configurations(4000)
    for name, frame in first.items():
        assert frame.n_molecules == pytest.approx(4000, rel=0.05)
        np.testing.assert_array_equal(frame.positions, second[name].positions)
    assert liquid(432)[0].density == pytest.approx(1.0, abs=0.05)
    assert not np.array_equal(liquid(432, 0)[0].positions, liquid(432, 1)[0].positions)


@pytest.mark.parametrize("content", ["O H H", "O"])
def test_dumps_hold_the_frames(tmp_path, content):
    frames = trajectory("ice Ih", 64, 2)
    write_dump(tmp_path / "a.lammpstrj", frames, content)
    types = {1: "O", 2: "H"} if content == "O H H" else {1: "O"}
    read = list(iceclass.read(tmp_path / "a.lammpstrj", types=types))
    assert len(read) == 2
    for found, frame in zip(read, frames, strict=True):
        np.testing.assert_allclose(found.positions, frame.positions, atol=1e-4)
        np.testing.assert_allclose(found.cell, frame.cell, atol=1e-6)
        assert len(found.atoms) == len(content.split()) * frame.n_molecules


def test_what_references_can_do_is_stated():
    assert reference_name(descriptor("acsf")) == "DScribe ACSF, 15 G2, 2 G3, 16 G4"
    assert comparable(descriptor("acsf-ladder")) == descriptor("acsf-ladder")
    assert comparable(descriptor("soap-37-avg")).name == comparable(descriptor("soap-37")).name
    assert comparable(descriptor("bispectrum-30-avg")) == descriptor("bispectrum-30")


def test_chill_plus_runs_without_a_screen(monkeypatch):
    monkeypatch.setenv("QT_QPA_PLATFORM", "offscreen")
    assert len(chill_plus_types(ice(64))()) == 64

"""Commands on the pages do what they say; figures and generated pages are what the code finds."""

from __future__ import annotations

import csv
import gzip
import json
import re
import runpy
import shlex
import subprocess
import sys
from pathlib import Path

import click
import numpy as np
import pytest

import iceclass
from iceclass.cli.main import COMMANDS, cli
from iceclass.phases import PHASES
from tests.cli.test_main import run
from tests.helpers.dumps import dump_text
from tests.helpers.outputs import check_output
from tests.helpers.potentials import random_potential, water
from tests.helpers.trajectories import demo_frames, write_mda

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
PAGES = sorted(
    path
    for path in DOCS.rglob("*.md")
    if not {"models", "_build"} & set(path.relative_to(DOCS).parts)
)


def text_of(page):
    return (DOCS / page).read_text(encoding="utf-8")


def commands_of(page):
    """The indented command lines of a page, with what is indented further in a list."""
    return re.findall(r"^ {4,}((?:iceclass|python|pipelines/|pip|make) ?.*)$", text_of(page), re.M)


def demo_dump(path, types, dissolved=0):
    """Two frames of the demo without names; some molecules are an ion each, all else as typed."""
    text = ""
    for frame in demo_frames(2):
        columns, molecule = frame.atoms.columns, frame.atoms.molecule
        element = columns["element"].astype("U2")
        element[(molecule < dissolved) & (element == "H")] = ""
        element[(molecule < dissolved) & (element == "O")] = "Cl"
        rows = [
            [columns["id"][i], types[element[i]], *(f"{columns[axis][i]:.4f}" for axis in "xyz")]
            for i in range(len(element))
            if element[i] in types
        ]
        bounds = zip(frame.origin, frame.origin + np.diag(frame.cell), strict=True)
        text += dump_text(
            "id type x y z",
            rows,
            bounds="\n".join(f"{low} {high}" for low, high in bounds),
            timestep=frame.timestep,
        )
    Path(path).write_text(text)


@pytest.mark.parametrize("page", PAGES, ids=lambda path: path.stem)
def test_commands_are_understood(page, monkeypatch):
    """Every ``iceclass …`` on any page, whether it runs below or not."""
    monkeypatch.chdir(ROOT)
    for line in re.findall(r"^ *(iceclass \S.*?)(?:\s{2,}#.*)?$", page.read_text(), re.M):
        name = line.split()[1]
        if name in COMMANDS:  # and not a sentence
            arguments = shlex.split(line.removesuffix("\\"))[2:]
            cli.get_command(click.Context(cli), name).make_context(name, arguments)


def test_labelling(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    demo = ROOT / "demo" / "melting-slab.lammpstrj.gz"
    Path("traj.lammpstrj").write_bytes(gzip.decompress(demo.read_bytes()))
    write_mda(Path("traj.xtc"), demo_frames(3))
    pieces = re.split(r"(?=^ITEM: TIME$)", Path("traj.lammpstrj").read_text(), flags=re.M)
    for names in (("run", "run-2", "run-3"), ("ice.0", "ice.1", "ice.2")):
        for name, piece in zip(names, pieces[1:4], strict=True):
            Path(f"{name}.lammpstrj").write_text(piece)
    lines = [line for line in commands_of("labelling.md") if line.startswith("iceclass label")]
    assert len(lines) == 10
    for line in lines:
        assert run(*shlex.split(line)[1:], "--model", "soap-37") == 0, capsys.readouterr().err
    found = {p.name: p for p in tmp_path.iterdir()}
    assert not [name for name in found if name.startswith(".")]
    for name in (
        "traj.labels.lammpstrj",
        "from-xtc.extxyz",
        "labels.csv.gz",
        "slab.clusters.png",
        "slab.profile.csv",
        "run.labels.lammpstrj",
        "ice.phases.png",
    ):
        check_output(found[name])
    steps = [row.split(",")[0] for row in found["some.phases.csv"].read_text().splitlines()[1:]]
    assert steps == ["4", "8", "12"]
    whole, running = (found[f"{name}.phases.csv"].read_text() for name in ("traj", "running"))
    assert whole == running


def test_looking(tmp_path, monkeypatch, capsys):
    """Every command and the example in Python, on two frames of the demo."""
    monkeypatch.chdir(tmp_path)
    demo_dump("traj.lammpstrj", {"O": 1, "H": 2})
    *lines, install = commands_of("looking.md")
    assert install == 'pip install "iceclass[compare]"'
    assert len(lines) == 4
    for line in lines:
        assert run(*shlex.split(line)[1:]) == 0, capsys.readouterr().err
    (block,) = re.findall(r"```python\n(.*?)```", text_of("looking.md"), re.DOTALL)
    values: dict = {}
    exec(compile(block, "looking.md", "exec"), values)
    assert values["found"]["nuclei"].rows[-1]["size"] > 100
    for name in ("slab.html", "page.html", "slab.interfaces.png", "second.comparison.csv"):
        check_output(Path(name))


def test_getting_started(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    demo_dump("traj.lammpstrj", {"O": 1, "H": 2})
    demo, install, *lines = commands_of("getting-started.md")
    assert (demo, install) == ("make demo", "pip install .")
    assert len(lines) == 3
    for line in lines:
        assert run(*shlex.split(line)[1:]) == 0, capsys.readouterr().err
    for name in re.findall(r"^\| `(traj[\w.]+)`", text_of("getting-started.md"), re.M):
        check_output(Path(name))
    (block,) = re.findall(r"```python\n(.*?)```", text_of("getting-started.md"), re.DOTALL)
    capsys.readouterr()
    exec(compile(block, "getting-started.md", "exec"), {})
    assert "Labels(2 frames" in capsys.readouterr().out


def test_odd_types(tmp_path, monkeypatch, capsys):
    """The commands run, and what they are said to answer is what they do."""
    monkeypatch.chdir(tmp_path)
    demo_dump("odd.lammpstrj", {"O": 3, "H": 5, "Cl": 1}, dissolved=6)
    demo_dump("guest.lammpstrj", {"O": 1, "Cl": 2}, dissolved=6)
    said = ""
    for line in commands_of("howto/odd-types.md"):
        refused = line == "iceclass info guest.lammpstrj"
        assert run(*shlex.split(line)[1:]) == (2 if refused else 0), capsys.readouterr().err
        said += "\n".join(capsys.readouterr())
    answers = re.findall(r"```text\n(.*?)\n```", text_of("howto/odd-types.md"), re.DOTALL)
    assert len(answers) == 2
    for answer in answers:
        assert answer in said.splitlines()


QUICK = {
    "generate": "--water-model mw --preparations 3 --states 100@1 --set relax_time=0.1 "
    "--set equilibration=0.2 --set production=0.4 --set interval=0.2",
    "featurize": "--descriptor soap-37 --every 5",
    "train": "--epochs 4 --max-rows 100",
    "explain": "--per-class 3",
}
"""Further options, of which the last one counts, that make a command quick."""


def run_quickly(line, capsys, **further):
    program, *words = shlex.split(line)
    if program == "python":
        done = subprocess.run([sys.executable, ROOT / words[0], *words[1:]], check=False)
        assert done.returncode == 0
    elif program == "iceclass":
        words += shlex.split(QUICK.get(words[0], "")) + shlex.split(further.get(words[0], ""))
        assert run(*words) == 0, capsys.readouterr().err


def test_coarse_models(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    demo_dump("mw.lammpstrj", {"O": 1})
    lines = commands_of("howto/coarse-models.md")
    assert len(lines) == 6
    for line in lines:
        quick = "--states 250@0 --set melt_time=2 --set heating_rate=100"
        run_quickly(line, capsys, generate=f"{quick} --set supercooled_equilibration=0.2")
    assert "water" in Path("by-its-own.phases.csv").read_text()


def test_your_own_phase(tmp_path, monkeypatch, capsys):
    """Two more ices beside the shipped phases, from lattices to labels."""
    monkeypatch.chdir(tmp_path)
    install, *lines = commands_of("howto/your-own-phase.md")
    assert install == 'pip install ".[all]"'
    assert len(lines) == 13
    (tmp_path / "pipelines").symlink_to(ROOT / "pipelines")
    for line in lines:
        run_quickly(line, capsys)
        if line.startswith("iceclass generate 7"):
            made = sorted(Path("runs").rglob("6_*.lammpstrj"))
            for name, path in zip(("first", "second", "third"), made, strict=True):
                Path(f"{name}.lammpstrj").write_bytes(path.read_bytes())
            Path("compressed.lammpstrj").write_bytes(made[0].read_bytes())
    phases = tuple(dict.fromkeys(t.phase for t in iceclass.load_reference()))
    assert set(iceclass.load_model("eleven.safetensors").classes) == {*phases, "6", "7"}
    assert set(iceclass.load_model("mine.safetensors").classes) == {*phases, "vi"}
    assert ",6,7," in Path("compressed.phases.csv").read_text()


def test_energy_model(tmp_path, monkeypatch, capsys):
    """A folder is read, and the simulation that is timed runs."""
    monkeypatch.chdir(tmp_path)
    random_potential().write(tmp_path / "folder", {e: np.tile([0, 1, 0.5], (13, 1)) for e in "HO"})
    values = {"atoms": water()}
    for block in re.findall(r"```python\n(.*?)```", text_of("energy-model.md"), re.DOTALL):
        exec(compile(block, "energy-model.md", "exec"), values)
    assert np.isfinite(values["atoms"].get_total_energy())
    assert re.search(r"^\d+ steps .* of one core, 64 molecules$", capsys.readouterr().out, re.M)


def test_generated_pages_are_up_to_date():
    pages = runpy.run_path(str(DOCS / "parameters.py"))
    for name in pages["PAGES"]:
        again = "python docs/parameters.py docs/science"
        assert pages["text"](name) == text_of(f"science/{name}"), again


def test_cards_of_the_data_are_up_to_date(monkeypatch):
    monkeypatch.syspath_prepend(DOCS)  # the cards share what is alike
    card = runpy.run_path(str(DOCS / "data_card.py"))["card"]
    transfer = iceclass.load_reference(ROOT / "pipelines" / "data" / "transfer.h5")
    assert card(iceclass.load_reference(), transfer) == text_of("reference-data.md")
    card = runpy.run_path(str(DOCS / "environments_card.py"))["card"]
    again = "python docs/environments_card.py"
    assert card(list(iceclass.load_environments())) == text_of("environments.md"), again


def test_pages_link_to_what_is_there():
    """On the repository's own web page, where no builder looks after the links."""
    for page in PAGES:
        for target in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", page.read_text(encoding="utf-8")):
            assert (page.parent / target).exists(), f"{page.name}: {target}"


def test_every_page_is_in_the_contents():
    listed = set(re.findall(r"^[\w/-]+$", text_of("index.md"), re.M))
    assert {p.relative_to(DOCS).with_suffix("").as_posix() for p in PAGES} <= listed | {"index"}


def test_region(tmp_path, monkeypatch):
    """Molecules in the region are labelled as among all; the others are not."""
    monkeypatch.chdir(tmp_path)
    demo = ROOT / "demo" / "melting-slab.lammpstrj.gz"
    options = ("--model", "soap-37", "--stop", "1", "-q")
    assert run("label", str(demo), "-o", "all.lammpstrj", *options) == 0
    region = ("--region", "z:8:20", "--region", "x:INF:15")
    assert run("label", str(demo), "-o", "some.lammpstrj", *region, *options) == 0
    (everything,) = iceclass.read("all.lammpstrj")
    (some,) = iceclass.read("some.lammpstrj")
    lengths = np.diag(some.cell)
    x, _, z = (some.origin + np.mod(some.positions - some.origin, lengths)).T
    inside = (z >= 8) & (z <= 20) & (x <= 15)
    assert 50 < inside.sum() < 300
    oxygen = some.atoms.columns["element"] == "O"
    phase = some.atoms.columns["i_phase"][oxygen]
    assert (phase[~inside] == -2).all()
    assert (phase[inside] == everything.atoms.columns["i_phase"][oxygen][inside]).all()
    (row,) = Path("some.phases.csv").read_text().splitlines()[1:]
    assert sum(map(float, row.split(",")[3:])) == pytest.approx(1.0, abs=1e-5)
    assert int(row.split(",")[2]) == inside.sum()


def test_proton_orders_on_the_page_of_hydrates_are_the_catalogues():
    page = (DOCS / "howto" / "hydrates.md").read_text()
    rows = dict(re.findall(r"^\| `(\w+)` \| (.+) \|$", page, re.MULTILINE))
    named = {name: set(re.findall(r"\b[XIV]+c?\b|C₀", also)) for name, also in rows.items()}
    known = {p.name: {t.replace("C0", "C₀") for t in p.twins} for p in PHASES.values() if p.twins}
    assert named == known


def test_figures_on_the_page_of_speed_are_those_of_the_benchmark():
    page = (ROOT / "docs" / "speed.md").read_text(encoding="utf-8")
    results = sorted((ROOT / "docs" / "bench").rglob("bench.txt"))
    found = [line for path in results for line in path.read_text(encoding="utf-8").splitlines()]
    blocks = re.findall(r"```\n(.*?)\n```", page, re.DOTALL)
    assert len(blocks) == 3
    for line in "\n".join(blocks).splitlines():
        assert line in found, line
    large = json.loads((ROOT / "docs" / "bench" / "large.json").read_text(encoding="utf-8"))
    for result in large:
        assert f"{result['peak_MiB']} MiB" in page
    rows = (ROOT / "docs" / "bench" / "bench.csv").read_text(encoding="utf-8").splitlines()
    cores = [row for row in csv.DictReader(rows) if row["speed_up"] and row["family"] == "label"]
    assert len(cores) == 4
    for row in cores:
        gain, most = float(row["speed_up"]), float(row["machine_speed_up"])
        what, size = row["subject"].partition(" of ")[2], f"{int(row['molecules']):,}"
        assert (
            f"| {what} | {size.replace(',', ' ')} | {gain:.2f} | {most:.2f} | {gain / most:.2f} |"
            in page
        )


def test_table_of_the_ices_is_that_of_the_report():
    """Mean error of the volume and number of structures, and every calculator's file of figures."""
    folder = DOCS / "relaxed-ices"
    rows = list(csv.DictReader((folder / "crystals.csv").read_text(encoding="utf-8").splitlines()))
    table = text_of("crystals.md").partition("\n| ice |")[2].split("\n\n")[0].splitlines()
    names = [cell.strip() for cell in table[0].strip("|").split("|")]
    assert sorted(names) == sorted({row["calculator"] for row in rows})
    for line in table[2:]:
        ice, *cells = [cell.strip() for cell in line.strip("|").split("|")]
        for name, cell in zip(names, cells, strict=True):
            own = [
                float(row["volume / %"])
                for row in rows
                if row["calculator"] == name and row["structure"].startswith(f"ice{ice}_")
            ]
            assert cell == (f"{np.mean(own):+.2f} ({len(own)})" if own else "–")


def test_moment_tensors_cost_what_the_benchmark_found():
    text = (ROOT / "docs" / "bench" / "bench.csv").read_text(encoding="utf-8")
    found = {
        row["subject"]: row
        for row in csv.DictReader(text.splitlines())
        if (row["configuration"], row["dtype"], row["threads"]) == ("ice Ih", "float64", "1")
    }
    table = text_of("science/descriptors.md").partition("| | `mtp-6` |")[2].splitlines()
    names = ["mtp-6", *re.findall(r"`(mtp-\d+)`", table[0])]
    _, count, cost = (row.strip("|").split("|") for row in table[1:4])
    assert [int(x) for x in count[1:]] == [iceclass.descriptor(n).n_features for n in names]
    assert [x.strip() for x in cost[1:]] == [f"{float(found[n]['cpu_us']):.1f}" for n in names]


@pytest.mark.parametrize("kind", ["text", "binary"])
def test_a_large_trajectory_is_measured(tmp_path, kind):
    options = ["--molecules", "432", "--gigabytes", "0.0005", "--model", "soap-37"]
    options += ["--chill-plus", "2"] + ["--binary"] * (kind == "binary")
    done = subprocess.run(
        [sys.executable, ROOT / "pipelines" / "large.py", *options, "-o", tmp_path / "large"],
        capture_output=True,
        text=True,
        check=True,
    )
    result = json.loads(done.stdout)
    assert result["frames"] > 5
    assert result["format"] == kind
    assert result["gigabytes"] >= 0.0005
    assert result["disk_molecules_per_second"] > result["chill_plus_molecules_per_second"] > 0
    assert list((tmp_path / "large").iterdir()) == []

"""What the README tells people to type works, and the numbers in it are those of its commands."""

import csv
import json
import re
import shlex
from pathlib import Path

import click
import pytest

from iceclass.cli.main import COMMANDS, cli
from iceclass.phases import label_of
from tests.cli.test_main import run
from tests.helpers.outputs import check_output

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
LINES = [
    line.strip()
    for line in README.splitlines()
    if re.match(r"    iceclass ", line) and "…" not in line
]
TARGETS = re.findall(r"^    make (\w+)", README, re.MULTILINE)


def test_readme_has_the_five_commands_and_the_two_targets():
    used = {line.split()[1] for line in LINES}
    assert {"generate", "featurize", "train", "explain", "label"} <= used
    assert TARGETS == ["demo", "test"]


@pytest.mark.parametrize("line", LINES)
def test_commands_are_understood(line, monkeypatch):
    monkeypatch.chdir(ROOT)
    _, name, *arguments = shlex.split(line)
    command = cli.get_command(click.Context(cli), name)
    command.make_context(name, arguments)


def test_every_command_is_named():
    for name in COMMANDS:
        assert f"iceclass {name}" in README


def test_label_and_python_examples_run(tmp_path, monkeypatch, capsys):
    (tmp_path / "demo").symlink_to(ROOT / "demo")
    monkeypatch.chdir(tmp_path)
    plain, seen = [
        one for one in LINES if one.startswith("iceclass label") and "--model" not in one
    ]
    (measure,) = [one for one in LINES if one.startswith("iceclass measure")]
    for line in (plain, seen, measure):
        assert run(*shlex.split(line)[1:]) == 0
    names = re.findall(r"\| `(melted[\w.]+)` \|", README)
    assert len(names) == 4
    for name in names:
        check_output(tmp_path / name)
    assert (tmp_path / "seen.html").read_text(encoding="utf-8").startswith("<!DOCTYPE html>")
    assert "agrees with CHILL+" in capsys.readouterr().out
    assert "m/s" in (tmp_path / "seen.interfaces.json").read_text(encoding="utf-8")
    (block,) = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
    exec(compile(block, "README.md", "exec"), {})
    assert "Labels(21 frames" in capsys.readouterr().out


def test_makefile_does_what_the_readme_says():
    makefile = (ROOT / "Makefile").read_text()
    for target in TARGETS:
        assert re.search(rf"^{target}:", makefile, re.MULTILINE)
    assert "make check\nmake test" in (ROOT / ".ci" / "run").read_text()


VALIDATION = ROOT / "docs" / "models" / "soap-148-scales" / "validation"


def test_lattices_in_the_readme_are_those_of_the_validation():
    text = (VALIDATION / "lattices.csv").read_text(encoding="utf-8")
    other = [
        row
        for row in csv.DictReader(text.splitlines())
        if row["expected"] == "unknown" and row["condition"] == "σ = 0.15 Å"
    ]
    found = [row for row in other if float(row["unknown"]) >= 0.98]
    new, found_new = ([r for r in rows if r["trained"] == "False"] for rows in (other, found))
    said = " ".join(README.split())
    assert f"Of the {len(other)} lattices that GenIce2 knows" in said
    assert f"none of the nine, {len(found)} are" in said
    assert f"of the {len(new)} among them whose structures" in said
    assert f"trained nothing, {len(found_new)}." in said


def test_places_in_the_readme_are_those_of_the_validation():
    text = (VALIDATION / "validation.md").read_text(encoding="utf-8")
    rows = [line for line in text.split("\n## ")[1].splitlines() if line.startswith("|")]
    assert len(rows) > 10
    assert "\n".join(rows) in README


def test_figures_in_the_readme_are_those_of_the_models():
    """The table of models holds what is recorded in the model files."""
    from iceclass.model.file import load_model, shipped_models

    section = README.split("## How good it is")[1].split("\n## ")[0]
    for name in set(shipped_models()) - {"default"}:
        (line,) = re.findall(rf"^\| `{name}`.*$", section, re.MULTILINE)
        test = load_model(name).record["test"]
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        assert f"{100 * test['accuracy']:.2f} %" in cells, json.dumps(test)
        assert f"{100 * test['expected_calibration_error']:.2f} %" in cells
        recall = {phase: one["recall"] for phase, one in test["per_class"].items()}
        worst = min(recall, key=lambda phase: recall[phase])
        assert f"{label_of(worst)}, {100 * recall[worst]:.2f} %" in cells
        transfer = ROOT / "docs" / "models" / name / "transfer" / "summary.json"
        accuracy = json.loads(transfer.read_text(encoding="utf-8"))["accuracy"]
        assert f"{100 * accuracy:.2f} %" in cells


def test_times_in_the_readme_are_those_of_the_benchmark():
    """One thread, ice Ih: our time, the reference's, their ratio."""
    found = {}
    for path in (ROOT / "docs" / "bench").rglob("bench.csv"):
        for row in csv.DictReader(path.read_text(encoding="utf-8").splitlines()):
            if row["threads"] == "1" and row["configuration"] == "ice Ih":
                found[path.parent.name, row["subject"], row["dtype"], row["reference"]] = row
    section = README.split("## How fast it is")[1].split("\n## ")[0]
    lines = [line.strip("| ").split(" | ") for line in section.splitlines() if line[:3] == "| `"]
    assert len(lines) == 5
    for what, ours, reference, theirs, ratio in lines:
        name = re.search(r"`(.+?)`", what)[1]
        wanted = ("bench", "label, dump of O H H", "float32", "OVITO CHILL+")
        if not name.startswith("iceclass"):
            (wanted,) = [k for k in found if k[:3] == ("bench", name, "float64")]
        row = found[wanted]
        assert wanted[3].startswith(reference)
        assert ours == f"{float(row['cpu_us']):.1f}"
        assert theirs == f"{float(row['reference_cpu_us']):.1f}"
        assert ratio == f"{float(row['ratio']):.1f}"
    for program in ("mdapy", "d-SEAMS"):
        row = found["bench", "label, dump of O H H", "float32", f"{program} CHILL+"]
        assert f"{float(row['reference_cpu_us']):.1f} ({program})" in section


def test_figure_of_the_random_split_is_that_of_the_comparison():
    path = ROOT / "docs" / "models" / "comparison" / "accuracy.csv"
    rows = csv.reader(path.read_text(encoding="utf-8").splitlines())
    (value,) = [float(row[3]) for row in rows if row[:3] == ["soap-325", "whole", "accuracy"]]
    assert f"so split, ours has {100 * value:.2f} %" in README

"""The steps of CONTRIBUTING.md, followed word by word in a copy of the repository."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
SECTIONS = {
    text.partition("\n")[0]: text
    for text in re.split(r"^## ", PAGE, flags=re.MULTILINE)[1:]
    if text.startswith("Add a ")
}
BLOCK = re.compile(
    r"^   `(?P<path>[\w./-]+)`$"
    r"|^   ```(?P<language>\w+)\n(?P<code>(?s:.*?))^   ```$"
    r"|^       (?P<command>\S.*)$",
    re.MULTILINE,
)
MD = (
    "--set relax_time=0.1 --set equilibration=0.2 --set production=0.4 --set interval=0.2 "
    "--set heating_rate=1000 --set compression_rate=10"
)
QUICK = {
    "generate": MD,
    "featurize": "--every 40",
    "train": "--epochs 4 --max-rows 100",
    "label": "--stop 1 -q",
}
"""Further options, of which the last one counts, that make a command quick."""


@pytest.fixture
def copy(tmp_path):
    """What the steps need of the repository; what is only read is linked."""
    for name in ("iceclass", "tests", "docs"):
        left_out = shutil.ignore_patterns("*.safetensors", "*.h5", "*.png", "*.csv", "_build")
        shutil.copytree(ROOT / name, tmp_path / name, ignore=left_out)
    for pattern in ("*.h5", "*.safetensors"):
        for path in (ROOT / "iceclass").rglob(pattern):
            (tmp_path / path.relative_to(ROOT)).symlink_to(path)
    for name in ("demo", "pipelines", "pyproject.toml"):
        (tmp_path / name).symlink_to(ROOT / name)
    return tmp_path


def changed(text: str, diff: str) -> str:
    """The text with one change; what the change stands beside must be there exactly once."""
    lines = diff.splitlines(keepends=True)
    old = "".join(line[1:] for line in lines if line[0] in " -")
    new = "".join(line[1:] for line in lines if line[0] in " +")
    assert text.count(old) == 1, old
    return text.replace(old, new)


def execute(line: str, directory: Path) -> str:
    """Run a command of the page, quickly, and give what it says."""
    words = shlex.split(line)
    match words:
        case ["make", "test", options]:
            words = ["-m", "pytest", "-q", *shlex.split(options.removeprefix("PYTEST="))]
        case ["iceclass", name, *_]:
            words = ["-m", "iceclass.cli", *words[1:], *shlex.split(QUICK.get(name, ""))]
        case ["python", *_]:
            words = words[1:]
        case _:
            raise AssertionError(f"not a command of this page: {line}")
    done = subprocess.run(
        [sys.executable, *words],
        cwd=directory,
        env={**os.environ, "PYTHONPATH": str(directory)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, f"{line}\n{done.stdout}\n{done.stderr}"
    return done.stdout


def follow(section: str, directory: Path) -> dict[str, str]:
    """Do all the section says; command → what it said."""
    said, path, fresh = {}, directory, []
    for match in BLOCK.finditer(SECTIONS[section]):
        if match["path"]:
            path = directory / match["path"]
        elif match["language"] == "diff":
            code = re.sub("^   ", "", match["code"], flags=re.MULTILINE)
            path.write_text(changed(path.read_text(encoding="utf-8"), code), encoding="utf-8")
            fresh.append(path)
        elif match["language"]:
            code = re.sub("^   ", "", match["code"], flags=re.MULTILINE)
            assert not path.exists()
            path.write_text(code, encoding="utf-8")
            fresh += [path] if path.suffix == ".py" else []
        else:
            said[match["command"]] = execute(match["command"], directory)
    for check in (["check"], ["format", "--check"]):
        subprocess.run([sys.executable, "-m", "ruff", *check, *fresh], cwd=directory, check=True)
    return said


@pytest.mark.parametrize("section", SECTIONS)
def test_changes_fit_what_they_change(section):
    """Of every section, and quickly; below they are made."""
    texts: dict[str, str] = {}
    for match in BLOCK.finditer(SECTIONS[section]):
        if match["path"]:
            path = match["path"]
        elif match["language"] == "diff":
            code = re.sub("^   ", "", match["code"], flags=re.MULTILINE)
            before = texts.get(path) or (ROOT / path).read_text(encoding="utf-8")
            texts[path] = changed(before, code)
    for path, text in texts.items():
        compile(text, path, "exec")


def passed(said: dict[str, str]) -> int:
    """How many tests passed in what was said."""
    return sum(int(n) for text in said.values() for n in re.findall(r"(\d+) passed", text))


def test_each_has_six_steps():
    assert list(SECTIONS) == [
        "Add a descriptor",
        "Add a phase",
        "Add a file format",
        "Add a recipe",
    ]
    for name, text in SECTIONS.items():
        assert re.findall(r"^(\d)\. ", text, re.MULTILINE) == list("123456"), name


def test_a_descriptor(copy):
    said = follow("Add a descriptor", copy)
    assert passed(said) > 20
    assert "shells-12" in (copy / "docs/science/presets.md").read_text(encoding="utf-8")
    assert "`shells.py`" in (copy / "docs/architecture.md").read_text(encoding="utf-8")
    assert "i_phase" in (copy / "melted.lammpstrj").read_text()


def test_a_phase(copy):
    said = follow("Add a phase", copy)
    (checked,) = [text for line, text in said.items() if "check" in line]
    assert re.search(r"hydrate HS-I +6 ", checked)
    (card,) = [text for line, text in said.items() if line.startswith("iceclass models")]
    assert "hydrate HS-I" in card
    assert ",hs1," in (copy / "melted.phases.csv").read_text()


def test_a_file_format(copy):
    said = follow("Add a file format", copy)
    assert passed(said) == 1
    assert "json-lines" in said["iceclass info water.jsonl"]
    assert len((copy / "water.csv").read_text().splitlines()) == 5


def test_a_recipe(copy):
    said = follow("Add a recipe", copy)
    assert passed(said) == 1
    assert "## annealed" in (copy / "docs/science/recipes.md").read_text(encoding="utf-8")
    (made,) = copy.glob("annealed/*/*.lammpstrj")
    assert "anneal" in "".join(path.name for path in made.parent.iterdir())
    assert (copy / "annealed.json").read_text().count('"preparation"') == 1

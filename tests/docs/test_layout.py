"""Imports run one way, no module is in a circle, and the page on architecture is true; markers."""

from __future__ import annotations

import re
import runpy
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

ROOT = Path(__file__).parents[2]
LAYOUT = runpy.run_path(str(ROOT / "docs" / "layout.py"))
PAGE = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")


def test_every_room_has_its_layer():
    layers = [room for layer in LAYOUT["LAYERS"] for room in layer]
    assert len(layers) == len(set(layers))
    assert {LAYOUT["room"](name) for name in LAYOUT["modules"]() if "." in name} <= set(layers)


def test_imports_run_one_way():
    assert LAYOUT["violations"]() == []


def test_other_programs_are_known_to_few_rooms():
    assert LAYOUT["outsiders"]() == []


def test_the_exception_is_still_one():
    for importer, imported in LAYOUT["ALLOWED"]:
        assert imported in LAYOUT["imports"](importer)


def test_no_module_is_in_a_circle():
    graph = {
        name: {t for t in LAYOUT["imports"](name) if (name, t) not in LAYOUT["ALLOWED"]}
        for name, path in LAYOUT["modules"]().items()
        if path.name != "__init__.py"  # which only passes on what stands in its room
    }
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        raise AssertionError(" → ".join(error.args[1])) from None


def test_few_modules_stand_beside_the_rooms():
    flat = [p for p in LAYOUT["PACKAGE"].glob("*.py") if p.name != "__init__.py"]
    assert len(flat) <= 8


def test_every_room_and_module_says_what_it_is():
    for name in LAYOUT["modules"]():
        assert LAYOUT["summary"](name), name


def test_page_and_drawing_are_up_to_date():
    again = "python docs/layout.py"
    assert LAYOUT["text"]() == PAGE, again
    drawn = (ROOT / "docs" / "architecture.svg").read_text(encoding="utf-8")
    assert LAYOUT["drawing"]() == drawn, again


def test_the_page_names_every_room_and_module_once():
    """By what it says, not by how it is made."""
    headings = re.findall(r"^### (\w+)/$", PAGE, re.MULTILINE)
    sections = re.split(r"^### .*$", PAGE, flags=re.MULTILINE)
    ground = sorted(p.name for p in LAYOUT["PACKAGE"].glob("*.py") if p.name != "__init__.py")
    named = {"": sorted(re.findall(r"^\| `([\w/]+\.py)`", sections[1], re.MULTILINE))}
    for room, section in zip(headings, sections[2:], strict=True):
        named[room] = sorted(re.findall(r"^\| `([\w/]+\.py)`", section, re.MULTILINE))
    there = {"": ground}
    for folder in LAYOUT["PACKAGE"].iterdir():
        inside = [p for p in folder.rglob("*.py") if p.name != "__init__.py"]
        if (folder / "__init__.py").exists():
            there[folder.name] = sorted(p.relative_to(folder).as_posix() for p in inside)
    assert named == there


def test_tests_that_are_marked_are_there():
    from tests.conftest import MD, SLOW

    for name in (*SLOW, *MD):
        file, _, test = name.partition("::")
        assert (ROOT / file).exists(), name
        assert not test or f"def {test}(" in (ROOT / file).read_text(encoding="utf-8"), name

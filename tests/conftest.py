"""Which tests are slow and which run molecular dynamics, in one place; ``make quick`` runs neither.

A test that takes more than about two seconds of processor time belongs here
(``make test PYTEST="--durations 40"``).
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]

SLOW = (
    "tests/cli/test_directory.py::test_every_trajectory_is_labelled_and_what_fails_is_told",
    "tests/docs/test_contributing.py::test_a_descriptor",
    "tests/docs/test_contributing.py::test_a_file_format",
    "tests/docs/test_contributing.py::test_a_phase",
    "tests/docs/test_contributing.py::test_a_recipe",
    "tests/docs/test_docs.py::test_a_large_trajectory_is_measured",
    "tests/docs/test_docs.py::test_coarse_models",
    "tests/docs/test_docs.py::test_your_own_phase",
    "tests/docs/test_notebooks.py",
    "tests/docs/test_where_people_work.py",
    "tests/fuzzing",
    "tests/pipelines/test_study.py",
    "tests/pipelines/test_study_protocols.py",
    "tests/pipelines/test_workflow.py",
    "tests/unit/benchmark/test_benchmark.py",
    "tests/unit/labelling/test_distributed.py",
    "tests/unit/labelling/test_resuming.py",
    "tests/unit/reports/test_html.py::test_the_commands_write_it",
    "tests/validation/test_measures.py::test_the_command_writes_tables_figures_and_text",
    "tests/validation/test_measures.py::test_what_trained_the_model_is_not_held_out",
)
"""Node ids, or what they begin with."""

MD = (
    "tests/docs/test_contributing.py::test_a_phase",
    "tests/docs/test_contributing.py::test_a_recipe",
    "tests/docs/test_docs.py::test_coarse_models",
    "tests/docs/test_docs.py::test_your_own_phase",
    "tests/pipelines/test_environments.py",
    "tests/pipelines/test_study.py",
    "tests/pipelines/test_workflow.py",
    "tests/unit/generation/test_runs.py::test_complete_work_is_not_redone_and_states_are_added_up",
    "tests/unit/generation/test_runs.py::test_crystal_runs_and_describes_itself",
    "tests/unit/generation/test_runs.py::test_killed_run_continues_from_its_restart_file",
    "tests/unit/generation/test_runs.py::test_slab_is_half_melted_and_trains_nothing",
    "tests/unit/plugins/test_lammps.py",
)
"""The same; those that wait for LAMMPS to integrate, not those that start it once."""


def pytest_configure() -> None:
    """Refuse names of tests that there are not."""
    for name in (*SLOW, *MD):
        file, _, test = name.partition("::")
        path = ROOT / file
        if not path.exists() or (test and not re.search(rf"def {test}\(", path.read_text("utf-8"))):
            raise pytest.UsageError(f"tests/conftest.py names {name}, which is no test")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        for marker, names in (("slow", SLOW), ("md", MD)):
            if item.nodeid.startswith(names):
                item.add_marker(marker)

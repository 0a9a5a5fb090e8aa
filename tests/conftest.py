"""Which tests are slow and which run molecular dynamics, in one place; ``make quick`` runs neither.

A test that takes more than about two seconds of processor time belongs here
(``make test PYTEST="--durations 40"``).
"""

from __future__ import annotations

from pathlib import Path

import pytest

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
    "tests/pipelines/test_comparison.py",
    "tests/pipelines/test_study.py",
    "tests/pipelines/test_workflow.py",
    "tests/unit/benchmark/test_benchmark.py::test_a_measurement_that_fails_is_an_error",
    "tests/unit/benchmark/test_benchmark.py::test_a_missing_reference_is_named",
    "tests/unit/datasets/test_augment.py::test_the_command_adds_lattices_stacking_and_variations",
    "tests/unit/labelling/test_distributed.py",
    "tests/unit/labelling/test_resuming.py",
    "tests/unit/reports/test_html.py::test_the_commands_write_it",
    "tests/unit/validation/test_environments.py::test_every_part_has_rows_of_what_is_there",
    "tests/unit/validation/test_measures.py::test_a_limit_that_is_not_kept_is_the_exit_status",
    "tests/unit/validation/test_measures.py::test_the_command_writes_tables_figures_and_text",
    "tests/unit/validation/test_measures.py::test_what_trained_the_model_is_not_held_out",
)
"""Tests, files or folders of tests."""

MD = (
    "tests/docs/test_contributing.py::test_a_phase",
    "tests/docs/test_contributing.py::test_a_recipe",
    "tests/docs/test_docs.py::test_coarse_models",
    "tests/docs/test_docs.py::test_your_own_phase",
    "tests/pipelines/test_environments.py",
    "tests/pipelines/test_study.py",
    "tests/pipelines/test_workflow.py",
    "tests/unit/generation/test_amorphous.py::test_relaxed_hda_runs",
    "tests/unit/generation/test_guests.py::test_hydrate_with_methane_runs",
    "tests/unit/generation/test_places.py::test_an_atomistic_model_stays_rigid",
    "tests/unit/generation/test_places.py::test_coexistence",
    "tests/unit/generation/test_places.py::test_liquid_in_vacuum",
    "tests/unit/generation/test_places.py::test_nucleus",
    "tests/unit/generation/test_places.py::test_nucleus_is_resumed_from_what_is_complete",
    "tests/unit/generation/test_places.py::test_surface_has_skin_and_layers",
    "tests/unit/generation/test_places.py::test_walls_do_not_move_and_are_no_water",
    "tests/unit/generation/test_runs.py::test_complete_work_is_not_redone_and_states_are_added_up",
    "tests/unit/generation/test_runs.py::test_crystal_runs_and_describes_itself",
    "tests/unit/generation/test_runs.py::test_killed_run_continues_from_its_restart_file",
    "tests/unit/generation/test_runs.py::test_slab_is_half_melted_and_trains_nothing",
    "tests/unit/plugins/test_lammps.py",
)
"""The same; those that wait for LAMMPS to integrate, not those that start it once."""

FIXTURES = {"bench": "slow", "simulated": "md"}
"""Fixture → what every test is that waits for it."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        test = item.nodeid.partition("[")[0]
        above = [test, test.partition("::")[0], *map(str, Path(test.partition("::")[0]).parents)]
        for marker, names in (("slow", SLOW), ("md", MD)):
            if any(name in names for name in above):
                item.add_marker(marker)
        for fixture in FIXTURES.keys() & set(getattr(item, "fixturenames", ())):
            item.add_marker(FIXTURES[fixture])

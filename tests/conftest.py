"""Which tests are slow and which run molecular dynamics, in one place; ``make quick`` runs neither.

A test that takes more than about two seconds of processor time belongs here, all its cases together
(``make test PYTEST="--durations 40"``).
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest

SLOW = (
    "tests/cli/test_directory.py::test_every_trajectory_is_labelled_and_what_fails_is_told",
    "tests/cli/test_label.py::test_labelling_imports_no_heavy_package",
    "tests/cli/test_label.py::test_structure_files_label",
    "tests/cli/test_directory.py::test_the_first_run_on_a_machine_says_that_it_compiles",
    "tests/docs/test_contributing.py::test_a_descriptor",
    "tests/docs/test_contributing.py::test_a_file_format",
    "tests/docs/test_contributing.py::test_a_phase",
    "tests/docs/test_contributing.py::test_a_recipe",
    "tests/docs/test_docs.py::test_a_large_trajectory_is_measured",
    "tests/docs/test_docs.py::test_cards_of_the_data_are_up_to_date",
    "tests/docs/test_docs.py::test_coarse_models",
    "tests/docs/test_docs.py::test_getting_started",
    "tests/docs/test_docs.py::test_labelling",
    "tests/docs/test_docs.py::test_looking",
    "tests/docs/test_docs.py::test_your_own_phase",
    "tests/docs/test_notebooks.py",
    "tests/docs/test_readme.py::test_label_and_python_examples_run",
    "tests/docs/test_where_people_work.py",
    "tests/fuzzing",
    "tests/pipelines/test_comparison.py",
    "tests/pipelines/test_first_principles.py",
    "tests/pipelines/test_study.py",
    "tests/pipelines/test_workflow.py",
    "tests/unit/analysis/test_nuclei.py::test_sequence_is_that_of_construction",
    "tests/unit/analysis/test_nuclei.py::test_size_with_mistaken_labels",
    "tests/unit/benchmark/test_benchmark.py::test_a_measurement_that_fails_is_an_error",
    "tests/unit/benchmark/test_benchmark.py::test_a_missing_reference_is_named",
    "tests/unit/benchmark/test_benchmark.py::test_threads_are_held_against_processes",
    "tests/unit/crystals/test_crystals.py::test_a_killed_relaxation_goes_on",
    "tests/unit/crystals/test_crystals.py::test_from_files_to_a_report",
    "tests/unit/crystals/test_crystals.py::test_jobs_give_the_same",
    "tests/unit/crystals/test_crystals.py::test_what_fails_is_recorded_and_the_others_go_on",
    "tests/unit/datasets/test_augment.py::test_the_command_adds_lattices_stacking_and_variations",
    "tests/unit/datasets/test_store.py::test_a_killed_run_goes_on_after_its_last_whole_trajectory",
    "tests/unit/datasets/test_store.py::test_memory_is_that_of_a_frame",
    "tests/unit/descriptors/test_acsf.py::test_equals_the_double_loop",
    "tests/unit/descriptors/test_soap_vectors.py",
    "tests/unit/evaluation/test_explain.py::test_attributions_agree_with_a_plain_quadrature",
    "tests/unit/evaluation/test_explain.py::test_attributions_are_complete",
    "tests/unit/evaluation/test_explain.py::test_captum_and_the_closed_form_agree",
    "tests/unit/evaluation/test_plain_install.py::test_evaluate",
    "tests/unit/evaluation/test_plain_install.py::test_explain",
    "tests/unit/generation/test_guests.py::test_cages_are_those_of_the_unit_cell",
    "tests/unit/io/lammps/test_following.py::test_lammps_while_it_runs",
    "tests/unit/io/lammps/test_index.py::test_damage",
    "tests/unit/io/lammps/test_index.py::test_damage_of_any_kind",
    "tests/unit/io/lammps/test_index.py::test_every_fixture",
    "tests/unit/io/others/test_mdanalysis_frames.py",
    "tests/unit/labelling/test_distributed.py",
    "tests/unit/labelling/test_memory.py::test_figures_of_many_frames_take_little_memory",
    "tests/unit/labelling/test_memory.py::test_nothing_is_kept_of_a_frame",
    "tests/unit/labelling/test_resuming.py",
    "tests/unit/model/test_novelty.py::test_ices_hotter_and_colder_than_trained_are_known",
    "tests/unit/potential/test_hdnnp.py::test_jacobian_is_the_slope_of_every_function",
    "tests/unit/potential/test_hdnnp.py::test_published_potential_gives_the_energy_of_ice",
    "tests/unit/reports/test_figures.py::test_reports_write_everything",
    "tests/unit/reports/test_html.py",
    "tests/unit/reports/test_page.py",
    "tests/unit/training/test_train.py::test_a_class_without_validation_keeps_its_bias",
    "tests/unit/training/test_train.py::test_a_rare_class_of_the_validation_weighs_as_much",
    "tests/unit/training/test_train.py::test_corrected_biases_have_the_least_validation_loss",
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
    "tests/pipelines/test_first_principles.py",
    "tests/pipelines/test_study.py",
    "tests/pipelines/test_workflow.py",
    "tests/unit/acceptance/test_packing.py",
    "tests/unit/generation/test_amorphous.py::test_relaxed_hda_runs",
    "tests/unit/generation/test_formats.py::test_lammps_runs_the_data_file",
    "tests/unit/generation/test_guests.py::test_hydrate_with_methane_runs",
    "tests/unit/generation/test_places.py::test_an_atomistic_model_stays_rigid",
    "tests/unit/generation/test_places.py::test_coexistence",
    "tests/unit/generation/test_places.py::test_liquid_in_vacuum",
    "tests/unit/generation/test_places.py::test_nucleus",
    "tests/unit/generation/test_places.py::test_nucleus_is_resumed_from_what_is_complete",
    "tests/unit/generation/test_places.py::test_surface_has_skin_and_layers",
    "tests/unit/generation/test_places.py::test_walls_do_not_move_and_are_no_water",
    "tests/unit/generation/test_plan.py::test_a_killed_run_goes_on",
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
    """Mark them; where workers share them, files with slow ones come first, to end together."""
    for item in items:
        test = item.nodeid.partition("[")[0]
        above = [test, test.partition("::")[0], *map(str, Path(test.partition("::")[0]).parents)]
        for marker, names in (("slow", SLOW), ("md", MD)):
            if any(name in names for name in above):
                item.add_marker(marker)
        for fixture in FIXTURES.keys() & set(getattr(item, "fixturenames", ())):
            item.add_marker(FIXTURES[fixture])
    if "PYTEST_XDIST_WORKER" in os.environ:
        long = {item.path for item in items if item.get_closest_marker("slow")}
        items.sort(key=lambda item: item.path not in long)

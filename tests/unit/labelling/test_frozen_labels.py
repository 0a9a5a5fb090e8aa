"""Labels and probabilities of the shipped models are what they were when the table was made."""

from __future__ import annotations

import runpy
from pathlib import Path

import numpy as np
import pytest

import iceclass
from iceclass.model.file import shipped_models

MAKER = runpy.run_path(str(Path(__file__).parents[2] / "data" / "make_frozen_labels.py"))
MODELS = sorted(set(shipped_models()) - {"default"})


@pytest.fixture(scope="module")
def table():
    with np.load(MAKER["TABLE"], allow_pickle=False) as table:
        return {key: table[key] for key in table.files}


@pytest.mark.parametrize("model", MODELS)
def test_answers_are_the_frozen_ones(model, table):
    frozen = {key: value for key, value in table.items() if key.startswith(f"{model}/")}
    answers = MAKER["answers"](model)
    assert answers.keys() == frozen.keys(), "python tests/data/make_frozen_labels.py"
    for key, expected in frozen.items():
        if key.endswith("/labels"):
            np.testing.assert_array_equal(answers[key], expected, err_msg=key)
        else:
            np.testing.assert_allclose(answers[key], expected, rtol=0, atol=1e-4, err_msg=key)


def test_the_table_has_every_phase_and_unknown(table):
    """A table in which all are alike would guard nothing."""
    for model in MODELS:
        labels = np.concatenate([table[k] for k in table if k.split("/")[::2] == [model, "labels"]])
        n = len(iceclass.load_model(model).classes)
        assert set(np.unique(labels)) == set(range(-1, n))

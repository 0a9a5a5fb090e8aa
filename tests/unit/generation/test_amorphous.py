"""Relaxed HDA, LDA from HDA: the stages that make them."""

from dataclasses import replace
from itertools import pairwise

import pytest

from iceclass.generation.catalogue import find_recipe
from iceclass.generation.runs import Preparation, run
from iceclass.generation.stages import Dynamics, State
from iceclass.generation.water_models import water_model


@pytest.mark.parametrize(
    ("name", "last", "end"),
    [
        ("relaxed-hda", "anneal", State(150.0, 0.2)),
        ("lda-from-hda", "expand", State(190.0, 0.0)),
    ],
)
def test_stages_follow_one_another(name, last, end):
    recipe = find_recipe(name)
    stages = list(recipe.prepare(State(100.0, 0.0), 3, Dynamics(), triclinic=False))
    assert [s.name for s in stages][-3:] == ["decompress", "warm", last]
    assert recipe.end_of_preparation(State(100.0, 0.0)) == end
    # where one stage ends the next begins
    fixes = [next(c for c in s.setup if c.startswith("fix md")).split() for s in stages[1:]]
    for before, after in pairwise(fixes):
        assert before[6] == after[5]
        assert before[10] == after[9]


def test_relaxed_hda_runs(tmp_path):
    recipe = replace(
        find_recipe("relaxed-hda"),
        relax_time=0.2,
        compression_time=2.0,
        compression_rate=1.0,
        hold_time=0.5,
        anneal_time=1.0,
        heating_rate=100.0,
        equilibration=0.5,
    )
    md = Dynamics(timestep=10.0, production=0.4, interval=0.2)
    job = Preparation("hda", water_model("mw"), 1, (State(100.0, 0.0),), recipe, md)
    (path,) = run(job, tmp_path)
    assert path.is_file()

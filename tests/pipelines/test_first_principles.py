"""Trajectories of a calculator of ASE's kind as a data set: small and short, by LAMMPS."""

from __future__ import annotations

import numpy as np
import pytest
from click.testing import CliRunner

from iceclass.datasets.environments import load_environments
from pipelines import first_principles
from pipelines.first_principles import EVERY, Run


def test_a_stopped_run_goes_on_and_becomes_a_data_set(tmp_path, monkeypatch):
    crystal = Run("ih", 150.0, 0.93, 16, equilibration=EVERY, production=3 * EVERY)
    monkeypatch.setattr(first_principles, "RUNS", (crystal,))
    stopped = Run("ih", 150.0, 0.93, 16, equilibration=EVERY, production=EVERY)
    first = first_principles.simulate(stopped, "tip4p-ice", tmp_path / "work")
    assert len(first) == 2
    words = ["tip4p-ice", str(tmp_path / "work"), "-o", str(tmp_path / "environments-01.h5")]
    done = CliRunner().invoke(first_principles.main, words, catch_exceptions=False)
    assert done.exit_code == 0
    assert done.output.count("of 1000 fs") == 2  # what was left of it
    (one,) = load_environments(tmp_path)
    assert (one.phase, one.kind, one.split, len(one.frames)) == ("ih", "crystal", "test", 3)
    assert one.frames[0].density == pytest.approx(0.93, rel=1e-3)
    assert one.metadata["mean_temperature"] == pytest.approx(150.0, rel=0.35)
    assert one.metadata["checks"]["first_peak"] == pytest.approx(2.75, abs=0.1)
    assert (one.truth == 0).all()
    assert np.isfinite(one.frames[-1].positions).all()

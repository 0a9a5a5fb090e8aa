"""Packing trajectories: which side each is on, and what cannot be packed."""

from __future__ import annotations

import json

import numpy as np
import pytest

from iceclass.datasets.pack import trajectories_to_pack
from iceclass.datasets.reference import load_reference
from iceclass.errors import InputError
from iceclass.io import read
from tests.cli.test_main import run
from tests.helpers.dumps import DATA


def runs(tmp_path, seeds, phases=("ih", "water"), **change):
    """A trajectory of each phase and seed, as iceclass generate leaves them."""
    for phase in phases:
        for seed in seeds:
            name = f"{phase}_mw_p{seed}"
            (tmp_path / name).mkdir()
            path = tmp_path / name / f"{name}_250K_0GPa.lammpstrj"
            path.write_bytes((DATA / "ortho.lammpstrj").read_bytes())
            metadata = {
                **{"iceclass_trajectory": 1, "phase": phase, "preparation": name},
                **{"temperature": 250.0, "pressure": 0.0, "density": 0.9, "water_model": "mw"},
                "definition": {"seed": seed},
                **change,
            }
            path.with_suffix(".json").write_text(json.dumps(metadata))
    return tmp_path


@pytest.mark.parametrize(
    ("seeds", "sides"),
    [
        ((1, 2, 3), ["", "", ""]),
        ((1, 2, 3, 9), ["train", "train", "validation", "test"]),
        ((1, 2, 3, 4, 10), ["train"] * 3 + ["validation", "test"]),
    ],
)
def test_the_last_seeds_validate_and_test(tmp_path, seeds, sides):
    found = {
        name: metadata.get("split", "")
        for name, metadata, _ in trajectories_to_pack([runs(tmp_path, seeds)])
    }
    for phase in ("ih", "water"):
        assert [found[f"{phase}_mw_p{seed}_250K_0GPa"] for seed in seeds] == sides


def test_phases_of_different_numbers_have_no_fixed_side(tmp_path):
    runs(tmp_path, (1, 2, 3, 4), phases=("ih",))
    runs(tmp_path, (1, 2, 3, 4, 5), phases=("water",))
    assert not any("split" in m for _, m, _ in trajectories_to_pack([tmp_path]))


def test_what_is_packed_is_what_was_there(tmp_path, capsys):
    directory = runs(tmp_path, (1, 2), phases=("ih",))
    out = tmp_path / "data.h5"
    assert run("pack", str(directory), "-o", str(out), "--all-train") == 0
    assert "data.h5: 0." in capsys.readouterr().out
    before = list(read(DATA / "ortho.lammpstrj"))
    for one in load_reference(out):
        assert one.split == "train"
        for packed, frame in zip(one.frames, before, strict=True):
            np.testing.assert_allclose(packed.cell, frame.cell)
            step = (packed.positions - frame.positions + frame.origin) @ np.linalg.inv(frame.cell)
            moved = (step - np.round(step)) @ frame.cell
            assert np.abs(moved).max() <= 0.0005 + 1e-9
    assert run("pack", str(directory), "-o", str(out)) == 2


def test_metadata_without_a_seed_cannot_be_packed(tmp_path):
    directory = runs(tmp_path, (1,), definition={})
    with pytest.raises(InputError, match=r"ih_mw_p1.*does not tell the seed"):
        list(trajectories_to_pack([directory]))
    with pytest.raises(InputError, match="split 'tset', expected one of"):
        list(trajectories_to_pack([directory], "tset"))

"""What is measured of a model, on small real cases, and the files that are made of it."""

from __future__ import annotations

import csv
import json
from itertools import islice
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from sklearn.metrics import roc_auc_score

from iceclass.cli.main import cli
from iceclass.datasets.perturb import random_points
from iceclass.datasets.reference import find_data, load_reference, write_reference
from iceclass.errors import InputError
from iceclass.external.ovito import chill_plus
from iceclass.frame import Frame
from iceclass.generation.lattices import Size, build
from iceclass.generation.water_models import WATER_MODELS
from iceclass.model.file import load_model, save_model
from iceclass.reports.validation_page import as_markdown, write_report
from iceclass.validation.cases import all_lattices, crystals_at_0_kelvin, no_ices, stacking_cases
from iceclass.validation.inputs import Inputs, evenly_spread
from iceclass.validation.interfaces import bulks, interface_rows, nucleus_distance, slab_distance
from iceclass.validation.lattices import every_lattice_rows
from iceclass.validation.limits import judge, read_limits
from iceclass.validation.novelty import auroc, known_molecules, novelty_rows
from iceclass.validation.perturbations import (
    PERTURBATIONS,
    SHARPER,
    VARIED,
    by_phase,
    lattice_rows,
    robustness_rows,
)
from iceclass.validation.run import PARTS
from iceclass.validation.stacking import DISPLACED, overall, stacking_rows
from tests.helpers.iceframes import ICES, thermal_frame, trained

ROOT = Path(__file__).parents[3]
LATTICES = load_reference(find_data("lattices.h5"))
STACKING = load_reference(find_data("stacking-test.h5"))


@pytest.fixture(scope="module")
def reference(tmp_path_factory):
    """Two trajectories a phase, of which the model has seen the first."""
    path = tmp_path_factory.mktemp("reference") / "small.h5"
    known = {"water_model": "tip4p-ice", "temperature": 200.0, "pressure": 0.0, "density": 1.0}
    write_reference(
        path,
        (
            (
                f"{phase}-{preparation}",
                {"phase": phase, "preparation": preparation, **known},
                [thermal_frame(phase, seed) for seed in range(11, 15)],
            )
            for phase in ("ih", "ic", "iii")
            for preparation in (seen_preparation(phase), "fresh")
        ),
    )
    return path


def seen_preparation(phase: str) -> str:
    return trained().model.record["split"]["train"]["preparations"][phase][0]


def test_auroc_is_the_chance_of_a_higher_score():
    rng = np.random.default_rng(4)
    low, high = rng.integers(0, 12, 60).astype(float), rng.integers(5, 20, 40).astype(float)
    above = (high[:, None] > low).mean() + 0.5 * (high[:, None] == low).mean()
    assert auroc(low, high) == pytest.approx(above)
    labels = np.repeat([0, 1], [60, 40])
    assert auroc(low, high) == pytest.approx(roc_auc_score(labels, np.append(low, high)))
    assert auroc(low, np.full(3, np.inf)) == 1.0


def test_what_trained_the_model_is_not_held_out(reference):
    names = {t.name for t in Inputs(trained().model, sources=(reference,)).held_out}
    assert names == {"ih-fresh", "ic-fresh", "iii-fresh"}
    with pytest.raises(InputError, match="does not tell"):
        _ = Inputs(load_without_record(), sources=(reference,)).held_out


def load_without_record():
    from dataclasses import replace

    return replace(trained().model, record={})


def test_places_are_spread_over_all_frames():
    assert evenly_spread(11, 3) == [0, 5, 10]
    assert evenly_spread(2, 3) == [0, 1]
    assert evenly_spread(1, 3) == [0]


def test_stacking_counts_what_is_not_decided_as_wrong():
    cases = list(islice(stacking_cases(STACKING, (0.1, 0.25)), 2))
    rows = stacking_rows(trained().model, cases)
    for case, row in zip(cases, rows, strict=True):
        called = chill_plus(case.frames[0])
        decided = np.isin(called, ("ih", "ic"))
        assert row["chill_plus_accuracy"] == (called == case.truth).mean()
        assert row["chill_plus_decided"] == decided.mean()
        said = trained().model.classify(case.frames[0]).names
        assert row["accuracy"] == (said == case.truth).mean()
    assert rows[0]["chill_plus_accuracy"] > rows[1]["chill_plus_accuracy"]
    assert rows[0]["ptm_no_limit_accuracy"] > 0.99
    whole = overall(rows, DISPLACED)
    assert whole["molecules"] == sum(len(c.truth) for c in cases)
    right = sum(r["accuracy"] * r["molecules"] for r in rows)
    assert whole["accuracy"] == pytest.approx(right / whole["molecules"])
    by_class = (1 - rows[0]["cubic"]) * whole["recall_ih"] + rows[0]["cubic"] * whole["recall_ic"]
    assert whole["accuracy"] == pytest.approx(by_class)


def test_novelty_of_gas_points_and_squeezed_ice(reference):
    model = trained().model
    known, classes = known_molecules(model, Inputs(model, sources=(reference,)).held_out, 2)
    assert {row["phase"]: row["molecules"] for row in classes} == {
        "ih": 2 * 432,
        "ic": 2 * 512,
        "iii": 2 * 324,
    }
    assert all(row["accuracy"] + row["unknown"] > 0.7 for row in classes)  # of five
    rows = {row["name"]: row for row in novelty_rows(model, known, no_ices(LATTICES))}
    assert rows["gas"]["auroc"] > 0.99
    assert rows["gas"]["unknown"] == 1.0
    assert rows["surface"]["molecules"] == 3 * 96
    assert rows["surface"]["auroc"] > rows["slab"]["auroc"]


def test_robustness_has_every_perturbation_and_spares_the_liquid_the_sharp_ones(reference):
    model = trained().model
    fresh = Inputs(model, sources=(reference,)).held_out[:1]
    rows = robustness_rows(model, "held out", fresh, 2) + lattice_rows(
        model, crystals_at_0_kelvin(LATTICES, (1.0,))
    )
    cells = by_phase(rows, "without_unknown")
    assert {head[1] for head in cells if head[0] == "held out"} == set(PERTURBATIONS)
    assert cells["held out", "none"]["ih"] > 0.7
    assert cells["held out", "σ + 0.15 Å"]["ih"] < cells["held out", "none"]["ih"]
    assert set(cells["lattices", "lattice at 0 K"]) == set(ICES)
    frames = fresh[0].frames
    assert len({PERTURBATIONS[name]("x", frames, 9)[0].positions.tobytes() for name in SHARPER}) > 2


def ice_beside_water(thickness: float = 30.0) -> tuple[Frame, float]:
    """Ice Ih below, random points above; the faces are at 0 and the height of the ice."""
    ice = build("one[hh]", WATER_MODELS["mw"], size=Size(repetition=(2, 3, 4))).frame()
    cell = ice.cell.copy()
    height = float(cell[2, 2])
    cell[2, 2] += thickness
    points = random_points(400, 1.0, np.random.default_rng(2), 2.4)
    edge = points.cell[0, 0]
    # points of a cube stretched into the room above the ice
    above = points.positions / edge * [cell[0, 0], cell[1, 1], thickness - 1.0] + [0, 0, height]
    positions = np.concatenate([ice.positions, above])
    return Frame(positions=positions, cell=cell), height


def test_distances_are_positive_in_the_ice_whatever_the_origin():
    frame, height = ice_beside_water()
    for shift in (0.0, 20.0, 41.0):
        moved = Frame(positions=frame.positions + np.array([0.0, 0.0, shift]), cell=frame.cell)
        ice = np.isin(chill_plus(moved), ("ih", "ic"))
        distance = slab_distance(moved, ice)
        z = frame.positions[:, 2]
        deep = (z > 6.0) & (z < height - 6.0)
        assert (distance[deep] > 0).all()
        assert (distance[z > height + 4.0] < 0).mean() > 0.9
        middle = np.argmin(np.abs(z - height / 2))
        assert distance[middle] == pytest.approx(height / 2, abs=4.0)
    with pytest.raises(InputError, match="faces"):
        slab_distance(frame, np.zeros(frame.n_molecules, dtype=bool))


def test_nucleus_has_as_many_molecules_inside_as_are_ice():
    frame = random_points(500, 1.0, np.random.default_rng(8))
    centre = np.array([1.0, 24.0, 3.0])  # across the boundaries
    step = frame.positions - centre
    edge = frame.cell[0, 0]
    away = np.linalg.norm(step - edge * np.round(step / edge), axis=1)
    ice = away < 7.0
    distance = nucleus_distance(frame, ice)
    assert (distance >= 0).sum() == ice.sum()
    assert (ice == (distance >= 0)).mean() > 0.9
    with pytest.raises(InputError, match="nucleus"):
        nucleus_distance(frame, np.zeros(500, dtype=bool))


def test_agreement_in_layers_adds_up():
    frame, _ = ice_beside_water()
    rows = interface_rows(trained().model, "made up", "slab", [frame])
    assert sum(row["molecules"] for row in rows) == frame.n_molecules
    assert all(0 <= row["agreement"] <= 1 for row in rows)
    parts = {row["where"]: row for row in bulks(rows)}
    assert set(parts) == {"ice", "interface", "liquid"}
    assert parts["ice"]["ice_chill_plus"] == 1.0
    assert parts["liquid"]["ice_chill_plus"] < 0.1


def test_the_command_writes_tables_figures_and_text(reference, tmp_path):
    save_model(trained().model, tmp_path / "m.safetensors")
    out = tmp_path / "validation"
    options = ["--part", "novelty", "--part", "interfaces", "--frames", "1"]
    result = CliRunner().invoke(
        cli,
        [
            *("validate", str(tmp_path / "m.safetensors"), "-o", str(out), *options, "-q"),
            *("--reference", str(reference)),
        ],
    )
    assert result.exit_code == 0, result.output
    assert all(row["trained"] is False for row in json_rows(out))  # nothing of iceclass augment
    found = json.loads((out / "validation.json").read_text())
    assert found["model_id"] == load_model(tmp_path / "m.safetensors").model_id
    text = (out / "validation.md").read_text()
    assert result.output.strip() == text.strip()
    for part in ("novelty", "interfaces"):
        with open(out / f"{part}.csv", newline="") as file:
            assert len(list(csv.reader(file))) == len(found[part]["rows"]) + 1
        assert (out / f"{part}.png").read_bytes()[:4] == b"\x89PNG"
        assert f"({part}.png)" in text
    assert not (out / "stacking.csv").exists()


def json_rows(directory):
    """All rows that a validation wrote."""
    found = json.loads((directory / "validation.json").read_text())
    return [
        row for part in found.values() if isinstance(part, dict) for row in part.get("rows", ())
    ]


def test_rows_of_what_trained_say_so():
    """The default model is trained with the help of iceclass augment, the ices' is not."""
    shipped, ices = Inputs(load_model("default")), Inputs(trained().model)
    for kind in ("stacking", "lattice", "interface", "variation"):
        assert shipped.trained_on(kind)
        assert not ices.trained_on(kind)
    assert shipped.trained_on("lattice", "ix")
    assert not shipped.trained_on("lattice", "vi")
    assert shipped.water_model_trained("tip4p-ice", "lda")
    assert shipped.water_model_trained("mw", "ih")  # among the environments
    assert not shipped.water_model_trained("spc-e", "ih")  # only its liquid is
    assert not shipped.water_model_trained("opc", "water")
    assert not ices.water_model_trained("mw", "ih")
    assert set(VARIED) < set(PERTURBATIONS)


FOUND = {
    "classes": ["ih"],
    "novelty": {
        "rows": [
            {"expected": "unknown", "molecules": 100, "unknown": 0.99, "width": None},
            {"expected": "unknown", "molecules": 300, "unknown": 0.95, "width": None},
            {"expected": "ih", "molecules": 50, "unknown": 0.5, "width": 2.0},
        ]
    },
}


@pytest.mark.parametrize(
    ("limit", "value", "kept"),
    [
        ("where = { expected = 'unknown' }\nleast = 0.96", 0.96, True),
        ("where = { expected = 'unknown' }\nleast = 0.97", 0.96, False),
        ("where = { expected = 'unknown' }\nleast = 0.94\neach = true", 0.95, True),
        ("where = { expected = ['ih', 'ic'] }\nmost = 0.4", 0.5, False),
        ("most = 0.99\neach = true", 0.99, True),
        ("where = { molecules = { least = 60, most = 200 } }\nleast = 0.9", 0.99, True),
        ("where = { molecules = { most = 60 } }\nmost = 0.4", 0.5, False),
        ("where = { width = { least = 1 } }\nmost = 0.5", 0.5, True),
    ],
)
def test_limits_are_of_means_or_of_every_row(tmp_path, limit, value, kept):
    path = tmp_path / "limits.toml"
    path.write_text(f"[[limit]]\npart = 'novelty'\ncolumn = 'unknown'\n{limit}\n")
    (verdict,) = judge(read_limits(path), FOUND)
    assert verdict.value == pytest.approx(value)
    assert verdict.kept is kept


@pytest.mark.parametrize("name", ["limits.toml", "limits-every-ice.toml"])
def test_the_limits_of_the_repository_are_of_parts_that_there_are(name):
    limits = read_limits(ROOT / "pipelines" / "config" / name)
    assert {one.part for one in limits} <= set(PARTS)
    assert len({one.what for one in limits}) == len(limits) > 5


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "expected .*limit"),
        ("[[limit]]\npart = 'novelty'\ncolumn = 'unknown'", "'least' or 'most'"),
        ("[[limit]]\npart = 'novelty'\ncolumn = 'unknown'\nleast = 'a'", "a number"),
        ("[[limit]]\npart = 'novelty'\ncolum = 'unknown'\nleast = 1", "colum.*column"),
        ("[[limit]]\npart = 'novelty'\ncolumn = 'unknwon'\nleast = 1", "unknown"),
        ("[[limit]]\npart = 'stacking'\ncolumn = 'unknown'\nleast = 1", "was not measured"),
        (
            "[[limit]]\npart = 'novelty'\ncolumn = 'unknown'\nleast = 1\n"
            "where = { expected = 'xi' }",
            "no row",
        ),
        (
            "[[limit]]\npart = 'novelty'\ncolumn = 'unknown'\nleast = 1\n"
            "where = { molecules = { over = 60 } }",
            "molecules in 'where' of limit 1",
        ),
        (
            "[[limit]]\npart = 'novelty'\ncolumn = 'unknown'\nleast = 1\n"
            "where = { molecules = { least = 'many' } }",
            "range with numbers",
        ),
        ("[[limit]]\npart = 'classes'\ncolumn = 'unknown'\nleast = 1", "was not measured"),
        ("[[limit]]\npart = 'novelty'\ncolumn = 'expected'\nleast = 1", "no numbers"),
        (
            "[[limit]]\npart = 'novelty'\ncolumn = 'width'\nleast = 1\neach = true\n"
            "where = { expected = 'unknown' }",
            "no numbers",
        ),
    ],
)
def test_limits_that_say_nothing_are_refused(tmp_path, text, said):
    path = tmp_path / "limits.toml"
    path.write_text(text)
    with pytest.raises(InputError, match=said):
        judge(read_limits(path), FOUND)


def test_a_limit_that_is_not_kept_is_the_exit_status(tmp_path):
    save_model(trained().model, tmp_path / "m.safetensors")
    for least, status in ((0.0, 0), (1.01, 1)):
        limits = tmp_path / "limits.toml"
        limits.write_text(
            f"[[limit]]\nwhat = 'ice'\npart = 'interfaces'\ncolumn = 'agreement'\nleast = {least}\n"
        )
        out = tmp_path / f"out-{status}"
        words = ["validate", str(tmp_path / "m.safetensors"), "-o", str(out), "-q"]
        words += ["--part", "interfaces", "--limits", str(limits)]
        assert CliRunner().invoke(cli, words).exit_code == status
        verdict = "not kept" if status else "kept"
        assert verdict in (out / "validation.md").read_text()


def test_lattices_are_counted_by_what_was_expected():
    model = trained().model
    cases = list(all_lattices((0.1,), ("2", "2d", "CS1", "7")))
    rows = {row["name"]: row for row in every_lattice_rows(model, cases)}
    assert {name: row["expected"] for name, row in rows.items()} == {
        "2": "ii",
        "2d": "ii",
        "CS1": "unknown",
        "7": "unknown",
    }
    for case in cases:
        names = model.classify(case.frames[0]).names
        assert rows[case.name]["as_expected"] == (names == case.right_for(model.classes)).mean()
        assert rows[case.name]["unknown"] == (names == "unknown").mean()
        assert rows[case.name]["density"] == pytest.approx(case.frames[0].density)
    head = {"model_id": model.model_id, "classes": list(model.classes)}
    for kept, count in ((list(rows), 2), (["2", "2d"], 0)):
        text = as_markdown(head | {"lattices": {"rows": [rows[name] for name in kept]}})
        whole = [row for row in rows.values() if row["name"] in kept and row["expected"] != "ii"]
        right = sum(row["unknown"] >= 0.98 for row in whole)
        assert f"| σ = 0.10 Å | {count} | {right} |" in text
        assert "\n2 others have the oxygens of a class" in text


def test_every_part_has_a_figure_and_a_section(reference, tmp_path):
    model = trained().model
    cases = list(islice(stacking_cases(STACKING, (0.1,)), 2))
    stacking = stacking_rows(model, cases)
    rows = robustness_rows(model, "held out", Inputs(model, sources=(reference,)).held_out, 1)
    for row in (*stacking, *rows):
        row["trained"] = row.get("perturbation") in VARIED
    found = {
        "model_id": model.model_id,
        "classes": list(model.classes),
        "stacking": {"overall": [overall(stacking, DISPLACED)], "rows": stacking},
        "robustness": {"rows": rows},
    }
    write_report(found, (), tmp_path)
    assert {p.name for p in tmp_path.iterdir()} == {
        "validation.json",
        "validation.md",
        *(f"{part}.{kind}" for part in ("stacking", "robustness") for kind in ("csv", "png")),
    }
    text = (tmp_path / "validation.md").read_text()
    assert "Stacking-disordered ice" in text
    assert "Under perturbation" in text

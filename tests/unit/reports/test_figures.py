"""Figures hold what they are given; as SVG their text can be read back."""

from __future__ import annotations

import re
import struct
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from iceclass.errors import InputError, OutputError
from iceclass.evaluation.explain import explain, leading_values
from iceclass.phases import STUDY, UNKNOWN, colour_of
from iceclass.reports.bundles import evaluation_report, explanation_report, training_report
from iceclass.reports.confusion import confusion_figure
from iceclass.reports.distributions import distributions_figure
from iceclass.reports.importance import importance_figure
from iceclass.reports.phases import phase_fractions_figure
from iceclass.reports.reliability import reliability_figure
from iceclass.reports.style import on_colour
from iceclass.reports.training import training_figure
from iceclass.training.optimise import Epoch
from tests.helpers.iceframes import ice_table, trained


def texts(path: Path) -> list[str]:
    """The texts of an SVG figure."""
    return re.findall(r"<text[^>]*>([^<]*)</text>", path.read_text(encoding="utf-8"))


def png_size(path: Path) -> tuple[int, int]:
    """Pixels of a PNG file."""
    data = path.read_bytes()
    assert data[:8] == b"\x89PNG\r\n\x1a\n"
    width, height = struct.unpack(">II", data[16:24])
    return width, height


@pytest.mark.parametrize("suffix", ["png", "svg", "pdf"])
def test_the_same_figure_is_the_same_file(suffix, tmp_path: Path, monkeypatch):
    """Drawn again on another day, too."""
    evaluation = trained().evaluation
    first = reliability_figure(evaluation, tmp_path / f"first.{suffix}").read_bytes()
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "946684800")
    assert reliability_figure(evaluation, tmp_path / f"again.{suffix}").read_bytes() == first


def test_confusion_matrix_shows_counts_and_shares(tmp_path: Path):
    evaluation = trained().evaluation
    counts = texts(confusion_figure(evaluation, tmp_path / "c.svg", normalised=False))
    shares = texts(confusion_figure(evaluation, tmp_path / "n.svg"))
    for label in ("ice Ih", "ice Ic", "ice II", "ice III", "ice V", "unknown"):
        assert label in counts
        assert label in shares
    for count in evaluation.confusion[evaluation.confusion > 0]:
        assert str(count) in counts
    assert f"{100 * evaluation.normalised[0, 0]:.1f}" in shares
    assert f"% of true phase, accuracy {100 * evaluation.accuracy:.2f} %" in shares


def test_confusion_matrix_of_large_counts_and_foreign_phases(tmp_path: Path):
    evaluation = trained().evaluation
    large = replace(
        evaluation,
        truth=(*evaluation.classes, "ice x"),
        confusion=np.vstack([evaluation.confusion * 1000, np.full(6, 12_345_678)]),
    )
    found = texts(confusion_figure(large, tmp_path / "c.svg", normalised=False))
    assert {"12.3M", "ice x"} <= set(found)
    assert f"{evaluation.confusion[0, 0]}k" in found


def test_training_curves(tmp_path: Path):
    result = trained()
    found = texts(training_figure(result.history, tmp_path / "t.svg", best_epoch=result.best_epoch))
    assert {"training", "validation", f"kept: epoch {result.best_epoch}", "epoch"} <= set(found)
    blind = [replace(e, validation_loss=np.nan, validation_accuracy=np.nan) for e in result.history]
    found = texts(training_figure(blind, tmp_path / "b.svg"))
    assert "validation" not in found
    assert "learning rate" in found
    training_figure([Epoch(1, 1.0, 1.0, 0.5, 1e-3)], tmp_path / "one.svg")


def test_importance_and_distributions(tmp_path: Path):
    explanation = explain(trained().model, ice_table(), per_class=20)
    found = texts(importance_figure(explanation, tmp_path / "i.svg", n=12))
    for i in explanation.leading(12):
        assert explanation.feature_names[i] in found
    assert any("completeness error" in text for text in found)
    values = leading_values(explanation, ice_table(), 4)
    found = texts(distributions_figure(values, tmp_path / "d.svg"))
    assert set(values) <= set(found)
    assert {"ice Ih", "ice V", "density"} <= set(found)


def test_distributions_of_constants_and_few_values(tmp_path: Path):
    values = {"a feature": {"ih": np.full(5, 0.3), "zz": np.array([0.3])}}
    found = texts(distributions_figure(values, tmp_path / "d.svg"))
    assert {"a feature", "ice Ih", "zz"} <= set(found)


def test_reliability(tmp_path: Path):
    found = texts(reliability_figure(trained().evaluation, tmp_path / "r.svg"))
    error = trained().evaluation.calibration_error
    assert f"expected calibration error {100 * error:.2f} %" in found


FRACTIONS = "frame,timestep,molecules,ih,water,new-phase,unknown\n"


def test_phase_fractions_of_many_frames(tmp_path: Path):
    lines = [f"{i},{1000 * i},400,{i / 20},{0.9 - i / 20},0.1,0\n" for i in range(10)]
    table = tmp_path / "x.phases.csv"
    table.write_text(FRACTIONS + "".join(lines))
    path = phase_fractions_figure(table, tmp_path / "p.svg")
    found = texts(path)
    assert {"ice Ih", "water", "new-phase", "timestep", "molecules / %"} <= set(found)
    assert UNKNOWN not in found
    for name in ("ih", "water", "new-phase"):
        assert colour_of(name, ["ih", "water", "new-phase"]).lower() in path.read_text()


def test_phase_fractions_of_one_frame_are_bars(tmp_path: Path):
    table = tmp_path / "x.phases.csv"
    table.write_text(FRACTIONS + "0,0,400,0.25,0.7,0,0.05\n")
    found = texts(phase_fractions_figure(table, tmp_path / "p.svg"))
    assert {"25.0", "70.0", "0.0", "5.0", "unknown"} <= set(found)


def test_phase_fractions_from_arrays_and_frames_without_steps(tmp_path: Path):
    w = np.random.default_rng(0).dirichlet(np.ones(10), size=5000).T
    fractions = dict(zip([*STUDY, UNKNOWN], w, strict=True))
    path = phase_fractions_figure(
        fractions, tmp_path / "p.png", x=np.arange(5000) * 0.01, x_label="time / ns"
    )
    assert png_size(path)[0] > 1000
    table = tmp_path / "x.phases.csv"
    table.write_text(FRACTIONS + "0,7,400,0.3,0.7,0,0\n1,7,400,0.2,0.8,0,0\n")
    assert "frame" in texts(phase_fractions_figure(table, tmp_path / "q.svg"))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "no column 'frame'"),
        (FRACTIONS, "no frames"),
        (FRACTIONS + "0,0,400,x,0.7,0,0\n", "cannot be read"),
        (FRACTIONS + "0,0,400\n", "line 2: has 3 fields"),
        ("a,b\n1,2\n", "not phase fractions"),
    ],
)
def test_fractions_that_cannot_be_drawn(tmp_path: Path, text: str, message: str):
    table = tmp_path / "x.phases.csv"
    table.write_text(text)
    with pytest.raises(InputError, match=message):
        phase_fractions_figure(table, tmp_path / "p.png")
    assert not (tmp_path / "p.png").exists()


def test_figures_replace_others_only_where_allowed(tmp_path: Path):
    (tmp_path / "r.png").write_text("mine")
    with pytest.raises(OutputError, match="exists already"):
        reliability_figure(trained().evaluation, tmp_path / "r.png", force=False)
    assert (tmp_path / "r.png").read_text() == "mine"
    with pytest.raises(OutputError):
        reliability_figure(trained().evaluation, tmp_path / "none" / "r.png")


def test_reports_write_everything(tmp_path: Path):
    result = trained()
    explanation = explain(result.model, ice_table(), per_class=20)
    test = ice_table().rows(result.split.index("test"))
    paths = (
        *training_report(result, tmp_path / "training"),
        *evaluation_report(result.evaluation, result.model, test, tmp_path / "evaluation"),
        *explanation_report(explanation, ice_table(), tmp_path / "explanation"),
    )
    written = [p for p in tmp_path.rglob("*") if p.is_file()]
    assert sorted(paths) == sorted(written)
    for path in paths:
        if path.suffix == ".png":
            assert min(png_size(path)) > 500
    untested = training_report(replace(result, evaluation=None), tmp_path / "b")
    assert [path.name for path in untested] == ["history.csv", "training.png", "report.html"]


def test_text_is_readable_on_every_phase_colour():
    assert on_colour("#000000") == "white"
    assert on_colour("#F0E442") == "black"

"""The report is one well-formed page that loads nothing, and what it says is so."""

from __future__ import annotations

import re
from dataclasses import replace
from functools import cache
from html.parser import HTMLParser
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pytest

from iceclass.datasets.store import FeatureStore
from iceclass.datasets.table import Table
from iceclass.descriptors import descriptor
from iceclass.errors import InputError
from iceclass.evaluation.metrics import evaluate
from iceclass.phases import label_of
from iceclass.reports.bundles import training_report
from iceclass.reports.hidden import hidden_map, hidden_map_figure
from iceclass.reports.html import html_report
from iceclass.reports.mistakes import find_mistakes, wrong_rows
from iceclass.reports.words import percent
from tests.cli.test_main import run
from tests.helpers.iceframes import (
    DESCRIPTOR,
    features,
    ice_table,
    thermal_frame,
    trained,
    trajectory,
)

VOID = {"meta", "link", "img", "br", "hr", "input"}
SECTIONS = {
    "classes", "confusion", "mistakes", "calibration", "importances", "map", "training",
    "trajectories", "run",
}  # fmt: skip
HOSTILE = "<script>alert('x')</script> & \"co\""


class Page(HTMLParser):
    """Checks that tags nest; keeps attributes, and the rows of tables by section and heading."""

    def __init__(self, text: str):
        super().__init__()
        self.stack, self.tags, self.ids = [], [], []
        self.tables: dict[str, list[list[str]]] = {}
        self.texts: dict[str, str] = {}
        self.section = ""
        self.feed(text)
        self.close()
        assert self.stack == []

    def handle_starttag(self, tag, attributes):
        attributes = dict(attributes)
        self.tags.append((tag, attributes))
        if "id" in attributes:
            self.ids.append(attributes["id"])
        if tag not in VOID:
            self.stack.append(tag)
        if tag == "section":
            self.section = attributes["id"]
        if tag == "tr":
            self.tables.setdefault(self.section, []).append([])
        if tag in ("td", "th"):
            self.tables[self.section][-1].append("")

    def handle_endtag(self, tag):
        assert self.stack.pop() == tag, f"</{tag}> closes another element"

    def handle_data(self, data):
        data = data.replace("\N{NO-BREAK SPACE}", " ")
        self.texts[self.section] = self.texts.get(self.section, "") + data
        if {"td", "th"} & set(self.stack):
            self.tables[self.section][-1][-1] += data


@cache
def noisy() -> Table:
    """Ices too hot for the model, some torn apart, and a hydrate that it does not know."""
    table = ice_table(("ih", "ic", "ii", "iii", "v", "CS1"), 2, 0.32)
    x = table.features.copy()
    ih = np.flatnonzero(table.phase == "ih")[:40]
    x[ih, :5] *= 3.0
    return replace(table, features=x, frame=(np.arange(len(table)) % 7).astype(np.int32))


@cache
def page_of_training() -> str:
    with TemporaryDirectory() as directory:
        *_, page = training_report(trained(), directory)
        assert page.name == "report.html"
        return page.read_text(encoding="utf-8")


@cache
def page_of_test(names: str = "") -> str:
    table, model = noisy(), trained().model
    if names:
        infos = tuple(
            replace(t, name=f"{names}{i}", preparation=names, water_model=names)
            for i, t in enumerate(table.trajectories)
        )
        table = replace(table, trajectories=infos)
    with TemporaryDirectory() as directory:
        path = Path(directory) / "report.html"
        html_report(model, path, tested=(evaluate(model, table), table), command=names)
        return path.read_text(encoding="utf-8")


def test_the_page_is_whole_and_loads_nothing():
    text = page_of_training()
    assert text.startswith("<!DOCTYPE html>")
    assert len(text) < 3_000_000
    page = Page(text)
    assert set(page.ids) == SECTIONS
    assert len(page.ids) == len(set(page.ids))
    assert not {"script", "iframe", "object", "embed", "base"} & {tag for tag, _ in page.tags}
    for tag, attributes in page.tags:
        for key in ("src", "href"):
            if key in attributes:
                assert attributes[key].startswith(("data:", "#")), (tag, attributes[key][:60])
                if attributes[key].startswith("#"):
                    assert attributes[key][1:] in SECTIONS
        assert not [key for key in attributes if key.startswith("on")]
    assert "url(" not in text
    assert "@import" not in text
    images = [a for tag, a in page.tags if tag == "img"]
    assert len(images) == 7
    assert all(a["alt"] for a in images)
    assert sum(a["src"].startswith("data:image/svg+xml;base64,") for a in images) == 5
    policy = [a["content"] for tag, a in page.tags if a.get("http-equiv")]
    assert policy == ["default-src 'none'; img-src data:; style-src 'unsafe-inline'"]


def test_its_figures_are_those_of_the_evaluation():
    evaluation, page = trained().evaluation, Page(page_of_training())
    _, *rows = page.tables["classes"]
    for i, (name, row) in enumerate(zip(evaluation.classes, rows, strict=True)):
        own = (evaluation.precision[i], evaluation.recall[i], evaluation.f1[i])
        assert row == [label_of(name), *map(percent, own), str(evaluation.support[i])]
    unknown = evaluation.confusion[:, -1].sum() / evaluation.confusion.sum()
    for value in (
        evaluation.accuracy,
        evaluation.balanced_accuracy,
        evaluation.macro_f1,
        evaluation.calibration_error,
        unknown,
    ):
        assert percent(value) in page.texts[""]
    _, *rows = page.tables["trajectories"]
    assert [float(row[7].rstrip(" %")) for row in rows] == sorted(
        round(100 * t.accuracy, 2) for t in evaluation.trajectories
    )


def test_it_tells_of_the_run():
    told = Page(page_of_training()).texts["run"]
    record = trained().model.record
    for text in ("iceclass train ices.h5", "soap-37", "batch_size", "torch", "captum", "seed"):
        assert text in told
    for side in ("train", "validation", "test"):
        for names in record["split"][side]["preparations"].values():
            assert ", ".join(names) in told


def test_confusion_in_words():
    evaluation = evaluate(trained().model, noisy())
    told = Page(page_of_test()).texts["confusion"]
    for i, name in enumerate(evaluation.classes):
        shares = evaluation.normalised[i]
        wrong = int(np.argmax(np.where(np.arange(len(shares)) == i, -1, shares)))
        to = label_of(evaluation.columns[wrong])
        assert (
            f"{label_of(name)}: {percent(shares[i])} right, the rest taken for {to} "
            f"{percent(round(shares[wrong], 6))}"
        ) in told
    assert "CS1 is none of the model's classes; it is labelled" in told


def test_listed_mistakes_are_mistakes():
    model, table = trained().model, noisy()
    page = Page(page_of_test())
    rows = [row for row in page.tables["mistakes"] if row[0] != "taken for"]
    assert len(rows) > 10
    names = [t.name for t in table.trajectories]
    prediction = model.predict(table.features)
    given = [label_of(name) for name in prediction.names]
    for label, probability, _, name, frame, molecule, _ in rows:
        (row,) = np.flatnonzero(
            (table.trajectory == names.index(name))
            & (table.frame == int(frame.split()[0]))
            & (table.molecule == int(molecule))
        )
        assert given[row] == label != label_of(table.phase[row])
        assert probability.startswith(percent(float(prediction.confidence[row])))
    wrong = int(wrong_rows(prediction, table).sum())
    assert page.texts["mistakes"].replace(" ", "").find(f"{wrong}of") >= 0


def test_mistakes_take_turns_and_are_explained():
    model, table = trained().model, noisy()
    prediction = model.predict(table.features)
    found = find_mistakes(model, table, prediction, per_phase=8, n_features=table.features.shape[1])
    assert "unknown" in {m.confused_with for m in found["ih"]}
    assert all(m.confused_with != "unknown" for m in found["CS1"])
    origin = model.logits(model.mean[None].astype(np.float64))[0].astype(np.float64)
    for name, mistakes in found.items():
        assert len({(m.trajectory, m.molecule) for m in mistakes}) == len(mistakes) <= 8
        labels = prediction.names[wrong_rows(prediction, table) & (table.phase == name)]
        assert {m.confused_with for m in mistakes} <= set(labels.tolist())
        assert len({m.confused_with for m in mistakes[: len(set(labels))]}) == min(
            len(set(labels)), 8
        )
        for m in mistakes:
            values = dict(m.features)
            x = table.features[m.row]
            if m.confused_with == "unknown":
                mean = table.features[table.phase == name].mean(axis=0)
                expected = (x - mean) / model.scale
                np.testing.assert_allclose(
                    [values[f] for f in table.feature_names], expected, rtol=1e-3, atol=1e-3
                )
                continue
            rise = model.logits(x[None])[0].astype(np.float64) - origin
            expected = rise[model.classes.index(m.confused_with)]
            if name in model.classes:
                expected -= rise[model.classes.index(name)]
                assert m.probability > m.probability_of_phase
            else:
                assert np.isnan(m.probability_of_phase)
            assert sum(values.values()) == pytest.approx(expected, abs=0.02 * max(1, abs(expected)))
            assert list(values.values()) == sorted(values.values(), reverse=True)


def test_no_mistakes_are_no_table():
    model = trained().model
    table = noisy()
    right = table.rows(~wrong_rows(model.predict(table.features), table))
    assert find_mistakes(model, right) == {}


def test_names_of_others_are_shown_not_obeyed():
    text = page_of_test(HOSTILE)
    page = Page(text)
    assert "script" not in {tag for tag, _ in page.tags}
    assert HOSTILE.encode() not in text.encode()
    for section in ("mistakes", "trajectories", "run"):
        assert HOSTILE in page.texts[section]


def test_without_test_rows_and_without_record(tmp_path: Path):
    result = replace(trained(), evaluation=None)
    *_, path = training_report(result, tmp_path)
    page = Page(path.read_text(encoding="utf-8"))
    assert set(page.ids) == {"training", "run"}
    assert [tag for tag, _ in page.tags].count("img") == 1
    model = replace(trained().model, record=None, novelty=None)
    hydrate = noisy().rows(noisy().phase == "CS1")
    path = html_report(model, tmp_path / "b.html", tested=(evaluate(model, hydrate), hydrate))
    page = Page(path.read_text(encoding="utf-8"))
    assert set(page.ids) == SECTIONS - {"training"}
    assert "Not recorded in the model" in page.texts["run"]
    assert "None of the phases tested" in page.texts["calibration"]


def test_the_map_is_the_principal_plane_of_the_hidden_units(tmp_path: Path):
    model, table = trained().model, noisy()
    found = hidden_map(model, table, per_phase=50, mistakes=20, seed=1)
    assert len(found.rows) == 6 * 50 + 20
    assert len(set(found.rows.tolist())) == len(found.rows)
    units = model.hidden(table.features[found.rows]).astype(np.float64)
    centre = units[:300].mean(axis=0)
    _, sizes, axes = np.linalg.svd(units[:300] - centre, full_matrices=False)
    expected = (units - centre) @ axes[:4].T
    np.testing.assert_allclose(np.abs(found.positions), np.abs(expected), atol=1e-6)
    np.testing.assert_allclose(found.explained, sizes[:4] ** 2 / (sizes**2).sum(), rtol=1e-9)
    assert (found.wrong == wrong_rows(model.predict(table.features), table)[found.rows]).all()
    drawn = hidden_map_figure(found, tmp_path / "m.svg", axes=(2, 3)).read_text(encoding="utf-8")
    texts = set(re.findall(r"<text[^>]*>([^<]*)</text>", drawn))
    assert {"ice Ih", "CS1", "mistake", f"component 3 ({100 * found.explained[2]:.0f} %)"} <= texts
    plane = hidden_map(model, table, method="tsne", per_phase=10, mistakes=0)
    assert plane.positions.shape == (60, 2)
    hidden_map_figure(plane, tmp_path / "t.png")
    with pytest.raises(InputError, match="did you mean 'tsne'"):
        hidden_map(model, table, method="t-sne")
    with pytest.raises(InputError, match="a map of 3 environments"):
        hidden_map(model, table.rows(np.arange(3)))


def test_the_commands_write_it(tmp_path: Path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    with FeatureStore.create(tmp_path / "ices.h5", descriptor(DESCRIPTOR)) as store:
        for phase in ("ih", "ii"):
            for k in (1, 2, 3):
                frames = [(thermal_frame(phase, k), features(phase, k))]
                store.append_trajectory(trajectory(phase, k), frames)
    command = ["train", "ices.h5", "--epochs", "2", "--max-rows", "60", "-q", "--report", "run"]
    monkeypatch.setattr("sys.argv", ["iceclass", *command])
    assert run(*command) == 0
    page = Page(Path("run/report.html").read_text(encoding="utf-8"))
    assert f"iceclass {' '.join(command)}" in page.texts["run"]
    assert page.tables["classes"][1][4] == "60"
    command = ["evaluate", "ices.safetensors", "ices.h5", "-q", "-o", "test"]
    monkeypatch.setattr("sys.argv", ["iceclass", *command])
    assert run(*command) == 0, capsys.readouterr().err
    page = Page(Path("test/report.html").read_text(encoding="utf-8"))
    assert set(page.ids) == SECTIONS - {"training"}
    assert f"iceclass {' '.join(command)}" in page.texts["run"]

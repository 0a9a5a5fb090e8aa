"""Accuracy against cost: the study's parts on shipped models, and what it wrote."""

import csv

from iceclass.model.file import load_model
from pipelines.pareto import CHOSEN, COLUMNS, DESCRIPTORS, DOCS, costs, figure, measured


def test_a_larger_descriptor_costs_more(monkeypatch, tmp_path):
    monkeypatch.setattr("pipelines.pareto.MOLECULES", 500)
    monkeypatch.setattr("pipelines.pareto.REPEATS", 2)
    models = {name: load_model(name) for name in ("soap-37", "soap-325")}
    found = costs(models)
    assert 0 < found["soap-37"] < found["soap-325"]
    rows = [
        dict(zip(COLUMNS, (name, 0, measured(model)["accuracy"], 0, found[name]), strict=True))
        for name, model in models.items()
    ]
    figure(rows, tmp_path / "pareto.png")
    assert (tmp_path / "pareto.png").stat().st_size > 5000


def test_what_is_written_is_of_all_descriptors():
    with (DOCS / "pareto.csv").open(encoding="utf-8") as file:
        rows = {row["descriptor"]: row for row in csv.DictReader(file)}
    assert set(rows) == set(DESCRIPTORS) >= {CHOSEN}
    assert len(rows) >= 12
    assert all(0.5 < float(row["accuracy"]) < 1 for row in rows.values())

"""Gather the results of a study into tables.

    python pipelines/tables.py STUDY DESCRIPTOR…

Writes tables/accuracy.csv (one row a descriptor), tables/per_class.csv and, to read,
tables/study.md with the rejected trajectories and their reasons.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from iceclass.acceptance.check import read_checks
from iceclass.files import write_text
from iceclass.io.output.csv_tables import write_csv
from iceclass.model.file import load_model
from iceclass.phases import label_of
from iceclass.tables import markdown_table

COLUMNS = ("accuracy", "balanced_accuracy", "macro_f1", "expected_calibration_error")


def accuracy_rows(study: Path, descriptors: Sequence[str]) -> list[list[Any]]:
    """Per descriptor: name, number of features, rows of the test, and its single figures."""
    rows = []
    for name in descriptors:
        summary = json.loads((study / "evaluation" / name / "summary.json").read_text())
        features = load_model(study / "models" / f"{name}.safetensors").descriptor.n_features
        rows.append([name, features, summary["rows"], *(summary[key] for key in COLUMNS)])
    return rows


def per_class_rows(study: Path, descriptors: Sequence[str]) -> list[list[str]]:
    """Descriptor, phase, precision, recall, F1, rows."""
    rows = []
    for name in descriptors:
        with open(study / "evaluation" / name / "per_class.csv", newline="") as file:
            rows += [[name, *row] for row in list(csv.reader(file))[1:]]
    return rows


def as_markdown(study: Path, accuracy: Sequence[Sequence[Any]]) -> str:
    """The accuracy of the descriptors, the trajectories by phase, and what was rejected."""
    checks = read_checks(study / "checks.json")
    head = ("descriptor", "features", "test molecules", "accuracy", "balanced", "macro F1", "ECE")
    figures = [(*row[:3], *("–" if x is None else f"{x:.4f}" for x in row[3:])) for row in accuracy]
    phases = []
    for phase in dict.fromkeys(c.phase for c in checks):
        own = [c for c in checks if c.phase == phase]
        phases.append((label_of(phase), len(own), sum(c.accepted for c in own)))
    rejected = [f"- {c.name}: {'; '.join(c.reasons)}" for c in checks if not c.accepted]
    lines = [markdown_table(head, figures), ""]
    lines += [markdown_table(("phase", "trajectories", "accepted"), phases)]
    lines += ["", "Rejected:" if rejected else "No trajectory was rejected.", "", *rejected]
    return "\n".join(lines).rstrip() + "\n"


@click.command(help=__doc__.splitlines()[0])
@click.argument("study", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.argument("descriptors", nargs=-1, required=True)
def main(study: Path, descriptors: tuple[str, ...]) -> None:
    tables = study / "tables"
    tables.mkdir(exist_ok=True)
    accuracy = accuracy_rows(study, descriptors)
    head: tuple[str, ...] = ("descriptor", "features", "rows", *COLUMNS)
    write_csv(tables / "accuracy.csv", head, accuracy, force=True)
    head = ("descriptor", "phase", "precision", "recall", "f1", "support")
    write_csv(tables / "per_class.csv", head, per_class_rows(study, descriptors), force=True)
    text = as_markdown(study, accuracy)
    write_text(tables / "study.md", text, force=True)
    click.echo(text)


if __name__ == "__main__":
    main()

"""All parts of a validation, and the files that are made of what they find."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from iceclass._version import __version__
from iceclass.files import replacing
from iceclass.io.output.csv_tables import write_csv
from iceclass.validation import (
    bulk,
    coexistence,
    interfaces,
    lattices,
    novelty,
    nuclei,
    perturbations,
    stacking,
    surfaces,
)
from iceclass.validation.inputs import Inputs

PARTS: dict[str, Callable[[Inputs], dict[str, Any]]] = {
    "stacking": stacking.measure,
    "novelty": novelty.measure,
    "lattices": lattices.measure,
    "robustness": perturbations.measure,
    "interfaces": interfaces.measure,
    "liquids": bulk.measure_liquids,
    "crystals": bulk.measure_crystals,
    "glasses": bulk.measure_glasses,
    "nuclei": nuclei.measure,
    "coexistence": coexistence.measure,
    "surfaces": surfaces.measure,
}
"""Name → what measures it: a JSON-serialisable dict with ``rows``, one dict a row. Every row has
the number of ``molecules`` and, as ``trained``, whether molecules of its kind trained the model."""


def validate(
    inputs: Inputs,
    parts: Sequence[str] = tuple(PARTS),
    report: Callable[[str], None] = lambda text: None,
) -> dict[str, Any]:
    """What is found, by part; JSON-serialisable. ``report`` is told which part begins.

    Raises
    ------
    InputError
        A data set that is missing or damaged, or a model without classes or record that a part
        needs.
    """
    model = inputs.model
    found: dict[str, Any] = {
        "model_id": model.model_id,
        "descriptor": model.descriptor.to_dict(),
        "classes": list(model.classes),
        "iceclass_version": __version__,
        "frames": inputs.frames,
        "not_measured": [],
    }
    for name, measure in PARTS.items():
        if name in parts:
            report(name)
            part = measure(inputs)
            if part["rows"]:
                found[name] = part
            else:
                found["not_measured"].append(name)
                report(f"{name}: the data sets hold nothing of it that is new to the model")
    return found


def write_tables(found: dict[str, Any], directory: Path) -> None:
    """``validation.json`` and a CSV of each part, in place of older ones."""
    directory.mkdir(parents=True, exist_ok=True)
    for part in PARTS:
        if part in found:
            rows = found[part]["rows"]
            table = (row.values() for row in rows)
            write_csv(directory / f"{part}.csv", rows[0], table, force=True)
    with replacing(directory / "validation.json", force=True) as temporary:
        text = json.dumps(found, indent=1, ensure_ascii=False)
        temporary.write_text(text + "\n", encoding="utf-8")

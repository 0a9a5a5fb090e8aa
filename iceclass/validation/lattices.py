"""Every lattice that GenIce2 knows: named as a class where it is one, unknown where it is not."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Any

import numpy as np

from iceclass.model.network import Model
from iceclass.phases import UNKNOWN
from iceclass.validation.cases import Case, all_lattices
from iceclass.validation.inputs import Inputs
from iceclass.validation.novelty import classify_all


def measure(inputs: Inputs) -> dict[str, Any]:
    """Rows of all lattices.

    Raises
    ------
    MissingDependencyError
        GenIce2 is not installed.
    """
    rows = every_lattice_rows(inputs.model, all_lattices())
    of_classes = inputs.trained_on("lattice")
    return {
        "rows": [
            {
                **row,
                "trained": inputs.trained_on("lattice", row["name"])
                if row["expected"] == UNKNOWN
                else of_classes,
            }
            for row in rows
        ]
    }


def every_lattice_rows(model: Model, cases: Iterable[Case]) -> list[dict[str, Any]]:
    """One row a lattice and displacement: density, and shares as expected and unknown."""
    rows = []
    for case in cases:
        names = np.concatenate([p.names for p in classify_all(model, case.frames)])
        right = case.right_for(model.classes)
        rows.append(
            {
                "name": case.name,
                "condition": case.condition,
                "expected": right,
                "molecules": len(names),
                "density": case.frames[0].density,
                "as_expected": float(np.mean(names == right)),
                "unknown": float(np.mean(names == UNKNOWN)),
                "most_often": Counter(names.tolist()).most_common(1)[0][0],
            }
        )
    return rows

"""How many molecules of a frame belong to each family of phases: ice, hydrate, amorphous, liquid.

The probabilities of a family's classes add up, and a molecule belongs to the family with the
largest sum. That is often surer than the class: where ice Ih and Ic are as likely as each other,
and together likelier than water, the molecule may be labelled water but belongs to the ices.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from iceclass.analysis.observer import Observer, Record
from iceclass.frame import Frame
from iceclass.io.output.csv_tables import fractions, write_csv
from iceclass.phases import FAMILIES, UNKNOWN, family_of
from iceclass.prediction import Prediction


class Families(Observer):
    """Molecules by family.

    Parameters
    ----------
    classes
        The C class names of the model. A class that the catalogue does not know is a family of
        its own.
    """

    @cached_property
    def names(self) -> tuple[str, ...]:
        """The F families of the classes."""
        found = dict.fromkeys(map(family_of, self.classes))
        known = [name for name in FAMILIES if name in found]
        return (*known, *(name for name in found if name not in FAMILIES))

    @property
    def columns(self) -> tuple[str, ...]:
        """What the F + 1 counts are of: the families and unknown."""
        return (*self.names, UNKNOWN)

    @property
    def parameters(self) -> dict[str, Any]:
        """The families."""
        return {"families": list(self.names)}

    def record(self, frame: Frame, prediction: Prediction) -> Record:
        """``timestep``, ``molecules``, and ``counts``, F + 1 integers."""
        assert prediction.classes == self.classes
        places = [self.names.index(family_of(name)) for name in self.classes]
        member = np.equal.outer(places, range(len(self.names)))
        family = (prediction.probabilities @ member).argmax(axis=1)
        family[prediction.labels < 0] = len(self.names)
        return {
            "timestep": int(frame.timestep),
            "molecules": frame.n_molecules,
            "counts": np.bincount(family, minlength=len(self.columns)).tolist(),
        }

    def write(
        self,
        path: str | Path,
        records: Iterable[tuple[int, Record]] | None = None,
        *,
        force: bool = False,
    ) -> Path:
        """One row a frame: frame, timestep, molecules, fraction of each family, unknown."""
        header = ("frame", "timestep", "molecules", *self.columns)
        records = self.records if records is None else records
        rows = (
            (number, r["timestep"], r["molecules"], *fractions(r["counts"], r["molecules"]))
            for number, r in records
        )
        return write_csv(path, header, rows, force=force)

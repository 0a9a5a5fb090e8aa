"""Labels during a LAMMPS run, through LAMMPS's Python module; one process.

The run is cut into pieces of n steps (``run n pre no``, which LAMMPS provides for the purpose)
and the configuration labelled between them: this needs no optional package of LAMMPS.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from iceclass.errors import InputError, SimulationError
from iceclass.external.lammps import lammps_class
from iceclass.files import check_output
from iceclass.frame import Frame
from iceclass.io.lammps.units import scale_of
from iceclass.io.water.assembly import Assembler, RawFrame
from iceclass.io.water.kinds import AtomKinds
from iceclass.labelling.label import label_frames
from iceclass.model.file import load_model
from iceclass.model.network import Model, Prediction
from iceclass.phases import UNKNOWN

__all__ = ["LammpsLabeller", "PhaseHistory", "lammps_class"]


@dataclass(frozen=True, eq=False)
class PhaseHistory:
    """Phases at T moments of a run.

    Attributes
    ----------
    columns
        The C class names and ``"unknown"``.
    timesteps, molecules
        (T,) int64.
    counts
        (T, C + 1) int64, molecules.
    model_id
        Of the model.
    """

    columns: tuple[str, ...]
    timesteps: NDArray[np.int64]
    molecules: NDArray[np.int64]
    counts: NDArray[np.int64]
    model_id: str

    @property
    def fractions(self) -> NDArray[np.float64]:
        """(T, C + 1) float64."""
        return self.counts / self.molecules[:, None]


class LammpsLabeller:
    """Labels the atoms of a LAMMPS session and gives the fractions to LAMMPS as variables.

    For each class and ``unknown`` there is a LAMMPS variable of style ``internal``, named
    ``PREFIX_CLASS`` (``phase_ih``), which holds the fraction of the molecules that the latest
    labelling found: as ``v_phase_ih`` for ``thermo_style custom``, ``fix print`` and formulas.

    Parameters
    ----------
    lammps
        A ``lammps`` object of a single process whose atoms exist. (:func:`lammps_class` gives
        the class, its MPI library loaded.)
    model
        Name of a shipped model, path of a model file, or a ``Model``.
    types
        Atom type → element, as ``{1: "O", 2: "H"}``; default: found out.
    unknown
        Whether a molecule unlike anything in the training set is called unknown.
    prefix
        Of the variables' names.

    Raises
    ------
    InputError
        More than one process, no box yet, lj units.
    """

    def __init__(
        self,
        lammps: Any,
        model: str | Path | Model = "default",
        *,
        types: Mapping[Any, str] | None = None,
        unknown: bool = True,
        prefix: str = "phase",
    ) -> None:
        if lammps.extract_setting("world_size") != 1:
            raise InputError("LAMMPS runs in several processes", hint="start it in one")
        if not lammps.extract_setting("box_exist"):
            raise InputError(
                "the LAMMPS session has no box yet", hint="create or read the atoms first"
            )
        self._lammps = lammps
        self._model = model if isinstance(model, Model) else load_model(model)
        self._unknown = unknown
        self._assembler = Assembler(None, types)
        self._scale = scale_of(lammps.extract_global("units"))
        self.columns = (*self._model.classes, UNKNOWN)
        self.variables = {
            name: prefix + "_" + "".join(c if c.isalnum() else "_" for c in name)
            for name in self.columns
        }
        for variable in self.variables.values():
            self._command(f"variable {variable} internal 0.0")

    def frame(self) -> Frame:
        """The present configuration, atoms in the order of their ids.

        Raises
        ------
        InputError
            No oxygen, or no decision which type is oxygen.
        """
        session = self._lammps
        n = session.extract_setting("nlocal")
        ids = np.array(session.numpy.extract_atom("id")[:n], np.int64)
        order = np.argsort(ids)
        types = np.array(session.numpy.extract_atom("type")[:n], np.int64)[order]
        low, high, xy, yz, xz, periodic, _ = session.extract_box()
        a, b, c = np.subtract(high, low)
        length = self._scale[0]
        molecule = session.numpy.extract_atom("molecule")
        masses = session.numpy.extract_atom("mass")
        keys, codes = np.unique(types, return_inverse=True)
        kinds = AtomKinds(
            "type",
            tuple(keys.tolist()),
            codes.astype(np.int64),
            (None,) * len(keys),
            masses=() if masses is None else tuple(np.ravel(masses)[keys].tolist()),
        )
        return self._assembler.frame(
            RawFrame(
                positions=session.numpy.extract_atom("x")[:n][order] * length,
                cell=np.array([[a, 0.0, 0.0], [xy, b, 0.0], [xz, yz, c]]) * length,
                pbc=np.array(periodic, bool),
                origin=np.array(low) * length,
                columns={} if molecule is None else {"mol": np.array(molecule[:n][order])},
                kinds=lambda _: kinds,
                ids=ids[order],
                timestep=self._step(),
            )
        )

    def label(self) -> tuple[Frame, Prediction]:
        """Label the present configuration and set the variables."""
        frame, prediction = next(label_frames([self.frame()], self._model, unknown=self._unknown))
        fractions = self._counts(prediction) / frame.n_molecules
        for name, fraction in zip(self.columns, fractions.tolist(), strict=True):
            self._lammps.set_internal_variable(self.variables[name], fraction)
        return frame, prediction

    def run(
        self, steps: int, every: int, *, csv: str | Path | None = None, force: bool = False
    ) -> PhaseHistory:
        """Run LAMMPS, labelling at the start and after every ``every`` steps.

        Ramps (``fix nvt``, ``fix deform`` …) extend over all ``steps``, as in a single ``run``.
        Where ``fix halt`` ends the run, the configuration it left is labelled last.

        Parameters
        ----------
        steps, every
            Time steps; what remains of ``steps`` is a shorter last piece.
        csv
            One row a labelling: timestep, molecules, fraction of each class and unknown. While
            the run goes on, the rows are in ``CSV.part``.
        force
            Replace an existing ``csv``.

        Raises
        ------
        InputError
            ``steps`` or ``every`` not positive; ``csv`` cannot be written.
        SimulationError
            LAMMPS stopped with an error; the rows so far are in ``CSV.part``.
        """
        if steps < 1 or every < 1:
            raise InputError(f"{steps} steps, labelled every {every}: expected positive numbers")
        first = self._step()
        last = first + steps
        rows: list[tuple[int, int, NDArray[np.int64]]] = []
        with _rows_file(csv, force) as write:
            write(["timestep", "molecules", *self.columns])
            now, target = first, first
            while True:
                frame, prediction = self.label()
                counts = self._counts(prediction)
                rows.append((now, frame.n_molecules, counts))
                fractions = [f"{value:.6f}" for value in counts / frame.n_molecules]
                write([now, frame.n_molecules, *fractions])
                if now == last or now < target:
                    break
                target = min(now + every, last)
                setup = "yes" if now == first else "no"
                self._command(f"run {target - now} start {first} stop {last} pre {setup} post no")
                if self._step() == now:
                    break
                now = self._step()
        timesteps, molecules, counts_of = zip(*rows, strict=True)
        return PhaseHistory(
            self.columns,
            np.array(timesteps, np.int64),
            np.array(molecules, np.int64),
            np.array(counts_of, np.int64),
            self._model.model_id,
        )

    def _counts(self, prediction: Prediction) -> NDArray[np.int64]:
        """(C + 1,) molecules of each class and unknown."""
        unknown = len(self.columns) - 1
        column = np.where(prediction.labels < 0, unknown, prediction.labels)
        return np.bincount(column, minlength=unknown + 1)

    def _step(self) -> int:
        return int(self._lammps.extract_global("ntimestep"))

    def _command(self, text: str) -> None:
        try:
            self._lammps.command(text)
        except Exception as error:  # LAMMPS raises no other class
            raise SimulationError(f"LAMMPS stopped at {text!r}: {error}") from error


@contextmanager
def _rows_file(csv: str | Path | None, force: bool) -> Iterator[Any]:
    """A function that writes a row, seen by others at once; the file is renamed at the end."""
    if csv is None:
        yield lambda row: None
        return
    path = Path(csv)
    check_output(path, force=force)
    part = path.with_name(path.name + ".part")
    with part.open("w", encoding="utf-8", buffering=1) as file:
        yield lambda row: file.write(",".join(map(str, row)) + "\n")
    os.replace(part, path)

"""An OVITO modifier that tells the phase of every water molecule.

In scripts it is appended to a pipeline like any other modifier; OVITO Pro finds it by its entry
point and lists it as "Ice phases (iceclass)".
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from iceclass.errors import InputError, MissingDependencyError
from iceclass.frame import Frame
from iceclass.io.water.assembly import Assembler, RawFrame
from iceclass.io.water.kinds import AtomKinds, parse_types
from iceclass.labelling.label import label_frames
from iceclass.model.file import load_model
from iceclass.model.network import Prediction
from iceclass.phases import UNKNOWN, colour_of
from iceclass.plugins.values import per_atom

try:
    import traits.api
    from ovito.data import DataCollection, ElementType, Particles, SimulationCell
    from ovito.pipeline import ModifierInterface
except ImportError as error:
    raise MissingDependencyError("the OVITO modifier", "OVITO", "ovito") from error

OTHER = "Other"
"""Structure type 0: what is no water."""

_OTHER_COLOUR = "#F2F2F2"


class IceclassModifier(ModifierInterface):
    """Labels the water molecules of a pipeline's particles.

    Output
    ------
    ``Structure Type``
        Typed particle property: 0 ``Other`` (no water), 1 … C the model's classes, C + 1
        ``unknown``; with names and colours. Hydrogens have their molecule's type.
    ``Confidence``
        Particle property: calibrated probability of the molecule's most probable class; 0 for
        what is no water.
    ``Color``
        The colours of the structure types, if :attr:`color_by_type`.
    global attributes
        ``iceclass.count.NAME`` and ``iceclass.fraction.NAME`` of each class and ``unknown``
        (molecules, not particles), ``iceclass.molecules``, ``iceclass.model_id``.

    All molecules of the input are each other's neighbours: put the modifier before any that
    deletes or slices. Which particles are oxygens is found out from the names and masses of the
    particle types and from the distances, as everywhere in iceclass; :attr:`types` overrules it.

    Attributes
    ----------
    model
        Name of a shipped model, or path of a model file.
    unknown
        Whether a molecule unlike anything in the training set is called unknown.
    types
        Particle types → elements where they cannot be found out: ``1=O,2=H``.
    color_by_type
        Colour the particles by their structure type.
    """

    model = traits.api.Str("default", label="Model")
    unknown = traits.api.Bool(True, label="Call novel molecules unknown")
    types = traits.api.Str("", label="Types (1=O,2=H)")
    color_by_type = traits.api.Bool(True, label="Color particles by type")

    def modify(self, data: DataCollection, **kwargs: Any) -> None:
        """Label one snapshot in place; called by OVITO.

        Raises
        ------
        InputError
            No particles, no oxygen, no decision which particles are oxygens, unknown model.
        """
        del kwargs
        if data.particles is None or data.particles.count == 0:
            raise InputError("the pipeline has no particles", hint="import a trajectory first")
        network = load_model(self.model)
        types = parse_types(self.types) if self.types.strip() else None
        frame = Assembler(None, types).frame(_raw_frame(data.particles, data.cell))
        _, prediction = next(label_frames([frame], network, unknown=self.unknown))
        self._write(data, frame, prediction)

    def _write(self, data: DataCollection, frame: Frame, prediction: Prediction) -> None:
        """Properties and attributes of the snapshot."""
        classes = prediction.classes
        names = (OTHER, *classes, UNKNOWN)
        colours = [_OTHER_COLOUR, *(colour_of(name, classes) for name in names[1:])]
        palette = np.array([tuple(bytes.fromhex(c[1:])) for c in colours]) / 255.0
        column = np.where(prediction.labels < 0, len(classes), prediction.labels)
        types = per_atom(frame, column + 1, 0)
        particles = data.particles_
        structure = particles.create_property("Structure Type", data=types.astype(np.int32))
        structure.types.clear()  # of a modifier before this one
        for number, name in enumerate(names):
            kind = ElementType(id=number, name=name, color=tuple(palette[number]))
            structure.types.append(kind)
        confidence = per_atom(frame, prediction.confidence, np.float32(0.0))
        particles.create_property("Confidence", data=confidence.astype(np.float64))
        if self.color_by_type:
            particles.create_property("Color", data=palette[types])
        counts = np.bincount(column, minlength=len(classes) + 1).tolist()
        for name, count in zip(names[1:], counts, strict=True):
            data.attributes[f"iceclass.count.{name}"] = count
            data.attributes[f"iceclass.fraction.{name}"] = count / frame.n_molecules
        data.attributes["iceclass.molecules"] = frame.n_molecules
        data.attributes["iceclass.model_id"] = prediction.model_id


def _raw_frame(particles: Particles, cell: SimulationCell | None) -> RawFrame:
    """What OVITO holds, before anything is known of its molecules."""
    columns: dict[str, NDArray[Any]] = {}
    if "Molecule Identifier" in particles:
        columns["mol"] = np.array(particles["Molecule Identifier"], np.int64)
    matrix = np.zeros((3, 4)) if cell is None else np.array(cell[...], np.float64)
    vectors = matrix[:, :3].T
    periodic = np.zeros(3, bool) if cell is None else np.array(cell.pbc, bool)
    return RawFrame(
        positions=np.array(particles.positions, np.float64),
        cell=vectors,
        pbc=periodic & np.any(vectors != 0.0, axis=1),
        origin=matrix[:, 3],
        columns=columns,
        kinds=lambda _: _kinds(particles),
    )


def _kinds(particles: Particles) -> AtomKinds:
    """The particle types; where there are none, all particles are of one kind."""
    numbers = particles.particle_types
    if numbers is None:
        return AtomKinds("", (0,), np.zeros(particles.count, np.int64), (None,))
    keys, codes = np.unique(np.array(numbers, np.int64), return_inverse=True)
    known: dict[int, Any] = {kind.id: kind for kind in numbers.types}
    kinds = [known.get(key) for key in keys.tolist()]
    return AtomKinds(
        "type",
        tuple(keys.tolist()),
        codes.astype(np.int64),
        tuple((kind.name or None) if kind is not None else None for kind in kinds),
        "names of the particle types",
        tuple((kind.mass or None) if kind is not None else None for kind in kinds),
    )

"""A neural network potential of the form of Behler and Parrinello, and its files.

E = Σ_i E_e(i)(G_i): the energy is a sum over atoms, each a feed-forward network of its element on
the atom's symmetry functions. The files are those of RuNNer and n2p2 (``input.nn``,
``scaling.data``, ``weights.NNN.data``), in bohr and hartree; this value is too. See
:class:`iceclass.potential.calculator.Hdnnp` for eV and Å.

Singraber, Behler, Dellago, J. Chem. Theory Comput. 15, 1827 (2019), doi:10.1021/acs.jctc.8b00770.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from iceclass.errors import InputError, OutputError
from iceclass.potential.functions import (
    COSINE,
    TANH,
    Angular,
    Plan,
    Radial,
    in_order,
    make_plan,
)

INPUT, SCALING = "input.nn", "scaling.data"

_IGNORED = {
    "scale_min_short": 0.0,
    "scale_max_short": 1.0,
}
"""Keywords that are understood with these values only."""


@dataclass(frozen=True, eq=False)
class AtomicNetwork:
    """The network of one element: F functions, tanh in the hidden layers, one output.

    Attributes
    ----------
    shift, scale
        (F,) float64. The input is (G − shift) · scale.
    weights, biases
        Of the layers: (in, out) and (out,) float64.
    """

    shift: NDArray[np.float64]
    scale: NDArray[np.float64]
    weights: tuple[NDArray[np.float64], ...]
    biases: tuple[NDArray[np.float64], ...]

    def energies(
        self, features: NDArray[np.float64]
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """(n,) energies in hartree and (n, F) their slopes by the (n, F) functions."""
        hidden = [(features - self.shift) * self.scale]
        for weight, bias in zip(self.weights[:-1], self.biases[:-1], strict=True):
            hidden.append(np.tanh(hidden[-1] @ weight + bias))
        energies = hidden[-1] @ self.weights[-1][:, 0] + self.biases[-1][0]
        slope = np.broadcast_to(self.weights[-1][:, 0], hidden[-1].shape)
        for weight, active in zip(self.weights[-2::-1], hidden[:0:-1], strict=True):
            slope = (slope * (1.0 - active**2)) @ weight.T
        return energies, slope * self.scale


@dataclass(frozen=True, eq=False)
class Potential:
    """Symmetry functions and networks of every element.

    Attributes
    ----------
    functions
        Element → its functions, in the order of the network's inputs.
    networks
        Element → its network.
    cutoff
        1 or 2, as RuNNer numbers them.
    """

    functions: Mapping[str, tuple[Radial | Angular, ...]]
    networks: Mapping[str, AtomicNetwork]
    cutoff: int = TANH

    @property
    def elements(self) -> tuple[str, ...]:
        """The symbols, in the order of the plan."""
        return tuple(self.functions)

    @property
    def r_cut(self) -> float:
        """bohr."""
        return self.plan.r_cut

    @cached_property
    def plan(self) -> Plan:
        """The functions as arrays."""
        return make_plan(dict(self.functions), self.elements, self.cutoff)

    @classmethod
    def read(cls, folder: str | Path) -> Potential:
        """The potential in a folder of RuNNer or n2p2.

        Taken: symmetry functions of type 2 and 3 with one cut-off, cut-off types 1 and 2, hidden
        layers of tanh and a linear output, inputs centred, scaled or both.

        Raises
        ------
        InputError
            A file is missing or damaged, or asks for what is not taken.
        """
        folder = Path(folder)
        settings = _settings(folder / INPUT)
        functions = _functions(settings, folder / INPUT)
        nodes = settings.hidden
        scaling = _scaling(folder / SCALING, {e: len(f) for e, f in functions.items()})
        networks = {}
        for element, own in functions.items():
            low, high, mean = scaling[element].T
            flat = high <= low
            shift = mean if settings.centre else low
            scale = 1.0 / np.where(flat, 1.0, high - low) if settings.scale else np.ones(len(own))
            if not settings.centre and not settings.scale:
                shift = np.zeros(len(own))
            layers = (len(own), *nodes, 1)
            weights, biases = _weights(_weights_file(folder, element), layers)
            networks[element] = AtomicNetwork(shift, scale, weights, biases)
        return cls(functions, networks, settings.cutoff)

    def write(self, folder: str | Path, ranges: Mapping[str, NDArray[np.float64]]) -> None:
        """Write the folder that :meth:`read` reads, which n2p2 and RuNNer read too.

        Parameters
        ----------
        folder
            A new or empty one.
        ranges
            Element → (F, 3) minimum, maximum and mean of each function, with which the networks'
            inputs are centred and scaled.

        Raises
        ------
        OutputError
            The folder holds something.
        """
        folder = Path(folder)
        if folder.exists() and any(folder.iterdir()):
            raise OutputError("is not empty", path=folder, hint="give another folder")
        folder.mkdir(parents=True, exist_ok=True)
        nodes = [w.shape[1] for w in next(iter(self.networks.values())).weights[:-1]]
        lines = [
            f"number_of_elements {len(self.elements)}",
            f"elements {' '.join(self.elements)}",
            f"cutoff_type {self.cutoff}",
            "scale_symmetry_functions",
            "center_symmetry_functions",
            f"global_hidden_layers_short {len(nodes)}",
            f"global_nodes_short {' '.join(map(str, nodes))}",
            f"global_activation_short {' '.join(['t'] * len(nodes))} l",
        ]
        scaling = []
        for k, element in enumerate(self.elements, start=1):
            for f, function in enumerate(self.functions[element], start=1):
                low, high, mean = ranges[element][f - 1]
                scaling.append(f"{k:5d} {f:5d} {low:.17g} {high:.17g} {mean:.17g}")
                if isinstance(function, Radial):
                    words = f"2 {function.neighbour} {function.eta!r} {function.r_shift!r}"
                else:
                    words = f"3 {' '.join(function.neighbours)} {function.eta!r} "
                    words += f"{function.lam!r} {float(function.zeta)!r}"
                lines.append(f"symfunction_short {element} {words} {function.r_cut!r}")
            network = self.networks[element]
            numbers = [
                number
                for weight, bias in zip(network.weights, network.biases, strict=True)
                for number in (*weight.ravel(), *bias)
            ]
            text = "".join(f"{number:.17g}\n" for number in numbers)
            _weights_file(folder, element).write_text(text, encoding="utf-8")
        (folder / SCALING).write_text("\n".join(scaling) + "\n", encoding="utf-8")
        (folder / INPUT).write_text("\n".join(lines) + "\n", encoding="utf-8")


@dataclass(frozen=True)
class _Settings:
    """What ``input.nn`` says, beside the symmetry functions."""

    elements: tuple[str, ...]
    cutoff: int
    hidden: tuple[int, ...]
    centre: bool
    scale: bool
    functions: tuple[tuple[int, list[str]], ...]


def _settings(path: Path) -> _Settings:
    """The keywords of ``input.nn``."""
    found: dict[str, list[str]] = {}
    functions = []
    for number, words in _words(path):
        if words[0] == "symfunction_short":
            functions.append((number, words[1:]))
        else:
            found[words[0]] = words[1:]
    for key in ("elements", "global_nodes_short", "global_activation_short"):
        if not found.get(key):
            raise InputError(f"has no {key}", path=path)
    for key, value in _IGNORED.items():
        if key in found and float(found[key][0]) != value:
            raise InputError(f"{key} is {found[key][0]}, only {value:g} is understood", path=path)
    for key in ("normalize_nodes", "mean_energy", "conv_energy", "conv_length"):
        if key in found:
            raise InputError(f"has {key}, which is not understood", path=path)
    cutoff = int(found.get("cutoff_type", ["1"])[0])
    if cutoff not in (COSINE, TANH):
        raise InputError(f"cutoff_type is {cutoff}, expected 1 or 2", path=path)
    hidden = tuple(int(n) for n in found["global_nodes_short"])
    activation = found["global_activation_short"]
    if activation != ["t"] * len(hidden) + ["l"]:
        raise InputError(
            f"global_activation_short is {' '.join(activation)}, expected t for each hidden layer "
            "and l",
            path=path,
        )
    return _Settings(
        tuple(found["elements"]),
        cutoff,
        hidden,
        "center_symmetry_functions" in found,
        "scale_symmetry_functions" in found,
        tuple(functions),
    )


def _functions(settings: _Settings, path: Path) -> dict[str, tuple[Radial | Angular, ...]]:
    """Element → functions, in the order of the other files."""
    own: dict[str, list[Radial | Angular]] = {element: [] for element in _by_number(settings)}
    for line, words in settings.functions:
        try:
            element, kind, *rest = words
            if kind == "2":
                neighbour, *numbers = rest
                eta, shift, r_cut = (float(n) for n in numbers)
                function: Radial | Angular = Radial(element, neighbour, eta, shift, r_cut)
                named = [neighbour]
            elif kind == "3":
                eta, lam, zeta, r_cut = (float(n) for n in rest[2:])
                if zeta != int(zeta) or zeta < 1:
                    raise InputError(f"ζ is {zeta}, expected a whole number", path=path, line=line)
                a, b = sorted(rest[:2], key=_atomic_number)
                function = Angular(element, (a, b), eta, lam, int(zeta), r_cut)
                named = [a, b]
            else:
                raise InputError(
                    f"symmetry function of type {kind}, expected 2 or 3", path=path, line=line
                )
        except ValueError as error:
            raise InputError(
                f"not a symmetry function: {' '.join(words)}", path=path, line=line
            ) from error
        for name in (element, *named):
            if name not in own:
                raise InputError(f"{name} is not among the elements", path=path, line=line)
        own[element].append(function)
    if len({f.r_cut for functions in own.values() for f in functions}) != 1:
        raise InputError("the symmetry functions do not all have the same cut-off", path=path)
    return {element: in_order(functions) for element, functions in own.items()}


def _by_number(settings: _Settings) -> list[str]:
    """The elements as scaling.data numbers them: by atomic number."""
    return sorted(settings.elements, key=_atomic_number)


def _atomic_number(element: str) -> int:
    from ase.data import atomic_numbers

    if element not in atomic_numbers:
        raise ValueError(f"{element} is no element")
    return int(atomic_numbers[element])


def _scaling(path: Path, counts: Mapping[str, int]) -> dict[str, NDArray[np.float64]]:
    """Element → (F, 3) minimum, maximum and mean of its functions."""
    rows: dict[str, list[list[float]]] = {element: [] for element in counts}
    elements = list(counts)
    for number, words in _words(path):
        if len(words) == 2:  # the range of energies
            continue
        try:
            element, index = elements[int(words[0]) - 1], int(words[1])
            values = [float(word) for word in words[2:5]]
        except (ValueError, IndexError) as error:
            raise InputError("not a row of ranges", path=path, line=number) from error
        rows[element].append(values)
        if index != len(rows[element]) or len(values) != 3:
            raise InputError(
                f"function {index} of {element}, expected function {len(rows[element])}",
                path=path,
                line=number,
            )
    for element, count in counts.items():
        if len(rows[element]) != count:
            raise InputError(
                f"{len(rows[element])} functions of {element}, {INPUT} has {count}", path=path
            )
    return {element: np.array(own) for element, own in rows.items()}


def _weights(
    path: Path, layers: tuple[int, ...]
) -> tuple[tuple[NDArray[np.float64], ...], tuple[NDArray[np.float64], ...]]:
    """(in, out) weights and biases of all layers: layer by layer, input by input."""
    try:
        numbers = np.array([float(words[0]) for _, words in _words(path)])
    except ValueError as error:
        raise InputError(f"not a number: {error}", path=path) from error
    expected = sum((a + 1) * b for a, b in pairwise(layers))
    if len(numbers) != expected or not np.isfinite(numbers).all():
        raise InputError(
            f"{len(numbers)} numbers, expected {expected} finite ones of a network "
            + "-".join(map(str, layers)),
            path=path,
        )
    weights, biases, place = [], [], 0
    for a, b in pairwise(layers):
        weights.append(numbers[place : place + a * b].reshape(a, b))
        biases.append(numbers[place + a * b : place + (a + 1) * b])
        place += (a + 1) * b
    return tuple(weights), tuple(biases)


def _weights_file(folder: Path, element: str) -> Path:
    return folder / f"weights.{_atomic_number(element):03d}.data"


def _words(path: Path) -> Iterator[tuple[int, list[str]]]:
    """(line number, words) of the lines that are not empty, comments left out."""
    try:
        text = path.read_text(encoding="utf-8", errors="replace")
    except OSError as error:
        raise InputError(f"cannot be read: {error.strerror}", path=path) from error
    for number, line in enumerate(text.splitlines(), start=1):
        words = line.split("#")[0].split("!")[0].split()
        if words:
            yield number, words

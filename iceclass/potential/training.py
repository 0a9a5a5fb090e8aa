"""Training a neural network potential on energies and forces, in PyTorch.

The loss of a structure of N atoms is (ΔE/N)² + weight · mean (ΔF)², in hartree and bohr: Behler,
Int. J. Quantum Chem. 115, 1032 (2015), doi:10.1002/qua.24890. Forces are −Σ ∂E/∂G ∂G/∂r, with
the derivatives of the symmetry functions computed once.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from ase import units
from numpy.typing import NDArray

from iceclass.errors import InputError, MissingDependencyError
from iceclass.potential.calculator import neighbours, symmetry_functions
from iceclass.potential.functions import TANH, Angular, Radial, in_order, jacobian
from iceclass.potential.hdnnp import AtomicNetwork, Potential


@dataclass(frozen=True)
class PotentialConfig:
    """What decides a training run, beside its data.

    Attributes
    ----------
    hidden
        Units of the hidden layers.
    epochs, batch_size, learning_rate
        Passes over the structures, structures in a batch, Adam's step (to 1 % by a cosine).
    force_weight
        Of the mean squared error of the forces, in bohr².
    validation
        Share of the structures that is only looked at; the last ones, so that structures of one
        run should stand together.
    seed
        Of the initial weights and the order of the batches.
    """

    hidden: tuple[int, ...] = (20, 20)
    epochs: int = 200
    batch_size: int = 4
    learning_rate: float = 5e-3
    force_weight: float = 1.0
    validation: float = 0.2
    seed: int = 0


@dataclass(frozen=True)
class PotentialEpoch:
    """Root mean square errors after an epoch: meV an atom and eV/Å."""

    epoch: int
    train_energy: float
    train_force: float
    validation_energy: float
    validation_force: float


@dataclass(frozen=True, eq=False)
class PotentialResult:
    """A trained potential, the ranges its files need, how the training went, and its predictions.

    Attributes
    ----------
    ranges
        Element → (F, 3): what :meth:`Potential.write` takes.
    energies, forces
        Of the structures: (T, 2) reference and prediction, eV an atom; (all components, 2), eV/Å.
    is_validation
        (T,) bool.
    """

    potential: Potential
    ranges: Mapping[str, NDArray[np.float64]]
    history: tuple[PotentialEpoch, ...]
    energies: NDArray[np.float64]
    forces: tuple[NDArray[np.float64], ...]
    is_validation: NDArray[np.bool_]


def water_functions(r_cut: float = 8.0) -> dict[str, tuple[Radial | Angular, ...]]:
    """A small set for H and O: distances at several widths, angles of λ = ±1; r_cut in bohr.

    The parameters are those of the radial ladder and of the angular functions of Morawietz,
    Singraber, Dellago and Behler, PNAS 113, 8368 (2016), doi:10.1073/pnas.1602375113, thinned out.
    """
    found = {}
    for element in ("H", "O"):
        own: list[Radial | Angular] = []
        for other in ("H", "O"):
            shift = {"HH": 1.9, "HO": 0.9, "OH": 0.9, "OO": 4.0}[element + other]
            own += [Radial(element, other, eta, 0.0, r_cut) for eta in (0.001, 0.03, 0.06)]
            own += [Radial(element, other, eta, shift, r_cut) for eta in (0.15, 0.30, 0.60, 1.50)]
        pairs = (("H", "O"), ("O", "O")) if element == "H" else (("H", "H"), ("H", "O"), ("O", "O"))
        for pair in pairs:
            for lam in (1.0, -1.0):
                own += [
                    Angular(element, pair, 0.03, lam, 1, r_cut),
                    Angular(element, pair, 0.01, lam, 4, r_cut),
                ]
        found[element] = in_order(own)
    return found


def train_potential(
    structures: Sequence[Any],
    config: PotentialConfig | None = None,
    functions: Mapping[str, tuple[Radial | Angular, ...]] | None = None,
    report: Callable[[PotentialEpoch], None] = lambda epoch: None,
) -> PotentialResult:
    """Train on ASE ``Atoms`` of H and O that carry energies (eV) and forces (eV/Å).

    Parameters
    ----------
    structures
        At least four; energies and forces as their calculators give them.
    functions
        Element → its symmetry functions; default: :func:`water_functions`.
    report
        Called after every epoch.

    Raises
    ------
    InputError
        Too few structures, or one without energy or forces.
    MissingDependencyError
        PyTorch is not installed.
    """
    try:
        import torch
    except ImportError as error:
        raise MissingDependencyError("training a potential", "PyTorch", "train") from error
    config = config or PotentialConfig()
    functions = dict(functions or water_functions())
    if len(structures) < 4:
        raise InputError(f"{len(structures)} structures, expected at least 4")
    empty = {
        e: AtomicNetwork(np.zeros(len(f)), np.ones(len(f)), (), ()) for e, f in functions.items()
    }
    bare = Potential(functions, empty, TANH)
    prepared = [_prepare(bare, atoms, k) for k, atoms in enumerate(structures)]
    n_train = len(prepared) - max(1, round(config.validation * len(prepared)))
    ranges, scaled = _scaled(bare, prepared, n_train)
    # the mean energy of an atom, and how much it varies, for the last layer to begin with
    per_atom = np.array([p.energy / len(p.elements) for p in prepared[:n_train]])
    rng = np.random.default_rng(config.seed)
    layers = {
        element: _initial((len(functions[element]), *config.hidden, 1), per_atom, rng)
        for element in functions
    }
    parameters = {
        e: [torch.tensor(x, requires_grad=True) for x in own] for e, own in layers.items()
    }
    optimiser = torch.optim.Adam(
        [x for own in parameters.values() for x in own], lr=config.learning_rate
    )
    batches = -(-n_train // config.batch_size)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(
        optimiser, config.epochs * batches, config.learning_rate / 100
    )

    def errors(k: int, *, training: bool) -> tuple[Any, Any]:
        """ΔE per atom and ΔF of a structure, hartree and bohr."""
        one = prepared[k]
        total = torch.zeros((), dtype=torch.float64)
        slope = torch.zeros(one.derivatives.shape[:2], dtype=torch.float64)
        for e, element in enumerate(functions):
            own = np.flatnonzero(one.elements == e)
            z = scaled[k][element].requires_grad_(True)
            energy = _forward(z, parameters[element]).sum()
            (by_z,) = torch.autograd.grad(energy, z, create_graph=training)
            total = total + energy
            slope = slope.index_put(
                (torch.tensor(own)[:, None], torch.arange(z.shape[1])[None]),
                by_z * torch.tensor(_inverse_range(ranges[element])),
            )
        forces = -torch.tensordot(slope, one.derivatives, dims=2)
        return (total - one.energy) / len(one.elements), forces - one.forces

    history = []
    for epoch in range(1, config.epochs + 1):
        order = rng.permutation(n_train)
        for first in range(0, n_train, config.batch_size):
            optimiser.zero_grad()
            batch = order[first : first + config.batch_size]
            for k in batch:
                energy, forces = errors(int(k), training=True)
                loss = energy**2 + config.force_weight * (forces**2).mean()
                (loss / len(batch)).backward()
            optimiser.step()
            schedule.step()
        found = [errors(k, training=False) for k in range(len(prepared))]
        history.append(_epoch(epoch, found, n_train))
        report(history[-1])
    networks = {
        element: AtomicNetwork(
            ranges[element][:, 2],
            _inverse_range(ranges[element]),
            tuple(x.detach().numpy() for x in own[::2]),
            tuple(x.detach().numpy() for x in own[1::2]),
        )
        for element, own in parameters.items()
    }
    return PotentialResult(
        Potential(functions, networks, TANH),
        ranges,
        tuple(history),
        *_scatter(prepared, found),
        np.arange(len(prepared)) >= n_train,
    )


@dataclass(frozen=True, eq=False)
class _Prepared:
    """A structure: places of its elements, energy (hartree), forces, functions and derivatives."""

    elements: NDArray[np.int64]
    energy: float
    forces: Any
    features: NDArray[np.float64]
    derivatives: Any


def _prepare(bare: Potential, atoms: Any, k: int) -> _Prepared:
    import torch

    try:
        energy, forces = atoms.get_potential_energy(), atoms.get_forces()
    except (RuntimeError, NotImplementedError) as error:
        raise InputError(f"structure {k} has no energy and forces: {error}") from error
    listed = neighbours(bare, atoms)
    features = symmetry_functions(bare, listed)
    derivatives = np.zeros((*features.shape, len(atoms), 3))
    jacobian(bare.plan, *listed, derivatives, 0, len(atoms))
    return _Prepared(
        listed[0],
        energy / units.Hartree,
        torch.tensor(forces * units.Bohr / units.Hartree),
        features,
        torch.tensor(derivatives),
    )


def _scaled(
    bare: Potential, prepared: Sequence[_Prepared], n_train: int
) -> tuple[dict[str, NDArray[np.float64]], list[dict[str, Any]]]:
    """Ranges of the functions over the training structures, and the networks' inputs of all."""
    import torch

    ranges, scaled = {}, [dict[str, Any]() for _ in prepared]
    for e, element in enumerate(bare.elements):
        n = len(bare.functions[element])
        rows = [p.features[p.elements == e, :n] for p in prepared]
        known = np.concatenate(rows[:n_train])
        own = np.column_stack([known.min(axis=0), known.max(axis=0), known.mean(axis=0)])
        ranges[element] = own
        for place, features in zip(scaled, rows, strict=True):
            place[element] = torch.tensor((features - own[:, 2]) * _inverse_range(own))
    return ranges, scaled


def _inverse_range(ranges: NDArray[np.float64]) -> NDArray[np.float64]:
    """(F,) 1 / (maximum − minimum); 1 for functions that are constant."""
    spread = ranges[:, 1] - ranges[:, 0]
    return np.asarray(1.0 / np.where(spread > 0, spread, 1.0))


def _initial(
    layers: tuple[int, ...], per_atom: NDArray[np.float64], rng: np.random.Generator
) -> list[NDArray[np.float64]]:
    """Weights and biases of all layers: Glorot & Bengio, AISTATS (2010); output: the mean."""
    found = []
    for a, b in pairwise(layers):
        found += [rng.normal(0.0, np.sqrt(2.0 / (a + b)), (a, b)), np.zeros(b)]
    found[-2] *= 0.01
    found[-1][0] = per_atom.mean()
    return found


def _forward(z: Any, parameters: Sequence[Any]) -> Any:
    """(n, 1) outputs of a network of tanh layers."""
    import torch

    for weight, bias in zip(parameters[:-2:2], parameters[1:-2:2], strict=True):
        z = torch.tanh(z @ weight + bias)
    return z @ parameters[-2] + parameters[-1]


def _epoch(epoch: int, found: Sequence[tuple[Any, Any]], n_train: int) -> PotentialEpoch:
    """Root mean square errors of the training and the validation structures."""
    numbers = []
    for part in (found[:n_train], found[n_train:]):
        energy = np.sqrt(np.mean([float(e.detach()) ** 2 for e, _ in part]))
        force = np.sqrt(np.mean([float((f.detach() ** 2).mean()) for _, f in part]))
        numbers += [energy * units.Hartree * 1000, force * units.Hartree / units.Bohr]
    return PotentialEpoch(epoch, *numbers)


def _scatter(
    prepared: Sequence[_Prepared], found: Sequence[tuple[Any, Any]]
) -> tuple[NDArray[np.float64], tuple[NDArray[np.float64], ...]]:
    """Reference and prediction of the energies and of each structure's forces."""
    energies, forces = [], []
    for one, (energy, force) in zip(prepared, found, strict=True):
        reference = one.energy / len(one.elements)
        energies.append([reference, reference + float(energy.detach())])
        components = one.forces.numpy().ravel()
        forces.append(
            np.column_stack([components, components + force.detach().numpy().ravel()])
            * (units.Hartree / units.Bohr)
        )
    return np.array(energies) * units.Hartree, tuple(forces)

"""A trained model and its predictions: one compiled pass, or NumPy's products; no PyTorch.

standardise → Linear(F, 100) → tanh → Linear(100, 100) → tanh → Linear(100, C) → softmax, the
logits divided by a temperature fitted on validation data (Guo et al., ICML 2017,
arXiv:1706.04599).
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from iceclass.descriptors.base import STORED_NAMES, Descriptor
from iceclass.errors import InputError, ModelError
from iceclass.frame import Frame
from iceclass.kernels.choice import run
from iceclass.kernels.threads import BLOCK, over_rows
from iceclass.model.novelty import Novelty, likely_classes
from iceclass.model.scaler import Scaler
from iceclass.phases import UNKNOWN
from iceclass.prediction import OUTSIDE_REGION, UNKNOWN_LABEL, Prediction

if TYPE_CHECKING:
    from iceclass.model.kernels import Layers

HIDDEN = 100

AT_A_TIME = 4 * BLOCK
"""Molecules whose features are held at a time, in the second cache or little beyond; mostly all of
a small frame, since with every call a thread may have to wait for Python's lock."""


@dataclass(frozen=True, eq=False)
class Model:
    """A trained network with everything needed to use it.

    Attributes
    ----------
    descriptor
        What its features are.
    classes
        C class names, in the order of the outputs.
    mean, scale
        (F,) float32. Features are standardised to (x − mean) / scale.
    weights, biases
        Three layers: (100, F), (100, 100), (C, 100) float32 and (100,), (100,), (C,) float32.
    temperature
        The logits are divided by it.
    novelty
        None: nothing is ever unknown.
    record
        How it was made; JSON-serialisable.
    name
        Of its file, to report it by; empty: it comes from none.
    """

    descriptor: Descriptor
    classes: tuple[str, ...]
    mean: NDArray[np.float32]
    scale: NDArray[np.float32]
    weights: tuple[NDArray[np.float32], ...]
    biases: tuple[NDArray[np.float32], ...]
    temperature: float = 1.0
    novelty: Novelty | None = None
    record: Mapping[str, Any] | None = None
    name: str = ""

    def __post_init__(self) -> None:
        self._check()

    def _check(self) -> None:
        """Raise ModelError unless the parts fit together and are finite."""
        f, c = self.n_features, self.n_classes
        if c < 2 or len(set(self.classes)) != c or not all(self.classes) or UNKNOWN in self.classes:
            raise ModelError(f"classes {self.classes} are not two or more different names")
        if not (0.0 < self.temperature < float("inf")):
            raise ModelError(f"temperature is {self.temperature}, expected a positive number")
        if len(self.weights) != 3 or len(self.biases) != 3:
            raise ModelError(f"network has {len(self.weights)} layers, expected 3")
        layers: list[tuple[int, ...]] = [(HIDDEN, f), (HIDDEN, HIDDEN), (c, HIDDEN)]
        named: dict[str, tuple[NDArray[np.float32], tuple[int, ...]]] = {
            "mean": (self.mean, (f,)),
            "scale": (self.scale, (f,)),
        }
        for i, (weight, bias, shape) in enumerate(
            zip(self.weights, self.biases, layers, strict=True)
        ):
            named[f"weights.{i}"] = (weight, shape)
            named[f"biases.{i}"] = (bias, shape[:1])
        if self.novelty is not None:
            expected = self.novelty.shapes(f, c, HIDDEN)
            for name, array in self.novelty.arrays.items():
                named[f"novelty.{name}"] = (array, expected[name])
            if not (0.0 < self.novelty.threshold < float("inf")):
                raise ModelError(f"novelty threshold is {self.novelty.threshold}")
            if len(self.novelty.components) > f:
                raise ModelError(f"novelty has {len(self.novelty.components)} components of {f}")
            if not (self.novelty.residual > 0).all():
                raise ModelError("novelty.residual is not positive")
        for name, (array, wanted) in named.items():
            if array.shape != wanted or array.dtype != np.float32:
                raise ModelError(
                    f"{name} is {array.dtype} of shape {array.shape}, expected float32 of "
                    f"{wanted} ({self.descriptor.name} has {f} features; {c} classes)"
                )
            if not np.isfinite(array).all():
                raise ModelError(f"{name} has NaN or infinite numbers")
        if not (self.scale > 0).all():
            raise ModelError("scale is not positive")

    @property
    def n_features(self) -> int:
        """F."""
        return self.descriptor.n_features

    @property
    def n_classes(self) -> int:
        """C."""
        return len(self.classes)

    @property
    def arrays(self) -> dict[str, NDArray[np.float32]]:
        """All arrays by the names they have in the model file."""
        named = {"mean": self.mean, "scale": self.scale}
        for i, (weight, bias) in enumerate(zip(self.weights, self.biases, strict=True)):
            named |= {f"weights.{i}": weight, f"biases.{i}": bias}
        if self.novelty is not None:
            named |= {f"novelty.{name}": array for name, array in self.novelty.arrays.items()}
        return named

    @cached_property
    def model_id(self) -> str:
        """12 hex digits of a SHA-256 over all that predictions depend on (not the record)."""
        threshold = None if self.novelty is None else self.novelty.threshold
        definition = self.descriptor.to_dict()
        for name in ("concatenate_self", "inner_radius"):  # later than the first models, which
            if not getattr(self.descriptor, name):  # keep the identity they were made with
                del definition[STORED_NAMES.get(name, name)]
        parts = [definition, self.classes, self.temperature, threshold]
        digest = hashlib.sha256(json.dumps(parts, sort_keys=True).encode())
        for name, array in sorted(self.arrays.items()):
            digest.update(name.encode() + np.ascontiguousarray(array, "<f4").tobytes())
        return digest.hexdigest()[:12]

    def __repr__(self) -> str:
        return (
            f"Model({self.model_id}: {self.descriptor.name}, {self.n_features} features, "
            f"{', '.join(self.classes)})"
        )

    def standardise(self, features: NDArray[Any]) -> NDArray[np.float32]:
        """(N, F) float32: (features − mean) / scale."""
        self._check_features(features)
        return self.scaler.standardise(features)

    def _check_features(self, features: NDArray[Any]) -> None:
        """Raise ModelError unless these can be features of the descriptor."""
        if features.ndim != 2 or features.shape[1] != self.n_features:
            raise ModelError(
                f"features have shape {features.shape}, expected (N, {self.n_features}) "
                f"of {self.descriptor.name}"
            )

    def _blocks(self, features: NDArray[Any]) -> Iterator[tuple[slice, NDArray[np.float32]]]:
        for start in range(0, max(len(features), 1), AT_A_TIME):
            rows = slice(start, start + AT_A_TIME)
            yield rows, self.standardise(features[rows])

    def hidden(self, features: NDArray[Any], layer: int = 2) -> NDArray[np.float32]:
        """(N, 100) activations of hidden layer 1 or 2 (the last) for (N, F) features."""
        if layer not in (1, 2):
            raise ValueError(f"layer {layer}, expected 1 or 2")
        out = np.empty((len(features), HIDDEN), dtype=np.float32)
        for rows, z in self._blocks(features):
            out[rows] = activations(z @ self.weights[0].T, self.weights, self.biases, layer)
        return out

    def logits(self, features: NDArray[Any]) -> NDArray[np.float32]:
        """(N, C) outputs before temperature and softmax for (N, F) features."""
        out = np.empty((len(features), self.n_classes), dtype=np.float32)
        for rows, z in self._blocks(features):
            out[rows] = forward(z @ self.weights[0].T, self.weights, self.biases)
        return out

    def predict(self, features: NDArray[Any], *, unknown: bool = True) -> Prediction:
        """Classes of N molecules from their (N, F) features.

        Parameters
        ----------
        features
            (N, F) of :attr:`descriptor`, float32 or float64.
        unknown
            Label molecules whose novelty is above the threshold −1.

        Raises
        ------
        ModelError
            Features of another number.
        InputError
            Features that are NaN, infinite, or too large for float32.
        """
        self._check_features(features)
        found = _Scores(len(features), self.n_classes)

        def work(start: int, stop: int) -> None:
            buffer = np.empty((AT_A_TIME, self.n_features), dtype=np.float32)
            for first in range(start, stop, AT_A_TIME):
                rows = np.arange(first, min(first + AT_A_TIME, stop))
                buffer[: len(rows)] = features[rows]
                run(self._answer, buffer, found, rows)

        over_rows(work, len(features))
        found.check(lambda row: f"features of row {row}")
        return self._prediction(found, unknown)

    def classify(
        self,
        frame: Frame,
        *,
        selected: NDArray[np.bool_] | None = None,
        unknown: bool = True,
        backend: str | None = None,
    ) -> Prediction:
        """Classes of the N molecules of a frame: what :meth:`predict` says of its features.

        The features are computed in float32 and used some molecules at a time, so the (N, F)
        of them are never held, but for those that neighbour averaging needs. The result does not
        depend on the number of threads.

        Parameters
        ----------
        frame
            At least one molecule.
        selected
            (N,) Which molecules to classify, all being seen as neighbours; default: all. Of the
            others the label is −2, probabilities and novelty are 0.
        unknown
            As in :meth:`predict`.
        backend
            Implementation of the descriptor; default: the fast one.

        Raises
        ------
        InputError
            As :meth:`Descriptor.compute <iceclass.descriptors.base.Descriptor.compute>` does;
            features too large for float32.
        """
        blocks = self.descriptor.blocks(frame, backend=backend, dtype=np.float32)
        if selected is not None:
            blocks = blocks.only(selected)
        found = _Scores(frame.n_molecules, self.n_classes)
        into = np.arange(AT_A_TIME)

        def work(start: int, stop: int) -> None:
            buffer = np.empty((AT_A_TIME, self.n_features), dtype=np.float32)
            for first in range(start, stop, AT_A_TIME):
                last = min(first + AT_A_TIME, stop)
                molecules = blocks.order[first:last]
                blocks.fill(buffer, into[: last - first], first, last)
                if not run(self._answer, buffer, found, molecules):
                    blocks.fill(buffer, into[: last - first], first, last)
                    self.descriptor.check_finite(frame, buffer[: last - first], molecules)

        over_rows(work, blocks.n_molecules)
        found.check(lambda row: f"features of the molecule with id {frame.ids[row]}")
        prediction = self._prediction(found, unknown)
        if selected is not None:
            prediction.labels[~selected] = OUTSIDE_REGION
        return prediction

    def _answer(
        self,
        simd: bool | None,
        features: NDArray[np.float32],
        found: _Scores,
        rows: NDArray[np.int64],
    ) -> bool:
        """Predict the classes of the first (n, F) features, and write them to the (n,) ``rows``.

        The features, (AT_A_TIME, F), may be changed. Returns whether those that count are finite
        and not too large to be squared.
        """
        if simd is None:  # the same blocks however rows are shared out: products differ with them
            parts = [slice(k, min(k + BLOCK, len(rows))) for k in range(0, len(rows), BLOCK)]
            return all([self._plain_answer(features[part], found, rows[part]) for part in parts])
        from iceclass.model.kernels import answer

        return answer(
            *self._layers, self.n_classes, features, rows, found.probabilities, found.novelty
        )

    def _plain_answer(
        self, features: NDArray[np.float32], found: _Scores, rows: NDArray[np.int64]
    ) -> bool:
        """:meth:`_answer` in NumPy."""
        with np.errstate(over="ignore", invalid="ignore"):
            z, squares = self.scaler.with_squares(features)
            first = z @ self._projections
            hidden = activations(first[:, :HIDDEN], self.weights, self.biases)
            logits = outputs(hidden, self.weights, self.biases)
        found.probabilities[rows] = softmax(logits, self.temperature)
        if self.novelty is not None:
            distance = self.novelty.score_of(first[:, HIDDEN:], squares, likely_classes(logits))
            found.novelty[rows] = self.novelty.with_odds(distance, hidden, logits)
        return bool(np.isfinite(squares).all())

    @cached_property
    def _layers(self) -> tuple[Layers, tuple[int, ...], tuple[int, ...], tuple[int, ...]]:
        """What :func:`iceclass.model.kernels.answer` takes of the model, and its static sizes."""
        from iceclass.model.kernels import COLUMNS, Layers, filled, first_rows

        novelty, none = self.novelty, np.zeros(0, dtype=np.float32)
        whitening, other = np.zeros((0, COLUMNS, COLUMNS), dtype=np.float32), none
        if novelty is not None:
            wide = -len(novelty.components) % COLUMNS
            whitening = filled(np.pad(novelty.whitening, ((0, 0), (0, wide), (0, 0))))
            if novelty.other is not None:
                other = novelty.other
        layers = Layers(
            mean=self.mean,
            inverse=self.scaler.inverse,
            first=filled(self._projections),
            second=filled(self.weights[1].T),
            third=filled(self.weights[2].T),
            first_bias=filled(self.biases[0]),
            second_bias=filled(self.biases[1]),
            third_bias=filled(self.biases[2]),
            temperature=np.array([self.temperature], dtype=np.float32),
            means=none.reshape(0, 0) if novelty is None else novelty.means,
            residual=none if novelty is None else novelty.residual,
            whitening=whitening,
            begin=first_rows(whitening),
            other=other,
            threshold=np.array([novelty.threshold if novelty else 0.0], dtype=np.float32),
        )
        layers = Layers(*map(np.ascontiguousarray, layers))
        sizes = (layers.first, layers.second, layers.third)
        first, second, third = ((0,) * (x.shape[1] // COLUMNS) for x in sizes)
        return layers, first, second, third

    def nothing_found(self, n: int) -> Prediction:
        """The prediction of N molecules of which nothing was found: all probabilities are 0."""
        return self._prediction(_Scores(n, self.n_classes), unknown=False)

    @cached_property
    def scaler(self) -> Scaler:
        """What standardises the features."""
        return Scaler(self.mean, self.scale)

    @cached_property
    def _projections(self) -> NDArray[np.float32]:
        """(F, 100 + K): the first layer's weights, then the novelty's components."""
        parts = [self.weights[0]]
        if self.novelty is not None:
            parts.append(self.novelty.components)
        return np.ascontiguousarray(np.concatenate(parts).T)

    def _prediction(self, found: _Scores, unknown: bool) -> Prediction:
        best = found.probabilities.argmax(axis=1)
        every = np.arange(len(best))
        labels = best.astype(np.int64)
        if unknown and self.novelty is not None:
            labels[~(found.novelty <= self.novelty.threshold)] = UNKNOWN_LABEL
        return Prediction(
            labels=labels,
            probabilities=found.probabilities,
            confidence=found.probabilities[every, best],  # max(axis=1) takes much longer
            novelty=found.novelty,
            classes=self.classes,
            model_id=self.model_id,
        )


class _Scores:
    """(N, C) probabilities and (N,) novelty, written part by part."""

    def __init__(self, n: int, n_classes: int) -> None:
        self.probabilities = np.zeros((n, n_classes), dtype=np.float32)
        self.novelty = np.zeros(n, dtype=np.float32)

    def check(self, what: Callable[[int], str]) -> None:
        """Raise InputError, saying ``what(row)``, at the first row that is undefined."""
        finite = np.isfinite(self.probabilities).all(axis=1)
        if not finite.all():
            raise InputError(
                f"{what(int(np.argmin(finite)))} are not finite, or too large for float32"
            )


def activations(
    first: NDArray[Any],
    weights: tuple[NDArray[Any], ...],
    biases: tuple[NDArray[Any], ...],
    layer: int = 2,
) -> NDArray[Any]:
    """(N, 100) activations of hidden layer 1 or 2, in the precision of the arguments.

    Parameters
    ----------
    first
        (N, 100) products of standardised features with the first layer's weights.
    weights, biases
        Those of :class:`Model`.
    """
    h = np.tanh(first + biases[0])
    for weight, bias in zip(weights[1:layer], biases[1:layer], strict=True):
        h = h @ weight.T
        h += bias
        np.tanh(h, out=h)
    return h


def forward(
    first: NDArray[Any], weights: tuple[NDArray[Any], ...], biases: tuple[NDArray[Any], ...]
) -> NDArray[Any]:
    """(N, C) logits; arguments of :func:`activations`."""
    return outputs(activations(first, weights, biases), weights, biases)


def outputs(
    hidden: NDArray[Any], weights: tuple[NDArray[Any], ...], biases: tuple[NDArray[Any], ...]
) -> NDArray[Any]:
    """(N, C) logits from (N, 100) activations of the last hidden layer."""
    logits = hidden @ weights[2].T
    logits += biases[2]
    return logits


def softmax(logits: NDArray[np.float32], temperature: float = 1.0) -> NDArray[np.float32]:
    """(N, C) probabilities from (N, C) logits, in float32."""
    from iceclass.model import kernels

    probabilities = np.empty(logits.shape, dtype=np.float32)
    kernels.softmax(logits, temperature, probabilities)
    return probabilities

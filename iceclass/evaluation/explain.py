"""Which features a model goes by: Integrated Gradients, by Captum or, without it, in NumPy.

IG_i(x) = (x_i − x'_i) ∫₀¹ ∂F(x' + a(x − x'))/∂x_i da, with F the logit (or the probability) of the
molecule's class and x' the baseline; Sundararajan, Taly, Yan, ICML 2017, arXiv:1703.01365. The
attributions of a molecule add up to F(x) − F(x') (completeness); how nearly they do tells whether
the integral was computed finely enough, and is reported with every result.

Beside them stands what each feature can do alone: the area under the ROC curve of that one
feature, one class against all others.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from iceclass.datasets.splits import balanced_rows
from iceclass.datasets.table import Table, descriptor_difference
from iceclass.errors import InputError, unknown_name
from iceclass.evaluation.attributions import integrated_gradients, outputs
from iceclass.evaluation.metrics import DIGITS
from iceclass.files import write_json
from iceclass.io.output.csv_tables import write_csv
from iceclass.model.network import Model
from iceclass.tables import terminal_table

if TYPE_CHECKING:
    import torch

TRAINING_MEAN = "training mean"
MAX_STEPS = 1024
_STEPS = 64
_TOLERANCE = 1e-3
_BATCH = 65536
"""Rows times nodes that go through the network at a time: 0.2 GB of activations in float64."""


@dataclass(frozen=True)
class Completeness:
    """How far Σ_i IG_i is from F(x) − F(x') over the rows explained.

    Relative errors are to |F(x) − F(x')|, or to its mean over the rows where that is larger, so
    that rows whose output happens to equal the baseline's do not blow them up.
    """

    worst: float
    mean: float
    worst_relative: float
    mean_relative: float
    steps: int


@dataclass(frozen=True, eq=False)
class Explanation:
    """Attributions of C classes to F features.

    Attributes
    ----------
    mean_absolute, mean_signed
        (C, F) float64. Mean of |IG| and of IG over the rows of each class, for the output of
        that class. NaN for classes without rows.
    separation
        (C, F) float64 in 0.5–1. Area under the ROC curve of the feature alone, the class against
        all others, whichever way round it separates; 1: it singles out the class by itself.
    rows
        (C,) int64. Rows explained.
    output
        "logit" or "probability".
    baseline
        "training mean", or the class whose mean it is.
    """

    classes: tuple[str, ...]
    feature_names: tuple[str, ...]
    mean_absolute: NDArray[np.float64]
    mean_signed: NDArray[np.float64]
    separation: NDArray[np.float64]
    rows: NDArray[np.int64]
    output: str
    baseline: str
    completeness: Completeness
    seed: int
    model_id: str

    @property
    def overall(self) -> NDArray[np.float64]:
        """(F,) mean |IG| over the classes that have rows."""
        return self.mean_absolute[self.rows > 0].mean(axis=0)

    def leading(self, n: int, phase: str | None = None) -> NDArray[np.int64]:
        """Indices of the n features of largest mean |IG|, over all classes or for one."""
        if phase is None:
            values = self.overall
        elif phase in self.classes:
            values = self.mean_absolute[self.classes.index(phase)]
        else:
            raise unknown_name("class", phase, self.classes)
        return np.argsort(-values, kind="stable")[:n].astype(np.int64)

    def summary(self) -> dict[str, Any]:
        """How it was made and how complete it is; JSON-serialisable."""
        return {
            "model_id": self.model_id,
            "output": self.output,
            "baseline": self.baseline,
            "rows": dict(zip(self.classes, self.rows.tolist(), strict=True)),
            "seed": self.seed,
            "completeness": asdict(self.completeness),
        }

    def to_csv(self, directory: str | Path) -> tuple[Path, ...]:
        """Write ``importance.csv`` (mean |IG|), ``importance_signed.csv``, ``separation.csv``,
        each with a line for every feature, the leading one first, and ``explanation.json``;
        existing ones are replaced.
        """
        directory = Path(directory)
        directory.mkdir(parents=True, exist_ok=True)
        order = self.leading(len(self.feature_names))
        paths = []
        for name, values in (
            ("importance", self.mean_absolute),
            ("importance_signed", self.mean_signed),
            ("separation", self.separation),
        ):
            lines = [[self.feature_names[i], self.overall[i], *values[:, i]] for i in order]
            head = ("feature", "mean_absolute_ig", *self.classes)
            paths.append(directory / f"{name}.csv")
            write_csv(paths[-1], head, lines, force=True, digits=DIGITS)
        paths.append(directory / "explanation.json")
        write_json(paths[-1], self.summary(), force=True)
        return tuple(paths)

    def as_text(self, n: int = 10) -> str:
        """The leading features and the completeness, for the terminal."""
        rows = []
        for i in self.leading(n):
            most = self.classes[int(np.nanargmax(self.mean_absolute[:, i]))]
            best = int(np.nanargmax(self.separation[:, i]))
            singled = f"{self.classes[best]} (AUC {self.separation[best, i]:.3f})"
            rows.append((self.feature_names[i], most, singled, f"{self.overall[i]:.4f}"))
        c = self.completeness
        lines = [
            terminal_table(("feature", "most for", "singles out", "mean |IG|"), rows, left=3),
            "",
            f"IG of the class {self.output}, baseline {self.baseline}, {self.rows.sum()} rows, "
            f"{c.steps} steps",
            f"completeness error: worst {c.worst:.2g} ({100 * c.worst_relative:.2g} %), "
            f"mean {c.mean:.2g} ({100 * c.mean_relative:.2g} %)",
        ]
        return "\n".join(lines) + "\n"


def explain(
    model: Model,
    table: Table,
    *,
    per_class: int = 200,
    output: str = "logit",
    baseline: str = TRAINING_MEAN,
    steps: int = _STEPS,
    tolerance: float = _TOLERANCE,
    seed: int = 0,
) -> Explanation:
    """Integrated Gradients of a model on rows of known phase.

    Parameters
    ----------
    table
        Rows to draw from; phases that are not among the model's classes are left out.
    per_class
        Rows drawn of each class, with ``seed``.
    output
        "logit" of the row's class, or its "probability" (after the calibrated softmax).
    baseline
        "training mean" (zero after standardisation), or a class: the mean of its rows.
    steps
        Gauss–Legendre nodes of the integral, doubled (up to :data:`MAX_STEPS`) until the worst
        relative completeness error is below ``tolerance``. What is left is reported.

    Raises
    ------
    InputError
        Unknown output or baseline, features of another descriptor, or no rows.
    """
    if output not in ("logit", "probability"):
        raise unknown_name("output", output, ("logit", "probability"))
    if baseline not in (TRAINING_MEAN, *model.classes):
        raise unknown_name("baseline", baseline, (TRAINING_MEAN, *model.classes))
    if per_class < 1 or steps < 2:
        raise InputError(f"per_class is {per_class} and steps {steps}; both must be larger")
    difference = descriptor_difference(table.descriptor, model.descriptor.to_dict())
    if difference:
        raise InputError(f"the features are not those of model {model.model_id}: {difference}")
    target = table.target(model.classes)
    rows = balanced_rows(target, per_class, seed)
    if len(rows) == 0:
        raise InputError(f"no rows of the model's classes {', '.join(model.classes)}")
    z = model.standardise(table.features[rows]).astype(np.float64)
    target = target[rows]
    origin = np.zeros(model.n_features)
    if baseline != TRAINING_MEAN:
        own = z[target == model.classes.index(baseline)]
        if len(own) == 0:
            raise InputError(f"no rows of {baseline} to take the baseline from")
        origin = own.mean(axis=0)
    found, completeness = _attribute(model, z, target, origin, output, steps, tolerance)
    shape = (model.n_classes, model.n_features)
    absolute, signed = np.full(shape, np.nan), np.full(shape, np.nan)
    for c in np.unique(target):
        absolute[c] = np.abs(found[target == c]).mean(axis=0)
        signed[c] = found[target == c].mean(axis=0)
    return Explanation(
        classes=model.classes,
        feature_names=table.feature_names,
        mean_absolute=absolute,
        mean_signed=signed,
        separation=single_feature_separation(z, target, model.n_classes),
        rows=np.bincount(target, minlength=model.n_classes).astype(np.int64),
        output=output,
        baseline=baseline,
        completeness=completeness,
        seed=seed,
        model_id=model.model_id,
    )


def _attribute(
    model: Model,
    z: NDArray[np.float64],
    target: NDArray[np.int64],
    origin: NDArray[np.float64],
    output: str,
    steps: int,
    tolerance: float,
) -> tuple[NDArray[np.float64], Completeness]:
    """(R, F) attributions of standardised rows, and how complete they are."""
    integrate = _by_captum(model, output) or partial(integrated_gradients, model, output=output)
    value, start = outputs(model, z, output), outputs(model, origin[None], output)[0]
    rise = value[np.arange(len(z)), target] - start[target]
    size = np.maximum(np.abs(rise), np.abs(rise).mean())
    while True:
        found = integrate(z, target, origin, nodes=steps)
        missing = np.abs(found.sum(axis=1) - rise)
        relative = missing / size
        if relative.max() <= tolerance or 2 * steps > MAX_STEPS:
            break
        steps *= 2
    return found, Completeness(
        worst=float(missing.max()),
        mean=float(missing.mean()),
        worst_relative=float(relative.max()),
        mean_relative=float(relative.mean()),
        steps=steps,
    )


def _by_captum(model: Model, output: str) -> Callable[..., NDArray[np.float64]] | None:
    """:func:`.integrated_gradients` of a model by Captum; None where it is not installed."""
    try:
        import torch
        from captum.attr import IntegratedGradients
    except ImportError:
        return None
    from iceclass.model.torch_network import torch_network

    network = torch_network(model)

    def forward(inputs: torch.Tensor) -> torch.Tensor:
        logits: torch.Tensor = network(inputs)
        if output == "probability":
            return torch.softmax(logits / model.temperature, dim=1)
        return logits

    method = IntegratedGradients(forward)

    def integrate(
        z: NDArray[np.float64],
        target: NDArray[np.int64],
        origin: NDArray[np.float64],
        *,
        nodes: int,
    ) -> NDArray[np.float64]:
        size = max(1, _BATCH // nodes)
        parts = zip(
            torch.from_numpy(z).split(size), torch.from_numpy(target).split(size), strict=True
        )
        found = [
            method.attribute(
                part,
                baselines=torch.from_numpy(origin)[None],
                target=which,
                n_steps=nodes,
                method="gausslegendre",
                internal_batch_size=_BATCH,
            )
            for part, which in parts
        ]
        values: NDArray[np.float64] = torch.cat(found).detach().numpy()
        return values

    return integrate


def single_feature_separation(
    features: NDArray[Any], target: NDArray[np.int64], n_classes: int
) -> NDArray[np.float64]:
    """(C, F) area under the ROC curve of every feature alone, at least 0.5; NaN without rows.

    The area is the Mann–Whitney statistic U / (n₊ n₋) of the feature's ranks, ties sharing theirs.
    """
    from scipy.stats import rankdata

    ranks = rankdata(features, axis=0)
    out = np.full((n_classes, features.shape[1]), np.nan)
    for c in range(n_classes):
        own = target == c
        n, others = int(own.sum()), int((~own).sum())
        if n and others:
            u = ranks[own].sum(axis=0) - n * (n + 1) / 2
            area = u / (n * others)
            out[c] = np.maximum(area, 1.0 - area)
    return out


def leading_values(
    explanation: Explanation, table: Table, n: int = 6, phases: Sequence[str] | None = None
) -> dict[str, dict[str, NDArray[np.float32]]]:
    """Feature name → phase → values of that feature in the table, for the n leading features."""
    phase = table.phase
    chosen = tuple(phases) if phases is not None else explanation.classes
    return {
        explanation.feature_names[i]: {
            name: table.features[phase == name, i] for name in chosen if (phase == name).any()
        }
        for i in explanation.leading(n)
    }

"""The card of a model, as Markdown: what it is for, how it was made, how far to trust it.

Made from the model file alone; needs neither PyTorch nor scikit-learn.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from iceclass.errors import shown
from iceclass.model.network import Model
from iceclass.model.summary import FIGURES, ModelSummary, summary_of
from iceclass.phases import GLASSES, label_of
from iceclass.reports.words import (
    NOTHING,
    confused_with,
    count,
    decided,
    file_size,
    of_labels,
    percent,
)
from iceclass.tables import markdown_table

_PROTON_ORDERED = {"ih": "XI", "v": "XIII", "iii": "IX"}
"""Ice → the ice of the same oxygens and other hydrogens."""


def model_card(
    model: Model,
    path: str | Path | None = None,
    *,
    evaluations: Mapping[str, Mapping[str, Any]] | None = None,
) -> str:
    """The card of a model, Markdown with tables.

    The arguments, and what is raised, are those of :func:`~iceclass.model.summary.summary_of`.
    """
    facts = summary_of(model, path, evaluations)
    blocks = [
        *_head(facts),
        *_training(facts),
        *_descriptor(facts),
        *_accuracy(facts),
        *_calibration(facts),
        *_novelty(facts),
        "## Limits",
        _list(limits(facts)),
        *_use(facts),
    ]
    return "\n\n".join(blocks) + "\n"


def limits(facts: ModelSummary) -> tuple[str, ...]:
    """What the model cannot tell, sentence by sentence."""
    classes = set(facts.classes)
    twins = [
        f"{ordered} and {label_of(name)[4:]}"
        for name, ordered in _PROTON_ORDERED.items()
        if name in classes
    ]
    found = [
        "It sees the oxygens of one frame, not the hydrogens"
        + (
            f": ices that differ by proton order alone ({', '.join(twins)}) look alike to it."
            if twins
            else "."
        )
    ]
    if "water" in classes and classes & set(GLASSES):
        found.append(
            "Liquid and glass differ in how much their molecules vibrate: liquid colder than any "
            "that it was trained on may be called an amorphous ice."
        )
    elif "water" in classes or classes & set(GLASSES):
        lacking, near = ("amorphous ice", "water") if "water" in classes else ("water", "amorphous")
        found.append(f"It has no class for {lacking}, which it may call {near}.")
    radius = f"{facts.receptive_radius:.1f} Å"
    if facts.parameters.get("average_own"):
        found.append(
            f"A molecule's label depends on its own surroundings and on their mean over its "
            f"neighbours within {_radii(facts.parameters)} Å, on everything within "
            f"{radius} in all: nuclei and layers smaller than that look unlike the bulk."
        )
    elif facts.parameters.get("average_radius"):
        found.append(
            f"A molecule's label depends on everything within {radius} of it, averaged over its "
            f"neighbours within {facts.parameters['average_radius']:.1f} Å: interfaces and small "
            "nuclei are blurred by about that radius."
        )
    else:
        found.append(
            f"A molecule's label depends on everything within {radius} of it: at an interface "
            "both sides are seen."
        )
    known = f"It knows {of_labels(facts.classes)} and nothing else."
    found.append(
        f"{known} Another phase is called *unknown* at best, and else the nearest of them."
        if facts.novelty
        else f"{known} Nothing is ever unknown to it: another phase is called the nearest of them."
    )
    if facts.split_by == "molecule":
        found.append(
            "It was tested on molecules of trajectories that it was trained on: its figures say "
            "how well it remembers them, and are higher than on trajectories it has not seen."
        )
    return tuple(found)


def _head(facts: ModelSummary) -> Iterator[str]:
    aliases = f" ({', '.join(facts.aliases)})" if facts.aliases else ""
    yield f"# {_text(facts.name)}{aliases}"
    yield "## What it is for"
    yield (
        "Tells of every molecule of a simulation of water, from the oxygens of one frame, whether "
        f"it is {_text(of_labels(facts.classes)).replace(' and ', ' or ')}, with a probability"
        + (", or unlike any of them (*unknown*)." if facts.novelty else ".")
    )
    yield f"{_code(f'iceclass label TRAJECTORY --model {_argument(facts)}')} uses it."
    lines = [f"model id: {_code(facts.model_id)}"]
    if facts.file_bytes:
        lines.append(f"file: {file_size(facts.file_bytes)}, SHA-256 {_code(facts.file_sha256)}")
    lines.append(f"made: {_text(facts.created) or NOTHING}")
    lines.append(f"with: {_text(_pairs(facts.versions)) or NOTHING}")
    yield _list(lines)


def _training(facts: ModelSummary) -> Iterator[str]:
    yield "## How it was trained"
    if not facts.sides:
        yield "The model file does not tell."
        return
    yield {
        "preparation": "Split by preparation (proton disorder, melt, compression or shearing run): "
        "all trajectories of one preparation stand on the same side.",
        "molecule": "Split by molecule: molecules of one trajectory stand on all sides.",
    }.get(facts.split_by, f"Split by {_text(facts.split_by)}.")
    yield _table(
        ("side", "environments", "trajectories", "preparations"),
        (
            (name, count(side.rows), count(side.trajectories), count(side.n_preparations))
            for name, side in facts.sides.items()
        ),
    )
    yield _list(
        f"{name}, {_text(label_of(phase))}: {', '.join(_runs(names))}"
        for name, side in facts.sides.items()
        for phase, names in side.preparations.items()
        if names
    )
    best = "" if facts.best_epoch is None else f"; the weights of epoch {facts.best_epoch} kept"
    yield f"Cross-entropy, Adam, {facts.epochs or 'an unknown number of'} epochs{best}:"
    yield _list(f"{_code(key)}: {_text(value)}" for key, value in facts.config.items())
    if facts.validated_on:
        yield "What was decided on which rows:"
        yield _list(
            f"{_text(decided(key))}: {_text(value)}" for key, value in facts.validated_on.items()
        )


def _runs(names: Iterable[str]) -> Iterator[str]:
    """The names; many that differ by a number at the end as one."""
    numbered: dict[str, list[str]] = {}
    for name in names:
        stem = re.sub(r"(?<=_)\d+$", "", name)
        numbered.setdefault(stem, []).append(name)
    for stem, members in numbered.items():
        if len(members) > 3:
            yield f"{len(members)} of {_code(stem + 'N')}"
        else:
            yield from map(_code, members)


def _descriptor(facts: ModelSummary) -> Iterator[str]:
    yield "## Descriptor and network"
    yield (
        f"{_code(facts.descriptor)}, {facts.n_features} features of each oxygen; nothing beyond "
        f"{facts.receptive_radius:.2f} Å has any influence."
    )
    yield _list(f"{_code(key)}: {_code(value)}" for key, value in facts.parameters.items())
    layers = "–".join(map(str, facts.network))
    yield f"Network: standardised features, {layers} units, tanh, softmax."


def _accuracy(facts: ModelSummary) -> Iterator[str]:
    yield "## How good it is"
    if not facts.tests:
        yield f"Not tested: {_code(f'iceclass evaluate {_argument(facts)} …')} does."
        return
    for name, tested in facts.tests.items():
        yield f"### On {_text(name)}"
        yield f"{count(tested.rows)} environments."
        yield _table(
            ("figure", "value"),
            ((words, percent(tested.figures[key])) for key, words in FIGURES.items()),
        )
        if not tested.per_class:
            yield (
                "The file holds no figures of single phases: "
                + _code(f"iceclass evaluate {_argument(facts)} reference")
                + " gives them."
            )
            continue
        yield _table(
            ("phase", "precision", "recall", "F1", "environments", "taken for"),
            (
                (
                    label_of(phase),
                    percent(figures.precision),
                    percent(figures.recall),
                    percent(figures.f1),
                    count(figures.rows),
                    confused_with(figures),
                )
                for phase, figures in tested.per_class.items()
            ),
        )


def _calibration(facts: ModelSummary) -> Iterator[str]:
    yield "## Calibration"
    errors = [
        f"{percent(tested.figures['expected_calibration_error'])} on {_text(name)}"
        for name, tested in facts.tests.items()
    ]
    yield (
        f"The logits are divided by a temperature of {facts.temperature:.3f}. "
        f"Expected calibration error: {'; '.join(errors) or 'not measured'}."
    )


def _novelty(facts: ModelSummary) -> Iterator[str]:
    yield "## Novelty"
    if not facts.novelty:
        yield "The model has no score of novelty: no molecule is ever called *unknown*."
        return
    rate = None if facts.test is None else facts.test.figures["unknown_fraction"]
    yield (
        "The score is a squared distance from the nearest class, in its principal components and "
        "in what they leave over, about 1 at the edge of the training set. Above "
        f"{facts.novelty['threshold']:.3g} a molecule is called *unknown*: "
        f"{facts.novelty['margin']:g} times what {percent(facts.novelty['quantile'])} of the rows "
        "it was set on stay below."
        + ("" if rate is None else f" Of the test rows {percent(rate)} are called *unknown*.")
    )


def _use(facts: ModelSummary) -> Iterator[str]:
    yield "## Licence"
    yield (
        "MIT, as iceclass itself; the trajectories that come with iceclass are CC-BY-4.0."
        if facts.shipped
        else "This model did not come with iceclass: ask whoever made it."
    )
    yield "## Make it again, test it"
    source = "reference" if facts.shipped else "TRAJECTORIES"
    name = facts.name if facts.shipped else "features"
    featurize = f"iceclass featurize {source} --descriptor {_quoted(facts.descriptor)} -o {name}.h5"
    train = shown(facts.command) or f"iceclass train {name}.h5"
    test = f"iceclass evaluate {_argument(facts)} {source}"
    yield "\n".join(f"    {line}" for line in (featurize, train, test))
    yield (
        "The evaluation leaves out the preparations that the model has seen in training or "
        "validation."
    )


def _argument(facts: ModelSummary) -> str:
    """The model as an argument of a command."""
    return facts.name if facts.shipped else f"{shown(facts.name)}.safetensors"


def _quoted(text: str) -> str:
    return f"'{text}'" if re.search(r"[^\w.-]", text) else text


def _pairs(values: Mapping[str, str]) -> str:
    return ", ".join(f"{key} {value}" for key, value in values.items())


def _text(text: str) -> str:
    """Text of others in one line, without meaning in Markdown or to a terminal."""
    return re.sub(r"([\\`*\[\]<>|#~])", r"\\\1", shown(text))


def _code(text: Any) -> str:
    """Text of others as code."""
    return f"`{shown(str(text)).replace('`', chr(39))}`"


def _list(lines: Iterable[str]) -> str:
    return "\n".join(f"- {line}" for line in lines)


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A Markdown table of texts of others."""
    return markdown_table(head, (tuple(map(_text, row)) for row in rows))


def _radii(parameters: Mapping[str, Any]) -> str:
    """``8.0``, or ``3.7 and 8.0``: the radii that are averaged over."""
    radii = (parameters.get("inner_radius", 0.0), parameters["average_radius"])
    return " and ".join(f"{radius:.1f}" for radius in radii if radius)

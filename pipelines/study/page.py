"""The page of a study: every number in it comes from the results."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from iceclass import tables
from iceclass.evaluation.bootstrap import Interval
from iceclass.phases import label_of
from pipelines.study.results import ICES, METRICS, Spread
from pipelines.study.single_feature import SINGLES_OUT, SingleFeature

WORDS = {"accuracy": "accuracy", "balanced_accuracy": "balanced", "macro_f1": "macro F1"}
MODEL_WORDS = {
    "network": "network 100-100 tanh",
    "logistic": "logistic regression",
    "boosting": "gradient boosting",
}

HEAD = """\
# The study: descriptors compared

_Written by the target `compare` of `pipelines/Snakefile`; every number is read from its \
results. `pipelines/README.md` tells how to run it._

{trajectories} trajectories of {phases}, {preparations} preparations each. The network is always \
100-100 tanh units and a softmax, Adam with batches of {batch_size}, learning rate {learning_rate} \
({schedule}), at most {epochs} epochs, stopped after {patience} without a better validation loss; \
{decay}{train_rows} molecules of each trajectory train, {test_rows} are tested. Classes weigh \
the same; nothing is called unknown.

## What is compared, and what the ± means

- **Random split of molecules**, as published: 60 % train, 20 % validate, 20 % test, drawn among \
all molecules of all frames. Molecules of the test have neighbours, and other frames of \
themselves, in the training. "All molecules" is the same with everything that the data hold, not \
so many molecules of each trajectory.
- **By preparation, fixed split**: {fixed}. All state points of a preparation are on one side.
- **By preparation, cross-validation**: {folds} folds; in each, one preparation of every phase \
tests, the next validates, the others train.

± is the standard deviation over {seeds} training seeds (of the split as well, for the first). \
[…] are {level:g} % intervals by bootstrap over preparations: the cross-validation tests every \
preparation; these per-preparation results are drawn again, with replacement, as many within each \
phase as it has, {resamples} times. Nothing is trained again, and each fold is one training seed. \
Of n preparations the bootstrap finds (n − 1)/n of the variance, so that the intervals are \
somewhat too narrow. The fixed split tests one preparation of most phases, which no bootstrap can \
resample: it has no interval.
"""

MEMORY = """\
## How much of it is memory

Two measures, in percentage points, each the difference of the accuracies on the same preparations:

- *between the splits*: random split of molecules minus cross-validation. Both train on as many \
molecules, but the first on all preparations: it holds memory and the worth of more preparations.
- *within one network*: the cross-validation's networks on molecules that did not train, of \
preparations that did, minus the same on preparations that did not. Nothing but memory of the \
preparation.

In the random split {copies:.1f} frames of every molecule train on average, here where \
{train_rows} molecules of a trajectory are drawn; a split of all that the data hold would train \
on {most:.1f}, and remember more.
"""

LEARNING = """\
## Would more data help?

Accuracy of the cross-validation by the number of preparations of each phase that train, drawn \
anew in every fold; as many molecules train each time, the fewer of each trajectory the more \
there are. With {last} the validating one trains too, and the network is trained for as many \
epochs as the folds' networks took.
"""

BASELINES = """\
## Baselines on the same molecules

Logistic regression and gradient boosting ({rounds} trees a class) by scikit-learn, on the same \
features and the same training molecules. Steinhardt features: q_l, neighbour-averaged q_l and \
w_l, l = 2 … 12, of 4 and 12 neighbours (freud). Cross-validation; "gain" is over the network on \
the same features.
"""

ICE = """\
## Ice Ih, ice Ic, or anything else

CHILL+ and polyhedral template matching (OVITO) know hexagonal and cubic ice; interfacial ice and \
hydrate count as "else". The networks' nine classes are merged to the same three. Cross-validation \
for the networks; CHILL+ and template matching have nothing to learn and see the same \
preparations. "Behind" is the balanced accuracy missing to the best.
"""

AMORPHOUS = """\
## Amorphous ices alone

The same network trained on {phases} only, by cross-validation.
"""

COST = """\
## Computing time

Processor time of one thread, µs a molecule: {frames} frames, one of each phase, {molecules} \
molecules, the median of {repeats} repeats on {processor}. The last column is for all \
{total} molecules and frames of the data. The published times (12 to 16 minutes on 16 cores) are \
of other data and whole programs, and cannot be compared.
"""


def percent(value: float | None) -> str:
    return tables.percent(value, 2)


def told(value: Interval | Spread | None) -> str:
    """``97.12 [96.3, 98.0]`` or ``97.12 ± 0.20``."""
    if value is None or (isinstance(value, Interval) and value.value != value.value):
        return "–"
    if isinstance(value, Spread):
        return f"{percent(value.mean)} ± {100 * value.deviation:.2f}"
    return f"{percent(value.value)} [{100 * value.low:.1f}, {100 * value.high:.1f}]"


def points(value: Interval | None) -> str:
    """A difference: ``+1.20 [0.3, 2.0]``."""
    if value is None:
        return "–"
    return f"{100 * value.value:+.2f} [{100 * value.low:+.1f}, {100 * value.high:+.1f}]"


def table(head: Sequence[str], rows: Sequence[Sequence[Any]]) -> list[str]:
    """A Markdown table, and an empty line."""
    return [tables.markdown_table(head, rows), ""]


def accuracy_text(found: Mapping[str, Any], published: Mapping[str, Any]) -> list[str]:
    """The study's table, and what the goals ask for."""
    lines = ["## Accuracy per molecule, %", ""]
    rows = []
    for name, one in found.items():
        of = published.get(name, {})
        rows.append(
            [
                name,
                one["features"],
                percent(of.get("published")),
                told(one["molecule"]["accuracy"]),
                told(one["whole"]["accuracy"] if one["whole"] else None),
                percent(of.get("aim_molecule")),
                told(one["preparation"]["accuracy"]),
                told(one["folds"]["accuracy"]),
                percent(of.get("aim_preparation")),
            ]
        )
    head = ("descriptor", "features", "published", "random split", "all molecules", "aim")
    lines += table((*head, "fixed split", "cross-validation", "aim"), rows)
    others = [f"`{n}`: {one['descriptor']}" for n, one in found.items() if one["descriptor"] != n]
    if others:
        lines += ["; ".join(others) + ".", ""]
    lines += ["![Accuracy of both protocols](protocols.png)", "", *goals_text(found, published)]
    rows = [
        [name, words, *(told(one[protocol][m]) for m in METRICS)]
        for name, one in found.items()
        for protocol, words in (
            ("molecule", "random split"),
            ("whole", "random split, all molecules"),
            ("preparation", "fixed split"),
            ("folds", "cross-validation"),
        )
        if one[protocol]
    ]
    return [*lines, *table(("descriptor", "protocol", *WORDS.values()), rows)]


def goals_text(found: Mapping[str, Any], published: Mapping[str, Any]) -> list[str]:
    """Which aims are reached, and which are not."""
    lines = []
    whole = all(one["whole"] for one in found.values())
    for key, protocol, words in (
        ("aim_molecule", "whole" if whole else "molecule", "random split of molecules"),
        ("aim_preparation", "preparation", "unseen preparations of the fixed split"),
    ):
        asked = [name for name in found if key in published.get(name, {})]
        if not asked:
            continue
        missed = [
            f"{name} ({percent(found[name][protocol]['accuracy'].mean)} for "
            f"{percent(published[name][key])})"
            for name in asked
            if found[name][protocol]["accuracy"].mean < published[name][key]
        ]
        verdict = f"missed by {', '.join(missed)}" if missed else "reached by all"
        lines.append(f"- {words}: the aim is {verdict}.")
    return [*lines, ""] if lines else []


def recall_text(found: Mapping[str, Any], classes: Sequence[str]) -> list[str]:
    """Recall of every class."""
    lines = ["## Recall of every phase, %", ""]
    head = ("descriptor", "protocol", *(label_of(c) for c in classes))
    rows = []
    for name, one in found.items():
        for protocol, words in (("molecule", "random"), ("folds", "cross-validation")):
            cells = [told(one[protocol][f"recall {c}"]) for c in range(len(classes))]
            rows.append([name, words, *cells])
    return [*lines, *table(head, rows)]


def memory_text(found: Mapping[str, Any], copies: float, most: float, train_rows: int) -> list[str]:
    """How much better known preparations are recognised."""
    rows = [
        [name, points(one["memory"]["protocols"]), points(one["memory"]["rows"])]
        for name, one in found.items()
    ]
    intro = MEMORY.format(copies=copies, most=most, train_rows=train_rows)
    return [intro, *table(("descriptor", "between the splits", "within one network"), rows)]


def learning_text(found: Mapping[str, Any]) -> list[str]:
    numbers = list(next(iter(found.values()))["learning"]["curve"])
    rows = [
        [
            name,
            *(told(x) for x in one["learning"]["curve"].values()),
            points(one["learning"]["gain"]),
        ]
        for name, one in found.items()
    ]
    head = ("descriptor", *map(str, numbers), "gain of the last")
    helped = [n for n, one in found.items() if (g := one["learning"]["gain"]) and g.low > 0]
    verdict = (
        f"The last preparation still helps {', '.join(helped)}: more may, too."
        if helped
        else "For no descriptor is the gain of the last preparation beyond its interval."
    )
    return [
        LEARNING.format(last=numbers[-1]),
        *table(head, rows),
        verdict,
        "",
        "![Learning curve](learning.png)",
        "",
    ]


def baselines_text(found: Mapping[str, Any], rounds: int) -> list[str]:
    rows, verdicts = [], []
    for name, one in found.items():
        for model, figures in one["baselines"].items():
            cells = [told(figures["folds"][m]) for m in METRICS]
            fixed = percent(figures["preparation"]["accuracy"])
            rows.append([name, MODEL_WORDS[model], fixed, *cells, points(figures["gain"])])
            gain = figures["gain"]
            if gain is not None and gain.low > 0:
                verdicts.append(
                    f"- On {name}, {MODEL_WORDS[model]} beats the network: {points(gain)}."
                )
            if figures["unconverged"]:
                verdicts.append(
                    f"- On {name}, {MODEL_WORDS[model]} did not converge in "
                    f"{figures['unconverged']} folds."
                )
    head = ("features", "model", "fixed split", *WORDS.values(), "gain in accuracy")
    if not any("beats" in v for v in verdicts):
        verdicts.insert(0, "- No baseline beats the network on its features beyond the interval.")
    return [BASELINES.format(rounds=rounds), *table(head, rows), *verdicts, ""]


def ranked_text(
    intro: str, found: Mapping[str, Any], labels: Sequence[str], networks: Sequence[str]
) -> list[str]:
    """Methods by balanced accuracy, with recalls."""
    if not found:
        return []
    order = sorted(found, key=lambda name: -found[name]["folds"]["balanced_accuracy"].value)
    rows = [
        [
            f"{name} network" if name in networks else name,
            *(told(found[name]["folds"][m]) for m in ("accuracy", "balanced_accuracy")),
            *(told(found[name]["folds"][f"recall {c}"]) for c in range(len(labels))),
            points(found[name]["behind"]),
        ]
        for name in order
    ]
    head = ("method", "accuracy", "balanced", *(f"recall {w}" for w in labels), "behind")
    kind = "network" if order[0] in networks else "baseline"
    return [intro, *table(head, rows), f"Best: {order[0]}, a {kind}.", ""]


def ices_text(found: Mapping[str, Any], networks: Sequence[str]) -> list[str]:
    return ranked_text(ICE, found, [*(label_of(c) for c in ICES), "else"], networks)


def amorphous_text(
    found: Mapping[str, Any], classes: Sequence[str], networks: Sequence[str]
) -> list[str]:
    labels = [label_of(c) for c in classes]
    return ranked_text(AMORPHOUS.format(phases=", ".join(labels)), found, labels, networks)


def single_features_text(
    features: str,
    phase: str | None,
    found: Mapping[str, Mapping[str, SingleFeature]],
    area: Mapping[str, tuple[str, float]],
) -> list[str]:
    """Whether one feature singles out a class."""
    lines = [f"## Does one feature single out a phase? ({features})", ""]
    if phase is not None:
        best = max((kind[phase] for kind in found.values()), key=lambda s: s.mean)
        verdict = "Yes" if best.singles_out else "No"
        how = f"{best.rule}, " if best.rule else "by one threshold, "
        lines += [
            f"**{label_of(phase)}: {verdict}.** The best single function is {best.feature} "
            f"({how}chosen on training preparations): balanced accuracy {percent(best.mean)} % on "
            f"unseen ones, {percent(best.lowest)} to {percent(best.highest)} over the folds; "
            f"{100 * SINGLES_OUT:g} % would be singling out.",
            "",
        ]
    lines += [
        "One class against all others, by the value of one feature; balanced accuracy in % on "
        "preparations that had no part in choosing feature or bounds (mean over the folds, the "
        "lowest in brackets; named is what most folds chose). An interval has two bounds: a phase "
        "between others needs it.",
        "",
    ]
    rows = []
    for name in found["interval"]:
        one, two = found["threshold"][name], found["interval"][name]
        which, value = area[name]
        cells = [f"{s.feature} | {percent(s.mean)} ({percent(s.lowest)})" for s in (one, two)]
        rows.append([label_of(name), *cells, two.rule, f"{which}: {value:.3f}"])
    head = (
        "phase",
        "best threshold",
        "%",
        "best interval",
        "%",
        "bounds",
        "largest area under ROC",
    )
    return [*lines, *table(head, rows), "![Its distributions](single.png)", ""]


def components_text(features: str, found: Mapping[int, Mapping[str, Any]]) -> list[str]:
    rows = [
        [kept, told(one["ig"]), told(one["random"]), points(one["lost"])]
        for kept, one in found.items()
    ]
    return [
        f"## How few components are enough? ({features})",
        "",
        "In every fold a network is trained again on the components of largest mean |IG| in that "
        "fold's network of all components, and for comparison on as many drawn at random.",
        "",
        *table(("kept", "most important", "any", "lost"), rows),
        "![Accuracy by the number of components](components.png)",
        "",
    ]


def deletion_text(found: Mapping[str, Any]) -> list[str]:
    rows = [
        [
            name,
            *(told(one["area"][order]) for order in ("ig", "permutation", "random")),
            *(f"{one['better'][o]} of {one['folds']}" for o in ("permutation", "random")),
        ]
        for name, one in found.items()
    ]
    head = ("descriptor", "IG", "permutation", "random", "IG below permutation", "IG below random")
    return [
        "## Do the importances tell what the networks go by?",
        "",
        "Features of unseen molecules are replaced by the training mean, the most important first. "
        "Mean accuracy over the number replaced, in % (± over the folds): the lower, the better "
        "the order; and in how many folds that of Integrated Gradients is the lower one.",
        "",
        *table(head, rows),
        "![Deletion curves](deletion.png)",
        "",
    ]


def cost_text(timing: Mapping[str, Any], rows: int, repeats: int) -> list[str]:
    lines = [
        [name, f"{value:.2f}", f"{value * rows / 6e7:.2f} min"]
        for name, value in sorted(timing["microseconds"].items(), key=lambda item: item[1])
    ]
    intro = COST.format(
        frames=timing["frames"],
        molecules=timing["molecules"],
        repeats=repeats,
        processor=timing["machine"]["processor"],
        total=f"{rows:,}".replace(",", " "),
    )
    return [intro, *table(("", "µs", "all"), lines)]

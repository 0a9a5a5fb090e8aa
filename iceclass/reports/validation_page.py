"""The validation of a model in words and tables, made of its numbers alone."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from iceclass.analysis.comparison import Q6_ICE
from iceclass.datasets.table import order_classes
from iceclass.files import write_text
from iceclass.phases import UNKNOWN, label_of
from iceclass.reports.validation_figures import FIGURES
from iceclass.tables import markdown_table, percent
from iceclass.validation.bulk import COLD
from iceclass.validation.cases import DENSITIES
from iceclass.validation.interfaces import BULK
from iceclass.validation.limits import Verdict
from iceclass.validation.means import conditions, mean_over
from iceclass.validation.novelty import FALSE_ALARMS
from iceclass.validation.perturbations import NONE, by_phase, rows_by_condition
from iceclass.validation.run import write_tables
from iceclass.validation.stacking import DYNAMICS, kind_of
from iceclass.validation.surfaces import PROBE


def write_report(found: dict[str, Any], verdicts: Sequence[Verdict], directory: Path) -> str:
    """Write the tables, the figures and ``validation.md``; its text.

    Parameters
    ----------
    found
        As from :func:`iceclass.validation.run.validate`.
    verdicts
        What became of the limits, if there were any.
    directory
        Made where it is missing; files of the same names are replaced.
    """
    write_tables(found, directory)
    for part, draw in FIGURES.items():
        if part in found:
            draw(found[part], directory / f"{part}.png")
    text = as_markdown(found, verdicts)
    write_text(directory / "validation.md", text, force=True)
    return text


def as_markdown(found: dict[str, Any], verdicts: Sequence[Verdict] = ()) -> str:
    """A page with one section for each part that was measured."""
    classes = ", ".join(map(label_of, found["classes"]))
    lines = [
        "# Validation",
        "",
        f"Model `{found['model_id']}`: {classes}. Shares are of molecules, in %. *Trained* says "
        "whether molecules of the kind trained the model, always of other preparations or "
        "sequences than those here.",
    ]
    if found.get("not_measured"):
        names = ", ".join(found["not_measured"])
        lines += ["", f"Not measured, since the data sets hold nothing of it: {names}."]
    if verdicts:
        lines += ["", *_limits(verdicts)]
    for part, section in _SECTIONS.items():
        if part in found:
            lines += ["", *section(found[part])]
    return "\n".join(lines) + "\n"


def _limits(verdicts: Sequence[Verdict]) -> list[str]:
    body = []
    for verdict in verdicts:
        one = verdict.limit
        where = ", ".join(f"{k} {' or '.join(map(str, v))}" for k, v in one.where.items())
        least, most = percent(one.least), percent(one.most)
        body.append(
            (
                one.what or f"{one.column} of {one.part}" + (f", {where}" if where else ""),
                verdict.rows,
                f"≥ {least}" if one.most is None else f"≤ {most}",
                percent(verdict.value, 2),
                "kept" if verdict.kept else "**not kept**",
            )
        )
    return ["## Limits", "", markdown_table(("", "rows", "limit", "found", ""), body)]


def _trained(rows: Sequence[dict[str, Any]]) -> str:
    """Whether the kinds of these rows trained."""
    which = {row["trained"] for row in rows}
    return "in part" if len(which) > 1 else "yes" if which == {True} else "no"


def _stacking(part: dict[str, Any]) -> list[str]:
    rows = part["rows"]
    body = []
    for name in conditions(rows):
        own = [r for r in rows if r["condition"] == name]
        body.append(_stacking_cells(name, own))
    for whole in part["overall"]:
        own = [r for r in rows if r["kind"] == whole["kind"]]
        body.append(_stacking_cells(f"**all, {whole['kind']}**", own))
    sequences = len({r["sequence"] for r in rows})
    simulated = len({r["sequence"] for r in rows if kind_of(r["condition"]) == DYNAMICS})
    return [
        "## Stacking-disordered ice",
        "",
        f"{sequences} random sequences of 10 to 16 layers that trained nothing, {simulated} of "
        "them simulated with TIP4P/Ice at 0 GPa, all with Gaussian displacements of σ in each "
        "direction. Every molecule is hexagonal or cubic by construction. Whatever else a "
        "program calls it is wrong; in brackets, right among those it decides. Template matching "
        "without a limit of its RMSD always decides, in a liquid too.",
        "",
        markdown_table(
            ("", "molecules", "iceclass", "unknown", "CHILL+", "PTM", "PTM, any RMSD"), body
        ),
        "",
        f"Trained, other sequences: {_trained(rows)}.",
        "",
        "![Stacking-disordered ice](stacking.png)",
    ]


def _stacking_cells(name: str, rows: list[dict[str, Any]]) -> list[str]:
    def other(key: str) -> str:
        decided = [r["molecules"] * r[f"{key}_decided"] for r in rows]
        among = mean_over(rows, f"{key}_of_decided", decided)
        return f"{percent(mean_over(rows, f'{key}_accuracy'))} ({percent(among, 2)})"

    count = str(sum(r["molecules"] for r in rows))
    own = [percent(mean_over(rows, key)) for key in ("accuracy", "unknown")]
    return [name, count, *own, other("chill_plus"), other("ptm"), other("ptm_no_limit")]


def _novelty(part: dict[str, Any]) -> list[str]:
    classes = [
        (label_of(r["phase"]), r["molecules"], percent(r["accuracy"], 2), percent(r["unknown"], 2))
        for r in part["classes"]
    ]
    false_alarms = mean_over(part["classes"], "unknown")
    body = [
        (
            r["name"],
            r["condition"],
            label_of(r["expected"]),
            percent(r["as_expected"]),
            percent(r["unknown"]),
            f"{r['auroc']:.4f}",
            f"{r['auroc_confidence']:.3f}",
            percent(r["detected"]),
            label_of(r["most_often"]),
            _trained([r]),
        )
        for r in part["rows"]
    ]
    head = ("", "", "expected", "as expected", "unknown", "AUROC", "AUROC of 1 − confidence")
    listed_factors = ", ".join(f"{factor:g}" for factor in DENSITIES)
    return [
        "## What is none of the classes",
        "",
        f"Of held-out molecules of the classes, {percent(false_alarms, 2)} are called unknown:",
        "",
        markdown_table(("", "molecules", "right", "unknown"), classes),
        "",
        "AUROC of the novelty score is against those. *Detected* is the share above the score that "
        f"{100 * FALSE_ALARMS:g} % of them exceed, whatever the model's own threshold. Where a "
        "class is expected, the ice differs from it by proton order alone (IX from III, XI from "
        "Ih, XIII from V), which oxygens do not show, or by being compressed, which makes no other "
        f"ice of it; a low AUROC is then right. Lattices are GenIce2's, at {listed_factors} of its "
        "density, with Gaussian displacements of σ in each direction; the others are simulated "
        "with TIP4P/Ice.",
        "",
        markdown_table((*head, "detected", "most often", "trained"), body),
        "",
        "![What is none of the classes](novelty.png)",
    ]


def _lattices(part: dict[str, Any]) -> list[str]:
    rows = part["rows"]
    strange = [r for r in rows if r["expected"] == UNKNOWN]
    body = []
    for name in dict.fromkeys(r["condition"] for r in rows):
        shares = [r["unknown"] for r in strange if r["condition"] == name]
        found = [sum(share >= least for share in shares) for least in (0.98, 0.5)]
        mean = sum(shares) / len(shares) if shares else None
        body.append((name, len(shares), *found, percent(mean)))
    rest = [
        (
            r["name"],
            r["condition"],
            f"{r['density']:.3f}",
            label_of(r["expected"]),
            percent(r["as_expected"]),
            label_of(r["most_often"]),
        )
        for r in rows
        if r["as_expected"] < 0.98
    ]
    return [
        "## Every lattice that GenIce2 knows",
        "",
        "Ices, hypothetical ones, hydrates, zeolites, filled ices and layers, at the density "
        "GenIce2 gives them and with Gaussian displacements of σ. Of the lattices that are none of "
        "the classes:",
        "",
        markdown_table(("", "lattices", "≥ 98 % unknown", "≥ 50 % unknown", "unknown, mean"), body),
        "",
        f"{len({r['name'] for r in rows}) - len({r['name'] for r in strange})} others have the "
        "oxygens of a class: other proton orders and cells of it, or filled ices. Those of all of "
        "them with less than 98 % as expected:",
        "",
        markdown_table(("", "", "g/cm³", "expected", "as expected", "most often"), rest),
    ]


def _robustness(part: dict[str, Any]) -> list[str]:
    cells = by_phase(part["rows"])
    unknown = by_phase(part["rows"], "unknown")
    phases = order_classes(row["phase"] for row in part["rows"])
    origin = rows_by_condition(part["rows"])
    body = []
    for head, values in cells.items():
        worst = max(unknown[head].values())
        shown = [percent(values.get(p)) for p in phases]
        name = "as it is" if head[1] == NONE else head[1]
        body.append((head[0], name, *shown, percent(worst), _trained(origin[head])))
    return [
        "## Under perturbation",
        "",
        "Right in each phase, unknown counting as wrong; the last column is the largest share "
        "called unknown. Held-out trajectories, those of other water models, and GenIce2's "
        "lattices at 0 K, as they are and with the density changed, with Gaussian motion added "
        "to what there is, and with sharper motion: the mean of three frames, displacements from "
        "the mean place halved, the mean place alone (crystals and glasses). What `iceclass "
        "augment` makes to train on is of the same kind as some of these; *trained* tells which "
        "of them, from what trained this model, and of which water model: only the rows with no "
        "are of a kind that it has never met.",
        "",
        markdown_table(("", "", *map(label_of, phases), UNKNOWN, "trained"), body),
        "",
        "![Under perturbation](robustness.png)",
    ]


def _interfaces(part: dict[str, Any]) -> list[str]:
    keys = ("agreement", "ice_model", "ice_chill_plus", "water", "unknown")
    body = [
        (r["system"], r["where"], r["molecules"], *(percent(r[key], 2) for key in keys))
        for r in part["bulks"]
    ]
    return [
        "## Interfaces",
        "",
        f"Ice (Ih or Ic) or not, against OVITO's CHILL+; bulk is more than {BULK:g} Å from the "
        "interface, which is where CHILL+ calls half of a layer ice, or the surface of a sphere "
        "of as many molecules as it calls ice. Unknown never agrees. Trained, cut and joined from "
        f"bulks: {_trained(part['rows'])}.",
        "",
        markdown_table(
            ("", "", "molecules", "agree", "ice, iceclass", "ice, CHILL+", "water", "unknown"),
            body,
        ),
        "",
        "![Interfaces](interfaces.png)",
    ]


def _bulk(title: str, text: str) -> Callable[[dict[str, Any]], list[str]]:
    def section(part: dict[str, Any]) -> list[str]:
        rows = sorted(part["rows"], key=lambda r: (r["phase"], r["water_model"], r["temperature"]))
        body = [
            (
                *(label_of(r["phase"]), r["water_model"], f"{r['temperature']:g}"),
                *(f"{r['pressure']:g}", f"{r['density']:.3f}", percent(r["accuracy"])),
                *(percent(r["unknown"]), label_of(r["else"]), _trained([r])),
            )
            for r in rows
        ]
        head = ("", "model", "K", "GPa", "g/cm³", "right", "unknown", "else most often", "trained")
        return [f"## {title}", "", text, "", markdown_table(head, body)]

    return section


_amorphous = _bulk("Amorphous ices", "Of other water models, rates and roads.")

GLASS_TRADE_OFF = (
    "",
    f"The coldest liquids, below {COLD:g} K, have nearly the structure of glasses. The lines are "
    "what the model's probabilities would give if glasses were made likelier or less likely "
    "everywhere; the points on them are the model as it is.",
    "",
    "![Cold liquids over glasses](glasses.png)",
)


def _glasses(part: dict[str, Any]) -> list[str]:
    return [*_amorphous(part), *(GLASS_TRADE_OFF if part["trade_off"] else ())]


TRADE_OFF = (
    "",
    "Finding more of a seed costs more beside it. The line is what the model's probabilities would "
    "give if ice were made likelier or less likely everywhere; the point on it is the model as it "
    "is.",
    "",
    "![Recall over excess](nuclei.png)",
)


def _nuclei(part: dict[str, Any]) -> list[str]:
    rows = sorted(part["rows"], key=lambda r: (r["water_model"], r["seed"]))
    body = [
        (
            *(r["group"], r["water_model"], f"{r['temperature']:g}", f"{r['seed']:.0f}"),
            *(percent(r["recall"]), percent(r["excess"]), percent(r["ghosts"], 2)),
            f"{r['size']:.0f}",
            *(
                f"{percent(r[f'{name}_recall'])}, {percent(r[f'{name}_excess'])}"
                for name in ("chill_plus", "chill_plus_interfacial", "q6")
            ),
            _trained([r]),
        )
        for r in rows
    ]
    head = ("", "model", "K", "seed", "recall", "excess", "ghosts", "largest cluster")
    others = ("CHILL+", "CHILL+ with interfacial ice", f"q̄₆ > {Q6_ICE:g}")
    return [
        "## Nuclei",
        "",
        "The seed is what was held while the rest melted, let go shortly before. Recall: share of "
        "the seed called ice Ih or Ic; excess: other molecules called so, in % of the seed; "
        "ghosts: LDA, MDA, HDA or unknown, in % of all molecules. Of the other methods recall and "
        "excess.",
        "",
        markdown_table((*head, *others, "trained"), body),
        *(TRADE_OFF if part["trade_off"] else ()),
    ]


def _coexistence(part: dict[str, Any]) -> list[str]:
    body = [
        (
            *(r["group"], r["water_model"], f"{r['temperature']:g}", r["phases"]),
            *(percent(r["accuracy"]), percent(r["ghosts"], 2), percent(r["unknown"], 2)),
            *("–" if r["width"] is None else f"{r['width']:.1f}", _trained([r])),
        )
        for r in part["rows"]
    ]
    head = ("", "model", "K", "phases", "right", "ghosts", "unknown", "width, Å", "trained")
    return [
        "## Two phases beside each other",
        "",
        "Right: of molecules more than about a layer from the boundary, ice Ih and Ic as one. "
        "Ghosts: LDA, MDA, HDA or unknown where neither phase is that, in % of all molecules. "
        "Width: from 10 to 90 % of the first phase by the model's labels.",
        "",
        markdown_table(head, body),
    ]


def _surfaces(part: dict[str, Any]) -> list[str]:
    rows = part["rows"]
    depths = list(dict.fromkeys(r["depth"] for r in rows))
    body = []
    for name in dict.fromkeys(r["trajectory"] for r in rows):
        own = {r["depth"]: r for r in rows if r["trajectory"] == name}
        first = own["all"]
        shares = (
            f"{percent(own[d]['accuracy'])}, {percent(own[d]['unknown'])}" if d in own else "–"
            for d in depths
        )
        state = (first["group"], first["water_model"], f"{first['temperature']:g}")
        body.append((*state, *shares, _trained([first])))
    return [
        "## Free surfaces, walls and guests, by depth",
        "",
        "Right (of molecules with a truth), and unknown, by the depth below the surface: the "
        f"distance to where a sphere of {PROBE:g} Å finds no molecule, less its radius.",
        "",
        markdown_table(("", "model", "K", *depths, "trained"), body),
    ]


_SECTIONS = {
    "stacking": _stacking,
    "novelty": _novelty,
    "lattices": _lattices,
    "robustness": _robustness,
    "interfaces": _interfaces,
    "liquids": _bulk(
        "Liquids", "By temperature and water model, from the data set of environments."
    ),
    "crystals": _bulk(
        "Crystals", "Cold, warm, stretched and compressed: a compressed ice is that ice."
    ),
    "glasses": _glasses,
    "nuclei": _nuclei,
    "coexistence": _coexistence,
    "surfaces": _surfaces,
}

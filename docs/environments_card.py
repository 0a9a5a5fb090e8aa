"""Write the card of the environments data set, and its page of figures.

    python docs/environments_card.py

Writes ``docs/environments.md`` and ``docs/images/environments.png``; every number in them is read
from the data, the plans, and the records of what was rejected.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from data_card import span
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.colors import to_rgba_array
from PIL import Image
from scipy.spatial import cKDTree

from iceclass.acceptance.packing import NAMES, rejections
from iceclass.datasets.environments import (
    CHECKOUT,
    CLASSES,
    FIRST_PRINCIPLES,
    NO_TRUTH,
    RESERVED_KINDS,
    RESERVED_MODELS,
    EnvironmentTrajectory,
    environment_files,
    load_environments,
)
from iceclass.datasets.splits import SPLITS
from iceclass.files import write_text
from iceclass.frame import Frame
from iceclass.generation.construction import LEFT_SITE, MARGIN, VAPOUR
from iceclass.generation.plan import read_plan
from iceclass.generation.water_models import water_model
from iceclass.phases import colour_of
from iceclass.reports.snapshot import BOND
from iceclass.reports.style import DARK, PAGE, new_figure, save, style
from iceclass.tables import markdown_table

DOCS = Path(__file__).resolve().parent

PLANS = [DOCS.parent / "pipelines" / "config" / f"{name}.yaml" for name in NAMES]
"""Places where people look, and the ices and hydrates beside the study's."""

NO_TRUTH_COLOUR = "#444444"

THICKNESS = 8.0
"""Å, of the slices that are drawn."""

SHOWN = (
    ("nucleus", "nucleus in water"),
    ("interface", "ice against liquid"),
    ("surface", "ice in vacuum"),
    ("droplet", "droplet"),
    ("film", "film"),
    ("wall", "water at a wall"),
)
"""Kinds that are drawn, with a title: the largest trajectory of each that shows both truths."""

HEAD = """\
# The environments data set

_Written by `python docs/environments_card.py`; every number is read from the files._

![Places where people look](images/environments.png)

Slices coloured by truth, dark where there is none; below, the state points of all trajectories and
how fast the liquids among them move.

## What it is

The [reference set](reference-data.md) holds bulk phases of one water model. This one holds what
people look at: liquid far below its melting point, interfaces, nuclei, free surfaces, ices under
pressure, other ices and hydrates, other water models. Each molecule of each frame has a **truth
by construction**: what it was made to be, or −9 where that is not known. No classifier had a say.

```python
import iceclass

data = iceclass.load_environments()  # in a checkout; else give the path of the files
for trajectory in data:
    print(trajectory.kind, trajectory.model, trajectory.temperature, trajectory.split)
    for frame, truth in zip(trajectory.frames, trajectory.truth):
        ...  # truth: (N,) int8, index into environments.CLASSES, or −9
```

The files are `pipelines/data/environments-*.h5` and, of the ices and hydrates beside the nine
phases, `pipelines/data/ices-*.h5` ({size:.1f} MiB in all), not part of the package. Hydrates are
there empty, with methane, and for tests with carbon dioxide and tetrahydrofuran in their cages,
each guest one site.
"""

TRUTH = """\
## Truth

A molecule of a **bulk** is what was made. At a **boundary** it is what it was made to be, except

- within {margin:g} Å of a molecule of the other side, in that very frame: one layer on each side;
- a molecule of a crystal further than {left:g} Å (half a hydrogen bond's O–O distance) from its
  lattice site, the crystal moved and turned as a whole: it has melted, or is a defect;
- within 5 Å of the surface of an ice in vacuum, 9 Å close to melting, counted on the lattice: the
  first bilayer is disordered far below melting, the second from about 16 K below it (Sánchez et
  al., PNAS 114, 227 (2017));
- a molecule of a liquid with no other within {vapour:g} Å: it has evaporated.

Ice and water, interfaces and nuclei: a part of a crystal is **held** in place while the rest melts
at {melts} K and cools; then everything is let go. What was held is ice, what was not is liquid.
That no boundary has left its margin is made sure by the time, not by looking: frames are taken
from 0.5 ps to at most {longest:g} ps after the release, and by then the fastest boundary, mW's, has
moved by less than 1 Å. (The basal face of a box like these grew by 0.08 Å/ps at 240 K and melted by
0.06 Å/ps at 285 K, by the change of the potential energy over 40 ps and a heat of fusion of
1.26 kcal/mol. Atomistic models diffuse more slowly.) `trajectory.made` tells what each molecule was
made to be at the boundaries as well: a nucleus counts `(made != water).sum()`.

Two crystals face to face, a hydrate and ice I, are put so and stay so: each molecule is what its
lattice is, as long as it is near its site. Where a hydrate **grows** for longer than a boundary
stays within its margin, what was held is hydrate and nothing else has a truth.
"""

FITTED = """\
Liquid and ice I of {names} are for tests, simulated by `python -m pipelines.first_principles` with
a published neural network potential at the density of experiment: small boxes for a few ps, the
liquid started from a classical one.
"""

SLOW = """\
Liquids at or below {slow:g} K may move more slowly than a molecule's diameter in 200 ps; these are
still liquids by how they were made, cooled step by step from the melt, but not in equilibrium.
{n_slow} trajectories are so, marked `slow` in their `checks`.
"""

LIMITS = """\
## What it does not tell

- Frames of one trajectory are few and a few ps apart; of nuclei, 0.75 ps: they are correlated.
  Count preparations, not frames.
- Boxes of atomistic models are small, 144 to some thousand molecules, liquids were cooled at 1 to
  10 K/ps, glasses much faster than in any experiment.
- The box of a surface at constant volume has the lattice constants it was built with, not those
  of the model at that temperature.
- Sideways, ice at an interface has hexagonal and cubic patches soon after it grows; at release it
  is what the lattice was.
"""

SUPPLEMENT = """\
## More of it

    iceclass environments run pipelines/config/environments.yaml -o RUNS --jobs 2
    iceclass environments pack pipelines/config/environments.yaml RUNS -o pipelines/data
    python docs/environments_card.py

The first does what is missing of the plan, in the order in which it is worth the time, and may be
stopped at any moment; the second checks what is new and adds a file to the data; the third writes
this page. {complete} of {planned} preparations are there, some for a
part of their states. Missing:

{missing}
"""


def published(model: str) -> tuple[str, str]:
    """Label and DOI of a water model."""
    if model in FIRST_PRINCIPLES:
        return FIRST_PRINCIPLES[model]
    return water_model(model).label, water_model(model).reference


def contents(data: Sequence[EnvironmentTrajectory]) -> str:
    """A row for each kind and water model."""
    lines = []
    for kind, model in sorted({(t.kind, t.model) for t in data}):
        own = [t for t in data if (t.kind, t.model) == (kind, model)]
        names = {n for t in own for n in t.metadata["phases"]}
        sides = Counter(t.split for t in own)
        lines.append(
            (
                kind,
                published(model)[0],
                ", ".join(n for n in CLASSES if n in names),
                len({t.preparation for t in own}),
                " / ".join(str(sides[s]) for s in SPLITS),
                span(t.frames[0].n_molecules for t in own),
                span(t.temperature for t in own),
                span(t.pressure for t in own),
                f"{np.mean([(t.truth == NO_TRUTH).mean() for t in own]):.0%}",
            )
        )
    header = ("kind", "model", "made of", "preparations", f"trajectories {' / '.join(SPLITS)}")
    return markdown_table((*header, "molecules", "T / K", "p / GPa", "no truth"), lines, left=3)


def molecules(data: Sequence[EnvironmentTrajectory]) -> str:
    """A row for each class: molecules with truth on each side."""
    counts = {side: np.zeros(len(CLASSES), dtype=int) for side in SPLITS}
    for t in data:
        known = t.truth[t.truth != NO_TRUTH]
        counts[t.split] += np.bincount(known, minlength=len(CLASSES))
    lines = [
        (f"`{name}`", *(f"{counts[side][k]:,}".replace(",", " ") for side in SPLITS))
        for k, name in enumerate(CLASSES)
        if any(counts[side][k] for side in SPLITS)
    ]
    return markdown_table(("class", *SPLITS), lines)


def models(data: Sequence[EnvironmentTrajectory]) -> str:
    """Liquids near 298 K and 0 GPa beside what is published."""
    lines = []
    for t in sorted(data, key=lambda t: t.model):
        if t.kind == "liquid" and 290 <= t.temperature <= 302 and t.pressure == 0.0:
            c = t.metadata["checks"]
            expected = c["expected_density"]
            label, reference = published(t.model)
            lines.append(
                (
                    label,
                    f"{t.temperature:g}",
                    f"{t.density:.3f}",
                    "–" if expected is None else f"{expected:.3f}",
                    f"{c['first_peak']:.2f}",
                    f"[{reference}](https://doi.org/{reference})",
                )
            )
    header = ("model", "T / K", "ρ / g cm⁻³", "of the model's authors", "first peak of g(r) / Å")
    return markdown_table((*header, "parameters"), lines)


def card(data: Sequence[EnvironmentTrajectory]) -> str:
    """The whole page."""
    rejected = {name: why for one in NAMES for name, why in rejections(CHECKOUT, one).items()}
    jobs = [job for plan in PLANS for job in read_plan(plan)]
    made = [t.metadata["definition"] for t in data if t.kind in ("nucleus", "interface")]
    recipes = [
        (one["recipe"], one["dynamics"])
        for one in made
        if "let_go_time" in one["recipe"] and not one["recipe"].get("growing")
    ]
    longest = max(
        (r["let_go_time"] + r["equilibration"] + d["production"] for r, d in recipes), default=0.0
    )
    slow = [t for t in data if t.metadata["checks"]["slow"]]
    fitted = sorted({published(t.model)[0] for t in data if t.model in FIRST_PRINCIPLES})
    have = {t.preparation for t in data} | {n.rsplit("_", 2)[0] for n in rejected}
    missing = Counter((j.kind, j.preparation.model.label) for j in jobs if j.name not in have)
    parts = [
        HEAD.format(size=sum(f.stat().st_size for f in environment_files()) / 2**20),
        "## What is in it",
        "",
        contents(data),
        "",
        "Molecules with truth, over all frames:",
        "",
        molecules(data),
        "",
        "Split by preparation: all states and frames of a seed are on one side. For tests only "
        f"are the water models {', '.join(published(m)[0] for m in RESERVED_MODELS)} and the "
        f"kinds {', '.join(RESERVED_KINDS)}.",
        "",
        TRUTH.format(
            margin=MARGIN,
            left=LEFT_SITE,
            vapour=VAPOUR,
            melts=span(r["melt_temperature"] for r, _ in recipes),
            longest=longest,
        ),
        *([FITTED.format(names=", ".join(fitted))] if fitted else []),
        *([SLOW.format(slow=max(t.temperature for t in slow), n_slow=len(slow))] if slow else []),
        "## Water models",
        "",
        "Liquids near room temperature, beside the density that their authors give there:",
        "",
        models(data),
        "",
        "`sw-LAMBDA` are liquids of mW's form with another strength of the tetrahedral term "
        "(Molinero, Sastry, Angell, PRL 97, 075701 (2006)). TIP5P is left out: its two massless "
        "charges need another integrator of rigid bodies than the others do.",
        "",
        "## What was rejected",
        "",
        f"{len(rejected)} trajectories, by the checks of `iceclass.acceptance.environments`:",
        "",
        *(f"- `{name}`: {'; '.join(one['reasons'])}" for name, one in sorted(rejected.items())),
        "",
        LIMITS,
        SUPPLEMENT.format(
            complete=len(jobs) - sum(missing.values()),
            planned=len(jobs),
            missing=markdown_table(
                ("kind", "model", "preparations"),
                ((*pair, n) for pair, n in sorted(missing.items())),
                left=2,
            ),
        ),
    ]
    return "\n".join(parts).rstrip() + "\n"


def draw_slice(axes: Axes, frame: Frame, colours: Sequence[str]) -> None:
    """A slice through the middle of a box, seen along its first vector."""
    centre = frame.cell.sum(axis=0) / 2 + frame.origin
    inside = np.abs((frame.positions - centre)[:, 0]) < THICKNESS / 2
    flat = (frame.positions - centre)[inside, 1:]
    tint = np.array(to_rgba_array(list(colours)))[inside]
    pairs = cKDTree(frame.positions[inside]).query_pairs(BOND, output_type="ndarray")
    axes.add_collection(LineCollection(list(flat[pairs]), colors=DARK, linewidths=0.4, zorder=1))
    axes.scatter(flat[:, 0], flat[:, 1], s=7, c=tint, edgecolors=DARK, linewidths=0.2, zorder=2)
    axes.set_aspect("equal")


def figure(data: Sequence[EnvironmentTrajectory], path: Path) -> None:
    """One page: slices by truth, state points, diffusion of the liquids."""
    pictures = []
    for kind, title in SHOWN:
        own = [t for t in data if t.kind == kind and t.frames[0].n_molecules < 5000]
        if own:
            best = max(own, key=lambda t: (len(set(t.truth[-1])), t.frames[0].n_molecules))
            pictures.append((f"{title}, {published(best.model)[0]} {best.temperature:g} K", best))
    with style():
        page = new_figure(PAGE, 8.6)
        grid = page.add_gridspec(3, 6, height_ratios=[1, 1, 1.1])
        for k, (title, one) in enumerate(pictures):
            axes = page.add_subplot(grid[k // 3, 2 * (k % 3) : 2 * (k % 3) + 2])
            colours = [
                NO_TRUTH_COLOUR if c == NO_TRUTH else colour_of(CLASSES[c]) for c in one.truth[-1]
            ]
            draw_slice(axes, one.frames[-1], colours)
            axes.set_title(title)
            axes.set_axis_off()
        states = page.add_subplot(grid[2, :3])
        kinds = sorted({t.kind for t in data})
        for k, kind in enumerate(kinds):
            own = [t for t in data if t.kind == kind]
            kelvin, gigapascal = [t.temperature for t in own], [t.pressure for t in own]
            states.scatter(kelvin, gigapascal, s=11, label=kind, marker="os^vDPX*<>"[k % 10])
        states.set_xlabel("T / K")
        states.set_ylabel("p / GPa")
        states.set_yscale("symlog", linthresh=1.0)
        states.legend(ncols=2)
        motion = page.add_subplot(grid[2, 3:])
        liquids = [t for t in data if t.kind == "liquid" and t.metadata["checks"]["diffusion"]]
        for k, model in enumerate(sorted({t.model for t in liquids})):
            own = [t for t in liquids if t.model == model]
            x = [1000.0 / t.temperature for t in own]
            y = [max(t.metadata["checks"]["diffusion"], 1e-4) for t in own]
            motion.scatter(x, y, s=11, label=published(model)[0], marker="os^vDPX*<>"[k % 10])
        motion.axhline(2.8**2 / (6 * 200.0), color=DARK, linewidth=0.6, linestyle=":")
        motion.set_yscale("log")
        motion.set_xlabel("1000 K / T")
        motion.set_ylabel("diffusion / Å² ps⁻¹")
        motion.legend(ncols=2)
    save(page, path)
    with Image.open(path) as drawn:  # a third of the size, for a file that history keeps
        small = drawn.convert("RGB").quantize(224)
    small.save(path, optimize=True)


if __name__ == "__main__":
    found = list(load_environments())
    write_text(DOCS / "environments.md", card(found), force=True)
    figure(found, DOCS / "images" / "environments.png")

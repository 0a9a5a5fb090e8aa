"""Write the card of a compact data set: what is in it, how it was made, what it cannot tell.

    python docs/data_card.py iceclass/data/reference.h5 pipelines/data/transfer.h5 \\
        -o docs/reference-data.md

Every number in it is read from the data sets.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from pathlib import Path

import click
import numpy as np

from iceclass.datasets.reference import (
    LICENCE,
    RESOLUTION,
    ReferenceSet,
    ReferenceTrajectory,
    load_reference,
)
from iceclass.datasets.splits import SPLITS
from iceclass.files import write_text
from iceclass.generation.water_models import WATER_MODELS
from iceclass.phases import PHASES, label_of
from iceclass.tables import markdown_table

HEAD = """\
# The reference data set

_Written by `python docs/data_card.py iceclass/data/reference.h5 pipelines/data/transfer.h5
-o docs/reference-data.md`; every number is read from the files._

![All phases](images/phases.png)

One page of all phases: a slice of the coldest state, g(r) of every trajectory with their mean,
and the densities beside the expected ones.

## What it is

Oxygen positions of molecular-dynamics trajectories of water, each of one phase, made to train and
to judge classifiers. A trajectory's label is how it was made; nothing was labelled by looking at
it.

```python
import iceclass

data = iceclass.load_reference()
for trajectory in data.trajectories:
    print(trajectory.phase, trajectory.temperature, trajectory.pressure, trajectory.density)
```
"""

MADE = """\
## How it was made

`iceclass generate PHASE --md` made each preparation and `iceclass pack` packed them;
[pipelines/README.md](../pipelines/README.md) has the states, the checks and the time it takes.
GenIce2 built the ices with random hydrogens, LAMMPS did the dynamics: {models}; {cut_off} Å
cut-off, PPPM, SHAKE, Nosé–Hoover NPT, {timestep} with 3 g/mol on each hydrogen (mW: one site). By
recipe:

{recipes}

Of every trajectory the file keeps, as JSON in the attribute `description`: the state point, mean
density, temperature and energy, the seed and all parameters, the SHA-256 of the LAMMPS inputs,
the versions ({versions}), and what the checks measured.
"""

TRANSFER = """\
## For transfer

Other water models, in `pipelines/data/transfer.h5`; no model is trained on them.
"""

LIMITS = """\
## What it does not tell

- One rigid water model trains; no quantum nuclei, no flexible or reactive water. The transfer set
  tells how much that matters.
- Boxes of {smallest} to {largest} molecules without defects, surfaces or interfaces; crystals
  with random hydrogens, so no ice XI, IX, XIII … in their place (the oxygens alone hardly tell
  them apart).
- Glasses made in nanoseconds are not those of the laboratory: LDA is cooled at {cooling} K/ns
  between 250 and 205 K, HDA compressed at {compression} GPa/ns, MDA sheared at {shear} per ns.
  Different preparations of one glass differ more than those of a crystal.
- {interval} ps between the frames of a trajectory are enough for the vibrations to be new, not
  for a solid's structure: split by preparation, never by frame or molecule, as `split` does.
- Positions are rounded to {resolution} Å and wrapped into the cell; hydrogens are left out.

## Licence

{licence}, https://creativecommons.org/licenses/by/4.0/. Please cite iceclass, the water models
({references}) and, for the recipes, Mishima, Calvert, Whalley, Nature 310, 393 (1984) and
Rosu-Finsen et al., Science 379, 474 (2023).
"""


def span(values: Iterable[float], form: str = "g") -> str:
    """``80–262``, or ``-0.1 to 0.3``."""
    values = list(values)
    low, high = format(min(values), form), format(max(values), form)
    return low if low == high else f"{low}{' to ' if min(values) < 0 else '–'}{high}"


def contents(data: Sequence[ReferenceTrajectory]) -> list[str]:
    """A table with a row a phase."""
    head = ("phase", "preparations", "trajectories", "frames", "molecules", "T / K", "p / GPa")
    rows = []
    for phase in sorted({t.phase for t in data}, key=list(PHASES).index):
        own = [t for t in data if t.phase == phase]
        cells = (
            f"{label_of(phase)} (`{phase}`)",
            len({t.preparation for t in own}),
            len(own),
            sum(len(t.frames) for t in own),
            span(t.frames[0].n_molecules for t in own),
            span(t.temperature for t in own),
            span(t.pressure for t in own),
            span((t.density for t in own), ".3f"),
        )
        rows.append(cells)
    return [markdown_table((*head, "ρ / g cm⁻³"), rows)]


def split_text(data: ReferenceSet) -> str:
    """How the preparations are split, if they are."""
    counts = {side: sum(t.split == side for t in data) for side in SPLITS}
    if not all(counts.values()):
        return (
            "The split is drawn when a model is trained, by preparation, and recorded with it, as "
            "long as some phases have fewer than four preparations."
        )
    listed = ", ".join(f"{counts[side]} {side}" for side in SPLITS)
    return (
        f"A fixed split by preparation: {listed}. Of every phase, in the order of the seeds, the "
        "last preparation tests, the one before it validates and the others train; no training "
        "ever sees the last."
    )


def checks_text(data: ReferenceSet) -> str:
    """What the checks found."""
    checked = [(t.phase, t.metadata.get("checks", {})) for t in data]
    if not all(c for _, c in checked):
        raise click.ClickException(
            "not every trajectory has its checks: pack what iceclass check accepts"
        )
    worst, off = defaultdict[str, float](float), []
    for phase, c in checked:
        if c["expected_density"] is not None:
            off.append(100 * abs(c["density"] / c["expected_density"] - 1))
            worst[phase] = max(worst[phase], off[-1])
    listed = ", ".join(f"{label_of(phase)} {value:.1f} %" for phase, value in worst.items())
    return (
        f"All {len(checked)} trajectories passed the checks of `iceclass check`: density, "
        "g(r), mean-square displacement, ice I by CHILL+, energy drift, temperature. Densities are "
        f"{np.mean(off):.1f} % from the expected ones on average, at most: {listed}."
    )


def recipes(data: ReferenceSet) -> str:
    """One line a recipe, with its parameters."""
    lines: dict[str, str] = {}
    for t in data:
        recipe = dict(t.metadata["definition"]["recipe"])
        kind = recipe.pop("kind")
        text = ", ".join(f"{key.replace('_', ' ')} {value:g}" for key, value in recipe.items())
        lines.setdefault(kind, f"- **{kind}**: {text}")
    return "\n".join(lines.values())


def card(data: ReferenceSet, transfer: ReferenceSet) -> str:
    """The whole text."""
    everything = [*data, *transfer]
    names = sorted({t.model for t in everything}, key=list(WATER_MODELS).index)
    versions = {f"{k} {v}" for t in data for k, v in t.metadata["versions"].items()}
    dynamics = [t.metadata["definition"]["dynamics"] for t in data]
    glass = {p: t.metadata["definition"]["recipe"] for t in data for p in (t.phase,)}
    lda, hda, mda = (glass.get(phase) for phase in ("lda", "hda", "mda"))
    parts = [HEAD, *contents(list(data)), "", split_text(data), "", checks_text(data), ""]
    parts += [TRANSFER]
    for model in (name for name in names if any(t.model == name for t in transfer)):
        own = [t for t in transfer if t.model == model]
        parts += [f"**{WATER_MODELS[model].label}**", "", *contents(own), ""]
    parts.append(
        MADE.format(
            models=", ".join(WATER_MODELS[name].label for name in names),
            cut_off=f"{WATER_MODELS['tip4p-ice'].r_cut:g}",
            timestep=span(d["timestep"] for d in dynamics) + " fs",
            recipes=recipes(data),
            versions=", ".join(sorted(versions)),
        )
    )
    sizes = [t.frames[0].n_molecules for t in data]
    cooling = None if lda is None else 1000 * (lda["slow_from"] - lda["slow_to"]) / lda["slow_time"]
    parts.append(
        LIMITS.format(
            smallest=min(sizes),
            largest=max(sizes),
            cooling="–" if cooling is None else f"{cooling:g}",
            compression="–"
            if hda is None
            else f"{1000 * hda['peak_pressure'] / hda['compression_time']:g}",
            shear="–" if mda is None else f"{1000 * mda['strain_rate']:g}",
            interval=span(d["interval"] for d in dynamics),
            resolution=RESOLUTION,
            licence=LICENCE,
            references=", ".join(f"doi:{WATER_MODELS[name].reference}" for name in names),
        )
    )
    return "\n".join(parts)


@click.command(help=__doc__.splitlines()[0])
@click.argument("data", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.argument("transfer", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("-o", "--output", type=click.Path(path_type=Path), required=True)
def main(data: Path, transfer: Path, output: Path) -> None:
    text = card(load_reference(data), load_reference(transfer))
    write_text(output, text, force=True)


if __name__ == "__main__":
    main()

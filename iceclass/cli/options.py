"""Options that several commands share, and the parsing of their values."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from click.shell_completion import CompletionItem

from iceclass.errors import InputError

if TYPE_CHECKING:
    from iceclass.labelling.region import Region

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
    if value is None:
        return None
    pairs = [item.split("=") for item in value.split(",")]
    if any(len(pair) != 2 or not pair[0].strip() or not pair[1].strip() for pair in pairs):
        raise click.BadParameter(f"{value!r}: expected TYPE=ELEMENT,…, as in 1=O,2=H")
    types = {key.strip(): element.strip() for key, element in pairs}
    if len(types) != len(pairs):
        raise click.BadParameter(f"{value!r} names a type twice")
    return types


def parse_settings(
    context: click.Context, parameter: click.Parameter, values: tuple[str, ...]
) -> dict[str, str]:
    """``("a=1", "b=2")`` → ``{"a": "1", "b": "2"}``."""
    pairs = [value.partition("=") for value in values]
    for key, sign, text in pairs:
        if not (key and sign and text):
            raise click.BadParameter(f"{key + sign + text!r}: expected NAME=VALUE")
    return {key: text for key, _, text in pairs}


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
    from iceclass.labelling.region import Region

    try:
        return tuple(Region.parse(value) for value in values)
    except InputError as error:
        raise click.BadParameter(str(error)) from None


types_option: Decorator = click.option(
    "--types",
    callback=parse_types,
    metavar="TYPE=ELEMENT,…",
    help="What the atom types are, as in 1=O,2=H. Default: read off the file.",
)
force_option: Decorator = click.option("--force", is_flag=True, help="Replace existing outputs.")
quiet_option: Decorator = click.option("-q", "--quiet", is_flag=True, help="Print errors only.")
on_error_option: Decorator = click.option(
    "--on-error",
    type=click.Choice(["raise", "skip"]),
    default="raise",
    show_default=True,
    help="Stop at a damaged frame, or leave it out and say so.",
)
every_option: Decorator = click.option(
    "--every",
    type=click.IntRange(min=1),
    default=1,
    show_default=True,
    help="Take each k-th frame.",
)


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


def tell_of_compiling(quiet: bool) -> None:
    """Say that the first run on a machine takes longer, where this is one."""
    from iceclass.kernels.compiled import is_compiled

    if not quiet and not is_compiled():
        click.echo("compiling for this processor, once: about half a minute", err=True)

"""``iceclass label`` on a directory: every trajectory in it, one after the other."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from iceclass.errors import InputError
from iceclass.io.text.streams import without_compression
from iceclass.io.trajectory import DUMP_SUFFIXES

SUFFIXES = (*DUMP_SUFFIXES, ".extxyz", ".gro", ".data")
"""Of the files that are looked for, compressed or not."""


def trajectories_in(directory: Path) -> list[Path]:
    """The files that look like trajectories or structures, in all folders, but labelled ones."""
    found = []
    for path in sorted(directory.rglob("*")):
        plain = without_compression(path)
        hidden = any(part.startswith(".") for part in path.relative_to(directory).parts)
        labelled = plain.stem.endswith(".labels")
        if plain.suffix.lower() in SUFFIXES and path.is_file() and not hidden and not labelled:
            found.append(path)
    return found


def label_directory(context: click.Context, directory: Path, output: Path | None) -> int:
    """Label all of them as the command would each; 0, or 2 where some could not be.

    Parameters
    ----------
    context
        Of the command, whose other parameters hold for each file.
    output
        Directory for the results, in folders of the same names; default: beside the files.

    Raises
    ------
    InputError
        There are none.
    """
    from iceclass.cli.label import default_output

    found = trajectories_in(directory)
    if not found:
        raise InputError(
            "no trajectory in this directory", path=directory, hint=f"known: {', '.join(SUFFIXES)}"
        )
    named: dict[Path, Path] = {}  # results of one stem share the names of the tables
    failed = 0
    for number, path in enumerate(found, 1):
        click.echo(f"[{number}/{len(found)}] {path}", err=True)
        try:
            beside = default_output(path)
            target = beside if output is None else output / beside.relative_to(directory)
            stem = target.parent / without_compression(path).stem
            if stem in named:
                raise InputError(
                    f"its results would be called {stem}, as those of {named[stem].name} are",
                    path=path,
                    hint="label it by itself, with -o",
                )
            named[stem] = path
            if target.exists() and not context.params["force"]:
                click.echo("labelled already", err=True)
                continue
            target.parent.mkdir(parents=True, exist_ok=True)
            parameters: dict[str, Any] = {**context.params, "trajectory": path, "output": target}
            context.invoke(context.command, **parameters)
        except InputError as error:
            failed += 1
            click.echo(f"Error: {error}", err=True)
    if failed:
        click.echo(f"{failed} of {len(found)} could not be labelled", err=True)
    return 2 if failed else 0

"""``iceclass label`` on a directory: every trajectory in it, one after the other."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import click

from iceclass.cli.outputs import LabelFiles
from iceclass.cli.words import message_of
from iceclass.errors import InputError
from iceclass.io import suffixes
from iceclass.io.text.streams import without_compression

SUFFIXES = (*suffixes.DUMP, ".extxyz", ".gro", ".data")
"""Of the files that are looked for, compressed or not."""


def trajectories_in(directory: Path) -> list[Path]:
    """The files that look like trajectories or structures, in all folders, but labelled ones."""
    trajectories = []
    for path in sorted(directory.rglob("*")):
        plain = without_compression(path)
        hidden = any(part.startswith(".") for part in path.relative_to(directory).parts)
        labelled = plain.stem.endswith(".labels")
        if plain.suffix.lower() in SUFFIXES and path.is_file() and not hidden and not labelled:
            trajectories.append(path)
    return trajectories


def label_directory(
    label_one: Callable[[Path, LabelFiles], None],
    directory: Path,
    output: Path | None,
    *,
    force: bool,
) -> int:
    """Label all of them; 0, or 2 where some could not be.

    Parameters
    ----------
    label_one
        Labels a trajectory and writes these files.
    directory
        Where the trajectories are.
    output
        Directory for the results, in folders of the same names; default: beside the files.
    force
        Label again what is labelled already.

    Raises
    ------
    InputError
        There are none.
    """
    trajectories = trajectories_in(directory)
    if not trajectories:
        raise InputError(
            "no trajectory in this directory", path=directory, hint=f"known: {', '.join(SUFFIXES)}"
        )
    named: dict[Path, Path] = {}  # results of one stem share the names of the tables
    failed = 0
    for number, path in enumerate(trajectories, 1):
        click.echo(f"[{number}/{len(trajectories)}] {path}", err=True)
        try:
            files = LabelFiles.of(path)
            if output is not None:
                target = output / files.labelled.relative_to(directory)
                files = LabelFiles(target, files.stem)
            stem = files.labelled.parent / files.stem
            if stem in named:
                raise InputError(
                    f"its results would be called {stem}, as those of {named[stem].name} are",
                    path=path,
                    hint="label it by itself, to another output",
                )
            named[stem] = path
            if files.labelled.exists() and not force:
                click.echo("labelled already", err=True)
                continue
            files.labelled.parent.mkdir(parents=True, exist_ok=True)
            label_one(path, files)
        except InputError as error:
            failed += 1
            click.echo(f"Error: {message_of(error)}", err=True)
    if failed:
        click.echo(f"{failed} of {len(trajectories)} could not be labelled", err=True)
    return 2 if failed else 0

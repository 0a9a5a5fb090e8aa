"""``iceclass models``."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from iceclass.cli.options import PATH, complete_model
from iceclass.errors import InputError, shown

if TYPE_CHECKING:
    from iceclass.model.summary import ModelSummary


@click.command(short_help="List the models, or print the card of one.")
@click.argument("model", required=False, shell_complete=complete_model)
@click.option(
    "--evaluation",
    "evaluations",
    type=PATH,
    multiple=True,
    help="Directory, or its summary.json, that iceclass evaluate -o wrote of this model: its "
    "figures go into the card. Can be given several times.",
)
@click.option("--json", "as_json", is_flag=True, help="For machines.")
def command(model: str | None, evaluations: tuple[Path, ...], as_json: bool) -> None:
    """List the models, or print the card of one.

    Without MODEL, the models that come with iceclass. With one, a shipped model's name or a
    file, its card: what it is for, how it was trained, how good it is, what it cannot tell; as
    Markdown where the output is no terminal.

    \b
    Examples:
      iceclass models
      iceclass models default
      iceclass models soap-325.safetensors --evaluation evaluation/ > card.md
    """
    from iceclass.model.file import load_model, resolve_model
    from iceclass.model.summary import shipped_summaries, summary_of
    from iceclass.reports.card import model_card

    if model is None:
        if evaluations:
            raise click.UsageError("--evaluation needs a model")
        found = shipped_summaries()
        click.echo(_json([facts.to_dict() for facts in found]) if as_json else _listing(found))
        return
    path = resolve_model(model)
    loaded = load_model(path)
    summaries = dict(map(_summary, evaluations))
    if as_json:
        click.echo(_json(summary_of(loaded, path, summaries).to_dict()))
        return
    card = model_card(loaded, path, evaluations=summaries)
    if sys.stdout.isatty():
        from rich.console import Console
        from rich.markdown import Markdown

        Console().print(Markdown(card))
    else:
        click.echo(card, nl=False)


def _listing(models: tuple[ModelSummary, ...]) -> str:
    """One line for each model, in columns; ``*`` marks the default."""
    from iceclass.reports.words import NOTHING, file_size, percent

    head = ("", "model", "descriptor", "features", "accuracy", "size", "SHA-256", "classes")
    rows = [
        (
            "*" if "default" in facts.aliases else "",
            facts.name,
            facts.descriptor,
            str(facts.n_features),
            percent(facts.test.figures["accuracy"]) if facts.test else NOTHING,
            file_size(facts.file_bytes),
            facts.file_sha256[:12],
            ", ".join(facts.classes),
        )
        for facts in models
    ]
    widths = [max(map(len, column)) for column in zip(head, *rows, strict=True)]
    lines = [
        "  ".join(f"{cell:<{width}}" for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in (head, *rows)
    ]
    return "\n".join([*lines, "", "* default; accuracy on preparations not seen in training"])


def _summary(path: Path) -> tuple[str, dict[str, Any]]:
    """Name and contents of an evaluation's summary."""
    file = path / "summary.json" if path.is_dir() else path
    try:
        contents = json.loads(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise InputError(f"cannot be read: {error.strerror}", path=file) from error
    except ValueError as error:
        raise InputError(f"is not JSON: {error}", path=file) from error
    if not isinstance(contents, dict):
        raise InputError("is not the summary of an evaluation", path=file)
    return shown(contents.get("description") or str(path)), contents


def _json(value: Any) -> str:
    return json.dumps(value, indent=1, ensure_ascii=False)

"""The directive ``commands``: every command of iceclass, from what its ``--help`` is made of."""

from __future__ import annotations

import inspect
from collections.abc import Iterator

import click
from docutils import nodes
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

from iceclass.cli.main import cli


def page() -> Iterator[str]:
    """Markdown lines: usage, help, examples and options of the group and of each command."""
    group = click.Context(cli, info_name="iceclass")
    yield from ("## iceclass", "")
    yield from description(cli, group)
    yield from subcommands(cli, group, "##")


def subcommands(group: click.Group, context: click.Context, level: str) -> Iterator[str]:
    """The commands of a group, and one level below them those that are groups themselves have."""
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        assert command is not None
        own = click.Context(command, parent=context, info_name=name)
        yield from (f"{level} {own.command_path}", "")
        yield from description(command, own)
        if isinstance(command, click.Group):
            yield from subcommands(command, own, f"{level}#")


def description(command: click.Command, context: click.Context) -> Iterator[str]:
    usage = " ".join([context.command_path, *command.collect_usage_pieces(context)])
    yield from ("```text", usage, "```", "")
    for paragraph in inspect.cleandoc(command.help or "").split("\n\n"):
        head, _, rest = paragraph.removeprefix("\b\n").partition("\n")
        if head.startswith("Example"):
            head, _, first = head.partition(" ")
            yield from (head, "", "```text", inspect.cleandoc(first or rest), "```", "")
        else:
            yield from (plain(f"{head}\n{rest}"), "")
    for parameter in command.get_params(context):
        record = parameter.get_help_record(context)
        if record is not None and isinstance(parameter, click.Option):
            option, text = record
            yield from (f"`{option}`", f": {plain(text)}", "")


def plain(text: str) -> str:
    """Text in which nothing is Markdown."""
    return text.translate(str.maketrans({c: "\\" + c for c in "\\`*_[]<>#|"}))


class Commands(SphinxDirective):
    def run(self) -> list[nodes.Node]:
        made = self.parse_text_to_nodes("\n".join(page()), allow_section_headings=True)
        for node in made:
            for paragraph in node.findall(nodes.paragraph):
                paragraph["support_smartquotes"] = False  # --option keeps its two dashes
        return made


def setup(app: Sphinx) -> dict[str, bool]:
    app.add_directive("commands", Commands)
    return {"parallel_read_safe": True, "parallel_write_safe": True}

"""Tables line up as they are seen, and are Markdown as it is read."""

from __future__ import annotations

import re

from iceclass.tables import markdown_table, terminal_table

HEAD = ("phase", "share", "rows")
ROWS = [("ice Ih", "99.1 %", "1 200"), ("[red]", "0.2 %", "7")]


def test_a_terminal_table_is_aligned_and_plain(monkeypatch):
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("COLUMNS", "10")
    assert terminal_table(HEAD, ROWS).splitlines() == [
        "phase    share   rows",
        "ice Ih  99.1 %  1 200",
        "[red]    0.2 %      7",
    ]
    assert terminal_table(HEAD, ROWS, left=3).splitlines()[2] == "[red]   0.2 %   7"


def test_widths_are_those_on_the_screen():
    wide, narrow = terminal_table(("", "n"), [("氷", "1"), ("e\u0301", "2")]).splitlines()[1:]
    assert (wide, narrow) == ("氷  1", "e\u0301   2")


def test_a_long_table_is_not_wrapped():
    (_, row) = terminal_table(("", "x"), [("n" * 5000, "1")]).splitlines()
    assert len(row) == 5003


def test_markdown_is_read_as_a_table():
    from docutils import nodes
    from docutils.core import publish_doctree
    from myst_parser.docutils_ import Parser

    tree = publish_doctree(markdown_table(HEAD, ROWS), parser=Parser())
    cells = [entry.astext() for entry in tree.findall(nodes.entry)]
    assert cells == [*HEAD, *(cell for row in ROWS for cell in row)]
    assert re.search(r"^\| --- \| ---: \| ---: \|$", markdown_table(HEAD, ROWS), re.MULTILINE)

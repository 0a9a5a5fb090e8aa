"""Tables of results, for the terminal and for Markdown."""

from __future__ import annotations

from collections.abc import Iterable, Sequence


def text_table(head: Sequence[str], rows: Iterable[Sequence[str]], *, left: int = 1) -> str:
    """Lines for the terminal; the first ``left`` columns are text, the others numbers."""
    from io import StringIO

    from rich.console import Console
    from rich.table import Table

    table = Table(box=None, padding=(0, 2, 0, 0), header_style="", pad_edge=False)
    for k, name in enumerate(head):
        table.add_column(name, justify="left" if k < left else "right", no_wrap=True)
    for row in rows:
        table.add_row(*row)
    out = StringIO()
    width = 1 << 16
    Console(file=out, width=width, color_system=None, markup=False, emoji=False).print(table)
    return "\n".join(line.rstrip() for line in out.getvalue().splitlines())


def markdown_table(head: Sequence[str], rows: Iterable[Sequence[str]], *, left: int = 1) -> str:
    """Lines of a Markdown table; the first ``left`` columns are text, the others numbers."""
    rule = "|---" * left + "|---:" * (len(head) - left) + "|"
    lines = [f"| {' | '.join(head)} |", rule]
    return "\n".join([*lines, *(f"| {' | '.join(row)} |" for row in rows)])

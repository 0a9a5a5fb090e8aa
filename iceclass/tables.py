"""Tables as text: aligned for the terminal, or as Markdown."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any


def terminal_table(head: Sequence[str], rows: Iterable[Sequence[str]], left: int = 1) -> str:
    """Aligned columns, the first ``left`` of them on the left and the others on the right.

    Nothing is wrapped or coloured, so that what is written to a file is what is seen. Widths are
    those on the screen, of which a wide or a combining character takes two columns or none.
    """
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for k, name in enumerate(head):
        table.add_column(Text(name), justify="left" if k < left else "right", no_wrap=True)
    for row in rows:
        table.add_row(*map(Text, row))
    console = Console(width=1_000_000, color_system=None, force_terminal=False)
    with console.capture() as captured:
        console.print(table)
    return "\n".join(line.rstrip() for line in captured.get().splitlines())


def markdown_table(head: Sequence[str], rows: Iterable[Sequence[Any]], left: int = 1) -> str:
    """The same as Markdown; cells are Markdown as they are."""
    sides = ["---" if k < left else "---:" for k in range(len(head))]
    lines = [head, sides, *rows]
    return "\n".join(f"| {' | '.join(map(str, line))} |" for line in lines)


def percent(value: float | None, digits: int = 1) -> str:
    """A share as a percentage, – where there is none."""
    return "–" if value is None or value != value else f"{100 * value:.{digits}f}"

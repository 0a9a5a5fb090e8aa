"""Tables as text: aligned for the terminal, or as Markdown."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import count
from typing import Any


def terminal_table(head: Sequence[str], rows: Iterable[Sequence[str]], left: int = 1) -> str:
    """Aligned columns, the first ``left`` of them on the left and the others on the right.

    Nothing is wrapped or coloured, so that what is written to a file is what is seen. Widths are
    those on the screen, of which a wide or a combining character takes two columns or none.
    """
    from rich.cells import cell_len

    lines = [head, *rows]
    widths = [max(map(cell_len, column)) for column in zip(*lines, strict=True)]

    def cell(k: int, text: str) -> str:
        blanks = " " * (widths[k] - cell_len(text))
        return text + blanks if k < left else blanks + text

    return "\n".join("  ".join(map(cell, count(), line)).rstrip() for line in lines)


def markdown_table(head: Sequence[str], rows: Iterable[Sequence[Any]], left: int = 1) -> str:
    """The same as Markdown; cells are Markdown as they are."""
    sides = ["---" if k < left else "---:" for k in range(len(head))]
    lines = [head, sides, *rows]
    return "\n".join(f"| {' | '.join(map(str, line))} |" for line in lines)


def percent(value: float | None, digits: int = 1) -> str:
    """A share as a percentage, – where there is none."""
    return "–" if value is None or value != value else f"{100 * value:.{digits}f}"

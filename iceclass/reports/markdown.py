"""Parts of Markdown pages that are made from results."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any


def table(head: Sequence[str], rows: Sequence[Sequence[Any]]) -> list[str]:
    """Lines of a Markdown table."""
    lines = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    return lines + ["| " + " | ".join(map(str, row)) + " |" for row in rows]


def percent(value: float | None, digits: int = 1) -> str:
    """A share as a percentage, – where there is none."""
    return "–" if value is None or value != value else f"{100 * value:.{digits}f}"

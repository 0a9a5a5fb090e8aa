"""Docstrings that are written for the terminal, |x| and λ_ included, as reStructuredText."""

from __future__ import annotations

import re

from sphinx.application import Sphinx

SPECIAL = re.compile(r"(``.*?``|`[^`]*`_?)|(\||(?<=\w)_(?!\w))")


def escape(
    app: Sphinx, what: str, name: str, thing: object, options: object, lines: list[str]
) -> None:
    """Escape what would be a substitution or a link target, outside of literals."""
    for k, line in enumerate(lines):
        lines[k] = SPECIAL.sub(lambda m: m[1] or "\\" + m[2], line)


def setup(app: Sphinx) -> dict[str, bool]:
    app.connect("autodoc-process-docstring", escape, priority=400)  # before napoleon
    return {"parallel_read_safe": True, "parallel_write_safe": True}

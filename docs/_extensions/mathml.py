"""Formulas as MathML, which browsers show by themselves: no script, nothing from elsewhere."""

from __future__ import annotations

from typing import Any

from docutils.nodes import Element, SkipNode
from docutils.utils.math import MathError
from docutils.utils.math.latex2mathml import tex2mathml
from sphinx.application import Sphinx
from sphinx.util.logging import getLogger


def converted(node: Element, as_block: bool) -> str:
    try:
        return str(tex2mathml(node.astext(), as_block=as_block))
    except MathError as error:
        getLogger(__name__).warning("formula: %s", error, location=node)
        return node.astext()


def inline(translator: Any, node: Element) -> None:
    translator.body.append(converted(node, as_block=False))
    raise SkipNode


def block(translator: Any, node: Element) -> None:
    translator.body.append(f'<div class="math">{converted(node, as_block=True)}</div>')
    raise SkipNode


def setup(app: Sphinx) -> dict[str, bool]:
    app.add_html_math_renderer("mathml", (inline, None), (block, None))
    return {"parallel_read_safe": True, "parallel_write_safe": True}

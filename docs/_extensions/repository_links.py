"""Links from a page to what is in the repository but is no page: a folder, a script, README.

On the repository's own web page they lead there. In the built pages a file that a page includes
leads to that page, and the others are text.
"""

from __future__ import annotations

import os
from pathlib import Path

from docutils import nodes
from sphinx.addnodes import download_reference, pending_xref
from sphinx.application import Sphinx
from sphinx.transforms import SphinxTransform

INCLUDED = {
    "pipelines/README.md": "study",
    "CHANGELOG.md": "changelog",
    "CONTRIBUTING.md": "contributing",
}
"""File of the repository → the page that includes it."""


class RepositoryLinks(SphinxTransform):
    default_priority = 800  # after Markdown has become references, before these are resolved

    def apply(self) -> None:
        pages = Path(self.env.srcdir)
        folder = (pages / self.env.docname).parent
        links = [
            *self.document.findall(pending_xref),
            *self.document.findall(download_reference),
        ]
        for link in links:
            if link.get("reftype", "myst") != "myst":
                continue
            is_text = link.get("refdomain") == "doc"  # named from the top, without its suffix
            target = ((pages if is_text else folder) / link["reftarget"]).resolve()
            file = target.with_suffix(".md") if is_text else target
            if not file.exists():  # in a file of the repository that the page includes
                file = (pages.parent / link["reftarget"]).resolve()
            if not file.exists() or not file.is_relative_to(pages.parent):
                continue
            if file.is_relative_to(pages) and file.is_file():
                continue
            included = INCLUDED.get(file.relative_to(pages.parent).as_posix())
            if included is None:
                link.replace_self(nodes.inline("", "", *link.children))
            else:
                uri = os.path.relpath(included, Path(self.env.docname).parent) + ".html"
                link.replace_self(nodes.reference("", "", *link.children, refuri=uri))


def setup(app: Sphinx) -> dict[str, bool]:
    app.add_transform(RepositoryLinks)
    return {"parallel_read_safe": True, "parallel_write_safe": True}

"""How Sphinx builds these pages; `make docs` does it, and warnings are errors."""

from __future__ import annotations

import logging
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent / "_extensions"))

from iceclass import __version__

# says when it is imported, for the page on Python, which of its formats would be slow
logging.getLogger("MDAnalysis").setLevel(logging.ERROR)

project = "iceclass"
author = "The iceclass authors"
copyright = "the iceclass authors"
version = release = __version__

extensions = [
    "myst_parser",
    "sphinx.ext.autodoc",
    "sphinx.ext.napoleon",
    "sphinx_copybutton",
    "commands",
    "mathml",
    "plain_docstrings",
    "repository_links",
]
# two classes may have an attribute of one name
suppress_warnings = ["ref.python"]
exclude_patterns = ["_build", "_extensions"]
default_role = "literal"

html_theme = "furo"
html_title = f"iceclass {version}"
html_static_path = ["_static"]
html_css_files = ["iceclass.css"]
html_show_sphinx = False
html_copy_source = False
html_show_sourcelink = False

myst_enable_extensions = ["deflist", "dollarmath"]
myst_heading_anchors = 3
html_math_renderer = "mathml"

autodoc_member_order = "bysource"
autodoc_typehints = "none"
autodoc_default_options = {"members": True, "show-inheritance": True}
napoleon_google_docstring = False
napoleon_use_rtype = False
napoleon_use_param = False
napoleon_use_ivar = True
napoleon_attr_annotations = False
copybutton_exclude = ".linenos, .go, .gp"

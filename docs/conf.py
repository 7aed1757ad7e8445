"""The documentation site: sphinx-build -W --keep-going -b html docs build/docs.

Pages from code and data are generated before each build into `docs/reference/`, which git ignores.
Pages in `docs/` are Markdown that GitHub shows as well.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sphinx.application import Sphinx

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE), str(HERE.parent)]

from pages import write_pages  # noqa: E402

import nas  # noqa: E402

project = "nas"
release = nas.__version__
extensions = ["myst_parser", "sphinx.ext.autodoc"]
exclude_patterns = ["schemas", "examples"]
html_theme = "furo"
html_title = "nas"
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_copy_source = False
html_show_copyright = False
highlight_language = "text"
smartquotes = False  # they turn two hyphens into a dash
toc_object_entries = False

myst_heading_anchors = 3
default_role = "code"  # docstrings write `name` as Markdown does
autodoc_class_signature = "separated"
autodoc_default_options = {"members": True, "undoc-members": True, "exclude-members": "__init__"}
autodoc_member_order = "bysource"
python_maximum_signature_line_length = 88

PAGE = re.compile(r"\[([\w-]+\.md)\]\(\1\)")
OUTSIDE = re.compile(r"(?<!!)\[([^]]+)\]\(\.\./([^)#]+)[^)]*\)")


def name_links(_: Sphinx, __: str, content: list[str]) -> None:
    """Rewrite links for the site: a file name becomes a page title, an outside file its path."""

    def shown(link: re.Match[str]) -> str:
        text, path = link.groups()
        return f"`{path}`" if text == path else f"{text} (`{path}`)"

    content[0] = PAGE.sub(r"[](\1)", OUTSIDE.sub(shown, content[0]))


def setup(app: Sphinx) -> None:
    """Called by Sphinx."""
    write_pages(HERE / "reference")
    app.connect("source-read", name_links)

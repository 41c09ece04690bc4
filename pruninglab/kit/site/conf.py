"""Sphinx's settings: nothing is executed, nothing is fetched, mathematics is MathML."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from docutils import nodes
from latex2mathml.converter import convert
from sphinx.util.logging import getLogger

project = "pruninglab"
extensions = ["myst_nb"]
nb_execution_mode = "off"
nb_mime_priority_overrides = [("html", "text/html", 0)]
# What a cell writes in Markdown may hold tables and mathematics, as its text may.
nb_render_markdown_format = "myst"
myst_enable_extensions = ["dollarmath"]
# A link may lead to a heading, as on GitHub.
myst_heading_anchors = 3
html_theme = "pydata_sphinx_theme"
html_title = "pruninglab"
html_extra_path = ["extra"]
html_static_path = ["_static"]
STATIC = Path(__file__).with_name("_static")
html_css_files = sorted(path.name for path in STATIC.glob("*.css"))
html_js_files = [(path.name, {"defer": "defer"}) for path in sorted(STATIC.glob("*.js"))]
html_math_renderer = "mathml"
html_sidebars: dict[str, list[str]] = {"**": []}
html_show_search_summary = False
html_copy_source = False
html_show_sourcelink = False
html_theme_options = {
    "show_prev_next": True,
    "navbar_align": "left",
    "navbar_persistent": ["search-button"],
    "header_links_before_dropdown": 5,
    "secondary_sidebar_items": ["page-toc"],
    "footer_start": [],
    "footer_end": [],
}
exclude_patterns = ["extra"]
suppress_warnings = ["myst.header", "mystnb.unknown_mime_type", "misc.highlighting_failure"]


# Sizes of brackets, which the converter does not know before all of them; MathML has its own.
SIZES = re.compile(r"\\[bB]igg?[lrm]?(?![A-Za-z])")


def drawn(node: nodes.math | nodes.math_block, display: str) -> str:
    """Return mathematics as MathML, which browsers draw; a command that stays raw is a warning."""
    text = convert(SIZES.sub("", node.astext()), display=display)
    if raw := re.findall(r"\\[A-Za-z]+", re.sub(r"<[^>]*>", "", text)):
        getLogger(__name__).warning("mathematics with unknown %s", raw, location=node)
    return str(text)


def inline(translator: Any, node: nodes.math) -> None:
    """Write inline mathematics."""
    translator.body.append(drawn(node, "inline"))
    raise nodes.SkipNode


def block(translator: Any, node: nodes.math_block) -> None:
    """Write a displayed equation."""
    translator.body.append(f'<div class="math" tabindex="0">{drawn(node, "block")}</div>')
    raise nodes.SkipNode


def setup(app: Any) -> None:
    """Make MathML the way in which mathematics is written."""
    app.add_html_math_renderer("mathml", (inline, None), (block, None))

"""Sphinx's settings: nothing is executed, nothing is fetched, mathematics is MathML."""

from __future__ import annotations

from typing import Any

from docutils import nodes
from latex2mathml.converter import convert

project = "pruninglab"
extensions = ["myst_nb"]
nb_execution_mode = "off"
nb_mime_priority_overrides = [("html", "text/html", 0)]
myst_enable_extensions = ["dollarmath"]
html_theme = "pydata_sphinx_theme"
html_title = "pruninglab"
html_extra_path = ["extra"]
html_static_path = ["_static"]
html_css_files = ["explorer.css", "guess.css"]
html_js_files = [(name, {"defer": "defer"}) for name in ("explorer.js", "guess.js")]
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


def inline(translator: Any, node: nodes.math) -> None:
    """Write inline mathematics, which browsers draw by themselves."""
    translator.body.append(convert(node.astext()))
    raise nodes.SkipNode


def block(translator: Any, node: nodes.math_block) -> None:
    """Write a displayed equation."""
    translator.body.append(
        f'<div class="math" tabindex="0">{convert(node.astext(), display="block")}</div>'
    )
    raise nodes.SkipNode


def setup(app: Any) -> None:
    """Make MathML the way in which mathematics is written."""
    app.add_html_math_renderer("mathml", (inline, None), (block, None))

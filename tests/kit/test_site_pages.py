"""What a page is made of: panels that come apart, and captions that break nothing."""

from __future__ import annotations

import base64
import io
import json
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import nbformat
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from nbconvert import HTMLExporter
from PIL import Image

from pruninglab.kit.pictures import Picture, still
from pruninglab.kit.site.conf import SIZES, convert
from pruninglab.kit.site.pages import explorer, page, panels_of

NASTY = [
    "<!--<script> swallows the rest of a page", "</script><b>ends a script</b>",
    "]]> ends what XML calls CDATA", "<![CDATA[ begins it, and <style> and <title> too",
    "a \"quoted\" 'caption' with `ticks`", "&lt;!--&lt;script&gt; is written so",
    "<img src=x onerror=alert(1)>", "<!-- is a comment", "{{ braces }} {% and %} ${more}",
    "$x$ and **bold** and [a](b) and | a | table |", "line\u2028separators\u2029and \x85 others",
    "\\u003cscript> and a backslash \\", "<textarea><plaintext>",
]  # fmt: skip


class Read(HTMLParser):
    """What a browser makes of a text: its tags, alternative texts and the scripts' contents."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.alts: list[str] = []
        self.scripts: list[str] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        self.tags.append(tag)
        self.alts += [value for name, value in attrs if name == "alt" and value]

    def handle_data(self, data: str) -> None:
        if self.tags and self.tags[-1] == "script":
            self.scripts.append(data)


def drawn(figure: Figure) -> Image.Image:
    FigureCanvasAgg(figure)
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=100)
    return Image.open(buffer)


@pytest.fixture
def about(tmp_path: Path) -> dict[str, Any]:
    (tmp_path / "x").mkdir()
    Image.new("RGB", (400, 200)).save(tmp_path / "x/000.webp")
    control = {"label": "", "hint": "", "stops": ["1"], "default": 0, "kind": "range"}
    return {"name": "x", "controls": [control], "words": ["nothing"], "frames": tmp_path}


@pytest.mark.parametrize("words", NASTY)
def test_no_words_break_an_explorer(about: dict[str, Any], words: str) -> None:
    about["words"] = [words]
    about["controls"][0].update(label=words, hint=words, stops=[words])
    read = Read(f"{explorer(about, '')}<hr>")
    assert read.tags == ["figure", "div", "span", "img", "script", "hr"]
    told = json.loads(read.scripts[0])
    assert read.alts == [words] == told["words"] and told["controls"] == about["controls"]
    # What can put a parser of HTML into another state inside a script.
    assert "<" not in read.scripts[0]


def shown(captions: list[str]) -> nbformat.NotebookNode:
    """Return a notebook whose cell shows a picture for each caption."""
    buffer = io.BytesIO()
    Image.new("RGB", (40, 20)).save(buffer, "png")
    data = base64.b64encode(buffer.getvalue()).decode()
    outputs = [
        nbformat.v4.new_output("display_data", {"image/png": data, "text/plain": words},
                               metadata={"image/png": {"alt": words, "width": 20, "height": 10}})
        for words in captions
    ]  # fmt: skip
    return nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(outputs=outputs)])


def test_no_words_break_a_page(tmp_path: Path) -> None:
    notebook = shown(NASTY)
    page(notebook, tmp_path, {}, "")
    for words, output in zip(NASTY, notebook.cells[0].outputs, strict=True):
        read = Read(output.data["text/html"] + "<hr>")
        assert read.tags == ["div", "span", "img", "hr"] and read.alts == [words]
        assert 'width="20" height="10"' in output.data["text/html"]


def test_no_words_break_what_nbconvert_makes() -> None:
    """Its pictures have their width, and no alternative text: nbconvert writes none."""
    made = [HTMLExporter().from_notebook_node(shown(words))[0] for words in
            (NASTY, ["harmless"] * len(NASTY))]  # fmt: skip
    assert Read(made[0]).tags == Read(made[1]).tags
    assert made[0].count('width="20"') == len(NASTY)


@pytest.mark.parametrize("count", [1, 2, 3, 4])
def test_a_picture_comes_apart_into_its_panels(count: int) -> None:
    figure = Figure(figsize=(4 * count, 3))
    for axes in figure.subplots(1, count, squeeze=False).flat:
        axes.plot([0, 1, 0])
        axes.set_ylabel("beside the axis")
    panels = panels_of(drawn(figure))
    assert len(panels) == count
    assert panels[0][0] == 0 and panels[-1][1] == 400 * count
    assert all(right - left > 300 for left, right in panels)


def test_what_belongs_together_stays_together() -> None:
    table = Figure(figsize=(9, 3))
    for i in range(20):
        table.text(0.1 + 0.2 * (i % 4), 0.1 + 0.18 * (i // 4), "▇ words", fontsize=30)
    titled = Figure(figsize=(9, 3))
    titled.suptitle(50 * "w")
    titled.subplots(1, 2)
    barred = Figure(figsize=(6, 3))
    axes = barred.subplots()
    barred.colorbar(axes.imshow([[0, 1], [2, 3]]), ax=axes)
    for figure in (table, titled, barred, Figure(figsize=(9, 3))):
        picture = drawn(figure)
        assert panels_of(picture) == [(0, picture.width)]


@pytest.mark.parametrize(("names", "beside", "whole"), [
    (["one", "two"], False, True), (["one", "two"], True, False), (["1", "2"], False, False),
])  # fmt: skip
def test_rows_are_not_parted_from_their_names(names: list[str], beside: bool, whole: bool) -> None:
    figure = Figure(figsize=(8, 3))
    left, right = figure.subplots(1, 2)
    for axes in (left, right):
        axes.barh([0, 1], [3, 4])
        axes.set_yticks([0, 1], names if beside or axes is left else ["", ""])
    assert still(figure, "two panels of rows, named at the left").whole == whole


def test_what_is_whole_is_not_taken_apart(tmp_path: Path) -> None:
    """A table below the panels would be torn."""
    figure = Figure(figsize=(8, 3))
    for axes in figure.subplots(1, 2):
        axes.plot([0, 1, 0])
    buffer = io.BytesIO()
    drawn(figure).save(buffer, "png")
    for whole, panels in ((False, 2), (True, 1)):
        picture = Picture(buffer.getvalue(), "two panels and a table", whole=whole)
        data, metadata = picture._repr_mimebundle_()
        output = nbformat.v4.new_output("display_data", data, metadata=metadata)
        cell = nbformat.v4.new_code_cell("x", outputs=[output])
        notebook = nbformat.v4.new_notebook(cells=[cell])
        page(notebook, tmp_path, {}, "")
        assert notebook.cells[0].outputs[0].data["text/html"].count("<img") == panels


@pytest.mark.parametrize("size", ["big", "Big", "bigg", "Biggl", "bigr", "bigm"])
@pytest.mark.parametrize(
    "bracket", ["(", "[", r"\{", r"\lfloor ", r"\lceil ", r"\lVert ", "|", r"\|"]
)
def test_brackets_of_any_size_are_drawn(size: str, bracket: str) -> None:
    assert "\\" not in convert(SIZES.sub("", f"\\{size}{bracket} d \\cdot r"))

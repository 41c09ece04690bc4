"""What every saved notebook must be."""

from __future__ import annotations

import re
import sys
from html.parser import HTMLParser
from pathlib import Path

import nbformat
import pytest
from nbconvert import HTMLExporter
from nbformat import NotebookNode

from pruninglab.classroom.rerun import rerun, stable

ROOT = Path(__file__).resolve().parents[2]
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))


@pytest.fixture(params=NOTEBOOKS, ids=lambda path: path.stem)
def notebook(request: pytest.FixtureRequest) -> NotebookNode:
    return nbformat.read(request.param, as_version=4)


def code_cells(notebook: NotebookNode) -> list[NotebookNode]:
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def test_there_are_notebooks() -> None:
    assert len(NOTEBOOKS) >= 2


def test_size_and_shape(notebook: NotebookNode) -> None:
    assert len(notebook.cells) <= 45
    assert len(nbformat.writes(notebook)) < 1_000_000
    assert all(cell.source.count("\n") < 25 for cell in code_cells(notebook))
    assert "widgets" not in notebook.metadata


def test_saved_from_one_clean_run(notebook: NotebookNode) -> None:
    cells = code_cells(notebook)
    assert [cell.execution_count for cell in cells] == list(range(1, len(cells) + 1))
    outputs = [output for cell in cells for output in cell.outputs]
    assert not [output for output in outputs if output.output_type == "error"]
    assert not [output for output in outputs if output.get("name") == "stderr"]


def test_first_figure_by_the_second_code_cell_and_alt_texts(notebook: NotebookNode) -> None:
    pictures = [
        (number, output)
        for number, cell in enumerate(code_cells(notebook), start=1)
        for output in cell.outputs
        if "image/png" in output.get("data", {})
    ]
    assert pictures[0][0] <= 2
    assert all(len(output.metadata["image/png"]["alt"]) >= 20 for _, output in pictures)


def test_no_bad_habits(notebook: NotebookNode) -> None:
    source = "\n".join(cell.source for cell in notebook.cells)
    assert not re.search(r"import \*|\.cuda\(\)|(?<![\w.])interact\(", source)


def test_a_cell_needs_nothing_but_lab(notebook: NotebookNode) -> None:
    """Imports are the same in all: torch, lab, and Python's own; no plumbing, nothing private."""
    source = "\n".join(cell.source for cell in code_cells(notebook))
    imports = re.findall(r"^(?:import|from) ([\w.]+)", source, re.M)
    assert {"torch", "pruninglab"} <= set(imports)
    others = {name.partition(".")[0] for name in imports} - {"torch", "pruninglab"}
    assert others <= set(sys.stdlib_module_names)
    assert "pruninglab." not in source
    assert not re.search(r"\bpartial\(|deepcopy|load_state_dict|\blab\.[\w.]*\._", source)


# Prose states directions, code prints numbers: a re-run may change them.
MEASURED = re.compile(r"\d\s*%|±\s*\d|\d\s*±")


def prose(text: str) -> str:
    """Leave out code, mathematics, and what a paper says: quotes and the claims' first column."""
    text = re.sub(r"```.*?```|`[^`]*`|\$\$.*?\$\$|\$[^$]*\$", "", text, flags=re.S)
    text = re.sub(r"“[^”]*”|\"[^\"]*\"", "", text)
    lines = [line for line in text.splitlines() if not line.startswith(">")]
    return "\n".join(re.sub(r"^\|[^|]*\|", "|", line) for line in lines)


def test_no_number_in_prose_that_a_run_can_change(notebook: NotebookNode) -> None:
    cells = [cell.source for cell in notebook.cells if cell.cell_type == "markdown"]
    assert not [
        line for cell in cells for line in prose(cell).splitlines() if MEASURED.search(line)
    ]


def test_prose_knows_what_is_quoted() -> None:
    quoted = "we keep `0.2 %` of “15 % kept”\n> the paper has 7 %\n| claims 9 % | we find less |"
    assert not MEASURED.search(prose(quoted))
    assert MEASURED.search(prose("we find 85.9 % right")) and MEASURED.search(
        prose("| a | .1 ± .2 |")
    )


def test_exercises_and_record(notebook: NotebookNode) -> None:
    source = "\n".join(cell.source for cell in notebook.cells)
    assert source.count("answer = ...") >= 3
    assert "lab.environment()" in source
    assert "After this notebook you can" in notebook.cells[0].source


def test_every_figure_file_has_its_alt_text() -> None:
    pictures = list((ROOT / "figures").rglob("*.png"))
    assert pictures
    assert all(len(path.with_suffix(".txt").read_text()) >= 20 for path in pictures)


def test_the_readme_lists_every_notebook_with_measured_minutes() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    for path in NOTEBOOKS:
        row = next(
            line for line in readme.splitlines() if f"notebooks/{path.name}" in line and "|" in line
        )
        assert re.search(r"\d", row.split("|")[-2]), f"{path.name} has no measured minutes"


CELLS = {
    "prints": "print('one'); print('two')",
    "widget": "import ipywidgets; ipywidgets.IntSlider()",
    "object": "object()",
}


def test_rerun_is_byte_stable(tmp_path: Path) -> None:
    path = tmp_path / "small.ipynb"
    cells = [nbformat.v4.new_code_cell(source) for source in CELLS.values()]
    nbformat.write(nbformat.v4.new_notebook(cells=cells), path)
    rerun(path)
    first = path.read_bytes()
    rerun(path)
    assert path.read_bytes() == first
    assert b"widget-view" not in first
    assert b"one\\n" in first
    assert list(tmp_path.iterdir()) == [path], "nothing is left beside"


def test_a_failing_notebook_is_left_as_it_was(tmp_path: Path) -> None:
    path = tmp_path / "fails.ipynb"
    cells = [nbformat.v4.new_code_cell("1 / 0")]
    nbformat.write(nbformat.v4.new_notebook(cells=cells), path)
    before = path.read_bytes()
    with pytest.raises(Exception, match="ZeroDivisionError"):
        rerun(path)
    assert path.read_bytes() == before


def test_stable_keeps_tags_and_pictures() -> None:
    output = nbformat.v4.new_output(
        "display_data", {"image/png": "abc", "text/plain": "<X at 0x7f01>"}
    )
    cell = nbformat.v4.new_code_cell("x", outputs=[output], metadata={"tags": ["t"], "junk": 1})
    saved = stable(nbformat.v4.new_notebook(cells=[cell])).cells[0]
    assert saved.metadata == {"tags": ["t"]}
    assert saved.outputs[0].data == {"image/png": "abc", "text/plain": "<X>"}


class Images(HTMLParser):
    """Collects the alt text of every <img>; None where there is none."""

    def __init__(self) -> None:
        super().__init__()
        self.alts: list[str | None] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "img":
            self.alts.append(dict(attrs).get("alt"))


def test_an_exported_page_keeps_every_alt_text(notebook: NotebookNode) -> None:
    """As `jupyter nbconvert --to html --template classic` does; its other templates drop them."""
    html, _ = HTMLExporter(template_name="classic").from_notebook_node(notebook)
    images = Images()
    images.feed(html)
    outputs = [output for cell in code_cells(notebook) for output in cell.outputs]
    alts = [output.metadata["image/png"]["alt"] for output in outputs
            if "image/png" in output.get("data", {})]  # fmt: skip
    assert images.alts == alts

"""What every saved notebook must be."""

from __future__ import annotations

import ast
import re
import sys
import typing
from collections.abc import Callable, Iterator
from functools import reduce
from html.parser import HTMLParser
from pathlib import Path

import nbformat
import pytest
from nbconvert import HTMLExporter
from nbformat import NotebookNode

import pruninglab as lab
from pruninglab.kit.pictures import ShownAtOnce
from pruninglab.kit.rerun import rerun, stable

ROOT = Path(__file__).resolve().parents[2]
LESSONS = sorted((ROOT / "notebooks").glob("*.ipynb"))
AUDITS = sorted((ROOT / "notebooks/audits").glob("*.ipynb"))
NOTEBOOKS = [*LESSONS, *AUDITS]


def name_of(path: Path) -> str:
    return path.relative_to(ROOT / "notebooks").as_posix()


@pytest.fixture(params=NOTEBOOKS, ids=name_of)
def notebook(request: pytest.FixtureRequest) -> NotebookNode:
    return nbformat.read(request.param, as_version=4)


@pytest.fixture(params=LESSONS, ids=name_of)
def lesson(request: pytest.FixtureRequest) -> NotebookNode:
    return nbformat.read(request.param, as_version=4)


def code_cells(notebook: NotebookNode) -> list[NotebookNode]:
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def test_each_lesson_has_an_audit() -> None:
    assert len(LESSONS) >= 9
    assert {path.name for path in AUDITS} <= {path.name for path in LESSONS}


@pytest.mark.parametrize("path", NOTEBOOKS, ids=name_of)
def test_a_lesson_is_quick_to_fetch(path: Path) -> None:
    """An audit has more pictures."""
    assert path.stat().st_size <= (300_000 if path in LESSONS else 600_000)


def test_size_and_shape(notebook: NotebookNode) -> None:
    assert all(cell.source.count("\n") < 30 for cell in code_cells(notebook))
    assert "widgets" not in notebook.metadata


def test_saved_from_one_clean_run(notebook: NotebookNode) -> None:
    cells = code_cells(notebook)
    assert [cell.execution_count for cell in cells] == list(range(1, len(cells) + 1))
    outputs = [output for cell in cells for output in cell.outputs]
    assert not [output for output in outputs if output.output_type == "error"]
    assert not [output for output in outputs if output.get("name") == "stderr"]


def test_a_lesson_begins_with_its_idea_in_a_figure(lesson: NotebookNode) -> None:
    """It may come alive after a guess: then the question stands there."""
    seen = [bool(pictures(cell)) or "then=" in cell.source for cell in code_cells(lesson)]
    assert any(seen[:2])


def test_every_picture_says_what_it_shows(notebook: NotebookNode) -> None:
    shown = [output for cell in code_cells(notebook) for output in pictures(cell)]
    assert all(len(output.metadata["image/png"]["alt"]) >= 20 for output in shown)


SHOWING = ("lab.publish", "lab.explore", "lab.board.show")


def called(node: ast.AST) -> str:
    return ast.unparse(node.func) if isinstance(node, ast.Call) else ""


def pictures(cell: NotebookNode) -> list[NotebookNode]:
    return [output for output in cell.outputs if "image/png" in output.get("data", {})]


def test_every_picture_is_seen(notebook: NotebookNode) -> None:
    """A call in a loop or a function shows at least one: a saved cell holds as many pictures.

    What a question holds back is in a lambda, and not seen.
    """
    for cell in code_cells(notebook):
        nodes = list(ast.walk(ast.parse(cell.source)))
        later = {id(part) for node in nodes if isinstance(node, ast.Lambda)
                 for part in ast.walk(node)}  # fmt: skip
        asked = sum(called(node) in SHOWING for node in nodes if id(node) not in later)
        repeated = any(isinstance(node, (ast.For, ast.FunctionDef)) for node in nodes)
        shown = len(pictures(cell))
        assert shown == asked or (repeated and shown > asked > 0), cell.source


def lost(source: str) -> Iterator[str]:
    """Yield the calls of a cell whose result is seen only where it is last, and is not there."""
    tree = ast.parse(source)
    for node in ast.walk(tree):
        if isinstance(node, ast.Expr) and node is not tree.body[-1]:
            function = reduce(lambda part, name: getattr(part, name, None),
                              called(node.value).split(".")[1:], lab)  # fmt: skip
            if called(node.value).startswith("lab.") and is_only_seen_last(function):
                yield ast.unparse(node)


def is_only_seen_last(function: Callable[..., object] | None) -> bool:
    result = typing.get_type_hints(function).get("return", object)
    # "Right." is seen as every result of a cell is; what trains returns nothing to see.
    shows = result is str or any(name.startswith("_repr_") for name in dir(result))
    return shows and not (isinstance(result, type) and issubclass(result, ShownAtOnce))


def test_nothing_is_lost_in_the_middle_of_a_cell(notebook: NotebookNode) -> None:
    assert not [call for cell in code_cells(notebook) for call in lost(cell.source)]


def test_what_is_lost_is_found() -> None:
    for call in ("lab.papers.ledger('sap')", "lab.papers.table()",
                 "lab.lessons.concave.figures.penalties()",
                 "lab.board.merge('boards')"):  # fmt: skip
        assert list(lost(f"{call}\nprint()")) == [call]
        assert list(lost(f"for _ in 'ab':\n    {call}")) == [call]
        assert list(lost(f"x = 1\n{call}")) == []
    for call in ("lab.publish(figure)", "lab.explore(draw)", "lab.train(net, data)",
                 "lab.guess.summary('a')", "print()"):  # fmt: skip
        assert list(lost(f"{call}\nprint()")) == []


def test_no_bad_habits(notebook: NotebookNode) -> None:
    source = "\n".join(cell.source for cell in notebook.cells)
    assert not re.search(r"import \*|\.cuda\(\)|(?<![\w.])interact\(", source)


def test_a_cell_needs_nothing_but_lab(notebook: NotebookNode) -> None:
    """Torch, lab, what lessons have of their own, Python's own; no plumbing, nothing private."""
    source = "\n".join(cell.source for cell in code_cells(notebook))
    imports = re.findall(r"^(?:import|from) ([\w.]+)", source, re.M)
    assert "pruninglab" in imports
    others = {name.partition(".")[0] for name in imports} - {"torch", "pruninglab"}
    assert others <= set(sys.stdlib_module_names)
    assert not re.search(r"pruninglab\.(?!lessons)", source)
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


def test_in_a_lesson_the_student_writes(lesson: NotebookNode) -> None:
    cells = [cell.source for cell in code_cells(lesson)]
    assert len(re.findall(r"exercises\.\w+\.check\(", "\n".join(cells))) >= 3
    assert re.search(r"After this (lesson|notebook) you can", lesson.cells[0].source)


def test_every_figure_file_has_its_alt_text() -> None:
    pictures = list((ROOT / "figures").rglob("*.png"))
    assert pictures
    assert all(len(path.with_suffix(".txt").read_text()) >= 20 for path in pictures)


def test_the_readme_lists_every_notebook_with_measured_minutes() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    for path in LESSONS:
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
    saved = [output for cell in code_cells(notebook) for output in pictures(cell)]
    alts = [output.metadata["image/png"]["alt"] for output in saved]
    assert images.alts == alts

"""What shows itself is seen wherever in a cell it stands, in its place, and once."""

from __future__ import annotations

import nbformat
import pytest
from matplotlib.figure import Figure
from nbclient import NotebookClient
from nbformat import NotebookNode

import pruninglab as lab
from pruninglab.kit.rerun import stable

SETUP = """
import pruninglab as lab

@lab.figure("99_test/dot")
def dot(page, x=1):
    (axes,) = page(2, 1)
    axes.plot([x], [0], "o")
    return f"A dot that lies at {x}, and nothing else"

def slider():
    return lab.slider(0, 9, 3, step=1, label="place", hint="to the right")

q = {"name": "99_what", "low": 0, "high": 9}
options = ["a", "b"]
"""
CALLS = {
    "publish": "lab.publish(dot())",
    "explore": "lab.explore(dot, x=slider())",
    "number": "lab.guess.number('How many?', 3, **q)",
    "choice": "lab.guess.choice('Which?', options, answer='a', name='99_what')",
    "curve": "lab.guess.curve('Draw.', ([1, 2, 3], [0, 1, 0]), xlabel='x', ylabel='y', "
             "name='99_what')",
    "summary": "lab.guess.summary('99_what')",
}  # fmt: skip
PLACES = {
    "last": "{call}",
    "in the middle": "print('before')\n{call}\nprint('after')",
    "kept": "thing = {call}",
    "kept and last": "thing = {call}\nthing",
    "in a branch": "if True:\n    {call}",
    "in a function": "def f():\n    {call}\nf()",
    "hidden by ;": "{call};",
}


@pytest.fixture(scope="module")
def ran() -> dict[tuple[str, str], NotebookNode]:
    """One kernel for all cells: to start it takes longer than the rest."""
    keys = [(call, place) for call in CALLS for place in PLACES]
    sources = [SETUP, *(PLACES[place].format(call=CALLS[call]) for call, place in keys)]
    cells = [nbformat.v4.new_code_cell(source) for source in sources]
    return dict(zip(keys, run(cells), strict=True))


def run(cells: list[NotebookNode]) -> list[NotebookNode]:
    """Run the cells after the first as they are saved; return them."""
    book = nbformat.v4.new_notebook(cells=cells)
    NotebookClient(book, kernel_name="python3").execute()
    return stable(book).cells[1:]


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("call", CALLS)
def test_shown_once_and_in_its_place(
    ran: dict[tuple[str, str], NotebookNode], call: str, place: str
) -> None:
    outputs = ran[call, place].outputs
    kinds = [output.output_type for output in outputs]
    between = place == "in the middle"
    assert kinds == (["stream", "display_data", "stream"] if between else ["display_data"])
    shown = next(output for output in outputs if output.output_type == "display_data")
    assert ("image/png" if call in ("publish", "explore") else "text/html") in shown.data


def test_a_loop_shows_each_and_a_later_cell_once_more() -> None:
    sources = [
        SETUP,
        "for x in (2, 3):\n    print(x)\n    lab.publish(dot(x))",
        "explorer = lab.explore(dot, x=slider())",
        "explorer",
        "lab.explore(dot, x=slider())",
        "explorer",
    ]
    cells = run([nbformat.v4.new_code_cell(cell) for cell in sources])
    seen = [["image/png" in output.get("data", ()) for output in cell.outputs] for cell in cells]
    assert seen == [[False, True, False, True], [True], [True], [True], [False]]
    assert "run its cell again" in cells[-1].outputs[0].text


def test_without_a_notebook_words_are_printed(capsys: pytest.CaptureFixture[str]) -> None:
    print("before")
    lab.publish(Figure(), "99_test/axes", alt="Two axes, and nothing on them")
    print("after")
    assert capsys.readouterr().out == "before\nTwo axes, and nothing on them\nafter\n"

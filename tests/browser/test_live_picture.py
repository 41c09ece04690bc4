"""One explorer in a page: its picture, its error, a second view of it, and no kernel."""

from __future__ import annotations

from typing import Any

import nbformat
import pytest

pytestmark = pytest.mark.browser
CELLS = (
    """
import pruninglab as lab
words = "was"

@lab.figure("99_test/dot")
def dot(page, x, letter):
    if x == 0:
        raise ZeroDivisionError("nothing to see at zero")
    (axes,) = page(4, 2)
    axes.plot([x], [0], "o")
    axes.set(xlim=(0, 2), title=f"{words} {letter}")
    return f"A dot that {words} at {x:.2f} under the letter {letter}"

lab.explore(dot, x=lab.slider(0.0, 2.0, 1.0, step=0.1, label="place", hint="to the right"),
            letter=lab.choice(["a", "b"], "a", label="letter", hint="in the title"))
""",
    "words",
    "words = 'is'",
)


@pytest.fixture
def lab_with_a_dot(lab_page: Any) -> Any:
    cells = [nbformat.v4.new_code_cell(source.strip()) for source in CELLS[:2]]
    cells.append(nbformat.v4.new_code_cell("words"))
    kernel = {"display_name": "Python 3", "language": "python", "name": "python3"}
    book = nbformat.v4.new_notebook(cells=cells, metadata={"kernelspec": kernel})
    nbformat.write(book, lab_page._folder / "dot.ipynb")
    lab_page.open("dot.ipynb")
    lab_page.run_all()
    assert lab_page.errors() == []
    return lab_page


def test_what_a_page_shows(lab_with_a_dot: Any) -> None:
    """One page for all of it: to open one takes longer than the rest."""
    (explorer,) = lab_with_a_dot.explorers()
    controls_keep_each_other(explorer)
    an_error_is_told_and_goes_away(explorer)
    a_second_view_shows_what_the_first_does(lab_with_a_dot.page, explorer)
    after_a_cell_nothing_old_is_shown(lab_with_a_dot.page, explorer)
    a_kernel_that_has_ended_is_told(lab_with_a_dot.page, explorer)


def controls_keep_each_other(explorer: Any) -> None:
    place, letter = explorer.controls()
    place.do(lambda: place._press("ArrowRight"))
    letter.do(lambda: letter.field.select_option("b"))
    assert explorer.caption == "A dot that was at 1.10 under the letter b"
    place.do(lambda: place._press("ArrowLeft"))
    assert explorer.caption == "A dot that was at 1.00 under the letter b"


def after_a_cell_nothing_old_is_shown(page: Any, explorer: Any) -> None:
    place = explorer.controls()[0]
    for key in ("ArrowRight", "ArrowLeft", "ArrowRight"):
        place.do(lambda key=key: place._press(key))
    page.locator(".jp-CodeCell").nth(2).locator(".cm-content").fill(CELLS[2])
    page.keyboard.press("Control+Enter")
    page.wait_for_timeout(1000)
    for key in ("ArrowLeft", "ArrowRight"):
        place._press(key)
        explorer.settle()
        assert "A dot that is at" in explorer.caption


def an_error_is_told_and_goes_away(explorer: Any) -> None:
    place = explorer.controls()[0]
    place._press("Home")
    explorer.settle()
    assert explorer.message == "ZeroDivisionError: nothing to see at zero"
    place._press("ArrowRight")
    explorer.settle()
    assert explorer.message == "" and "at 0.10" in explorer.caption


def a_second_view_shows_what_the_first_does(page: Any, explorer: Any) -> None:
    """Create New View for Cell Output: it shows the present state, and both follow."""
    place = explorer.controls()[0]
    place.do(lambda: place._press("ArrowRight"))
    page.locator(".jp-CodeCell").first.locator(".pruninglab-picture").click(button="right")
    page.click("text=Create New View for Cell Output")
    views = page.locator(".pruninglab-picture")
    page.wait_for_function(
        "() => document.querySelectorAll('.pruninglab-picture img[src^=blob]').length === 2"
    )
    assert len({views.nth(i).inner_text() for i in range(2)}) == 1
    place.do(lambda: place._press("ArrowRight"))
    assert len({views.nth(i).inner_text() for i in range(2)}) == 1
    assert "at 0.30" in views.nth(1).inner_text()


def a_kernel_that_has_ended_is_told(page: Any, explorer: Any) -> None:
    """In a sentence beside the last picture, not by a broken link at each of its parts."""
    page.evaluate(
        "() => window.jupyterapp.shell.currentWidget.sessionContext.session.kernel.restart()"
    )
    page.wait_for_selector("text=/The kernel has ended: run this cell again/", timeout=30_000)
    marks = "(parts) => parts.map((part) => getComputedStyle(part, '::before').content)"
    parts = page.locator(".jupyter-widgets-disconnected")
    assert parts.count() and set(parts.evaluate_all(marks)) == {"none"}
    assert "A dot that is at" in explorer.caption and explorer.image.is_visible()

"""What the page shows by itself: pictures it has seen, while the kernel stands still."""

from __future__ import annotations

import os
import signal
from typing import Any

import nbformat
import pytest

pytestmark = pytest.mark.browser
CELLS = (
    """
import os
import pruninglab as lab
from pruninglab.classroom.plots.style import blank
words = "was"

@lab.picture("99_test/dot")
def dot(x, letter, figure=None):
    if x == 0:
        raise ZeroDivisionError("nothing to see at zero")
    figure, (axes,) = blank(figure, 4, 2)
    axes.plot([x], [0], "o")
    axes.set(xlim=(0, 2), title=f"{words} {letter}")
    return lab.describe(figure, f"A dot that {words} at {x:.2f} under the letter {letter}")

lab.explore(dot, x=lab.slider(0.0, 2.0, 1.0, step=0.1, label="place", hint="to the right"),
            letter=lab.choice(["a", "b"], "a", label="letter", hint="in the title"))
""",
    "print('kernel', os.getpid())",
    "words = 'is'",
)
# Long enough for all states one step away to be drawn, beside another busy worker too.
REST_MS = 3000


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


def test_pictures_come_without_the_kernel_and_after_it(lab_with_a_dot: Any) -> None:
    """One page for all of it: to open one takes longer than the rest."""
    (explorer,) = lab_with_a_dot.explorers()
    a_kernel_that_stands_still(lab_with_a_dot.page, explorer)
    an_error_is_told_and_goes_away(explorer)
    a_second_view_shows_what_the_first_does(lab_with_a_dot.page, explorer)
    after_a_cell_nothing_old_is_shown(lab_with_a_dot.page, explorer)


def said(page: Any, words: str) -> None:
    page.wait_for_function(
        "words => [...document.querySelectorAll('[aria-live]')].some("
        "(part) => part.innerText.includes(words))",
        arg=words,
        timeout=10_000,
    )


def a_kernel_that_stands_still(page: Any, explorer: Any) -> None:
    """What was seen, and what was drawn ahead, comes all the same; what was not, later."""
    place, letter = explorer.controls()
    seen = []
    for key in ("ArrowRight", "ArrowRight", "ArrowLeft"):
        place.do(lambda key=key: place._press(key))
        seen.append(explorer.settled())
    page.wait_for_timeout(REST_MS)
    kernel = int(page.locator(".jp-OutputArea-output >> text=/^kernel/").inner_text().split()[1])
    os.kill(kernel, signal.SIGSTOP)
    try:
        place._press("ArrowRight")
        said(page, "at 1.20 under the letter a")
        place._press("ArrowLeft")
        said(page, "at 1.10 under the letter a")
        letter.field.select_option("b")
        said(page, "at 1.10 under the letter b")
        letter.field.select_option("a")
        for _ in range(3):
            place._press("ArrowRight")
        said(page, "at 1.30 under the letter a")
        page.wait_for_timeout(300)
        assert "at 1.30" in explorer.caption, "the step after two to the right, but not 1.40"
    finally:
        os.kill(kernel, signal.SIGCONT)
    said(page, "at 1.40 under the letter a")
    for key in ("ArrowLeft", "ArrowLeft", "ArrowLeft"):
        place.do(lambda key=key: place._press(key))
    assert explorer.settled() == seen[2]
    assert explorer.message == ""


def after_a_cell_nothing_old_is_shown(page: Any, explorer: Any) -> None:
    place = explorer.controls()[0]
    for key in ("ArrowRight", "ArrowLeft", "ArrowRight"):
        place.do(lambda key=key: place._press(key))
    page.locator(".jp-CodeCell").nth(2).locator(".cm-content").fill(CELLS[2])
    page.keyboard.press("Control+Enter")
    page.wait_for_timeout(REST_MS)
    for key in ("ArrowLeft", "ArrowRight"):
        place._press(key)
        explorer.settle()
        assert "A dot that is at" in explorer.caption


def an_error_is_told_and_goes_away(explorer: Any) -> None:
    place = explorer.controls()[0]
    place._press("Home")
    explorer.settle()
    assert "nothing to see at zero" in explorer.message
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

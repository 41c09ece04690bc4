"""The board as a student meets it: choose, run, watch it grow, stop, keep, in a usable page."""

from __future__ import annotations

import re
import time
from pathlib import Path
from typing import Any

import nbformat
import pytest

import pruninglab as lab

pytestmark = pytest.mark.browser
CELLS = (
    """
import pruninglab as lab
data = lab.data.load("fashion-mnist")

def my_score(net, images):
    return {name: w.detach() ** 2 for name, w in lab.scores.prunable(net).items()}

def my_budget(groups):
    return groups.living - groups.living // 3

def my_stop(state):
    return state.epoch >= 500

def new_net(seed):
    return lab.nets.lenet_300_100(seed=seed)

mine = lab.Recipe(my_score, lab.budgets.fraction(0.5), stop=lab.stops.epochs(1), rounds=2)
lab.board.show(new_net, data, mine, scores=[my_score], budgets=[my_budget], stops=[my_stop],
               at=0.3, name="Ada", folder="runs/class")
""",
    "print('the kernel', 'answers')",
)
OTHERS = {
    "score": "snip()",
    "budget": "my_budget",
    "scope": "global_",
    "stop": "epochs(2)",
    "rewind": "fine_tune",
}
PATIENCE = 240_000


class BoardPage:
    """The board in the page."""

    def __init__(self, page: Any) -> None:
        self.page = page
        self.box = page.locator(".jp-OutputArea-output .widget-vbox").first

    def choose(self, **values: str) -> None:
        for name, value in values.items():
            menu = self.box.locator(f".widget-dropdown:has(.widget-label:text-is('{name}')) select")
            menu.select_option(value)

    def button(self, word: str) -> Any:
        return self.box.locator(f"button:has-text('{word}')")

    @property
    def message(self) -> str:
        return self.box.locator("[aria-live=polite]").first.inner_text()

    def says(self, words: str) -> None:
        self.page.wait_for_function(
            "words => document.querySelector('.widget-vbox [aria-live=polite]')"
            "?.innerText.includes(words)",
            arg=words,
            timeout=PATIENCE,
        )

    @property
    def picture(self) -> str:
        return self.box.locator("img").get_attribute("src")

    @property
    def lines(self) -> int:
        """How many rows the leaderboard has, by the words under the picture."""
        caption = self.box.locator(".widget-html").last.inner_text()
        return len(re.findall(r"[\d–]+\.? [A-Z] [^;]*: validation", caption))


@pytest.fixture
def board(lab_page: Any) -> BoardPage:
    cells = [nbformat.v4.new_code_cell(source.strip()) for source in CELLS]
    path = lab_page._folder / "board.ipynb"
    kernel = {"display_name": "Python 3", "language": "python", "name": "python3"}
    # Without a kernel's name JupyterLab would ask for one.
    book = nbformat.v4.new_notebook(cells=cells, metadata={"kernelspec": kernel})
    nbformat.write(book, path)
    lab_page.open(path.name)
    idle = "#jp-main-statusbar >> text=/ipykernel.*Idle/"
    lab_page.page.wait_for_selector(idle, timeout=PATIENCE)
    print(f"\nfirst board after {lab_page.run_all(seconds=400):.0f} s")
    assert lab_page.errors() == []
    lab_page.page.wait_for_selector(".widget-vbox img", timeout=30_000)
    return BoardPage(lab_page.page)


def test_choose_run_stop_and_keep(board: BoardPage, lab_page: Any) -> None:
    assert board.lines == 1
    board.choose(stop="first_then(first=0, later=2)", rewind="to_epoch(1)")
    board.says("This cannot work: rewind=to_epoch(1) wants epoch 1")
    assert board.button("Run").is_disabled()
    lab_page.keep("board_refused")

    board.choose(**OTHERS)
    board.says("This can work")
    pictures = {board.picture}
    board.button("Run").click()
    board.says("round 0")
    answers_while_it_runs(lab_page.page)
    while "Done" not in board.message:
        pictures.add(board.picture)
        board.page.wait_for_timeout(100)
        assert "early" not in board.message and "cannot" not in board.message
    assert len(pictures) >= 4, "the picture grows round by round"
    board.page.wait_for_timeout(500)
    assert board.lines == 2
    lab_page.keep("board_grown")

    board.choose(stop="my_stop")
    board.says("This can work")
    board.button("Run").click()
    board.says("round 0")
    board.page.wait_for_timeout(1500)
    start = time.perf_counter()
    board.button("Stop").click()
    board.says("Stopped")
    seconds = time.perf_counter() - start
    print(f"stopped after {seconds:.2f} s")
    assert seconds < 1
    assert board.lines == 2
    keep_and_merge(board, lab_page._folder / "runs" / "class")
    lab_page.keep("board_kept")


def answers_while_it_runs(page: Any) -> None:
    """Another cell runs while the board does."""
    page.locator(".jp-CodeCell").nth(1).locator(".jp-InputArea-editor").click()
    page.locator(".jp-CodeCell").nth(1).locator(".jp-OutputArea").evaluate("e => e.innerHTML = ''")
    page.keyboard.press("Control+Enter")
    page.wait_for_function(
        "() => document.querySelectorAll('.jp-CodeCell')[1].innerText"
        ".includes('the kernel answers')",
        timeout=20_000,
    )


def keep_and_merge(board: BoardPage, folder: Path) -> None:
    """Keep under two names; both files are ranked."""
    for who in ("Ada", "Zoë"):
        field = board.box.locator(".widget-text input")
        field.fill(who)
        field.press("Tab")
        board.page.wait_for_timeout(300)
        board.button("Keep").click()
        board.says(f"{who}-")
    assert sorted(path.name[:4] for path in folder.iterdir()) == ["Ada-", "Zoë-"]
    table = lab.board.merge(folder, at=0.3)
    assert table.count("| Ada |") == table.count("| Zoë |") == 2 and "Left out" not in table

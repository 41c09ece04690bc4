"""Exercises themselves: solutions pass, silence fails nothing, a check says one line."""

from __future__ import annotations

import os
import signal
import threading
import traceback

import nbformat
import pytest
import torch
from answers import EVERY, hears, solve
from nbclient import NotebookClient

import pruninglab as lab
from pruninglab.kit import exercise as core
from pruninglab.kit.exercise import Exercise

start = lab.lessons.start.exercises


def test_every_notebook_has_four_or_more() -> None:
    assert len(lab.lessons.__all__) == 10
    for lesson in lab.lessons.__all__:
        found = vars(getattr(lab.lessons, lesson).exercises).values()
        assert len([one for one in found if isinstance(one, Exercise)]) >= 4, lesson


@pytest.mark.parametrize("exercise", EVERY, ids=repr)
def test_the_solution_passes(exercise: Exercise) -> None:
    hears(exercise, solve(exercise), None)
    assert exercise.solution.strip() in exercise.reveal().data
    assert exercise.title in exercise._repr_markdown_()


@pytest.mark.parametrize("exercise", EVERY, ids=repr)
def test_three_hints_give_away_more_and_more_but_not_all(exercise: Exercise) -> None:
    uses, form, half = (exercise.hint(step).data for step in (1, 2, 3))
    solution = exercise.reveal().data
    assert uses.startswith("It uses: ") and uses not in solution
    assert form.count("▢") > half.count("▢") > 0 and solution.count("▢") == 0
    assert form.split("\n")[1].partition("=")[0] == solution.split("\n")[1].partition("=")[0]
    assert len(form.splitlines()) == len(half.splitlines()) == len(solution.splitlines())
    with pytest.raises(ValueError, match="step=4 must be one of"):
        exercise.hint(4)


@pytest.mark.parametrize("exercise", EVERY, ids=repr)
def test_silence_fails_nothing_and_nonsense_is_told_so(exercise: Exercise) -> None:
    open_ = exercise.check()
    assert open_.startswith("Not answered yet")
    assert not open_ and not open_.right
    hears(exercise, "nonsense", "")


def test_a_check_prints_its_line_and_shows_it_only_once(capsys: pytest.CaptureFixture[str]) -> None:
    verdict = start.SCORE.check(torch.abs)
    assert capsys.readouterr().out == f"{verdict}\n"
    verdict._ipython_display_()
    assert capsys.readouterr().out == ""


def test_a_failing_line_of_the_students_cell_is_named() -> None:
    cell = compile("def answer(weight, gone):\n    n = 1\n    return n / 0\n", "cell", "exec")
    names: dict = {"__name__": "__main__"}
    exec(cell, names)
    hears(start.CUT, names["answer"], "fails in line 3 with ZeroDivisionError: division by zero")


def interrupts(weight: torch.Tensor, gone: int) -> None:
    os.kill(os.getpid(), signal.SIGINT)


def hides_the_interrupt(weight: torch.Tensor, gone: int) -> torch.Tensor:
    try:
        interrupts(weight, gone)
    except BaseException:
        return weight


@pytest.mark.parametrize("answer", [interrupts, hides_the_interrupt])
def test_an_interrupt_from_outside_gets_through(answer: object) -> None:
    before = signal.getsignal(signal.SIGINT)
    with pytest.raises(KeyboardInterrupt):
        start.CUT.check(answer)
    assert signal.getsignal(signal.SIGINT) is before


def test_other_threads_check_too() -> None:
    found = []
    thread = threading.Thread(target=lambda: found.append(start.CUT.check(solve(start.CUT))))
    thread.start()
    thread.join()
    assert found == [core.RIGHT]


CELLS = {
    "answer = ...\nlab.lessons.start.exercises.CUT.check(answer)": "Not answered yet",
    "lab.lessons.start.exercises.SCORE.check(abs)": "Not yet: size is |w|",
    "lab.lessons.start.exercises.SCORE.check(lambda w: w.abs().max() - w.abs())\nx = 1": "Right.",
    "def answer(weight, gone):\n    raise SystemExit\n"
    "lab.lessons.start.exercises.CUT.check(answer)": (
        "Not yet: your answer fails in line 2 with SystemExit\n"
    ),
    "def answer(weight, gone):\n    return answer(weight, gone)\n"
    "v = lab.lessons.start.exercises.CUT.check("
    "answer)": "Not yet: your answer fails in line 2 with RecursionError",
    "lab.lessons.start.exercises.CUT.check(lambda w, n: w.abs() > 1)": "Not yet: 0 of 8 should go",
}


def test_in_a_kernel_wrong_answers_are_one_line_and_stop_nothing() -> None:
    notebook = nbformat.v4.new_notebook()
    sources = ["import pruninglab as lab", *CELLS]
    notebook.cells = [nbformat.v4.new_code_cell(source) for source in sources]
    NotebookClient(notebook, timeout=600).execute()
    for cell, said in zip(notebook.cells[1:], CELLS.values(), strict=True):
        (output,) = cell.outputs
        assert output.name == "stdout"
        assert output.text.startswith(said)
        assert output.text.count("\n") == 1


def test_no_traceback_is_made_of_a_wrong_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(traceback, "print_exc", lambda *_: pytest.fail("a traceback"))
    hears(start.CUT, lambda w, n: 1 / 0, "ZeroDivisionError")

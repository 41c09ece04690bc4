"""Solutions pass; wrong answers raise and name the mistake; silence fails nothing."""

from __future__ import annotations

import pytest
import torch

import pruninglab as lab
from pruninglab.classroom.exercises.core import Exercise, NotYet
from pruninglab.ideas.pqi import pq_index, retained_bound

start, pqi, sap = lab.exercises.start, lab.exercises.pqi, lab.exercises.sap
EVERY = [*start.EXERCISES, *pqi.EXERCISES, *sap.EXERCISES]


@pytest.mark.parametrize("exercise", EVERY, ids=repr)
def test_the_solution_passes(exercise: Exercise) -> None:
    names = {"torch": torch, "lab": lab, "pq_index": pq_index, "retained_bound": retained_bound}
    exec(exercise.solution, names)
    assert exercise.check(names["answer"]) == "Right."
    assert exercise.solution.strip() in exercise.reveal().data
    assert exercise.title in exercise._repr_markdown_()


@pytest.mark.parametrize("exercise", EVERY, ids=repr)
def test_silence_fails_nothing_and_nonsense_does(exercise: Exercise) -> None:
    assert exercise.check(...).startswith("Not answered yet")
    with pytest.raises(NotYet, match="Not yet: "):
        exercise.check("nonsense")


def by_threshold(weight: torch.Tensor, gone: int) -> torch.Tensor:
    return weight.abs() > weight.abs().flatten().sort().values[gone]


def signed(weight: torch.Tensor, gone: int) -> torch.Tensor:
    mask = torch.ones(weight.numel(), dtype=torch.bool)
    mask[weight.flatten().argsort(stable=True)[:gone]] = False
    return mask.reshape(weight.shape)


def plain_magnitude(net: torch.nn.Module, batch: object) -> dict:
    return {name: weight.abs() for name, weight in lab.scores.prunable(net).items()}


@pytest.mark.parametrize(
    ("exercise", "answer", "hint"),
    [
        (start.WORDS, (0.95, 0.05, 20), "density is kept / all"),
        (start.WORDS, (0.05, 0.05, 20), "sparsity is 1 − density"),
        (start.WORDS, (0.05, 0.95, 0.05), "compression is 1 / density"),
        (start.CUT, by_threshold, "cut by sorted index"),
        (start.CUT, signed, "not its sign"),
        (start.SCORE, plain_magnitude, "divide"),
        (pqi.BY_HAND, 36 / 14 / 4, "1 minus"),
        (pqi.BY_HAND, 1 - 36 / 14, "left out the factor"),
        (pqi.BREAK_IT, torch.tensor([0.0, 1.0]), "positive"),
        (pqi.BREAK_IT, torch.tensor([1.0]), "two positive"),
        (pqi.KEEP, 89, "rounded down"),
        (pqi.KEEP, 89.5, "whole"),
        (pqi.KEEP, 50, "round up"),
        (sap.COUNT, 4, "rounded down"),
        (sap.COUNT, 7, "how many go"),
        (sap.BUDGET, lab.budgets.pq_bound(), "SAP itself"),
        (sap.BUDGET, lambda groups: torch.tensor([4.0, 3.0]), "whole"),
        (sap.BUDGET, lambda groups: torch.tensor([4, 4]), "at most two"),
        (sap.RAISE, torch.tensor([9.0] * 3), "4 to 1000"),
        (sap.RAISE, torch.tensor([9.0, 0.0, 1.0, 1.0]), "positive"),
        (sap.RAISE, torch.tensor([1.0] * 20), r"\(½, 1\) .* no rise"),
        (sap.RAISE, torch.tensor([100.0] + [1.0] * 100), r"\(1, 2\) .* no rise"),
    ],
)
def test_wrong_answers_name_the_mistake(exercise: Exercise, answer: object, hint: str) -> None:
    with pytest.raises(NotYet, match=hint):
        exercise.check(answer)

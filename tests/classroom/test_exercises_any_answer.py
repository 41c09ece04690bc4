"""Whatever a student hands in: a friendly sentence, and no trace in their random numbers."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from fractions import Fraction

import numpy as np
import pytest
import torch
from torch import nn

import pruninglab as lab
from pruninglab.classroom.exercises import (
    concave,
    faster,
    flows,
    inertial,
    mix,
    nnrelief,
    pqi,
    sap,
    start,
)
from pruninglab.classroom.exercises.core import Exercise, NotYet
from pruninglab.ideas.pqi import pq_index, retained_bound

EVERY = [
    exercise
    for module in (start, pqi, sap, flows, nnrelief, concave, inertial, faster, mix)
    for exercise in module.EXERCISES
]
NAMES = {"torch": torch, "lab": lab, "pq_index": pq_index, "retained_bound": retained_bound}

VALUES = [
    None, True, False, -1, 0, 10**400, -(10**400), 0.5, float("nan"), float("inf"), -float("inf"),
    1j, "", "nonsense", b"x", [], (), {}, [None], (1,), (1, 2), (1, 2, 3), ("a", "b", "c"),
    (None, None, None), (float("nan"),) * 3, [[1], [2, 3]], [["a"], ["b"]], {"a": 1}, {1}, range(3),
    object(), int, Exception("x"), np.float32(0.5), np.array([1, 2]), Fraction(1, 3),
    nn.Linear(2, 2),
]  # fmt: skip
TENSORS = [
    torch.tensor([]), torch.tensor(2.5), torch.tensor([float("nan")] * 2), torch.ones(3).bool(),
    torch.ones(2, 2), torch.tensor([1 + 1j, 2]), torch.ones(3, device="meta"),
    torch.ones(3).to_sparse(), torch.ones(2, 1, requires_grad=True), torch.zeros(2, 1).half(),
    torch.full((2,), 7),
]  # fmt: skip


def fails(*args: object) -> object:
    raise ArithmeticError("a mistake of the student")


def spoils(*args: object) -> object:
    """Overwrite every argument and return the first."""
    for value in args:
        with contextlib.suppress(Exception), torch.no_grad():
            value.zero_() if isinstance(value, torch.Tensor) else value[0].zero_()
    return args[0]


class Penalty:
    """A penalty whose two functions return the same nonsense."""

    def __init__(self, result: object) -> None:
        self.result = result

    def value(self, m: torch.Tensor) -> object:
        return self.result

    derivative = value


def returns(value: object) -> Callable[..., object]:
    return lambda *args: value


FUNCTIONS = [fails, spoils, lambda: 1, *(returns(value) for value in (*VALUES, *TENSORS))]
PENALTIES = [Penalty(value) for value in (None, "x", *TENSORS, torch.tensor([float("nan"), 1]))]
ANSWERS = [*VALUES, *TENSORS, *FUNCTIONS, *PENALTIES, type("Both", (), {"value": 1})()]


def solve(exercise: Exercise) -> object:
    names = dict(NAMES)
    exec(exercise.solution, names)
    return names["answer"]


@pytest.mark.parametrize("exercise", EVERY, ids=repr)
def test_nonsense_is_told_so_in_a_sentence(exercise: Exercise) -> None:
    right = []
    for answer in ANSWERS:
        try:
            right.append((answer, exercise.check(answer)))
        except NotYet as error:
            assert str(error).startswith("Not yet: ")
    # Some exercises have more than one right answer, and there are some among the nonsense.
    assert len(right) == {pqi.BREAK_IT: 1, inertial.NEEDED: 3, faster.EVEN: 1}.get(exercise, 0), (
        right
    )


@pytest.mark.parametrize("exercise", EVERY, ids=repr)
def test_checking_leaves_the_random_numbers_as_they_were(exercise: Exercise) -> None:
    answer = solve(exercise)
    states = torch.get_rng_state(), np.random.get_state()[1].copy()
    assert exercise.check(answer) == "Right."
    assert torch.equal(torch.get_rng_state(), states[0])
    assert np.array_equal(np.random.get_state()[1], states[1])


@pytest.mark.parametrize(
    ("exercise", "answer"),
    [
        (start.WORDS, [torch.tensor(0.05, dtype=torch.float64), Fraction(19, 20), np.int64(20)]),
        (nnrelief.COUNT, np.int64(3)),
        (nnrelief.COUNT, torch.tensor(3)),
        (flows.FLOW, torch.tensor([[2.5], [1.0]], requires_grad=True)),
        (flows.FLOW, [[2.5], [1]]),
        (flows.EPSILON, np.float32(0.75)),
        (inertial.NEEDED, torch.tensor([0.5])),
        (nnrelief.IMPORTANCE, lambda w, b, x: solve(nnrelief.IMPORTANCE)(w, b, x.double())),
    ],
)
def test_a_right_answer_of_another_kind_is_right(exercise: Exercise, answer: object) -> None:
    assert exercise.check(answer) == "Right."


def test_an_error_in_the_answer_is_shown() -> None:
    with pytest.raises(NotYet, match="ArithmeticError: a mistake of the student") as caught:
        start.CUT.check(fails)
    assert isinstance(caught.value.__cause__, ArithmeticError)

"""Exercises of notebook 03."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import torch
from torch import Tensor

from .core import Exercise, expect, number, tensor


def _check_flow(answer: Any) -> None:
    expect(isinstance(answer, (list, Tensor)), "give a list of lists, or a tensor")
    flow = tensor(torch.as_tensor(answer))
    expect(not flow.is_complex(), "the numbers are real")
    flow = flow.double()
    expect(flow.shape != (1, 2), "rows are the units of the first layer, columns of the second")
    expect(flow.shape == (2, 1), "two units, then one: the matrix is 2 × 1")
    expect(flow.flatten().tolist() != [5.0, 2.0], "the mean over the two images, not the sum")
    expect(flow.flatten().tolist() == [2.5, 1.0], "E[f_i f_j]: multiply per image, then average")


def _check_epsilon(answer: Any) -> None:
    answer = number(answer)
    expect(answer < 0.9, "that stops after epoch 1 already")
    expect(answer >= 0.4, "no distance is that small: all five epochs are used")
    expect(answer >= 0.7, "that stops after epoch 4")


def _asks(answer: Any, accuracies: list[float], index: int = 1) -> bool:
    history = [SimpleNamespace(validation_accuracy=value) for value in accuracies]
    return bool(answer(SimpleNamespace(epoch=len(history), history=history, round=index)))


def _check_stop(answer: Any) -> None:
    expect(callable(answer), "answer must be a function of state")
    expect(not _asks(answer, [0.8]), "after one epoch there is nothing to compare with: go on")
    expect(not _asks(answer, [0.8, 0.82]), "it still gets better from 0.80 to 0.82: go on")
    expect(_asks(answer, [0.8, 0.79]), "it got worse from 0.80 to 0.79: stop")
    expect(_asks(answer, [0.8, 0.8]), "no better is a reason to stop, too")
    expect(not _asks(answer, [0.8, 0.79, 0.81]), "compare with the epoch before, not with the best")
    rising = [0.5, 0.6, 0.7, 0.8, 0.9, 0.95]
    expect(not _asks(answer, rising[:5]), "five epochs are allowed")
    expect(_asks(answer, rising), "never more than six epochs")


FLOW = Exercise(
    "a flow by hand",
    "Two images. On the first, the two units of layer 1 put out 1 and 0, the one unit of layer 2 "
    "puts out 2. On the second: 3 and 2, then 1. What is the information flow, Eq. (2)?",
    _check_flow,
    "answer = [[2.5], [1.0]]    # (1·2 + 3·1) / 2 and (0·2 + 2·1) / 2",
)
EPSILON = Exercise(
    "choose ε",
    "The distances after the five epochs of a round are 0.9, 0.7, 0.8, 0.4, 0.5. Give an ε with "
    "which Algorithm 1 stops after epoch 2.",
    _check_epsilon,
    "answer = 0.75    # anything from 0.7 to just below 0.9",
)
STOP = Exercise(
    "your own stop",
    "Write `answer(state)`: stop when the validation accuracy of this epoch is no better than that "
    "of the epoch before, and never train more than six epochs. `state.history` holds the epochs "
    "of this round, each with a `validation_accuracy`; `state.epoch` counts them.",
    _check_stop,
    """
def answer(state):
    last = [epoch.validation_accuracy for epoch in state.history[-2:]]
    return state.epoch >= 6 or (len(last) == 2 and last[1] <= last[0])
""",
)
EXERCISES = (FLOW, EPSILON, STOP)

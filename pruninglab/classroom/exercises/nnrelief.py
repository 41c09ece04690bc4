"""Exercises of notebook 04."""

from __future__ import annotations

from typing import Any

import torch

from ...ideas.nnrelief import connection_importance, share_cut
from .core import Exercise, close, expect, tensor, whole


def _check_count(answer: Any) -> None:
    answer = whole(answer, "a number of connections is a whole number")
    expect(answer != 2, "the two strongest carry 5/7 of the signal, less than 80 %")
    expect(answer != 4, "three are enough: 6/7 of the signal")
    expect(answer == 3, "the signals are 1, 2, 3 and, for the bias, 1; sort them and add up")


def _check_importance(answer: Any) -> None:
    expect(callable(answer), "answer must be a function of weight, bias and inputs")
    generator = torch.Generator().manual_seed(0)
    weight, bias = (torch.randn(*size, generator=generator) for size in ((3, 4), (3,)))
    inputs = torch.randn(6, 4, generator=generator)
    shares = tensor(answer(weight.clone(), bias.clone(), inputs.clone()))
    expect(
        shares.shape != (3, 4),
        "the bias carries signal too: one more column, at the end",
    )
    expect(shares.shape == (3, 5), "return (out, in + 1): a row for each neuron")
    mean_first = torch.cat([(weight * inputs.mean(dim=0)).abs(), bias.abs()[:, None]], dim=1)
    mean_first = mean_first / mean_first.sum(dim=1, keepdim=True)
    expect(
        not close(shares, mean_first),
        "first the absolute value, then the mean: signals of both signs must not cancel",
    )
    sums = shares.sum(dim=1)
    expect(close(sums, torch.ones(3), 1e-5), "each neuron's row must sum to 1")
    expected = connection_importance(weight, bias, inputs)
    expect(close(shares, expected, 1e-5), "Eq. (1): mean |w x| over the samples, |b|")


def _check_cut(answer: Any) -> None:
    expect(callable(answer), "answer must be a function of the scores and α")
    scores = torch.tensor([[0.2, 0.2, 0.2, 0.2, 0.2], [0.5, 0.25, 0.125, 0.125, 0.0]])
    kept = tensor(answer(scores.clone(), 0.7), "return a bool tensor")
    expect(kept.dtype == torch.bool, "return a bool tensor")
    expect(kept.shape == scores.shape, "return one True or False for each score")
    count = int(kept[0].sum())
    expect(
        count < 5,
        "five equal scores: comparing with a threshold keeps all; four carry enough",
    )
    expect(count > 3, "three times 0.2 is 0.6, less than 0.7: one more must stay")
    expect(torch.equal(kept, share_cut(scores, 0.7)), "keep the p₀ largest of each row, by index")


COUNT = Exercise(
    "count",
    "A neuron has the weights 4, −1, 2 and the bias 1; the means of |x| are 0.25, 2 and 1.5. How "
    "many connections (the bias is one) stay at α = 0.8?",
    _check_count,
    "answer = 3    # signals 1, 2, 3, 1 of 7: 3/7, 5/7, 6/7 ≥ 0.8",
)
IMPORTANCE = Exercise(
    "importance",
    "Write `answer(weight, bias, inputs)` after Eq. (1): tensors (out, in), (out,) and "
    "(samples, in) give (out, in + 1), the bias last.",
    _check_importance,
    """
def answer(weight, bias, inputs):
    signal = torch.cat([weight.abs() * inputs.abs().mean(0), bias.abs()[:, None]], dim=1)
    return signal / signal.sum(dim=1, keepdim=True)
""",
)
CUT = Exercise(
    "the cut",
    "Write `answer(scores, alpha)`, a bool mask that keeps in each row the fewest scores that sum "
    "to α of the row or more. Mind equal scores.",
    _check_cut,
    """
def answer(scores, alpha):
    ordered, order = scores.sort(dim=1, descending=True, stable=True)
    before = ordered.cumsum(dim=1) - ordered
    kept = (before < alpha * scores.sum(dim=1, keepdim=True)) & (ordered > 0)
    return torch.zeros_like(kept).scatter(1, order, kept)
""",
)
EXERCISES = (COUNT, IMPORTANCE, CUT)

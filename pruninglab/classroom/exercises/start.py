"""Exercises of notebook 00."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn

from ...choices.scores import prunable
from ...data import Split
from ...nets import seeded
from .core import Exercise, close, expect, number, tensor


def _check_words(answer: Any) -> None:
    hint = "give three numbers, (a, b, c)"
    expect(isinstance(answer, (tuple, list)) and len(answer) == 3, hint)
    density, sparsity, compression = (number(value, hint) for value in answer)
    expect(abs(density - 0.05) < 1e-9, "density is kept / all, so it falls as you prune")
    expect(abs(sparsity - 0.95) < 1e-9, "sparsity is 1 − density")
    expect(abs(compression - 20) < 1e-6, "compression is 1 / density, a number above 1")


def _check_cut(answer: Any) -> None:
    expect(callable(answer), "answer must be a function of a tensor and a number")
    weight = torch.tensor([[3.0, -1.0, 0.5, -0.5], [2.0, -4.0, 0.5, 1.0]])
    mask = tensor(answer(weight.clone(), 3), "return a tensor of True and False")
    expect(mask.dtype == torch.bool, "return a tensor of True and False")
    expect(mask.shape == weight.shape, "the mask must have the shape of the weights")
    expect(bool(mask[1, 1]), "−4 is a large weight: look at its size, not its sign")
    expect(
        int(mask.sum()) == 5,
        f"3 of 8 must go, but your mask lets {int(mask.sum())} live; three weights are equally "
        "small, so a threshold cannot do it: cut by sorted index",
    )
    expect(not bool(mask[weight.abs() < 1].any()), "the three smallest must be the ones that go")


def _check_score(answer: Any) -> None:
    expect(callable(answer), "answer must be a function of a network and images")
    with seeded(0):
        net = nn.Sequential(nn.Flatten(), nn.Linear(4, 3), nn.ReLU(), nn.Linear(3, 2))
        inputs = torch.rand(5, 1, 2, 2)
    sizes = {name: weight.detach().abs() for name, weight in prunable(net).items()}
    given = answer(net, Split(inputs, torch.zeros(5, dtype=torch.long)))
    expect(isinstance(given, dict), "return a dict from parameter names to tensors")
    expect(list(given) == list(sizes), f"the names must be {list(sizes)}")
    scores = {name: tensor(score, "each score must be a tensor") for name, score in given.items()}
    for name, size in sizes.items():
        same_shape = scores[name].shape == size.shape
        expect(same_shape, "each score must have the shape of its weights")
        expect(bool((scores[name] >= 0).all()), "scores must not be negative")
    right = all(close(scores[name], size / size.max()) for name, size in sizes.items())
    expect(right, "divide |w| by the largest |w| of the same layer")


WORDS = Exercise(
    "three words",
    "13,321 of 266,420 weights stay, five in a hundred. Give (density, sparsity, compression).",
    _check_words,
    "answer = (0.05, 0.95, 20)",
)
CUT = Exercise(
    "cut by index",
    "Write `answer(weight, gone)`: a mask of True and False in the shape of `weight`, in which "
    "exactly the `gone` smallest weights are False. Mind the ties.",
    _check_cut,
    """
def answer(weight, gone):
    order = weight.abs().flatten().argsort(stable=True)
    mask = torch.ones(weight.numel(), dtype=torch.bool)
    mask[order[:gone]] = False
    return mask.reshape(weight.shape)
""",
)
SCORE = Exercise(
    "your first score",
    "Write a score `answer(net, images)`: |w| divided by the largest |w| of its own layer. "
    "`lab.scores.prunable(net)` gives the weights by name.",
    _check_score,
    """
def answer(net, images):
    weights = lab.scores.prunable(net)
    return {name: w.detach().abs() / w.detach().abs().max() for name, w in weights.items()}
""",
)
EXERCISES = (WORDS, CUT, SCORE)

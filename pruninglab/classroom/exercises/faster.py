"""Exercises of notebook 08."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import torch
from torch import nn

from ...choices.scores import units
from ...data import Split
from ...nets import seeded
from .core import Exercise, close, expect, number, tensor, whole

WIDTHS = (784, 150, 50, 10)


def _check_remaining(answer: Any) -> None:
    kept = whole(answer)
    hint = "half of the units of a layer takes half of its rows, and half of the next one's columns"
    expect(kept != 133_000 and kept != 133_100, hint)
    right = sum(first * second for first, second in pairwise(WIDTHS))
    expect(kept == right, f"784 → 150 → 50 → 10: count the products of neighbours; {hint}")


def _check_even(answer: Any) -> None:
    value = number(answer, "give one number, the density")
    expect(0 < value < 1, "a density lies between 0 and 1")
    expect(abs(value - 0.5) > 1e-9, "torch keeps each column in 8 bytes, not in 4")
    expect(abs(value - 2 / 3) > 1e-9, "dense: 4 bytes a weight; sparse: 4 and 8 for a living one")
    expect(abs(value - 1 / 3) < 1e-3, "set 4 bytes · all = (4 + 8) bytes · living")


def _check_fold(answer: Any) -> None:
    expect(callable(answer), "answer must be a function of three tensors")
    with seeded(0):
        first, second = nn.Linear(5, 4), nn.Linear(4, 3)
        inputs = torch.randn(6, 5)
    dead = torch.tensor([False, True, False, True])
    with torch.no_grad():
        first.weight[dead] = 0
        first.bias.copy_(torch.tensor([0.1, 0.7, -0.2, -0.4]))
        want = second(first(inputs).relu())
        given = tensor(answer(first.bias.clone(), dead.clone(), second.weight.clone()))
        expect(given.shape == (3,), "return what comes to the next bias: one number per output")
        alive = first(inputs).relu()[:, ~dead] @ second.weight[:, ~dead].T + second.bias
        columns = second.weight[:, dead]
    plain = columns @ first.bias.detach()[dead]
    expect(not close(given, plain, 1e-5), "first the activation: ReLU makes a negative bias 0")
    expect(not close(given, torch.zeros(3)), "a dead unit still hands on relu(its bias)")
    expect(close(alive + given, want, 1e-5), "add up relu(bias) times the column, dead units only")


def _check_units(answer: Any) -> None:
    expect(callable(answer), "answer must be a function of a network and images")
    with seeded(0):
        net = nn.Sequential(
            nn.Conv2d(1, 3, 2), nn.Flatten(), nn.Linear(12, 5), nn.ReLU(), nn.Linear(5, 2)
        )
    images = Split(torch.ones(4, 1, 3, 3), torch.zeros(4, dtype=torch.long))
    given = answer(net, images)
    expect(isinstance(given, dict), "return a dict from parameter names to tensors")
    wanted = {name: score.shape for name, score in units(net, images).items()}
    expect("4.weight" not in given, "leave the last layer out: its units are the answers")
    expect(list(given) == list(wanted), f"the names must be {list(wanted)}")
    for name, shape in wanted.items():
        score = tensor(given[name], "each score must be a tensor")
        expect(score.shape == shape, f"{name} needs the shape {tuple(shape)}: a number per unit")
        largest = net.get_parameter(name).detach().abs().flatten(1).amax(dim=1).reshape(shape)
        expect(close(score, largest, 1e-6), "the score of a unit is its largest |w|")


REMAINING = Exercise(
    "how many products are left?",
    "LeNet-300-100 has 784 · 300 + 300 · 100 + 100 · 10 = 266,200 weights. You remove half of the "
    "300 neurons and half of the 100. How many weights are left? (Half of them? Look again.)",
    _check_remaining,
    "answer = 784 * 150 + 150 * 50 + 50 * 10",
)
EVEN = Exercise(
    "break even on bytes",
    "A dense weight takes 4 bytes. torch's CSR keeps 4 bytes and a column of 8 bytes for each "
    "living weight (forget where the rows begin). At which density are both equally large?",
    _check_even,
    "answer = 4 / (4 + 8)",
)
FOLD = Exercise(
    "the last words of a dead unit",
    "Write `answer(bias, dead, next_weight)`: what must be added to the next layer's bias so that "
    "the dead units of a ReLU layer can go. `bias` (units,), `dead` bool (units,), `next_weight` "
    "(outputs, units).",
    _check_fold,
    """
def answer(bias, dead, next_weight):
    return next_weight[:, dead] @ bias[dead].relu()
""",
)
UNITS = Exercise(
    "a score for units",
    "Write a score `answer(net, images)` for whole units: the largest |w| that enters. Shape "
    "(out, 1) for a Linear layer, (out, 1, 1, 1) for a convolution, nothing for the last layer.",
    _check_units,
    """
def answer(net, images):
    weights = list(lab.scores.prunable(net).items())[:-1]
    return {name: w.detach().abs().amax(dim=tuple(range(1, w.dim())), keepdim=True)
            for name, w in weights}
""",
)
EXERCISES = (REMAINING, EVEN, FOLD, UNITS)

"""Exercises of notebook 06."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn

from ...ideas.inertial import gaps, hessian, spectral_cut
from ...nets import clone, seeded
from .core import Exercise, close, expect, number, tensor, whole

SPECTRUM = torch.tensor([9.0, 4.0, 3.5, 3.2, -1.0])
STAIRS = torch.tensor([9.0, 5.0, 2.0, 1.0, 0.9], dtype=torch.float64)


def _check_cut(answer: Any) -> None:
    answer = whole(answer, "k is a whole number: how many directions go")
    expect(answer != 1, "the gap after the sharpest is wide, but the rule takes the largest k")
    expect(answer != 3, "that is the last gap that is too narrow")
    expect(answer == 4, "turn the signs, sort, take differences, compare each with 4K = 0.8")


def _check_needed(answer: Any) -> None:
    answer = number(answer)
    expect(answer >= 0, "K is not negative")
    expect(not 0.25 * 4 <= answer < 4, "you compared the gaps with K; the rule says 4K")
    k = spectral_cut(STAIRS, answer)
    widths = gaps(STAIRS).tolist()
    expect(k == 2, f"with K = {answer:g} the cut is k = {k}; the gaps are {widths}")


def _check_product(answer: Any) -> None:
    expect(callable(answer), "answer must be a function of net, inputs, targets and v")
    with seeded(0):
        net = nn.Sequential(nn.Linear(3, 4), nn.Tanh(), nn.Linear(4, 2)).double()
        inputs, targets = torch.randn(9, 3).double(), torch.randint(0, 2, (9,))
        v = torch.randn(26).double()
    product = tensor(answer(clone(net), inputs.clone(), targets.clone(), v.clone()))
    expect(product.shape == (26,), "return one number per parameter, in one vector")
    loss = nn.functional.cross_entropy(net(inputs), targets)
    gradient = torch.cat([g.flatten() for g in torch.autograd.grad(loss, list(net.parameters()))])
    expect(not close(product, gradient), "this is the gradient; take that of gradient · v")
    expected = hessian(net, inputs, targets) @ v
    expect(not close(product, v * expected), "do not multiply by v once more at the end")
    expect(close(product, expected), "take the gradient of the number gradient · v")


CUT = Exercise(
    "step 5",
    "The Hessian has the eigenvalues 9, 4, 3.5, 3.2 and −1, and K is 0.2. Which k does step (5) "
    "choose? (And which single direction is kept?)",
    _check_cut,
    "answer = 4    # −9, −4, −3.5, −3.2, 1: the last gap is 4.2. Kept: the one that curves down",
)
NEEDED = Exercise(
    "the K you need",
    "The Hessian has the eigenvalues 9, 5, 2, 1 and 0.9. Find a K with which step (5) prunes "
    "exactly the two sharpest directions.",
    _check_needed,
    "answer = 0.5    # gaps 4, 3, 1, 0.1: 4K must lie from 1 up to, but not at, 3",
)
PRODUCT = Exercise(
    "a Hessian nobody builds",
    "Write `answer(net, inputs, targets, v)`: the product of the Hessian of the mean cross-entropy "
    "with a vector v of all parameters, without building the Hessian.",
    _check_product,
    """
def answer(net, inputs, targets, v):
    weights = list(net.parameters())
    loss = torch.nn.functional.cross_entropy(net(inputs), targets)
    gradient = torch.autograd.grad(loss, weights, create_graph=True)
    along = torch.cat([g.flatten() for g in gradient]) @ v
    return torch.cat([g.flatten() for g in torch.autograd.grad(along, weights)])
""",
)
EXERCISES = (CUT, NEEDED, PRODUCT)

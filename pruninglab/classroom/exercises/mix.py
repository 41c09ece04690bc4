"""Exercises of notebook 07."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn

from ...choices.scopes import Groups
from ...engine.masks import Masks
from ...nets import seeded
from .core import Exercise, close, expect, tensor, whole


def _check_floor(answer: Any) -> None:
    expect(callable(answer), "answer must be a function of groups")
    alive = torch.tensor([[True] * 30, [True] * 15 + [False] * 15, [True] * 8 + [False] * 22])
    kept = tensor(answer(Groups(torch.linspace(0, 1, 90).reshape(3, 30), alive.clone())))
    expect(kept.shape == (3,), "return one number per group: how many stay")
    expect(kept.dtype == torch.int64, "return whole numbers: // divides without a rest")
    living = [30, 15, 8]
    expect(
        int(kept[2]) <= living[2], "a group with fewer than 10 cannot keep 10: the dead stay dead"
    )
    expect(int(kept[1]) != 7, "half of 15 is 7, but at least 10 stay")
    expect(kept.tolist() == [15, 10, 8], "half of the living, at least 10, at most the living")


def _check_two_of_four(answer: Any) -> None:
    expect(callable(answer), "answer must be a function of one tensor")
    weight = torch.tensor(
        [[3.0, -1.0, 0.5, 2.0, -5.0, 4.0, 3.0, -2.0], [1.0, 1.0, 1.0, 1.0, 0.1, 0.4, -0.3, 0.2]]
    )
    mask = tensor(answer(weight.clone()), "return a tensor of True and False")
    expect(mask.dtype == torch.bool, "return True where a weight lives, as a bool tensor")
    expect(mask.shape == weight.shape, f"the mask needs the shape {tuple(weight.shape)}")
    counts = mask.reshape(-1, 4).sum(dim=1).tolist()
    expect(counts == [2] * 4, f"two of each four must live; yours keeps {counts}, block by block")
    size = torch.where(mask, weight.abs(), 0).reshape(-1, 4).sum(dim=1)
    largest = weight.abs().reshape(-1, 4).topk(2, dim=1).values.sum(dim=1)
    expect(close(size, largest, 1e-6), "in each block the two largest |w| live")


def _check_rigl(answer: Any) -> None:
    pair = isinstance(answer, tuple | list) and len(answer) == 2
    expect(pair, "give two whole numbers: (what RigL revives, what `shrink` allows)")
    revived, allowed = (whole(number) for number in answer)
    expect(revived != 300, "30 % of the living, not of all weights")
    expect(revived == 30, "100 live; as many grow as are dropped")
    expect(allowed == 0, "try it: `masks.shrink` with a mask that revives one weight")


def _check_survivors(answer: Any) -> None:
    expect(callable(answer), "answer must be a function of inputs, weight and alive")
    with seeded(0):
        inputs, weight = (
            torch.randn(50, 4, dtype=torch.float64),
            torch.randn(4, dtype=torch.float64),
        )
    inputs[:, 1] += 2 * inputs[:, 0]
    alive = torch.tensor([True, False, True, False])
    given = tensor(answer(inputs.clone(), weight.clone(), alive.clone()))
    expect(given.shape == (4,), "return all four weights, 0 where dead")
    expect(bool((given[~alive] == 0).all()), "the dead stay exactly 0")
    masked = torch.where(alive, weight, 0)
    expect(not close(given, masked, 1e-9), "that is masking only; the survivors may move")
    gram = inputs[:, alive].T @ inputs[:, alive]
    best = torch.linalg.solve(gram, inputs[:, alive].T @ (inputs @ weight))
    expect(close(given[alive].double(), best, 1e-4), "least squares: fit inputs @ weight anew")


def _check_movement(answer: Any) -> None:
    expect(isinstance(answer, type), "answer must be a class that inherits from lab.HardMask")
    with seeded(0):
        net = nn.Sequential(nn.Linear(3, 2), nn.Linear(2, 2))
    masks = Masks.full(net)
    masks.shrink({"0.weight": torch.tensor([[True, False, True], [True, True, True]])})
    held = answer(net, masks, {})
    gathered = {name: torch.zeros_like(net.get_parameter(name)) for name in masks}
    for step in (1.0, -2.0):
        for name in masks:
            weight = net.get_parameter(name)
            weight.grad = step * torch.arange(weight.numel()).reshape(weight.shape).float()
            gathered[name] -= weight.grad * weight.detach()
        held.after_backward()
    scores = held.scores()
    expect(isinstance(scores, dict) and set(scores) == set(masks), f"scores for {list(masks)}")
    for name, wanted in gathered.items():
        score = tensor(scores[name], "each score must be a tensor")
        expect(score.shape == wanted.shape, f"{name} needs the shape {tuple(wanted.shape)}")
        expect(bool((score >= 0).all()), "scores are not negative: move them up by the least")
        alive = masks[name]
        shift = (score - wanted)[alive]
        expect(not close(-(score - score.max()) [alive], (wanted - wanted.min())[alive], 1e-5),
               "the sign: a weight that moves away from zero has w · ∂L/∂w < 0")  # fmt: skip
        expect(close(shift, shift[:1].expand_as(shift), 1e-5), "add up −w · ∂L/∂w of every step")


FLOOR = Exercise(
    "your own budget",
    "Write a budget `answer(groups)`: half of the living stay (rounded down), but at least 10 of "
    "each group; a group that has fewer loses none. `groups.living` says how many live in each.",
    _check_floor,
    """
def answer(groups):
    return (groups.living // 2).clamp_min(10).minimum(groups.living)
""",
)
TWO_OF_FOUR = Exercise(
    "2:4 by hand",
    "Write `answer(weight)`: a bool mask of the same shape in which, of every four neighbours in a "
    "row, the two largest |w| live. No loop is needed; ties go as you like, but exactly two live.",
    _check_two_of_four,
    """
def answer(weight):
    blocks = weight.abs().reshape(-1, 4)
    order = blocks.argsort(dim=1, descending=True, stable=True)
    mask = torch.zeros_like(blocks, dtype=torch.bool).scatter(1, order[:, :2], True)
    return mask.reshape(weight.shape)
""",
)
RIGL = Exercise(
    "why RigL does not fit",
    "1,000 weights, 100 of them alive. At each update RigL drops the smallest 30 % of the living "
    "and lets as many others grow, where the gradient is largest. How many dead weights does it "
    "revive at once, and how many does `lab.Masks.shrink` let you revive? Give both: (…, …).",
    _check_rigl,
    "answer = (30, 0)    # masks only shrink: what the paper needs, the loop forbids",
)
SURVIVORS = Exercise(
    "why SparseGPT does not fit",
    "A neuron computes `inputs @ weight`. Some weights die. SparseGPT then rewrites the survivors "
    "so that the output changes least. Write `answer(inputs, weight, alive)`: the new weights, 0 "
    "where dead, with the least squared error over the rows of `inputs` (n, 4).",
    _check_survivors,
    """
def answer(inputs, weight, alive):
    new = torch.zeros_like(weight)
    new[alive] = torch.linalg.lstsq(inputs[:, alive], (inputs @ weight)[:, None]).solution[:, 0]
    return new
""",
)
MOVEMENT = Exercise(
    "movement pruning does fit",
    "Write a class `answer` that inherits from `lab.HardMask` and gathers −w · ∂L/∂w of every "
    "parameter in `self.parameters` after each backward pass (`after_backward`). Its `scores()` "
    "are these sums, moved up so that none is negative. Then `lab.scores.learned(answer)` is a "
    "score for any recipe.",
    _check_movement,
    """
class answer(lab.HardMask):
    def __init__(self, net, masks, earlier):
        super().__init__(net, masks, earlier)
        self.moved = {k: earlier.get(k, 0 * w.data).clone() for k, w in self.parameters.items()}

    def after_backward(self):
        for name, weight in self.parameters.items():
            self.moved[name] -= weight.grad * weight.data

    def scores(self):
        return {name: moved - moved.min() for name, moved in self.moved.items()}
""",
)
EXERCISES = (FLOOR, TWO_OF_FOUR, RIGL, SURVIVORS, MOVEMENT)

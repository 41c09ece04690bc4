"""Exercises of lesson 03: a flow, a stop by ε, a stop of one's own."""

from __future__ import annotations

import math
from typing import Any

import torch

from ...kit.exercise import Exercise, call, close, expect, number, tensor, whole
from ...nets import seeded
from .figures import HEARS, HIDDEN

DISTANCES = [0.9, 0.7, 0.8, 0.4, 0.5]


def _check_flow(answer: Any) -> None:
    output, count = HIDDEN @ HEARS, len(HIDDEN)
    truth = (HIDDEN.T @ output / count).double()
    hint = "return a matrix: a row a unit of the first layer, a column a unit of the second"
    flow = tensor(call(answer, HIDDEN, output), hint).double()
    expect(flow.shape == (2, 2), f"{hint}: 2 × 2 here")
    expect(not close(flow, truth * count), "three times too loud: the mean over the images")
    apart = torch.outer(HIDDEN.mean(dim=0), output.mean(dim=0)).double()
    words = "unit 2 is silent where output 1 speaks: its entry is negative or 0, multiply first"
    expect(not close(flow, apart), words)
    expect(not close(flow, truth.T), "turned around: rows are the units of the first layer")
    expect(close(flow, truth), "for each pair: multiply image by image, then take the mean")
    hidden, output = torch.rand(7, 3), torch.rand(7, 2)
    expect(close(tensor(call(answer, hidden, output)).double(), (hidden.T @ output / 7).double()),
           "it must hold for 7 images, 3 and 2 units, too")  # fmt: skip


def _check_epoch(answer: Any) -> None:
    hint = "return the number of an epoch, counted from 1"
    found = {eps: whole(call(answer, DISTANCES, eps), hint) for eps in (0.3, 0.45, 0.75, 1.0)}
    expect(found[1.0] != 0, "no round has an epoch 0: the first one is epoch 1")
    expect(found[0.3] == 5, "no distance is within 0.3: then all five epochs are trained")
    expect(found[0.75] != 5, "the first epoch that is near enough, not the last one")
    expect(found[1.0] == 1 and found[0.75] == 2 and found[0.45] == 4,
           "with ε = 0.75 stop after epoch 2, the first whose distance is at most ε")  # fmt: skip
    edge = whole(call(answer, DISTANCES, 0.7), hint)
    expect(edge == 2, "ε = 0.7 stops after epoch 2: at most ε, so <=")


def _check_rule(answer: Any) -> None:
    hint = "return True to stop, False to go on"
    seen = [
        ([0.3] * n, [points] * n, round, n)
        for n in range(1, 6) for points in (-3.0, 0.0, 1.0, 3.0) for round in (1, 4, 8)
    ]  # fmt: skip
    seen += [([0.9] * n, [-3.0, -1.0, 2.0, 1.0, 3.0][:n], 4, n) for n in range(1, 6)]
    said = []
    for distances, validation, round, epoch in seen:
        stop = call(answer, round, epoch, distances, validation)
        expect(isinstance(stop, (bool, int)) or hasattr(stop, "dtype"), hint)
        said.append(bool(stop))
    expect(any(said), "it never stops: that is always six epochs")
    expect(not all(said), "it always stops at once: that is always one epoch, the rule to beat")
    by_epoch = {epoch: {s for s, (*_, e) in zip(said, seen, strict=True) if e == epoch}
                for epoch in range(1, 6)}  # fmt: skip
    words = "it looks at the epoch only: always as many epochs. Look at what happens, too"
    expect(any(len(answers) > 1 for answers in by_epoch.values()), words)


def _check_distance(answer: Any) -> None:
    with seeded(0):
        pairs = [(torch.randn(3, 4), torch.randn(3, 4)), (torch.zeros(2, 2), torch.ones(2, 2)),
                 (2 * torch.ones(5, 1), torch.ones(5, 1))]  # fmt: skip
    for flow, dense in pairs:
        found = number(call(answer, flow, dense), "return one number: how far")
        away, whole_flow = float((flow - dense).norm()), float(dense.norm())
        own, right = float(flow.norm()), away / whole_flow
        if not math.isclose(whole_flow, 1, abs_tol=0.1):
            expect(abs(found - away) > 1e-4, "divide by the norm of the dense flow: then no flow "
                   "at all is 1 away")  # fmt: skip
            expect(abs(found - right**2) > 1e-4 or abs(right - 1) < 1e-3,
                   "a norm is a root: .norm() takes it")  # fmt: skip
        expect(own == 0 or abs(found - away / own) > 1e-4 or abs(own - whole_flow) < 1e-3,
               "divide by the norm of the dense flow: it is what you compare with")  # fmt: skip
        expect(abs(found - right) < 1e-3, "the norm of the difference, over the norm of the dense")


DISTANCE = Exercise(
    "how far from the dense flow?",
    "Write `distance(flow, dense)`: 0 where both are the same, 1 where nothing flows any more.",
    _check_distance,
    """
def distance(flow, dense):
    return (flow - dense).norm() / dense.norm()
""",
    hidden=lambda g: (torch.randn(4, 3, generator=g), torch.randn(4, 3, generator=g)),
)
FLOW = Exercise(
    "a flow",
    "Write `flow(hidden, output)`: for each pair of units the mean over the images of the product "
    "of what they put out. Both tensors are (images, units).",
    _check_flow,
    """
def flow(hidden, output):
    return hidden.T @ output / len(hidden)
""",
    hidden=lambda g: (torch.rand(9, 4, generator=g), torch.rand(9, 3, generator=g)),
)
EPOCH = Exercise(
    "stop by ε",
    "Write `epoch_within(distances, epsilon)`: the first epoch, from 1, whose distance is at most "
    "ε; if there is none, the last.",
    _check_epoch,
    """
def epoch_within(distances, epsilon):
    for epoch, distance in enumerate(distances, start=1):
        if distance <= epsilon:
            return epoch
    return len(distances)
""",
    hidden=lambda g: (torch.rand(7, generator=g).tolist(), 0.3),
)
RULE = Exercise(
    "leave the band",
    "Write `mine(round, epoch, distances, validation)`: True to stop now.",
    _check_rule,
    """
def mine(round, epoch, distances, validation):
    return validation[-1] >= 1.5
""",
)

"""Exercises of notebook 04."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from ...ideas.nnrelief import connection_importance, share_count
from ...kit.exercise import Exercise, call, close, expect, numbers, tensor
from ...nets import seeded
from ..answers import mask

# The neuron of the lesson: four inputs, two images.
W, B = torch.tensor([4.0, -1.0, 2.0, 3.0]), torch.tensor([0.5])
X = torch.tensor([[0.25, 3.0, -1.0, 0.0], [-0.25, -1.0, 1.0, 0.0]])


def _check_shares(answer: Any) -> None:
    given = tensor(call(answer, W, B, X), "return one tensor of shares")
    expect(
        given.shape != W.shape,
        f"your shares are {_listed(given)}: who is absent? The bias carries signal, too",
    )
    expect(given.shape == (5,), "return five shares: four wires and, last, the bias")
    truth = connection_importance(W[None], B, X)[0]
    signal = truth * 5.5
    mean_first = torch.cat([(W * X.mean(dim=0)).abs(), B.abs()])
    cancelled = close(given, mean_first) or close(given, mean_first / mean_first.sum())
    expect(not cancelled, "wires 1 and 3 cancelled: take the sizes first, then the mean")
    expect(not close(given, signal), "those are the signals: divide by their sum, 5.5")
    expect(not close(given, 2 * signal), "take the mean over the images, then divide by the sum")
    expect(float(given[3]) == 0, "wire 4 has an input that is always 0: it carries no signal")
    expect(not close(given, truth.roll(1)), "the bias comes last")
    expect(not bool((given < 0).any()), "no share is below 0: the sizes, also of the bias")
    total = given.double().sum()
    expect(close(total, torch.ones_like(total)), f"shares sum to 1, yours to {float(total):.3g}")
    for size, samples in ((4, 6), (5, 1), (3, 3)):
        with seeded(size):
            w, b, x = torch.randn(size), torch.randn(1), torch.randn(samples, size)
        found = tensor(call(answer, w, b, x), "return one tensor of shares")
        right = connection_importance(w[None], b, x)[0]
        expect(found.shape == right.shape and close(found, right), "the mean of |weight × input| "
               "over the images; the bias's size; all divided by their sum")  # fmt: skip


def _listed(values: Tensor) -> str:
    return ", ".join(f"{value:.2g}" for value in values.flatten()[:6].tolist())


def _check_cut(answer: Any) -> None:
    equal = torch.full((5,), 2.0)
    kept = int(mask(call(answer, equal, 0.7), equal.shape).sum())
    expect(kept != 5, "of five equal signals at α = 0.7 yours keeps all: a threshold cannot tell "
           "them apart; take the first four of their order")  # fmt: skip
    expect(kept != 1, "of 2, 2, 2, 2, 2 at α = 0.7 yours keeps one: compare with α × their sum")
    with seeded(0):
        drawn = torch.rand(7)
    exact = torch.tensor([4.0, 2, 0, 1, 1]) / 8
    cases = [(equal, 0.7)]
    cases += [(drawn, alpha) for alpha in (0.3, 0.6, 0.9)]
    cases += [(exact * scale, alpha) for scale in (1, 4) for alpha in (0.25, 0.5, 0.75, 1.0)]
    for signal, alpha in cases:
        count = int(share_count(signal[None], alpha)[0])
        alive = mask(call(answer, signal, alpha), signal.shape)
        case = f"of ({_listed(signal)}) at α = {alpha} yours keeps {int(alive.sum())}"
        expect(int(alive.sum()) >= count, f"{case}: they carry less than α of the sum")
        expect(int(alive.sum()) <= count, f"{case}, but {count} carry α of the sum")
        best = signal.topk(count).values.sum()
        expect(close(signal[alive].sum(), best), f"{case}, but not the loudest")


def _check_fool(answer: Any) -> None:
    first, second = numbers(answer, 2, "give two weights, as (1, 1)")
    expect(second != 0, "both images give the same output before the cut: none of the wires tells")
    loud, telling = abs(first), abs(second) / 4
    share = telling / (loud + telling)
    expect(
        loud / (loud + telling) >= 0.9 - 1e-9,
        f"the telling wire stays: it carries {share:.2f} of the signal, over a tenth",
    )


def _check_listeners(answer: Any) -> None:
    with seeded(0):
        masks = [torch.rand(n, 784) < share for n, share in ((5, 0.3), (784, 0.1), (1, 0.9))]
    for keep in masks:
        given = tensor(call(answer, keep), "return a picture: a tensor of 28 × 28 numbers").double()
        counts = keep.sum(dim=0).double()
        expect(given.numel() == 784 or given.numel() != len(keep),
               "that counts the wires of each neuron: add over the neurons, dim=0")  # fmt: skip
        expect(given.numel() == 784, "one number a pixel: how many neurons listen to it")
        expect(given.shape == (28, 28), "pixels lie row by row: .reshape(28, 28)")
        expect(close(given, counts.reshape(28, 28)) or not close(given.T, counts.reshape(28, 28)),
               "your picture lies on its side: reshape, do not transpose")  # fmt: skip
        expect(close(given, counts.reshape(28, 28)),
               "count the True of each pixel's column: .sum(dim=0), nothing divided")  # fmt: skip


LISTENERS = Exercise(
    "who listens to a pixel?",
    "Write `listeners(keep)`: a picture, 28 × 28, of how many neurons keep a wire to each pixel.",
    _check_listeners,
    """
def listeners(keep):
    counts = keep.sum(dim=0)
    return counts.reshape(28, 28)
""",
    hidden=lambda g: (torch.rand(9, 784, generator=g) < 0.4,),
)
SHARES = Exercise(
    "shares",
    "Write `shares(w, b, x)`: the shares of the signal that the wires of one neuron carry, the "
    "bias last. `w` is (in,), `b` (1,), `x` (images, in).",
    _check_shares,
    """
def shares(w, b, x):
    signal = torch.cat([(w * x).abs().mean(dim=0), b.abs()])
    return signal / signal.sum()
""",
    hidden=lambda g: (
        torch.randn(6, generator=g),
        torch.randn(1, generator=g),
        torch.randn(5, 6, generator=g),
    ),
)
CUT = Exercise(
    "the cut",
    "Write `cut(signal, alpha)`, a bool mask that keeps the fewest signals that sum to α of them "
    "all or more. Mind equal ones.",
    _check_cut,
    """
def cut(signal, alpha):
    order = signal.argsort(descending=True)
    running = signal[order].cumsum(dim=0)
    count = (running < alpha * running[-1]).sum() + 1
    keep = torch.zeros(len(signal), dtype=torch.bool)
    keep[order[:count]] = True
    return keep
""",
    hidden=lambda g: (torch.rand(9, generator=g), 0.65),
)
FOOL = Exercise(
    "fool it",
    "Two images have the inputs (1, 0) and (1, ½). Give two weights so that the cut at α = 0.9 "
    "removes the only wire that tells the images apart.",
    _check_fool,
    "weights = (1, 0.4)    # signals 1 and 0.4 × ¼ = 0.1: the shout alone carries 1 / 1.1 > 0.9",
)

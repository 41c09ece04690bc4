"""Exercises of notebook 04: every right way is right, every wrong one hears what is wrong."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from answers import hears
from torch import Tensor

from pruninglab.ideas.nnrelief import connection_importance, share_cut
from pruninglab.kit.exercise import Exercise
from pruninglab.lessons.nnrelief.exercises import CUT, FOOL, LISTENERS, SHARES


def shared(signal: Tensor) -> Tensor:
    return signal / signal.sum()


def undivided(w: Tensor, b: Tensor, x: Tensor) -> Tensor:
    return torch.cat([w.abs() * x.abs().mean(0), b.abs()])


def by_loop(w: Tensor, b: Tensor, x: Tensor) -> list[float]:
    signals = [float((w[j] * x[:, j]).abs().mean()) for j in range(len(w))] + [abs(float(b))]
    return [signal / sum(signals) for signal in signals]


def mean_first(w: Tensor, b: Tensor, x: Tensor) -> Tensor:
    return shared(torch.cat([(w * x.mean(0)).abs(), b.abs()]))


def no_bias(w: Tensor, b: Tensor, x: Tensor) -> Tensor:
    return shared(w.abs() * x.abs().mean(0))


def summed(w: Tensor, b: Tensor, x: Tensor) -> Tensor:
    return torch.cat([(w * x).abs().sum(0), 2 * b.abs()])


def only_weights(w: Tensor, b: Tensor, x: Tensor) -> Tensor:
    return shared(torch.cat([w.abs(), b.abs()]))


def signed_bias(w: Tensor, b: Tensor, x: Tensor) -> Tensor:
    return shared(torch.cat([w.abs() * x.abs().mean(0), b]))


def squares(w: Tensor, b: Tensor, x: Tensor) -> Tensor:
    return shared(torch.cat([w.square() * x.square().mean(0), b.square()]))


def first(signal: Tensor, count: int) -> Tensor:
    keep = torch.zeros(len(signal), dtype=torch.bool)
    keep[signal.argsort(descending=True, stable=True)[: max(count, 0)]] = True
    return keep


def enough(signal: Tensor, alpha: float) -> int:
    running = signal.sort(descending=True).values.cumsum(0)
    return int((running < alpha * running[-1]).sum()) + 1


def cut_by_loop(signal: Tensor, alpha: float) -> np.ndarray:
    keep, total = np.zeros(len(signal), bool), 0.0
    # Of equal signals the last ones first: ties go as one likes.
    for j in sorted(range(len(signal)), key=lambda j: (-float(signal[j]), -j)):
        if total >= alpha * float(signal.sum()):
            break
        keep[j], total = True, total + float(signal[j])
    return keep


def by_threshold(signal: Tensor, alpha: float) -> Tensor:
    ordered = signal.sort(descending=True).values
    return signal >= ordered[enough(signal, alpha) - 1]


def alpha_itself(signal: Tensor, alpha: float) -> Tensor:
    running = signal.sort(descending=True).values.cumsum(0)
    return first(signal, int((running < alpha).sum()) + 1)


TABLE = [
    (LISTENERS, lambda k: k.sum(dim=0).reshape(28, 28), None),
    (LISTENERS, lambda k: k.reshape(-1, 28, 28).double().sum(0).tolist(), None),
    (LISTENERS, lambda k: k.sum(dim=1), "add over the neurons"),
    (LISTENERS, lambda k: k.sum(dim=0), "pixels lie row by row"),
    (LISTENERS, lambda k: k.sum(dim=0).reshape(28, 28).T, "lies on its side"),
    (LISTENERS, lambda k: k.float().mean(dim=0).reshape(28, 28), "nothing divided"),
    (LISTENERS, lambda k: k.sum(), "one number a pixel"),
    (SHARES, lambda w, b, x: shared(undivided(w, b, x)), None),
    (SHARES, by_loop, None),
    (SHARES, lambda w, b, x: shared(undivided(w, b, x)).double().numpy(), None),
    (SHARES, lambda w, b, x: connection_importance(w[None], b, x)[0], None),
    (SHARES, mean_first, "wires 1 and 3 cancelled"),
    (SHARES, no_bias, "your shares are 0.2, 0.4, 0.4, 0: who is absent?"),
    (SHARES, undivided, "divide by their sum"),
    (SHARES, summed, "mean over the images"),
    (SHARES, only_weights, "an input that is always 0"),
    (SHARES, signed_bias, "size"),
    (SHARES, squares, "mean of |weight × input|"),
    (SHARES, lambda w, b, x: shared(undivided(w, b, x)).roll(1), ""),
    (SHARES, lambda w, b, x: shared(undivided(w, b, x))[None], "five shares"),
    (SHARES, lambda w, b, x: 2 * shared(undivided(w, b, x)), "sum to 1, yours to 2"),
    (SHARES, lambda w, b, x: shared(undivided(w.abs_(), b, x)), "overwrites"),
    (CUT, lambda s, a: first(s, enough(s, a)), None),
    (CUT, cut_by_loop, None),
    (CUT, lambda s, a: share_cut(s[None], a)[0], None),
    (CUT, alpha_itself, "α × their sum"),
    (CUT, by_threshold, "a threshold cannot"),
    (CUT, lambda s, a: first(s, enough(s, a) - 1), "less than α"),
    (CUT, lambda s, a: first(s, enough(s, a) + 1), "threshold"),
    (CUT, lambda s, a: first(s, round(a * len(s))), "yours keeps"),
    (CUT, lambda s, a: first(-s, enough(s, a)), "not the loudest"),
    (CUT, lambda s, a: first(s, enough(s, 0.7)), "α = "),
    (CUT, lambda s, a: first(s, enough(s, a)).int(), "bool"),
    (CUT, lambda s, a: first(s, enough(s, a))[:2], "needs the shape"),
    (FOOL, (1, 0.4), None),
    (FOOL, [-3.0, 1.0], None),
    (FOOL, torch.tensor([1.0, -0.1]), None),
    (FOOL, (9, 4), None),
    (FOOL, (1, 1), "carries 0.20 of the signal, over a tenth"),
    (FOOL, (0.4, 1), "over a tenth"),
    (FOOL, (1, 0), "same output before the cut"),
    (FOOL, (0, 0), "same output before the cut"),
    (FOOL, 1, "two weights"),
    (FOOL, (1, 2, 3), "two weights"),
]


@pytest.mark.parametrize(("exercise", "answer", "hint"), TABLE)
def test_answers(exercise: Exercise, answer: object, hint: str | None) -> None:
    hears(exercise, answer, hint)

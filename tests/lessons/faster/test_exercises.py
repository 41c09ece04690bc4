"""Exercises of notebook 08: every right way is right, every wrong one hears what is wrong."""

from __future__ import annotations

import time

import numpy as np
import pytest
import torch
from answers import hears, solve
from torch import Tensor, nn

from pruninglab.kit.exercise import Exercise
from pruninglab.lessons.faster.exercises import CSR_BYTES, FOLD, PROMISE, STOPWATCH


def one_by_one(bias: Tensor, dead: Tensor, weight: Tensor) -> np.ndarray:
    total = np.zeros(len(weight))
    for unit in range(len(bias)):
        if dead[unit] and bias[unit] > 0:
            total += weight[:, unit].numpy() * float(bias[unit])
    return total


def by_mask(bias: Tensor, dead: Tensor, weight: Tensor) -> Tensor:
    return torch.einsum("ou,u->o", weight, torch.where(dead, bias.clamp(min=0), 0))


def spoils(bias: Tensor, dead: Tensor, weight: Tensor) -> Tensor:
    bias[~dead] = 0
    return weight @ bias.relu()


Times = tuple[list[float], list[float]]


def timed(net: nn.Module, images: Tensor) -> float:
    start = time.perf_counter()
    net(images)
    return time.perf_counter() - start


def fair(dense: nn.Module, masked: nn.Module, images: Tensor) -> Times:
    for _ in range(3):
        dense(images), masked(images)
    pairs = [(timed(dense, images), timed(masked, images)) for _ in range(20)]
    return [a for a, _ in pairs], [b for _, b in pairs]


def cold(dense: nn.Module, masked: nn.Module, images: Tensor) -> Times:
    pairs = [(timed(dense, images), timed(masked, images)) for _ in range(20)]
    return [a for a, _ in pairs], [b for _, b in pairs]


def one_after_the_other(dense: nn.Module, masked: nn.Module, images: Tensor) -> Times:
    dense(images), masked(images)
    first = [timed(dense, images) for _ in range(20)]
    return first, [timed(masked, images) for _ in range(20)]


def in_milliseconds(*given: object) -> Times:
    dense, masked = fair(*given)
    return [10_000 * t for t in dense], [10_000 * t for t in masked]


def kept(weights: list[Tensor]) -> int:
    return sum(int((w != 0).sum()) for w in weights)


def total(weights: list[Tensor]) -> int:
    return sum(w.numel() for w in weights)


def in_csr(weight: Tensor) -> int:
    """Ask torch's own sparse matrix."""
    sparse = weight.to_sparse_csr()
    parts = sparse.values(), sparse.col_indices(), sparse.crow_indices()
    return sum(part.numel() * part.element_size() for part in parts)


TABLE = [
    (CSR_BYTES, in_csr, None),
    (CSR_BYTES, lambda w: 12 * kept([w]) + 8 * (len(w) + 1), None),
    (CSR_BYTES, lambda w: 12 * kept([w]), "the rows, too"),
    (CSR_BYTES, lambda w: 12 * kept([w]) + 8 * len(w), "one more"),
    (CSR_BYTES, lambda w: 12 * (w.numel() - kept([w])) + 8 * (len(w) + 1), "does not keep them"),
    (CSR_BYTES, lambda w: 12 * kept([w]) + 8 * (w.shape[1] + 1), "not the columns"),
    (CSR_BYTES, lambda w: 4 * w.numel(), "4 + 8 for each living weight"),
    (PROMISE, lambda w: total(w) / kept(w), None),
    (PROMISE, lambda w: total(w) / sum(x.count_nonzero() for x in w), None),
    (PROMISE, lambda w: total(w) / (total(w) - kept(w)), "you counted the dead"),
    (PROMISE, lambda w: sum(x.numel() / kept([x]) for x in w) / len(w), "add first, divide last"),
    (PROMISE, lambda w: kept(w) / total(w), "turned over"),
    (PROMISE, lambda w: total(w) / sum(int((x > 0).sum()) for x in w), "negative weights live"),
    (PROMISE, lambda w: kept(w), "divided by those that are not 0"),
    (PROMISE, lambda w: [1.0, 2.0], "return one number"),
    (STOPWATCH, fair, None),
    (STOPWATCH, cold, "no warm-up"),
    (STOPWATCH, one_after_the_other, "take turns"),
    (STOPWATCH, lambda d, m, x: fair(d, m, x)[::-1], "first list is for dense"),
    (STOPWATCH, lambda d, m, x: fair(d, m, x)[0], "two lists"),
    (STOPWATCH, lambda d, m, x: tuple(t[:5] for t in fair(d, m, x)), "20 seconds for each"),
    (STOPWATCH, lambda d, m, x: tuple([-s for s in t] for t in fair(d, m, x)), "minus the clock"),
    (STOPWATCH, in_milliseconds, "return seconds"),
    (FOLD, one_by_one, None),
    (FOLD, by_mask, None),
    (FOLD, lambda b, dead, w: (w[:, dead] * b[dead].relu()).sum(1).tolist(), None),
    (FOLD, lambda b, dead, w: w[:, dead] @ b[dead], "first the activation"),
    (FOLD, lambda b, dead, w: torch.zeros(len(w)), "still hands on"),
    (FOLD, lambda b, dead, w: w @ b.relu(), "dead units only"),
    (FOLD, lambda b, dead, w: by_mask(b, ~dead, w), "Not yet"),
    (FOLD, lambda b, dead, w: w[:, dead] @ b[dead].abs(), "dead units only"),
    (FOLD, lambda b, dead, w: (w[:, dead] @ b[dead]).relu(), "Not yet"),
    (FOLD, lambda b, dead, w: w[:, dead].sum(1), "dead units only"),
    (FOLD, lambda b, dead, w: -by_mask(b, dead, w), "dead units only"),
    (FOLD, lambda b, dead, w: w[:, dead] * b[dead].relu(), "one number per output"),
    (FOLD, lambda b, dead, w: torch.zeros(4), "one number per output"),
    (FOLD, lambda b, dead, w: by_mask(b, dead, w)[:, None], "one number per output"),
    (FOLD, spoils, "overwrites"),
    (FOLD, lambda b, dead, w: w[dead] @ b[dead].relu(), "units are the columns"),
]


@pytest.mark.parametrize(("exercise", "answer", "hint"), TABLE)
def test_answers(exercise: Exercise, answer: object, hint: str | None) -> None:
    hears(exercise, answer, hint)


@pytest.mark.parametrize("exercise", [PROMISE, STOPWATCH, FOLD])
def test_solutions_and_stubs(exercise: Exercise) -> None:
    hears(exercise, solve(exercise), None)
    assert "Not answered yet" in exercise.check(lambda *given: None)

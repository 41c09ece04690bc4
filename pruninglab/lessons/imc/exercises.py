"""Exercises of notebook 06."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from ...ideas.imc import leverage
from ...kit.exercise import Exercise, call, close, expect, number, tensor
from ...kit.exercise import NotYet as Wrong
from ...nets import seeded
from .directions import forgotten, price


def _columns(rows: int, columns: int, seed: int) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    basis: Tensor = torch.linalg.qr(
        torch.randn(rows, columns, generator=generator, dtype=torch.float64)
    ).Q
    return basis


def _check_forget(answer: Any) -> None:
    for rows, columns in ((2, 1), (6, 2), (7, 4)):
        basis = _columns(rows, columns, seed=rows)
        w, dice = torch.arange(1.0, rows + 1).double(), -((torch.arange(rows) + 2.0).double() ** 2)
        inside = basis @ basis.T
        try:
            new = call(answer, w, basis, dice)
        except RuntimeError as error:
            raise Wrong(
                "the sizes do not fit: basis.T @ basis is only an identity; directions are "
                "columns, so P = basis @ basis.T"
            ) from error
        new = tensor(new, "return the new weights, one number for each old one")
        expect(new.shape == w.shape, "return the new weights, one number for each old one")
        expect(not close(new, w + inside @ dice), "take the old part out: − P @ w is missing")
        expect(not close(new, w - inside @ w), "the old part is out; now put P @ dice in")
        expect(not close(new, w - inside @ w + dice), "only the part of dice inside: P @ dice")
        expect(
            not close(new, forgotten(dice, basis, w)),
            "turned round: you kept what lies inside, and forgot all else",
        )
        expect(close(new, forgotten(w, basis, dice)), "w, less P @ w, and P @ dice in its place")


def _check_mass(answer: Any) -> None:
    for rows, columns in ((2, 1), (6, 2), (5, 4)):
        vectors = _columns(rows, rows, seed=rows)
        flat = vectors[:, :columns]
        mass = tensor(call(answer, vectors, columns), "return one number for each weight")
        by_column = flat.square().sum(dim=0)
        expect(
            not close(mass, by_column) and not close(mass, vectors.square().sum(dim=0)),
            "always 1: a column is a direction; add along a weight's row, sum(dim=1)",
        )
        expect(mass.shape == (rows,), "return one number for each weight: its row")
        signs = "signs cancel, and nothing adds up: square first"
        expect(not close(mass, flat.sum(dim=1)), signs)
        if columns > 1:
            expect(not close(mass, flat.sum(dim=1).square()), signs)
        expect(
            not close(mass, vectors[:, -columns:].square().sum(dim=1)),
            "those are the sharp ones: the flattest are the first columns",
        )
        expect(
            not close(mass, vectors.square().sum(dim=1)), "always 1: take the first k columns only"
        )
        expect(close(mass, leverage(flat)), "square the first k columns, add along each row")


def _check_price(answer: Any) -> None:
    w = torch.tensor([2.0, 0.5, -3.0, 1.0], dtype=torch.float64)
    hessian = torch.full((4, 4), 0.5, dtype=torch.float64)
    hessian.diagonal().copy_(torch.tensor([1.0, 20.0, 4.0, -2.0]))
    cost = tensor(call(answer, w, hessian), "return one price for each weight")
    curved = hessian.diagonal()
    expect(cost.shape == w.shape, "return one price for each weight: H.diag() has them")
    linear = (curved * w.abs() / 2, (curved * w.abs() / 2).clamp(min=0), (curved * w / 2))
    expect(
        not any(close(cost, other) for other in linear),
        "twice as far is four times as high: square w",
    )
    expect(not close(cost, curved * w**2 / 2), "a price below 0? Where H curves down, ask 0: clamp")
    expect(not close(cost, (curved * w**2).clamp(min=0)), "twice too dear: a half is missing")
    expect(not close(cost, curved.clamp(min=0)), "a zero costs nothing: the size of w counts, too")
    expect(close(cost, price(w, hessian)), "curvature times w squared, half of it, never below 0")


def _drawn(g: torch.Generator) -> tuple[Tensor, ...]:
    basis = torch.linalg.qr(torch.randn(5, 2, generator=g).double()).Q
    return torch.randn(5, generator=g).double(), basis, torch.randn(5, generator=g).double()


def _check_bend(answer: Any) -> None:
    with seeded(0):
        square = torch.randn(5, 5, dtype=torch.float64)
        pairs = [(torch.diag(torch.tensor([20.0, 1.0])), torch.tensor([0.0, 1.0])),
                 (torch.diag(torch.tensor([20.0, 1.0])), torch.tensor([3.0, 4.0])),
                 (square + square.T, torch.randn(5, dtype=torch.float64))]  # fmt: skip
    for hessian, v in pairs:
        found = number(call(answer, hessian, v), "return one number: the curvature along v")
        pushed = hessian @ v
        raw, length = float(v @ pushed), float(v.norm())
        if abs(length - 1) > 0.1:
            expect(abs(found - raw) > 1e-4, "twice as long a v, four times your number: divide by "
                   "v @ v, only its direction counts")  # fmt: skip
            expect(abs(found - raw / length) > 1e-4, "v stands there twice: divide by v @ v, the "
                   "square of its length")  # fmt: skip
            expect(abs(found - float(pushed.norm()) / length) > 1e-4, "H @ v points somewhere "
                   "else: take only what lies along v, v @ (H @ v)")  # fmt: skip
        expect(abs(found - raw / length**2) < 1e-3, "v @ H @ v, divided by v @ v")


BEND = Exercise(
    "how sharp is a direction?",
    "Write `bend(hessian, v)`: the curvature of the loss along v, however long v is.",
    _check_bend,
    """
def bend(hessian, v):
    along = v @ hessian @ v
    return along / (v @ v)
""",
    hidden=lambda g: (torch.randn(4, 4, generator=g), torch.randn(4, generator=g)),
)
FORGET = Exercise(
    "forget",
    "Write `forget(w, basis, dice)`: the weights `w`, but inside the span of the columns of "
    "`basis` those of `dice`.",
    _check_forget,
    """
def forget(w, basis, dice):
    P = basis @ basis.T
    return w - P @ w + P @ dice
""",
    hidden=_drawn,
)
MASS = Exercise(
    "mass",
    "Write `mass(vectors, k)`: how much of each weight lies in the first k columns.",
    _check_mass,
    """
def mass(vectors, k):
    return vectors[:, :k].square().sum(dim=1)
""",
    hidden=lambda g: (torch.linalg.qr(torch.randn(6, 6, generator=g)).Q, 3),
)
PRICE = Exercise(
    "price",
    "Write `price(w, H)`: what the loss is expected to pay for each weight that is set to zero.",
    _check_price,
    """
def price(w, H):
    return (H.diag() * w**2 / 2).clamp(min=0)
""",
    hidden=lambda g: (torch.randn(5, generator=g), torch.randn(5, 5, generator=g)),
)

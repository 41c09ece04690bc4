"""Exercises of notebook 05."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from ...ideas.concave import log
from ...kit.exercise import Exercise, call, close, expect, tensor

PLACES = torch.tensor([0.25, 0.04, 0.9, 0.0, 0.5])
SIGNED = torch.tensor([0.25, -0.04, 0.9, -0.5, 0.02])
SLOPES = torch.tensor([-0.05, 0.2, -3.0, 0.1, 3.0])
LAM, STEP = 1.0, 0.1


def _answered(answer: Any, place: Tensor) -> Tensor:
    given = tensor(call(answer, place, SLOPES, LAM, STEP), "return the new place, a tensor")
    expect(given.shape == place.shape, "return one new place for each entry")
    return given.to(place)


def _check_hop(answer: Any) -> None:
    given = _answered(answer, SIGNED)
    w, slope = SIGNED, SLOPES
    expect(not close(given, w - STEP * slope), "who pulls w to 0? λ is missing")
    expect(not close(given, w - STEP * (slope + LAM)),
           "below 0 it must be pulled up: λ × the sign of w")  # fmt: skip
    expect(not close(given, w - STEP * slope - LAM * w.sign()), "the pull is step × λ × sign")
    expect(not close(given, w + STEP * (slope + LAM * w.sign())), "that is uphill: subtract")
    right = w - STEP * (slope + LAM * w.sign())
    expect(not close(given, right.clamp(0, 1)), "a weight may be negative: no clip here")
    expect(close(given, right), "w − step × (slope + λ × sign of w)")


def _check_land(answer: Any) -> None:
    given = _answered(answer, PLACES)
    m, slope = PLACES, SLOPES
    free = m - STEP * (slope + LAM)
    loss_only = m - STEP * slope
    expect(not close(given, loss_only) and not close(given, loss_only.clamp(0, 1)),
           "who pulls m down? λ is missing")  # fmt: skip
    expect(bool((given >= 0).all()), "below 0: clip last, after the step")
    expect(bool((given <= 1).all()), "above 1: the box has two walls, 0 and 1")
    expect(close(given, free.clamp(0, 1)), "m − step × (slope + λ), then clip to [0, 1]")


def _check_shrink(answer: Any) -> None:
    w = SIGNED
    given = _answered(answer, w)
    v = w - STEP * SLOPES
    right = v.sign() * (v.abs() - STEP * LAM).clamp(min=0)
    expect(not close(given, v.sign() * (v.abs() - LAM).clamp(min=0)),
           "all gone: a step pulls step × λ, not λ")  # fmt: skip
    expect(not close(given, (v.abs() - STEP * LAM).clamp(min=0)),
           "one colour left: give v its sign back")  # fmt: skip
    expect(not close(given, v.sign() * (v.abs() - STEP * LAM)),
           "weights jump over 0: the size must not fall below 0, clamp it")  # fmt: skip
    expect(not close(given, (v - STEP * LAM).clamp(min=0)),
           "negative weights are gone: shrink the size of v, then give the sign back")  # fmt: skip
    expect(not close(given, w.sign() * (v.abs() - STEP * LAM).clamp(min=0)),
           "the sign is that of v, not of w")  # fmt: skip
    expect(not close(given, v), "that is the loss alone: shrink |v| by step × λ")
    expect(close(given, right), "v = w − step × slope; shrink |v| by step × λ, not below 0; "
           "give the sign back")  # fmt: skip


def _check_pull(answer: Any) -> None:
    m = torch.linspace(0, 1, 11)
    for eps in (0.1, 1.0):
        given = tensor(call(answer, m, eps), "return the pull at each m, a tensor")
        expect(given.shape == m.shape, "return one pull for each m")
        given, r = given.to(m), log(eps)
        expect(not close(given, r.value(m)), "that is r itself, 0 at m = 0; log must pull hardest "
               "there: take the slope")  # fmt: skip
        expect(not close(given, 1 / (m + eps)), "r(1) must be 1: divide by log(1 + 1/ε)")
        expect(not close(given, -r.derivative(m)), "r rises: its slope is not negative")
        expect(close(given, r.derivative(m)), "the slope of log(m/ε + 1) is 1 / (m + ε); divide it "
               "by log(1 + 1/ε)")  # fmt: skip


HOP = Exercise(
    "hop",
    "Write `hop(w, slope, lam, step)`: one subgradient step of a weight w with ℓ1.",
    _check_hop,
    """
def hop(w, slope, lam, step):
    return w - step * (slope + lam * w.sign())
""",
    hidden=lambda g: (*torch.randn(2, 8, generator=g), 0.7, 0.05),
)
LAND = Exercise(
    "land",
    "Write `land(m, slope, lam, step)`: one step of a mask entry, and back into [0, 1].",
    _check_land,
    """
def land(m, slope, lam, step):
    return (m - step * (slope + lam)).clamp(0, 1)
""",
    hidden=lambda g: (*torch.rand(2, 8, generator=g), 0.7, 0.05),
)
SHRINK = Exercise(
    "a wall for weights",
    "Write `shrink(w, slope, lam, step)`: a step of the loss, then every size shrinks by step × λ, "
    "but not below 0.",
    _check_shrink,
    """
def shrink(w, slope, lam, step):
    v = w - step * slope
    return v.sign() * (v.abs() - step * lam).clamp(min=0)
""",
    hidden=lambda g: (*torch.randn(2, 8, generator=g), 0.7, 0.05),
)
PULL = Exercise(
    "the pull",
    "Write `pull(m, eps)`: the slope of r(m) = log(m/ε + 1) / log(1/ε + 1).",
    _check_pull,
    """
import math

def pull(m, eps):
    return 1 / ((m + eps) * math.log(1 + 1 / eps))
""",
    hidden=lambda g: (torch.rand(9, generator=g), 0.3),
)

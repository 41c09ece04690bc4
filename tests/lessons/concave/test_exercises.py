"""Exercises of notebook 05: every right way is right, every wrong one hears what is wrong."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from answers import hears

from pruninglab.ideas.concave import log
from pruninglab.kit.exercise import Exercise
from pruninglab.lessons.concave.exercises import HOP, LAND, PULL, SHRINK

TABLE = [
    (HOP, lambda w, g, lam, t: w - t * g - t * lam * torch.sign(w), None),
    (HOP, lambda w, g, lam, t: (w - t * (g + lam * w.sign())).double().numpy(), None),
    (HOP, lambda w, g, lam, t: w - t * g, "λ is missing"),
    (HOP, lambda w, g, lam, t: w - t * (g + lam), "the sign of w"),
    (HOP, lambda w, g, lam, t: w - t * g - lam * w.sign(), "step × λ"),
    (HOP, lambda w, g, lam, t: w + t * (g + lam * w.sign()), "uphill"),
    (HOP, lambda w, g, lam, t: (w - t * (g + lam * w.sign())).clamp(0, 1), "no clip"),
    (HOP, lambda w, g, lam, t: w[:2], "for each entry"),
    (HOP, lambda w, g, lam, t: w.sub_(t * g), "overwrites"),
    (LAND, lambda m, g, lam, t: torch.clip(m - t * g - t * lam, 0, 1), None),
    (LAND, lambda m, g, lam, t: np.clip(m.numpy() - t * (g.numpy() + lam), 0, 1), None),
    (LAND, lambda m, g, lam, t: m.clamp(0, 1) - t * (g + lam), "below 0: clip last"),
    (LAND, lambda m, g, lam, t: m - t * (g + lam), "below 0: clip last"),
    (LAND, lambda m, g, lam, t: (m - t * (g + lam)).clamp(min=0), "two walls"),
    (LAND, lambda m, g, lam, t: (m - t * g).clamp(0, 1), "who pulls m down?"),
    (LAND, lambda m, g, lam, t: m - t * g, "who pulls m down?"),
    (LAND, lambda m, g, lam, t: (m + t * (g + lam)).clamp(0, 1), "clip to [0, 1]"),
    (SHRINK, lambda w, g, lam, t: torch.nn.functional.softshrink(w - t * g, t * lam), None),
    (SHRINK, lambda w, g, lam, t: (w - t * g) * (1 - t * lam / (w - t * g).abs()).clamp(min=0),
     None),
    (SHRINK, lambda w, g, lam, t: (w - t * g).sign() * ((w - t * g).abs() - lam).clamp(min=0),
     "all gone: a step pulls step × λ"),
    (SHRINK, lambda w, g, lam, t: ((w - t * g).abs() - t * lam).clamp(min=0), "one colour left"),
    (SHRINK, lambda w, g, lam, t: (w - t * g).sign() * ((w - t * g).abs() - t * lam), "jump over"),
    (SHRINK, lambda w, g, lam, t: (w - t * g - t * lam).clamp(min=0), "negative weights are gone"),
    (SHRINK, lambda w, g, lam, t: w.sign() * ((w - t * g).abs() - t * lam).clamp(min=0),
     "that of v, not of w"),
    (SHRINK, lambda w, g, lam, t: w - t * g, "the loss alone"),
    (SHRINK, lambda w, g, lam, t: w, "v = w − step × slope"),
    (PULL, lambda m, eps: log(eps).derivative(m), None),
    (PULL, lambda m, eps: 1 / ((m + eps) * math.log1p(1 / eps)), None),
    (PULL, lambda m, eps: 1 / (m + eps), "r(1) must be 1"),
    (PULL, lambda m, eps: log(eps).value(m), "log must pull hardest there"),
    (PULL, lambda m, eps: -log(eps).derivative(m), "not negative"),
    (PULL, lambda m, eps: 1 / ((m + eps) * math.log10(1 + 1 / eps)), "divide it"),
    (PULL, lambda m, eps: 1.0, "a tensor"),
]  # fmt: skip


@pytest.mark.parametrize(("exercise", "answer", "hint"), TABLE)
def test_answers(exercise: Exercise, answer: object, hint: str | None) -> None:
    hears(exercise, answer, hint)

"""Exercises of notebook 09: every right way is right, every wrong one hears what is wrong."""

from __future__ import annotations

import pytest
import torch
from answers import hears, solve
from torch import Tensor, nn

from pruninglab.kit.exercise import Exercise
from pruninglab.lessons.convolutions import parts
from pruninglab.lessons.convolutions.exercises import MUTE, RECOUNT, SILENT, STRENGTH


def by_range(maps: Tensor) -> Tensor:
    return maps.amax((1, 2)) - maps.amin((1, 2)) < 1e-6


def zeroed(state: dict[str, Tensor], *names: str) -> dict[str, Tensor]:
    return {name: torch.zeros_like(v) if name in names else v for name, v in state.items()}


def in_place(state: dict[str, Tensor]) -> dict[str, Tensor]:
    for name in ("bn2.weight", "bn2.bias"):
        state[name].zero_()
    return state


def by_torch(maps: Tensor) -> tuple[Tensor, Tensor]:
    norm = nn.BatchNorm2d(maps.shape[1], momentum=None)
    norm(maps)
    return norm.running_mean, norm.running_var


def by_loops(maps: Tensor) -> list[list[float]]:
    """Channel by channel, divided by n."""
    channels = [maps[:, c].flatten() for c in range(maps.shape[1])]
    return [[float(c.mean()) for c in channels], [float(c.var(correction=0)) for c in channels]]


TABLE = [
    (SILENT, parts.silent, None),
    (SILENT, by_range, None),
    (SILENT, lambda m: torch.tensor([float(x.std()) < 1e-6 for x in m]), None),
    (SILENT, lambda m: (m == 0).flatten(1).all(1), "flat, not always black"),
    (SILENT, lambda m: m.flatten(1).std(dim=1) > 1e-6, "that is who speaks"),
    (SILENT, lambda m: m.flatten(1).std(dim=0) < 1e-6, "the mask needs the shape"),
    (SILENT, lambda m: m.flatten(1).std(dim=1), "True and False"),
    (SILENT, lambda m: m.flatten(1).std(dim=1) < 0.1, "below 1e-6"),
    (STRENGTH, lambda w: w.flatten(1).norm(dim=1)[:, None, None, None], None),
    (STRENGTH, lambda w: w.square().sum((1, 2, 3), keepdim=True), None),
    (STRENGTH, lambda w: w.square().mean((1, 2, 3), keepdim=True).sqrt(), None),
    (STRENGTH, lambda w: w.flatten(1).norm(dim=1), "give it the shape"),
    (STRENGTH, lambda w: w.flatten(1).norm(dim=0), "one number a filter"),
    (STRENGTH, lambda w: w.abs(), "one number a filter"),
    (STRENGTH, lambda w: w.mean((1, 2, 3), keepdim=True), "the signs would cancel"),
    (STRENGTH, lambda w: w.abs().amax((1, 2, 3), keepdim=True), "root of the sum of squares"),
    (MUTE, parts.muted, None),
    (MUTE, lambda s: zeroed(s, "bn2.weight", "bn2.bias", "conv2.weight"), None),
    (MUTE, lambda s: zeroed(s, "conv2.weight"), "batch norm still speaks"),
    (MUTE, lambda s: zeroed(s, "bn2.weight"), "its bias is added after all"),
    (MUTE, lambda s: zeroed(s, "bn2.bias"), "batch norm still speaks"),
    (MUTE, lambda s: zeroed(s, "bn1.weight", "bn1.bias"), "batch norm still speaks"),
    (MUTE, dict, "says what it said before"),
    (MUTE, lambda s: zeroed(s, *s), None),
    (MUTE, in_place, "overwrites"),
    (MUTE, lambda s: {"bn2.bias": s["bn2.bias"]}, "the names must be"),
    (MUTE, lambda s: torch.zeros(3), "return a dict"),
    (RECOUNT, parts.mean_and_variance, None),
    (RECOUNT, by_torch, None),
    (RECOUNT, by_loops, None),
    (RECOUNT, lambda m: (m.mean(0), m.var(0)), "one number a channel"),
    (RECOUNT, lambda m: (m.mean((0, 1)), m.var((0, 1))), "one number a channel"),
    (RECOUNT, lambda m: (m.mean((0, 2, 3)), m.std((0, 2, 3))), "keeps its square"),
    (RECOUNT, lambda m: (m.var((0, 2, 3)), m.mean((0, 2, 3))), "the mean comes first"),
    (RECOUNT, lambda m: (m.mean((0, 2, 3)), m.square().mean((0, 2, 3))), "the variance of each"),
    (RECOUNT, lambda m: (m.abs().mean((0, 2, 3)), m.var((0, 2, 3))), "the mean of each"),
    (RECOUNT, lambda m: m.mean((0, 2, 3)), "return two things"),
]


@pytest.mark.parametrize(("exercise", "answer", "hint"), TABLE)
def test_answers(exercise: Exercise, answer: object, hint: str | None) -> None:
    hears(exercise, answer, hint)


@pytest.mark.parametrize("exercise", [SILENT, STRENGTH, MUTE, RECOUNT])
def test_solutions_and_stubs(exercise: Exercise) -> None:
    hears(exercise, solve(exercise), None)
    assert "Not answered yet" in exercise.check(lambda *given: None)

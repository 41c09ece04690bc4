"""What a student's answer about pruning must look like: masks, counts and scores."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from ..choices.scopes import Groups
from ..kit.exercise import call, expect, tensor


def mask(answer: Any, shape: torch.Size) -> Tensor:
    """Return a bool tensor of that shape. Raises NotYet."""
    given = tensor(answer, "return a tensor of True and False")
    expect(given.dtype == torch.bool, "return a tensor of True and False, of dtype bool")
    expect(given.shape == shape, f"the mask needs the shape {tuple(shape)}")
    return given


def counts(answer: Any, groups: Groups) -> Tensor:
    """Return what a budget says of the groups, int64 (groups,). Raises NotYet."""
    hint = "return one number per group: how many stay"
    kept = tensor(call(answer, groups), hint)
    expect(kept.shape == groups.living.shape, hint)
    inexact = kept.is_floating_point() or kept.dtype == torch.bool
    expect(not inexact, "return whole numbers: // divides without a rest, .long() makes them so")
    return kept.long()


def by_name(answer: Any, shapes: Mapping[str, torch.Size]) -> dict[str, Tensor]:
    """Return the tensors of a dict, which needs these names and shapes. Raises NotYet."""
    expect(isinstance(answer, Mapping), "return a dict from parameter names to tensors")
    expect(set(answer) == set(shapes), f"the names must be {list(shapes)}")
    found = {name: tensor(answer[name], "each score must be a tensor") for name in shapes}
    for name, shape in shapes.items():
        expect(found[name].shape == shape, f"{name} needs the shape {tuple(shape)}")
    return found

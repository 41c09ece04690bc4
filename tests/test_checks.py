"""A wrong argument is refused by its name, in one line, with what is allowed."""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import pytest
import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch._subclasses import FakeTensorMode

from pruninglab.checks import Count, Share, checked
from pruninglab.devices import accurate, move_to


@checked
def layer(
    net: nn.Module,
    weight: Float[Tensor, "out in"],
    bias: Float[Tensor, " out"] | None = None,
    share: Share = 0.5,
    rounds: Count | None = None,
    kind: Literal["raw", "pearson"] = "raw",
    masks: Mapping[str, Tensor] | None = None,
    score: Callable[[Tensor], Tensor] | None = None,
) -> Tensor:
    return weight


@checked
@dataclass(frozen=True)
class Budget:
    share: Share
    rounds: Count = 1


NET, WEIGHT = nn.Linear(1, 1), torch.ones(2, 3)
BAD: list[tuple[dict[str, Any], type[Exception], str]] = [
    ({"net": None}, TypeError, "net=None must be a network (torch.nn.Module)"),
    ({"weight": "x"}, TypeError, "weight='x' must be a Tensor of float (out, in)"),
    ({"weight": WEIGHT.long()}, ValueError, "weight=int64 (2, 3) must be a Tensor of float"),
    ({"weight": WEIGHT[0]}, ValueError, "weight=float32 (3,) must be a Tensor of float (out, in)"),
    ({"bias": torch.ones(5)}, ValueError,
     "bias=float32 (5,) must be a Tensor of float (out) or None, to fit weight float32 (2, 3)"),
    ({"share": 2}, ValueError, "share=2 must be in [0, 1]"),
    ({"share": float("nan")}, ValueError, "share=nan must be in [0, 1]"),
    ({"share": True}, TypeError, "share=True must be in [0, 1]"),
    ({"rounds": 0}, ValueError, "rounds=0 must be a whole number, at least 1 or None"),
    ({"rounds": True}, TypeError, "rounds=True must be"),
    ({"kind": "both"}, ValueError, "kind='both' must be one of ('raw', 'pearson')"),
    ({"masks": 3}, TypeError, "masks=3 must be a mapping of a string to a Tensor or None"),
    ({"score": 3}, TypeError, "score=3 must be a function or None"),
    ({"weight": WEIGHT.to("meta")}, ValueError, "weight is a meta tensor"),
    ({"weight": WEIGHT.to_sparse()}, ValueError, "weight is a torch.sparse_coo tensor"),
    ({"weight": nn.UninitializedParameter()}, ValueError, "weight is an uninitialised tensor"),
    ({"weight": torch.nested.nested_tensor([WEIGHT])}, ValueError, "weight is a nested tensor"),
    ({"weight": torch.quantize_per_tensor(WEIGHT, 1, 0, torch.qint8)}, ValueError,
     "weight is a quantized tensor"),
    ({"weight": FakeTensorMode().from_tensor(WEIGHT)}, ValueError, "weight is a FakeTensor tensor"),
    ({"masks": {"a": WEIGHT, "b": WEIGHT.to_sparse_csr()}}, ValueError,
     "masks holds a torch.sparse_csr tensor"),
    ({"net": nn.LazyLinear(3)}, ValueError, "net holds an uninitialised tensor"),
    ({"net": nn.Linear(2, 2, device="meta")}, ValueError, "net holds a meta tensor"),
]  # fmt: skip


@pytest.mark.parametrize(("wrong", "error", "message"), BAD)
def test_the_argument_its_value_and_what_is_allowed(
    wrong: dict[str, Any], error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=f"^{re.escape(message)}") as caught:
        layer(**{"net": NET, "weight": WEIGHT} | wrong)
    assert "\n" not in str(caught.value)


def test_right_arguments_pass() -> None:
    right = (torch.ones(2), 1, 3, "pearson", {"w": WEIGHT}, abs)
    assert layer(NET, WEIGHT, *right) is WEIGHT
    assert Budget(0.5, 2) == Budget(0.5, rounds=2)


def test_a_dataclass_checks_what_it_is_made_of() -> None:
    with pytest.raises(ValueError, match="share=3 must be in"):
        Budget(3)
    with pytest.raises(TypeError, match=r"rounds=1\.5 must be a whole number"):
        Budget(0.5, 1.5)


def test_an_error_inside_is_handed_on_as_it_is() -> None:
    @checked
    def fails(share: Share) -> float:
        return layer(NET, WEIGHT, share="no")

    with pytest.raises(TypeError, match="share='no'"):
        fails(0.5)


def test_the_network_moves_to_the_data() -> None:
    net = nn.Linear(2, 2)
    move_to(net, torch.empty(1, 2, device="meta"))
    assert net.weight.is_meta
    assert accurate(torch.ones(1, dtype=torch.float16)).dtype == torch.float64


@checked
def pair(two: tuple[list[int], list[str]], named: tuple[nn.Module, Tensor] | None = None) -> None:
    return None


def test_parts_that_look_alike_are_told_apart_and_no_random_number_is_drawn() -> None:
    """beartype knows an annotation by its text, which two of ours may share."""
    state = random.getstate()
    pair(([1, 2], ["a"]), (NET, WEIGHT))
    for two, named in (((["a"], ["a"]), None), (([1], [1]), None), (([1], ["a"]), (WEIGHT, NET))):
        with pytest.raises(ValueError, match=r"^(two|named)="):
            pair(two, named)
    assert random.getstate() == state


@checked
def mean_of(values: Sequence[Share], names: Mapping[str, int], sizes: tuple[int, ...]) -> int:
    return len(values)


def test_every_item_is_looked_at_and_no_random_number_is_drawn() -> None:
    state = random.getstate()
    for _ in range(3):
        assert mean_of([0.5] * 50, {"a": 1}, (1, 2)) == 50
    for values, names, sizes in (
        ([0.5] * 50 + [2], {}, ()),
        ([0.5], {"a": 1, "b": None}, ()),
        ([0.5], {}, (1,) * 50 + ("x",)),
    ):
        with pytest.raises((TypeError, ValueError), match=r"^(values|names|sizes)="):
            mean_of(values, names, sizes)
    assert random.getstate() == state


@pytest.mark.parametrize("share", [10**400, -(10**400), 1e309])
def test_numbers_beyond_floats_are_out_of_range(share: float) -> None:
    with pytest.raises(ValueError, match="share="):
        layer(NET, WEIGHT, share=share)

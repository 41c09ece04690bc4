"""Masks only shrink; exactly the asked number goes, ties included."""

from __future__ import annotations

import math
from unittest import mock

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from pruninglab.choices.budgets import count, fraction
from pruninglab.choices.scopes import Groups, global_, layer, neuron
from pruninglab.engine import masks as engine_masks
from pruninglab.engine.masks import Masks, cut, keep_largest


def reference_cut(scores: np.ndarray, alive: np.ndarray, keep: int) -> np.ndarray:
    """Keep by sorting (score, index) pairs in plain Python."""
    living = [i for i in range(len(scores)) if alive[i]]
    best = sorted(living, key=lambda i: (-scores[i], i))[:keep]
    return np.isin(np.arange(len(scores)), best)


@pytest.mark.parametrize("wide", [0, 4096], ids=["by partition", "by sort"])
@settings(deadline=None, max_examples=60)
@given(st.data())
def test_keep_largest_is_the_sort_of_a_reference(wide: int, data: st.DataObject) -> None:
    members = data.draw(st.integers(1, 12))
    # Few distinct values: most draws have ties, zeros among them.
    scores = data.draw(
        st.lists(st.sampled_from([0.0, 1.0, 2.0]), min_size=members, max_size=members)
    )
    alive = data.draw(st.lists(st.booleans(), min_size=members, max_size=members))
    keep = data.draw(st.integers(0, sum(alive)))
    with mock.patch.object(engine_masks, "WIDE", wide):
        kept = keep_largest(torch.tensor([scores]), torch.tensor([alive]), torch.tensor([keep]))
    assert kept[0].numpy().tolist() == reference_cut(scores, alive, keep).tolist()


@pytest.mark.parametrize("special", [0.5, math.inf, -math.inf, math.nan])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16])
def test_wide_groups_are_cut_as_narrow_ones_are(special: float, dtype: torch.dtype) -> None:
    """Whatever the numbers: the partition of wide groups must choose what the sort chooses."""
    generator = torch.Generator().manual_seed(0)
    scores = torch.randint(0, 50, (3, 5000), generator=generator).to(dtype)
    scores[:, ::7] = special
    alive = torch.rand(3, 5000, generator=generator) < 0.8
    keep = torch.tensor([0, 1234, int(alive[2].sum())])
    wide = keep_largest(scores, alive, keep)
    with mock.patch.object(engine_masks, "WIDE", 10_000):
        assert torch.equal(wide, keep_largest(scores, alive, keep))
    if not math.isnan(special):
        assert torch.equal(wide.sum(dim=1), keep)


@pytest.mark.parametrize("keep", [-1, 3])
def test_keep_largest_refuses_impossible_counts(keep: int) -> None:
    with pytest.raises(ValueError, match="keep must lie between 0 and"):
        keep_largest(torch.ones(1, 3), torch.tensor([[True, True, False]]), torch.tensor([keep]))


def test_masks_start_full_and_count(tiny_net: nn.Sequential) -> None:
    masks = Masks.full(tiny_net)
    assert list(masks) == ["1.weight", "3.weight"]
    assert (masks.kept, masks.total, masks.density) == (42, 42, 1.0)
    assert list(Masks.full(tiny_net, biases=True)) == ["1.weight", "1.bias", "3.weight", "3.bias"]


def test_masks_never_revive(tiny_net: nn.Sequential) -> None:
    masks = Masks.full(tiny_net)
    gone = masks["1.weight"].clone()
    gone[0, 0] = False
    masks.shrink({"1.weight": gone})
    full = torch.ones_like(gone)
    half = masks["3.weight"].clone()
    half[0] = False
    with pytest.raises(ValueError, match=r"revive 1 dead"):
        masks.shrink({"3.weight": half, "1.weight": full})
    assert masks.kept == 41, "a refused shrink must change nothing"


@pytest.mark.parametrize(
    ("keep", "error"),
    [
        ({"9.weight": torch.ones(6, 4).bool()}, KeyError),
        ({"1.weight": torch.ones(6, 4)}, TypeError),
        ({"1.weight": torch.ones(4, 6).bool()}, ValueError),
    ],
)
def test_shrink_refuses_nonsense(tiny_net: nn.Sequential, keep: dict, error: type) -> None:
    with pytest.raises(error, match=next(iter(keep))):
        Masks.full(tiny_net).shrink(keep)


def test_changing_the_tensor_given_to_masks_changes_no_mask(tiny_net: nn.Sequential) -> None:
    masks = Masks.full(tiny_net)
    keep = masks["1.weight"].clone()
    masks.shrink({"1.weight": keep})
    keep.zero_()
    assert masks.kept == 42


def test_apply_sets_exact_zeros(tiny_net: nn.Sequential) -> None:
    masks = Masks.full(tiny_net)
    keep = torch.zeros(6, 4, dtype=torch.bool)
    masks.shrink({"1.weight": keep})
    assert masks.nonzero_dead(tiny_net) == 24
    with torch.no_grad():
        tiny_net[1].weight[0, 0] = torch.nan
    masks.apply_(tiny_net)
    assert masks.nonzero_dead(tiny_net) == 0
    assert masks.collapsed() == ["1.weight"]


@pytest.mark.parametrize(("scope", "groups"), [(neuron, 9), (layer, 2), (global_, 1)])
def test_every_scope_cuts_exactly_what_the_budget_asks(
    tiny_net: nn.Sequential, scope: object, groups: int
) -> None:
    masks = Masks.full(tiny_net)
    tied = {name: torch.ones_like(mask, dtype=torch.float) for name, mask in masks.items()}
    masks.shrink(cut(tied, masks, count(2), scope))
    assert masks.total - masks.kept == 2 * groups


def test_layer_scope_agrees_with_a_reference_by_index(tiny_net: nn.Sequential) -> None:
    masks = Masks.full(tiny_net)
    scores = {name: p.detach().abs() for name, p in tiny_net.named_parameters() if name in masks}
    for _ in range(3):
        expected = {
            name: reference_cut(
                score.flatten().numpy(),
                masks[name].flatten().numpy(),
                int(masks[name].sum()) - int(masks[name].sum()) * 3 // 10,
            )
            for name, score in scores.items()
        }
        masks.shrink(cut(scores, masks, fraction(0.3), layer))
        for name in masks:
            assert masks[name].flatten().tolist() == expected[name].tolist()


def test_biases_compete_with_their_neuron(tiny_net: nn.Sequential) -> None:
    masks = Masks.full(tiny_net, biases=True)
    scores = {name: torch.ones_like(mask, dtype=torch.float) for name, mask in masks.items()}
    scores["1.bias"] = torch.tensor([0.5] * 3 + [2.0] * 3)
    keep = cut(scores, masks, count(1), neuron)
    assert keep["1.bias"].tolist() == [False] * 3 + [True] * 3
    assert keep["1.weight"].sum(dim=1).tolist() == [4, 4, 4, 3, 3, 3]


def test_a_kernel_lives_or_dies_whole() -> None:
    net = nn.Sequential(nn.Conv2d(2, 3, 3))
    masks = Masks.full(net)
    partly = masks["0.weight"].clone()
    partly[0, 0, 0, 0] = False
    masks.shrink({"0.weight": partly})
    scores = {"0.weight": torch.arange(6.0).reshape(3, 2, 1, 1)}
    keep = cut(scores, masks, count(4), layer)["0.weight"]
    assert keep.flatten(2).sum(dim=2).tolist() == [[0, 0], [0, 0], [9, 9]]
    masks.shrink(cut(scores, masks, count(0), layer))
    assert masks.kept == 53, "a dead weight inside a living kernel stays dead"


def only_conv(groups: Groups) -> torch.Tensor:
    """Cut one member of convolutions and nothing elsewhere."""
    return groups.living - int(groups.kind == "conv")


def test_a_budget_may_differ_by_kind_of_layer() -> None:
    net = nn.Sequential(nn.Conv2d(1, 2, 2), nn.Flatten(), nn.Linear(2, 2))
    masks = Masks.full(net)
    scores = {name: torch.ones_like(mask, dtype=torch.float) for name, mask in masks.items()}
    masks.shrink(cut(scores, masks, only_conv, layer))
    assert {name: int(mask.sum()) for name, mask in masks.items()} == {"0.weight": 7, "2.weight": 4}


@pytest.mark.parametrize(
    ("score", "message"),
    [
        (torch.full((6, 4), torch.nan), "finite"),
        (torch.full((6, 4), -1.0), "not negative"),
        (torch.ones(6, 3), "does not broadcast"),
    ],
)
def test_cut_refuses_bad_scores(tiny_net: nn.Sequential, score: torch.Tensor, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        cut({"1.weight": score}, Masks.full(tiny_net), fraction(0.5), layer)

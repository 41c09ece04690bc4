"""A ticket comes back from its file as it was; the card says what it is."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import nn

import pruninglab as lab
from pruninglab.data import Data


@pytest.fixture
def cut(tiny_net: nn.Module, tiny_data: Data) -> tuple[nn.Module, lab.Masks]:
    return lab.cut_once(
        tiny_net, tiny_data.train, lab.scores.magnitude, lab.budgets.fraction(0.5), lab.scopes.layer
    )


def another() -> nn.Module:
    return nn.Sequential(nn.Flatten(), nn.Linear(4, 6), nn.ReLU(), nn.Linear(6, 3))


def test_a_ticket_comes_back(cut: tuple[nn.Module, lab.Masks], tmp_path: Path) -> None:
    net, masks = cut
    recipe = lab.recipes.lottery_ticket(0.5)
    path = lab.save_ticket(tmp_path / "a.safetensors", net, masks, recipe, seed=3, data="blobs")
    again = another()
    ticket = lab.load_ticket(path, again)
    assert all(torch.equal(new, net.state_dict()[k]) for k, new in again.state_dict().items())
    assert list(ticket.masks) == list(masks)
    assert all(torch.equal(ticket.masks[name], masks[name]) for name in masks)
    assert ticket.recipe == recipe.row() and ticket.facts == {"seed": "3", "data": "blobs"}
    card = path.with_suffix(".md").read_text(encoding="utf-8")
    assert card.startswith("# a\n") and "| density | 0.5000 |" in card and "| seed | 3 |" in card
    assert "`fraction(0.5)`" in card and 'lab.load_ticket("a.safetensors", net)' in card


def test_dead_weights_are_saved_as_zero(
    cut: tuple[nn.Module, lab.Masks], tiny_net: nn.Module, tmp_path: Path
) -> None:
    path = lab.save_ticket(tmp_path / "a.safetensors", tiny_net, cut[1], lab.Recipe())
    lab.load_ticket(path, again := another())
    assert torch.equal(again[1].weight, cut[0][1].weight)


def test_what_is_no_ticket_is_refused_and_changes_nothing(
    cut: tuple[nn.Module, lab.Masks], tmp_path: Path
) -> None:
    net, masks = cut
    path = lab.save_ticket(tmp_path / "a.safetensors", net, masks, lab.Recipe())
    (tmp_path / "text.safetensors").write_text("not this")
    save_file({"a": torch.ones(1)}, tmp_path / "other.safetensors")
    small = nn.Sequential(nn.Flatten(), nn.Linear(4, 2))
    before = small[1].weight.clone()
    for name, words in (("text", "is no ticket"), ("other", "its format is None")):
        with pytest.raises(ValueError, match=words):
            lab.load_ticket(tmp_path / f"{name}.safetensors", small)
    with pytest.raises(ValueError, match="net does not have the shapes"):
        lab.load_ticket(path, small)
    assert torch.equal(small[1].weight, before)
    with pytest.raises(FileNotFoundError, match="missing"):
        lab.load_ticket(tmp_path / "missing.safetensors", net)
    with pytest.raises(ValueError, match=r"must end with \.safetensors"):
        lab.save_ticket(tmp_path / "a.pt", net, masks, lab.Recipe())
    with pytest.raises(KeyError, match="are not those of net"):
        lab.save_ticket(tmp_path / "b.safetensors", small, masks, lab.Recipe())

"""A ticket comes back from its file as it was; the card says what it is."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import save_file
from torch import Tensor, nn

import pruninglab as lab
from pruninglab.data import Data
from pruninglab.engine.tickets import load_ticket, save_ticket


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
    path = save_ticket(tmp_path / "a.safetensors", net, masks, recipe, seed=3, data="blobs")
    again = another()
    ticket = load_ticket(path, again)
    assert all(torch.equal(new, net.state_dict()[k]) for k, new in again.state_dict().items())
    assert list(ticket.masks) == list(masks)
    assert all(torch.equal(ticket.masks[name], masks[name]) for name in masks)
    assert ticket.recipe == recipe.row() and ticket.facts == {"seed": "3", "data": "blobs"}
    card = path.with_suffix(".md").read_text(encoding="utf-8")
    assert card.startswith("# a\n") and "| density | 0.5000 |" in card and "| seed | 3 |" in card
    assert "`fraction(0.5)`" in card and 'load_ticket("a.safetensors", net)' in card


def test_dead_weights_are_saved_as_zero(
    cut: tuple[nn.Module, lab.Masks], tiny_net: nn.Module, tmp_path: Path
) -> None:
    path = save_ticket(tmp_path / "a.safetensors", tiny_net, cut[1], lab.Recipe())
    load_ticket(path, again := another())
    assert torch.equal(again[1].weight, cut[0][1].weight)


def test_what_is_no_ticket_is_refused_and_changes_nothing(
    cut: tuple[nn.Module, lab.Masks], tmp_path: Path
) -> None:
    net, masks = cut
    path = save_ticket(tmp_path / "a.safetensors", net, masks, lab.Recipe())
    (tmp_path / "text.safetensors").write_text("not this")
    save_file({"a": torch.ones(1)}, tmp_path / "other.safetensors")
    small = nn.Sequential(nn.Flatten(), nn.Linear(4, 2))
    before = small[1].weight.clone()
    for name, words in (("text", "is no ticket"), ("other", "its format is None")):
        with pytest.raises(ValueError, match=words):
            load_ticket(tmp_path / f"{name}.safetensors", small)
    with pytest.raises(ValueError, match="net does not have the shapes"):
        load_ticket(path, small)
    assert torch.equal(small[1].weight, before)
    with pytest.raises(FileNotFoundError, match="missing"):
        load_ticket(tmp_path / "missing.safetensors", net)
    with pytest.raises(ValueError, match=r"must end with \.safetensors"):
        save_ticket(tmp_path / "a.pt", net, masks, lab.Recipe())
    with pytest.raises(KeyError, match="are not those of net"):
        save_ticket(tmp_path / "b.safetensors", small, masks, lab.Recipe())


def parts_of(path: Path) -> tuple[dict[str, Tensor], dict[str, str]]:
    with safe_open(path, framework="pt") as file:
        return {name: file.get_tensor(name) for name in file.keys()}, file.metadata()  # noqa: SIM118


def changed(change: Callable[[dict[str, Tensor], dict[str, str]], Any]) -> Callable[[Path], None]:
    def spoil(path: Path) -> None:
        tensors, words = parts_of(path)
        change(tensors, words)
        save_file(tensors, path, metadata=words)

    return spoil


def put(name: str, make: Callable[[Tensor], Tensor]) -> Callable[[Path], None]:
    return changed(lambda tensors, words: tensors.update({name: make(tensors[name])}))


def revived(weights: Tensor) -> Tensor:
    return torch.where(weights == 0, 1e-30, weights)


def bits(path: Path) -> None:
    """Write a 2 where a mask has a 1."""
    content = bytearray(path.read_bytes())
    size = int.from_bytes(content[:8], "little")
    start, _ = json.loads(content[8 : 8 + size])["masks|1.weight"]["data_offsets"]
    content[8 + size + start : 8 + size + start + 4] = b"\2\2\2\2"
    path.write_bytes(content)


def sparse(path: Path) -> None:
    """Claim 8 GB of weights, of which nothing is on the disk."""
    shape = {"dtype": "F32", "shape": [2 * 10**9], "data_offsets": [0, 8 * 10**9]}
    header = json.dumps({"weights|1.weight": shape}).encode()
    with path.open("wb") as file:
        file.write(len(header).to_bytes(8, "little") + header)
        file.truncate(8 + len(header) + 8 * 10**9)


W, M, B = "weights|1.weight", "masks|1.weight", "weights|4.running_var"
SPOILED: dict[str, Callable[[Path], object]] = {
    "no file": os.remove,
    "a pipe": lambda p: (p.unlink(), os.mkfifo(p)),
    "a folder": lambda p: (p.unlink(), p.mkdir()),
    "a device": lambda p: (p.unlink(), p.symlink_to("/dev/zero")),
    "a link to itself": lambda p: (p.unlink(), p.symlink_to(p)),
    "empty": lambda p: p.write_bytes(b""),
    "text": lambda p: p.write_text("not this"),
    "half": lambda p: p.write_bytes(p.read_bytes()[:-20]),
    "more at the end": lambda p: p.write_bytes(p.read_bytes() + b"0"),
    "8 GB": sparse,
    "a header of 2**60": lambda p: p.write_bytes((2**60).to_bytes(8, "little") + b"{}"),
    "a header of lists": lambda p: p.write_bytes((10**5).to_bytes(8, "little") + b"[" * 10**5),
    "another format": changed(lambda t, w: w.update(format="pruninglab ticket 0")),
    "no recipe": changed(lambda t, w: w.pop("recipe")),
    "no facts": changed(lambda t, w: w.pop("facts")),
    "a recipe that is no JSON": changed(lambda t, w: w.update(recipe="{")),
    "a recipe of four": changed(lambda t, w: w.update(recipe='{"score": "a"}')),
    "deep facts": changed(lambda t, w: w.update(facts="[" * 10**5)),
    "facts as a list": changed(lambda t, w: w.update(facts="[]")),
    "facts that are numbers": changed(lambda t, w: w.update(facts='{"a": 1}')),
    "facts with a surrogate": changed(lambda t, w: w.update(facts=r'{"a": "\ud800"}')),
    "facts with a key twice": changed(lambda t, w: w.update(facts='{"a": "1", "a": "2"}')),
    "facts of 20 MB": changed(lambda t, w: w.update(facts=json.dumps({"a": "a" * 20_000_000}))),
    "a weight too few": changed(lambda t, w: t.pop(W)),
    "a buffer too few": changed(lambda t, w: t.pop(B)),
    "a weight too many": changed(lambda t, w: t.update({"weights|9": torch.ones(1)})),
    "a name of no part": changed(lambda t, w: t.update(other=torch.ones(1))),
    "a mask of no weight": changed(lambda t, w: t.update({"masks|9": torch.ones(1).bool()})),
    "a mask of a buffer": changed(lambda t, w: t.update({"masks|4.running_var": t[B] > 0})),
    "no masks": changed(lambda t, w: [t.pop(name) for name in [*t] if name.startswith("masks")]),
    "a mask of another shape": put(M, lambda m: m[:, :1].contiguous()),
    "a mask that broadcasts": put(M, lambda m: torch.ones(1, 1).bool()),
    "a mask of floats": put(M, Tensor.float),
    "a mask of bytes": put(M, lambda m: m.to(torch.uint8)),
    "a mask of twos": bits,
    "living where dead": put(W, revived),
    "dead that are NaN": put(W, lambda w: torch.where(w == 0, torch.nan, w)),
    "NaN": put("weights|3.weight", lambda w: w.index_fill(0, torch.tensor(0), torch.nan)),
    "inf": put("weights|3.bias", lambda w: w.index_fill(0, torch.tensor(0), torch.inf)),
    "-inf in a buffer": put(B, lambda w: w.index_fill(0, torch.tensor(0), -torch.inf)),
    "NaN in a buffer": put(B, lambda w: w * torch.nan),
    "complex": put(W, lambda w: w.to(torch.complex64)),
    "float64": put(W, Tensor.double),
    "bfloat16": put(W, Tensor.bfloat16),
    "whole numbers": put(W, Tensor.int),
    "transposed": put(W, lambda w: w.T.contiguous()),
    "flat": put(W, Tensor.flatten),
}


def with_buffers() -> nn.Module:
    return nn.Sequential(*another(), nn.BatchNorm1d(3))


@pytest.mark.parametrize("spoil", SPOILED.values(), ids=SPOILED)
def test_a_spoiled_ticket_is_refused_and_the_net_is_as_it_was(
    tiny_data: Data, tmp_path: Path, spoil: Callable[[Path], object]
) -> None:
    torch.manual_seed(0)
    net, masks = lab.cut_once(with_buffers(), tiny_data.train, lab.scores.magnitude,
                              lab.budgets.fraction(0.5), lab.scopes.layer)  # fmt: skip
    path = save_ticket(tmp_path / "a.safetensors", net, masks, lab.Recipe())
    again = with_buffers()
    before = {name: tensor.clone() for name, tensor in again.state_dict().items()}
    spoil(path)
    with pytest.raises((ValueError, FileNotFoundError), match=r"a\.safetensors"):
        load_ticket(path, again)
    assert all(torch.equal(before[name], t) for name, t in again.state_dict().items())


class Tied(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.a, self.b, self.c = nn.Linear(6, 6), nn.Linear(6, 6), nn.Linear(6, 3)
        self.b.weight = self.a.weight

    def forward(self, x: Tensor) -> Tensor:
        return self.c(self.b(self.a(x)))


def test_tied_weights_stay_dead(tmp_path: Path) -> None:
    net = Tied()
    masks = lab.Masks({"a.weight": torch.rand(6, 6) > 0.5})
    path = save_ticket(tmp_path / "a.safetensors", net, masks, lab.Recipe())
    again = Tied()
    ticket = load_ticket(path, again)
    assert ticket.masks.nonzero_dead(again) == 0 and again.b.weight is again.a.weight
    assert torch.equal(again.b.weight != 0, masks["a.weight"])
    put("weights|b.weight", lambda w: w + 1)(path)
    before = again.a.weight.clone()
    with pytest.raises(ValueError, match=r"'b.weight' and 'a.weight' are one weight"):
        load_ticket(path, again)
    assert torch.equal(before, again.a.weight)


@pytest.mark.parametrize("saved", [False, True])
@pytest.mark.parametrize("loaded", [False, True])
def test_compiled_and_plain_read_each_other(
    cut: tuple[nn.Module, lab.Masks], tmp_path: Path, saved: bool, loaded: bool
) -> None:
    net, masks = cut
    if saved:
        net = torch.compile(net)
        masks = lab.Masks({f"_orig_mod.{name}": mask for name, mask in masks.items()})
    path = save_ticket(tmp_path / "a.safetensors", net, masks, lab.Recipe())
    assert not any("_orig_mod" in name for name in parts_of(path)[0])
    again: nn.Module = torch.compile(another()) if loaded else another()
    ticket = load_ticket(path, again)
    assert ticket.masks.kept == masks.kept and ticket.masks.nonzero_dead(again) == 0
    for new, old in zip(again.state_dict().values(), net.state_dict().values(), strict=True):
        assert torch.equal(new, old)


class Versioned(nn.Linear):
    """Doubles what an older version has saved, and refuses what says no version."""

    _version = 2

    def _load_from_state_dict(self, state: Any, prefix: str, local: dict, *rest: Any) -> None:
        if local.get("version") != 2:
            raise RuntimeError("version should be 2")
        super()._load_from_state_dict(state, prefix, local, *rest)


def test_modules_with_versions_and_infinite_buffers_come_back(tmp_path: Path) -> None:
    net, again = Versioned(3, 2), Versioned(3, 2)
    for one in (net, again):
        one.register_buffer("hidden", torch.tensor([0, -torch.inf]))
    path = save_ticket(tmp_path / "a.safetensors", net, lab.Masks.full(net), lab.Recipe())
    load_ticket(path, again)
    assert torch.equal(net.weight, again.weight) and torch.equal(net.hidden, again.hidden)


def test_a_net_that_refuses_halfway_is_as_it_was(
    cut: tuple[nn.Module, lab.Masks], tmp_path: Path
) -> None:
    net, masks = cut
    path = save_ticket(tmp_path / "a.safetensors", net, masks, lab.Recipe())
    again = another()

    def late(module: nn.Module, keys: object) -> None:
        if torch.equal(module.weight, net[3].weight):
            raise RuntimeError("too late")

    again[3].register_load_state_dict_post_hook(late)
    before = {name: tensor.clone() for name, tensor in again.state_dict().items()}
    with pytest.raises(ValueError, match=r"net does not take the weights.*too late"):
        load_ticket(path, again)
    assert all(torch.equal(before[name], t) for name, t in again.state_dict().items())


@pytest.mark.parametrize("value", [torch.nan, torch.inf, -torch.inf])
def test_what_would_not_load_is_not_saved(
    cut: tuple[nn.Module, lab.Masks], tmp_path: Path, value: float
) -> None:
    net, masks = cut
    with pytest.raises(ValueError, match="surrogates"):
        save_ticket(tmp_path / "a.safetensors", net, masks, lab.Recipe(), who="\ud800")
    with pytest.raises(ValueError, match="no masks"):
        save_ticket(tmp_path / "a.safetensors", net, lab.Masks({}), lab.Recipe())
    with torch.no_grad():
        net[1].bias[0] = value
    with pytest.raises(ValueError, match=r"weights '1.bias' are not finite"):
        save_ticket(tmp_path / "a.safetensors", net, masks, lab.Recipe())
    assert not list(tmp_path.iterdir())


NASTY = ["<script>alert(1)</script>", "a\n# b", "a | b", "`<b>`", "$x$", "[a](javascript:b)",
         "\u202ea", "```\n<b>", "www.a.bc"]  # fmt: skip


@pytest.mark.parametrize("nasty", NASTY, ids=range(9))
def test_the_card_is_read_as_words_only(
    cut: tuple[nn.Module, lab.Masks], tmp_path: Path, nasty: str
) -> None:
    net, masks = cut
    name = nasty.replace("/", "")
    cards = []
    for number, word in enumerate((name, "harmless")):
        path = tmp_path / f"{word}.safetensors"
        save_ticket(path, net, masks, lab.Recipe(), **{word: word, f"k{number}": nasty})
        cards.append(path.with_suffix(".md").read_text("utf-8"))
    for card in cards:
        assert card.count("\n") == cards[1].count("\n") and card.count("|") == cards[1].count("|")
        assert "<" not in card and "](" not in card.replace("`[a](javascript:b)`", "").replace(
            "[a](javascript:b).safetensors", "")  # fmt: skip
        assert card.count("```") == 2 and "\u202e" not in card and "$" not in card

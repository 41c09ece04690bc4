"""A record is of one run and of no other: what the key sees, what it refuses, what it survives."""

from __future__ import annotations

import copy
import functools
import hashlib
import json
import os
import random
import subprocess
import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save
from torch import nn

import pruninglab as lab
from pruninglab.data import Data, Split
from pruninglab.engine import loop, records, training
from pruninglab.engine.fingerprint import fingerprint
from pruninglab.engine.records import identity, recorded

CPU = torch.device("cpu")
TRAINING = lab.Training(batch_size=30)
RECIPE = lab.recipes.sap(1.0, 2.0, stop=lab.stops.epochs(1), rounds=2)


def make_net(activation: Callable[[], nn.Module] = nn.ReLU) -> nn.Module:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return nn.Sequential(nn.Flatten(), nn.Linear(4, 6), activation(), nn.Linear(6, 3))


def make_data(test_flip: int = 0, validation: int = 30) -> Data:
    generator = torch.Generator().manual_seed(0)
    inputs = torch.randn(150, 1, 2, 2, generator=generator)
    targets = inputs.flatten(1)[:, :3].argmax(dim=1)
    targets[150 - test_flip :] = 0
    cuts = (0, 90), (90, 90 + validation), (120, 150)
    return Data("argmax", *[Split(inputs[a:b], targets[a:b]) for a, b in cuts], ("a", "b", "c"))


def key(**changes: Any) -> str:
    options = {"net": make_net(), "data": make_data(), "recipe": RECIPE, "seed": 0,
               "training": TRAINING, "device": CPU}  # fmt: skip
    return identity(**(options | changes))["key"]


def scored(score: Callable) -> str:
    return key(recipe=RECIPE.but(score=score))


def rows(folder: Path, recipe: lab.Recipe = RECIPE, **changes: Any) -> list[dict]:
    options = {"net": make_net(), "data": make_data(), "seed": 0, "training": TRAINING} | changes
    return list(recorded(recipe=recipe, folder=folder, **options))


def numbers(found: list[dict]) -> list[dict]:
    return [{name: value for name, value in row.items() if name != "seconds"} for row in found]


# --- what the key sees ---------------------------------------------------------------------------


class Custom(nn.Module):
    """The same weights as `make_net`, and an activation that only the code or a number tells."""

    def __init__(self, slope: float) -> None:
        super().__init__()
        self.net, self.slope = make_net(nn.Identity), slope

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return nn.functional.leaky_relu(self.net(x), self.slope)


def test_networks_with_the_same_weights_have_keys_of_their_own() -> None:
    hooked = make_net()
    hooked.register_forward_hook(lambda module, seen, made: made * 2)
    nets = [
        make_net(), make_net(nn.Tanh), make_net(lambda: nn.Dropout(0.1)),
        make_net(lambda: nn.Dropout(0.2)), make_net(nn.Identity), Custom(0.1), Custom(0.2), hooked,
    ]  # fmt: skip
    assert len({key(net=net) for net in nets}) == len(nets)
    assert key(net=Custom(0.1)) == key(net=Custom(0.1))
    relu, tanh = (lab.nets.mini_relu(seed=0), lab.nets.mini_tanh(seed=0))
    assert key(net=relu) != key(net=tanh) and key(net=relu) == key(net=lab.nets.mini_relu(seed=0))


def test_the_record_of_relu_is_not_that_of_tanh(tmp_path: Path) -> None:
    nets = {"relu": make_net(), "tanh": make_net(nn.Tanh)}
    alone = {
        name: numbers(rows(tmp_path / name, net=copy.deepcopy(net))) for name, net in nets.items()
    }
    assert alone["relu"] != alone["tanh"]
    for name, net in nets.items():
        assert numbers(rows(tmp_path / "shared", net=net)) == alone[name]


def test_all_splits_and_their_targets_are_seen() -> None:
    data = make_data()
    others = [make_data(test_flip=3), make_data(validation=20), replace(data, test=data.validation)]
    assert len({key(data=one) for one in (data, *others)}) == 4
    assert key(data=make_data()) == key(data=data)


def power(p: float) -> Callable:
    def score(net: nn.Module, images: Split) -> dict:
        return {name: w**p for name, w in lab.scores.magnitude(net, images).items()}

    return score


@dataclass(frozen=True)
class Power:
    p: float

    def __call__(self, net: nn.Module, images: Split) -> dict:
        return power(self.p)(net, images)


class Plain:
    def __init__(self, p: float) -> None:
        self.p = p

    def __call__(self, net: nn.Module, images: Split) -> dict:
        return power(self.p)(net, images)


GLOBAL = 1.0


def of_global(net: nn.Module, images: Split) -> dict:
    return power(GLOBAL)(net, images)


def helper(w: torch.Tensor) -> torch.Tensor:
    return w


def with_helper(net: nn.Module, images: Split) -> dict:
    return {name: helper(w) for name, w in lab.scores.magnitude(net, images).items()}


def named(p: float, score: Callable, net: nn.Module, images: Split) -> dict:
    return score(net, images)


def test_every_captured_value_of_a_choice_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    # Two lambdas on one line have one source text.
    pair = [lambda net, images: power(1)(net, images), lambda net, images: power(2)(net, images)]
    differing = [
        power(0), power(0.1), Power(0.1), Power(0.2), Plain(0.1), Plain(0.2), *pair,
        functools.partial(named, 1, lab.scores.magnitude),
        functools.partial(named, 2, lab.scores.magnitude),
        functools.partial(named, 2, lab.scores.random),
        functools.lru_cache(power(3)), Power(0.1).__call__, Power(0.3).__call__,
    ]  # fmt: skip
    assert len({scored(score) for score in differing}) == len(differing)
    for make in (lambda: power(0.1), lambda: Power(0.1), lambda: Plain(0.1)):
        assert scored(make()) == scored(make()), "equal things written anew are equal"
    asked = [lab.asks(images=n)(power(0.5)) for n in (10, 20)]
    assert scored(asked[0]) != scored(asked[1]) != scored(power(0.5))
    before = scored(of_global), scored(with_helper)
    monkeypatch.setitem(globals(), "GLOBAL", 2.0)
    monkeypatch.setitem(globals(), "helper", lambda w: w * 2)
    assert scored(of_global) != before[0] and scored(with_helper) != before[1]


def test_three_factories_on_one_folder_give_three_curves(tmp_path: Path) -> None:
    recipes = {str(p): RECIPE.but(score=power(p), budget=lab.budgets.pq_bound()) for p in (0, 2)}
    live = lab.compare(recipes, lambda seed: make_net(), make_data(), seeds=(0,), training=TRAINING)
    kept = lab.compare(recipes, lambda seed: make_net(), make_data(), seeds=(0,), training=TRAINING,
                       folder=tmp_path)  # fmt: skip
    for label in recipes:
        assert numbers(live[label][0]) == numbers(kept[label][0])
    assert numbers(kept["0"][0]) != numbers(kept["2"][0])


def defined(source: str) -> Callable:
    """Return the function `score` of a text, as a notebook cell would define it."""
    names = {"lab": lab, "nn": nn}
    exec(source, names)
    return names["score"]


CELL = 'def score(net, images):\n    """Doc."""\n    return lab.scores.magnitude(net, images)\n'


def test_a_docstring_a_comment_or_a_line_orphans_no_record() -> None:
    same = [
        CELL,
        CELL.replace("Doc.", "Another."),
        "\n\n" + CELL.replace("\n    return", "  # why\n    return"),
        CELL.replace('    """Doc."""\n', ""),
    ]
    assert len({scored(defined(cell)) for cell in same}) == 1
    assert scored(defined(CELL)) != scored(defined(CELL.replace("magnitude", "random")))


@pytest.mark.parametrize("change", ["torch", "threads", "device"])
def test_version_threads_and_device_are_in_the_key(
    change: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    before, real = key(), records.made_with
    monkeypatch.setattr(records, "made_with", lambda net, on: real(net, on) | {change: "another"})
    assert key() != before


def test_the_threads_in_the_key_are_those_of_the_network(monkeypatch: pytest.MonkeyPatch) -> None:
    """A small network without convolutions has one, whatever torch has."""
    convolution, data = lab.nets.lenet_5(seed=0), lab.data.load("mnist", device="cpu")
    before = key(), key(net=convolution, data=data)
    more = torch.get_num_threads() + 1
    monkeypatch.setattr(torch, "get_num_threads", lambda: more)
    after = key(), key(net=convolution, data=data)
    assert after[0] == before[0] and after[1] != before[1]
    assert records.made_with(make_net(), CPU)["threads"] == "1"
    assert records.made_with(convolution, CPU)["threads"] == str(more)


@pytest.mark.parametrize("hidden", [torch.Generator(), threading.Lock(), iter([1])])
def test_what_cannot_be_seen_through_is_refused_with_what_to_do(
    hidden: Any, tmp_path: Path
) -> None:
    def score(net: nn.Module, images: Split) -> dict:
        return {name: w for name, w in lab.scores.magnitude(net, images).items() if hidden}

    with pytest.raises(TypeError, match=r"score holds a .*: write it as a frozen dataclass"):
        rows(tmp_path, RECIPE.but(score=score))
    assert not list(tmp_path.iterdir())


def test_the_engine_itself_is_seen() -> None:
    code = records.code_version.__wrapped__
    before = code()
    old = training.accuracy
    try:
        loop.accuracy = lambda net, split: 0.5
        assert code() != before
    finally:
        loop.accuracy = old
    assert code() == before


def test_fingerprints_do_not_depend_on_the_hash_seed() -> None:
    text = (
        "import pruninglab as lab; from pruninglab.engine.fingerprint import fingerprint;"
        "f = lambda net: net in {'a', 'b', 'c', 'dd'};"
        "print(fingerprint([f, lab.prune, {'x': {1, 2, 'y'}}], 'it'))"
    )
    found = {
        subprocess.run(
            [sys.executable, "-c", text], env={**os.environ, "PYTHONHASHSEED": seed},
            capture_output=True, text=True, check=True,
        ).stdout
        for seed in ("0", "7")
    }  # fmt: skip
    assert len(found) == 1


# --- legal input ---------------------------------------------------------------------------------


@dataclass(frozen=True)
class Square:
    """A regulariser of one's own."""

    def value(self, m: torch.Tensor) -> torch.Tensor:
        return m**2

    def derivative(self, m: torch.Tensor) -> torch.Tensor:
        return 2 * m


def test_tensors_and_own_regularisers_and_other_dtypes_are_described() -> None:
    basis = torch.eye(51)
    projected = [lab.Training(lab.projected_sgd(b)) for b in (basis, basis.clone(), -basis)]
    found = [key(training=training) for training in projected]
    assert found[0] == found[1] != found[2]
    assert key(recipe=lab.recipes.soft_mask(Square(), 0.1)) != key(recipe=RECIPE)
    assert fingerprint(make_net().bfloat16(), "net") != fingerprint(make_net(), "net")


def test_without_validation_the_record_is_valid_json(tmp_path: Path) -> None:
    first = rows(tmp_path, data=make_data(validation=0))
    (path,) = tmp_path.glob("*/record.json")
    json.loads(path.read_text(), parse_constant=lambda name: pytest.fail(name))
    assert first[0]["validation_accuracy"] is None
    assert rows(tmp_path, data=make_data(validation=0)) == first


def test_reading_a_finished_record_leaves_the_trained_ticket(tmp_path: Path) -> None:
    data, nets = make_data(), [make_net(), make_net()]
    for net in nets:
        last = rows(tmp_path, net=net, data=data)[-1]
        assert lab.accuracy(net, data.test) == last["test_accuracy"]
    trained, read = (net.state_dict() for net in nets)
    assert all(torch.equal(value, read[name]) for name, value in trained.items())


# --- damage --------------------------------------------------------------------------------------


def flip_digit(text: str) -> str:
    place = text.index('"test_accuracy": 0.') + len('"test_accuracy": 0.')
    return text[:place] + str((int(text[place]) + 1) % 10) + text[place + 1 :]


def swap_rows(text: str) -> str:
    saved = json.loads(text)
    saved["rows"] = saved["rows"][::-1]
    return json.dumps(saved)


DAMAGE: dict[str, Callable[[str], str]] = {
    "digit": flip_digit,
    "order": swap_rows,
    "nan": lambda text: text.replace('"loss": ', '"loss": NaN, "x": ', 1),
    "nested": lambda text: "[" * 100_000,
    "empty": lambda text: "",
    "number": lambda text: "7",
    "list": lambda text: "[]",
    "rows": lambda text: text.replace('"rows": [', '"rows": 3, "old": ['),
}


@pytest.mark.parametrize("kind", DAMAGE)
def test_a_tampered_record_is_set_aside(kind: str, tmp_path: Path) -> None:
    whole = numbers(rows(tmp_path))
    (path,) = tmp_path.glob("*/record.json")
    path.write_text(DAMAGE[kind](path.read_text()))
    with pytest.warns(RuntimeWarning, match="is damaged"):
        assert numbers(rows(tmp_path)) == whole
    assert len(list(tmp_path.glob("*.damaged-1"))) == 1


@pytest.mark.filterwarnings("ignore:the record")
def test_random_flips_of_bits_are_never_believed(tmp_path: Path) -> None:
    whole, draw = numbers(rows(tmp_path)), random.Random(0)
    (path,) = tmp_path.glob("*/record.json")
    content = path.read_bytes()
    for _ in range(12):
        spoiled = bytearray(content)
        spoiled[draw.randrange(len(spoiled))] ^= 1 << draw.randrange(8)
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(spoiled)
        assert numbers(rows(tmp_path)) == whole


def test_a_bad_checkpoint_under_a_right_checksum_is_set_aside(tmp_path: Path) -> None:
    whole = numbers(rows(tmp_path))
    (path,) = tmp_path.glob("*/record.json")
    saved = json.loads(path.read_text())
    for content in (b"nonsense", save({"weights|x": torch.ones(1)})):
        state = path.parent / "round_003.safetensors"
        state.write_bytes(content)
        saved["sha256"] = hashlib.sha256(content).hexdigest()
        path.write_text(json.dumps(saved))
        with pytest.warns(RuntimeWarning, match="is damaged"):
            assert numbers(rows(tmp_path)) == whole


def test_a_folder_that_cannot_be_written_is_refused_before_training(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_text("here")
    with pytest.raises(OSError, match="cannot be written") as caught:
        rows(file)
    assert str(file) in str(caught.value)


# --- several at once -----------------------------------------------------------------------------


@pytest.mark.filterwarnings("ignore:the record")
def test_threads_that_find_the_same_damage_all_go_on(tmp_path: Path) -> None:
    whole = numbers(rows(tmp_path))
    (path,) = tmp_path.glob("*/record.json")
    path.write_text("{")
    found: list[Any] = []

    def work(net: nn.Module) -> None:
        try:
            found.append(numbers(rows(tmp_path, net=net)))
        except BaseException as error:
            found.append(error)

    threads = [threading.Thread(target=work, args=(make_net(),)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [whole] * 4
    assert not list(tmp_path.glob("*/.*")), "no temporary file stays"


def test_a_slow_reader_does_not_call_a_running_record_damaged(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between its reading of the record and of the checkpoint, another process goes on by two."""
    whole = numbers(rows(tmp_path / "whole"))
    slow = recorded(
        make_net(), make_data(), RECIPE, seed=0, training=TRAINING, folder=tmp_path / "b"
    )
    next(slow)
    parse, calls = records.Record._parse, []

    def late(self: records.Record, content: bytes, what: dict) -> Any:
        calls.append(1)
        if len(calls) == 1:
            list(slow)
        return parse(self, content, what)

    monkeypatch.setattr(records.Record, "_parse", late)
    assert numbers(rows(tmp_path / "b")) == whole
    assert len(calls) == 2

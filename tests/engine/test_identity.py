"""A record is of one run and of no other: what is known by name, what is not, what it survives."""

from __future__ import annotations

import functools
import hashlib
import json
import random
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import lookalikes
import pytest
import torch
from lookalikes import RECIPE, TRAINING, make_data, make_net
from safetensors.torch import save
from torch import nn

import pruninglab as lab
from pruninglab import papers
from pruninglab.data import Split
from pruninglab.engine import records
from pruninglab.engine.fingerprint import known
from pruninglab.engine.records import identity, recorded
from pruninglab.lessons.mix.board.menu import STANDARD

CPU = torch.device("cpu")


def what(**changes: Any) -> dict:
    options = {"net": make_net(), "data": make_data(), "recipe": RECIPE, "seed": 0,
               "training": TRAINING, "device": CPU}  # fmt: skip
    return identity(**(options | changes))


def key(**changes: Any) -> str:
    """Return the key of a run that is known by name."""
    found = what(**changes)
    assert found["key"] is not None, found["unknown"]
    return found["key"]


def rows(folder: Path, recipe: lab.Recipe = RECIPE, **changes: Any) -> list[dict]:
    options = {"net": make_net(), "data": make_data(), "seed": 0, "training": TRAINING} | changes
    return list(recorded(recipe=recipe, folder=folder, **options))


def numbers(found: list[dict]) -> list[dict]:
    return [{name: value for name, value in row.items() if name != "seconds"} for row in found]


# --- what is known by name -----------------------------------------------------------------------


@pytest.mark.parametrize("paper", papers.EXPERIMENTS)
def test_all_that_a_paper_runs_is_known(paper: str) -> None:
    """Its commands take days: each method, network and training must go on after a kill."""
    made = papers.EXPERIMENTS[paper]
    for net, printed in made.printed.items():
        about = {"data": made.data.get(net, ("mnist",))[0], "net": net, **printed, "small": False}
        for label, recipe in made.methods(net, about).items():
            assert known(recipe, label)[1] == []
        assert known(made.training(net, about), "training")[1] == []


def test_all_choices_of_the_board_and_every_data_set_are_known() -> None:
    for choice in (choice for choices in STANDARD.values() for choice in choices):
        assert known(choice, "choice")[1] == []
    assert known(lab.data.load("mnist", device="cpu"), "data")[1] == []
    assert known(lab.data.load("mnist"), "data") == known(lab.data.load("mnist"), "data")


NETS = [
    name for name, make in vars(lab.nets).items()
    if "inputs" in (getattr(getattr(make, "__checked__", None), "__kwdefaults__", None) or ())
]  # fmt: skip


@pytest.mark.parametrize("name", NETS)
def test_every_network_of_the_package_is_known(name: str) -> None:
    made = [getattr(lab.nets, name)(inputs=(1, 32, 32), seed=seed) for seed in (0, 0, 1)]
    (first, again, other) = (known(net, "net") for net in made)
    assert first == again != other and first[1] == []


TORCHS: dict[str, Callable[[], nn.Module]] = {
    "attention": lambda: nn.MultiheadAttention(4, 2),
    "transformer": lambda: nn.TransformerEncoderLayer(4, 2, dropout=0.2),
    "lstm": lambda: nn.LSTM(4, 3, num_layers=2),
    "embedding": lambda: nn.Embedding(4, 3),
    "lists": lambda: nn.ModuleDict({"a": nn.ModuleList([nn.Conv2d(1, 2, 3), nn.GELU()])}),
    "parameters": lambda: nn.ParameterList([torch.ones(2)]),
    "materialised": lambda: (net := nn.LazyLinear(3), net(torch.ones(1, 2)))[0],
    "norms": lambda: nn.Sequential(nn.BatchNorm1d(4), nn.LayerNorm(4), nn.GroupNorm(2, 4)),
}


@pytest.mark.filterwarnings("ignore:Lazy modules")
@pytest.mark.parametrize("kind", TORCHS)
def test_networks_of_torchs_own_modules_are_known(kind: str) -> None:
    found = []
    for _ in range(2):
        torch.manual_seed(0)
        found.append(known(TORCHS[kind](), "net"))
    assert found[0] == found[1] and found[0][1] == []


@pytest.mark.parametrize("kind", lookalikes.SAME)
def test_equal_runs_written_anew_resume(kind: str, tmp_path: Path) -> None:
    first, again = (make() for make in lookalikes.SAME[kind])
    assert key(**first) == key(**again)
    start = rows(tmp_path, **first)
    assert rows(tmp_path, **again) == start, "to the last digit of the seconds: not trained again"


@pytest.mark.parametrize("kind", lookalikes.KNOWN)
def test_what_differs_by_name_has_a_key_of_its_own(kind: str) -> None:
    found = [key(**make()) for make in lookalikes.KNOWN[kind]]
    assert len(set(found)) == len(found)


# --- what is not ---------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", lookalikes.PAIRS)
def test_different_things_never_share_a_key(kind: str) -> None:
    """Either a key of their own, or none."""
    with pytest.MonkeyPatch.context() as patch:
        keys = [what(**make(patch))["key"] for make in lookalikes.PAIRS[kind]]
    keys += [key()] * (kind not in lookalikes.PLAIN_FIRST)
    written = [found for found in keys if found is not None]
    assert len(set(written)) == len(written)


@pytest.mark.filterwarnings("ignore:.*is not known by name")
@pytest.mark.parametrize("kind", lookalikes.SEEN)
def test_the_second_run_gets_its_own_numbers(kind: str, tmp_path: Path) -> None:
    found = []
    for number, make in enumerate(lookalikes.PAIRS[kind]):
        with pytest.MonkeyPatch.context() as patch:
            alone = numbers(rows(tmp_path / str(number), **make(patch)))
            assert numbers(rows(tmp_path / "shared", **make(patch))) == alone
        found.append(alone)
    assert found[0] != found[1], "the example tells nothing"


def mine(net: nn.Module, images: Split) -> dict:
    return {name: w.square() for name, w in lab.scores.magnitude(net, images).items()}


def test_a_run_of_something_unknown_says_so_and_writes_nothing(tmp_path: Path) -> None:
    for _ in range(2):
        with pytest.warns(UserWarning, match=r"recipe\.score is mine.*key='my score") as said:
            found = rows(tmp_path, RECIPE.but(score=mine))
        assert len(said) == 1
    assert [row["round"] for row in found] == [0, 1, 2]
    assert not list(tmp_path.iterdir())


def test_with_a_key_it_resumes_and_what_is_known_still_counts(tmp_path: Path) -> None:
    first = rows(tmp_path, RECIPE.but(score=mine), key="squares")
    anew = functools.wraps(mine)(lambda net, images: pytest.fail("not asked again"))
    assert rows(tmp_path, RECIPE.but(score=anew), key="squares") == first
    for changes in (
        {"key": "another"}, {"seed": 1}, {"net": make_net(nn.Tanh)},
        {"data": make_data(test_flip=3)}, {"training": lab.Training(batch_size=20)},
        {"recipe": RECIPE.but(score=mine, rounds=1)},
    ):  # fmt: skip
        rows(tmp_path, **({"recipe": RECIPE.but(score=mine), "key": "squares"} | changes))
    assert len(list(tmp_path.iterdir())) == 7
    rows(tmp_path, key="squares")
    rows(tmp_path)
    assert len(list(tmp_path.iterdir())) == 8, "what is known needs no key"


@pytest.mark.parametrize("empty", ["", "  "])
def test_an_empty_key_is_refused(empty: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="key="):
        rows(tmp_path, key=empty)
    with pytest.raises(TypeError, match="key=3"):
        rows(tmp_path, key=3)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("change", ["torch", "threads", "device"])
def test_version_threads_and_device_are_in_the_key(
    change: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    before, real = key(), records.made_with
    monkeypatch.setattr(records, "made_with", lambda net, on: real(net, on) | {change: "another"})
    assert key() != before


def test_the_version_of_the_package_is_in_the_key(monkeypatch: pytest.MonkeyPatch) -> None:
    before = key()
    monkeypatch.setattr(records, "__version__", "another")
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


# --- legal input ---------------------------------------------------------------------------------


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


def test_a_run_is_checked_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked, check = [], lab.Recipe.check
    monkeypatch.setattr(lab.Recipe, "check", lambda *a: (asked.append(1), check(*a)))
    rows(tmp_path, key="a changed Recipe is not known by name")
    assert asked == [1] and list(tmp_path.glob("*/record.json"))


def test_what_cannot_run_is_refused_by_name_and_leaves_nothing(tmp_path: Path) -> None:
    cannot = RECIPE.but(rewind=lab.rewinds.to_epoch(9))
    for changes in ({"recipe": cannot}, {"net": nn.Sequential(nn.Flatten(), nn.LazyLinear(3))}):
        with pytest.raises(ValueError, match=r"rewind=|uninitialised"):
            rows(tmp_path, **changes)
    assert not list(tmp_path.iterdir())


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

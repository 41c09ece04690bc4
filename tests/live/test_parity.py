"""The page cuts and reads as the package does: masks bit by bit, predictions nearly."""

from __future__ import annotations

import base64
import json
import shutil
import subprocess
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

import pruninglab as lab
from pruninglab.choices.needs import asks
from pruninglab.data import Split
from pruninglab.live import script, trained
from pruninglab.live.sent import halved, linear_layers, packed, sent

NODE = shutil.which("node")
needs_node = pytest.mark.skipif(NODE is None, reason="node is not installed")
SHARES = ("0", "0.05", "0.29", "0.5", "0.8", "0.9", "0.953", "0.99", "0.995", "0.999", "1")
BUDGETS = [
    *({"budget": "share", "gone": share} for share in SHARES),
    *({"budget": "pq", "p": p, "q": q, "eta": eta, "gamma": gamma, "beta": 0.9}
      for p, q, eta, gamma in ((0.5, 1.0, 0.0, 1.0), (1.0, 2.0, 0.0, 1.0), (0.2, 1.5, 0.1, 3.0),
                               (0.9, 1.1, 0.0, 1.0))),
    *({"budget": "signal", "alpha": alpha} for alpha in (0.5, 0.8, 0.9, 0.95, 0.98, 1.0)),
]  # fmt: skip
SCORES, SCOPES = ("magnitude", "random", "nnrelief"), ("neuron", "layer", "global")
CUTS = [{"score": score, "scope": scope, "seed": 3, **budget}
        for score, scope, budget in product(SCORES, SCOPES, BUDGETS)]  # fmt: skip
# Again: the budget once more on the living.
STATES = [[cut] for cut in CUTS] + [[cut] * 3 for cut in CUTS[: len(BUDGETS)] if "p" in cut] + [
    [cut] * 2 for cut in CUTS[: 3 * len(BUDGETS)] if cut.get("gone") in ("0.29", "0.5", "0.953")
]  # fmt: skip


def budget_of(cut: dict[str, Any]) -> Any:
    if cut["budget"] == "share":
        return lab.budgets.fraction(float(cut["gone"]))
    if cut["budget"] == "signal":
        return lab.budgets.signal_share(cut["alpha"])
    return lab.budgets.pq_bound(*(cut[key] for key in ("p", "q", "eta", "gamma", "beta")))


def asked(what: dict[str, Any], states: list[Any], folder: Path) -> list[dict[str, Any]]:
    """Return what node says of all states."""
    buffers: list[bytes] = []
    about = packed(what, buffers)
    texts = [base64.b64encode(buffer).decode() for buffer in buffers]
    written = {"about": about, "buffers": texts, "states": [{"cuts": cuts} for cuts in states]}
    (folder / "asked.json").write_text(json.dumps(written))
    (folder / "engine.js").write_text(script.engine())
    ran = subprocess.run(
        [NODE, Path(__file__).with_name("parity.cjs"), folder / "engine.js", folder / "asked.json"],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    return json.loads(ran.stdout)


def bits(text: str) -> np.ndarray:
    return np.frombuffer(base64.b64decode(text), np.uint8)


def sap_mlp() -> nn.Module:
    net = lab.nets.sap_mlp(seed=0)
    data = lab.data.load("mnist", device="cpu")
    lab.train(net, data, stop=lab.stops.epochs(1), training=lab.Training(batch_size=64), seed=0)
    for parameter in net.parameters():
        parameter.data = parameter.data.half().float()
    return net


@needs_node
@pytest.mark.parametrize("make", [trained.network, sap_mlp])
def test_masks_are_equal_and_predictions_nearly(make: Any, tmp_path: Path) -> None:
    data, net = lab.data.load("mnist", device="cpu"), make()
    test, probe = data.test.take(250), data.train.take(1000)
    told = asked(halved(sent(net, probe, test)), STATES, tmp_path)
    names = [name for name, part in net.named_modules() if isinstance(part, nn.Linear)]
    torch.manual_seed(3)
    chance = lab.scores.random(net, probe)
    signals = lab.scores.nnrelief(1000)
    loudness = signals(net, probe)
    # Scored once: a hundred states share a score.
    scores = {"magnitude": lab.scores.magnitude, "random": lambda net, images: chance,
              "nnrelief": asks(biases=True)(lambda net, images: loudness)}  # fmt: skip
    scopes = {"neuron": lab.scopes.neuron, "layer": lab.scopes.layer, "global": lab.scopes.global_}
    others = 0
    for cuts, found in zip(STATES, told, strict=True):
        cut, masks = net, None
        for asked_for in cuts:
            score, scope = scores[asked_for["score"]], scopes[asked_for["scope"]]
            cut, masks = lab.cut_once(cut, probe, score, budget_of(asked_for), scope, masks)
        alive, start = bits(found["alive"]), 0
        for name in names:
            for part in (f"{name}.weight", f"{name}.bias"):
                mine = alive[start : start + net.get_parameter(part).numel()]
                start += len(mine)
                theirs = masks[part].numpy().ravel() if part in masks else np.ones_like(mine)
                assert np.array_equal(mine, theirs), cuts
        with torch.no_grad():
            said = cut(test.inputs).argmax(dim=1).numpy()
        others += int((said != bits(found["said"])).sum())
        assert found["right"] == int((bits(found["said"]) == test.targets.numpy()).sum())
        kept = sum(int(masks[f"{name}.weight"].sum()) for name in names)
        assert found["living"] == kept
    assert others <= len(STATES) * 250 / 10_000


def test_what_the_page_cannot_read_is_refused_by_name() -> None:
    assert len(linear_layers(lab.nets.lenet_300_100(seed=0))) == 3
    with pytest.raises(ValueError, match="conv1 is a Conv2d"):
        linear_layers(lab.nets.lenet_5(seed=0))
    with pytest.raises(ValueError, match="ReLU between"):
        linear_layers(nn.Sequential(nn.Linear(3, 3), nn.Linear(3, 2)))
    broken = nn.Linear(3, 2)
    nn.init.constant_(broken.weight, torch.nan)
    with pytest.raises(ValueError, match="finite"):
        linear_layers(broken)


def test_pixels_must_be_bytes() -> None:
    images = Split(torch.rand(5, 1, 2, 2), torch.zeros(5, dtype=torch.long))
    with pytest.raises(ValueError, match="bytes"):
        sent(nn.Sequential(nn.Flatten(), nn.Linear(4, 3)), images, images)


def test_what_the_wall_cannot_show_is_refused() -> None:
    net = nn.Sequential(nn.Flatten(), nn.Linear(4, 3))
    labels = torch.tensor([0, 2])
    good = Split(torch.eye(4)[:2].reshape(2, 1, 2, 2), labels)
    assert sent(net, good, good)["images"].tolist() == [[255, 0, 0, 0], [0, 255, 0, 0]]
    for inputs, targets, words in (
        (torch.ones(2, 1, 2, 2), labels, "bytes"),
        (torch.eye(9)[:2].reshape(2, 1, 3, 3), labels, "4 pixels"),
        (torch.eye(4)[:2].reshape(2, 4, 1, 1), labels, "one channel"),
        (good.inputs, labels + 1, "3 classes"),
    ):
        with pytest.raises(ValueError, match=words):
            sent(net, good, Split(inputs, targets))


@needs_node
def test_no_number_is_no_class(tmp_path: Path) -> None:
    net = nn.Sequential(nn.Flatten(), nn.Linear(4, 3), nn.ReLU(), nn.Linear(3, 2))
    inputs = torch.randint(0, 2, (5, 1, 2, 2)).float()
    what = sent(net, *[Split(inputs, torch.zeros(5, dtype=torch.long))] * 2)
    what["layers"][0]["bias"] = torch.full((3,), torch.nan)
    [told] = asked(what, [[CUTS[0]]], tmp_path)
    assert set(bits(told["said"])) == {255}


def test_the_wall_fits_into_a_megabyte() -> None:
    assert len(trained.script()) <= 1_000_000

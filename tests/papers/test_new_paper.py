"""A sixth paper: one idea and one Experiment, and not a line of the engine."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import Tensor, nn
from torch.func import functional_call

import pruninglab as lab
from pruninglab.data import Data, Split
from pruninglab.engine import records
from pruninglab.engine.recipes import Recipe
from pruninglab.papers import experiment
from pruninglab.papers.experiment import Experiment, Settings, networks


def sensitivity(weights: dict[str, Tensor], gradients: dict[str, Tensor]) -> dict[str, Tensor]:
    """SNIP's |w · ∂L/∂w| (Lee et al. 2019), as a share of the whole: what ideas/ would hold."""
    products = {name: (weights[name] * gradients[name]).abs() for name in weights}
    total = sum(product.sum() for product in products.values())
    return {name: product / total for name, product in products.items()}


@lab.asks(images=50)
def snip_score(net: nn.Module, images: Split) -> dict[str, Tensor]:
    weights = lab.scores.prunable(net)
    loss = nn.functional.cross_entropy(net(images.inputs), images.targets)
    slopes = torch.autograd.grad(loss, list(weights.values()))
    gradients = dict(zip(weights, slopes, strict=True))
    return {k: v.detach() for k, v in sensitivity(weights, gradients).items()}


def snip(share: float = 0.5, epochs: int = 2) -> Recipe:
    stop = lab.stops.first_then(0, epochs)
    return Recipe(snip_score, lab.budgets.fraction(share), lab.scopes.global_, stop, rounds=1)


def methods(net: str, settings: Settings) -> dict[str, Recipe]:
    ours = snip(settings["share"], settings["epochs"])
    return {"SNIP": ours, "random": ours.but(score=lab.scores.random)}


SNIP = Experiment(
    name="snip",
    about="SNIP: prune before training, in one command.",
    printed={"mlp": {"epochs": 2, "seeds": 2, "share": 0.5}},
    printed_nets=("mlp",),
    data={"mlp": ("mnist",)},
    make=networks({"mlp": lab.nets.sap_mlp}),
    methods=methods,
    training=lambda net, settings: lab.Training(batch_size=100),
    keep=("seed", "round", "density", "epochs", "test_accuracy", "pqi.layer"),
    more=lambda net, data, settings: {"images": len(data.train)},
)


def test_the_score_is_the_derivative_by_a_gate(tiny_net: nn.Sequential, tiny_data: Data) -> None:
    """SNIP defines it by a gate c = 1 on each weight: |∂L/∂c|, found here by autograd alone."""
    weights = {k: w.detach() for k, w in tiny_net.named_parameters()}
    gates = {k: torch.ones_like(w, requires_grad=True) for k, w in weights.items() if w.dim() > 1}
    gated = {k: w * gates.get(k, torch.ones(1)) for k, w in weights.items()}
    outputs = functional_call(tiny_net, gated, (tiny_data.train.inputs,))
    nn.functional.cross_entropy(outputs, tiny_data.train.targets).backward()
    total = sum(float(gate.grad.abs().sum()) for gate in gates.values())
    for name, score in snip_score(tiny_net, tiny_data.train).items():
        torch.testing.assert_close(score, gates[name].grad.abs() / total)


def test_a_new_paper_runs_as_the_five_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(experiment, "RECORDS", tmp_path / "records")
    monkeypatch.setattr(experiment, "RUNS", tmp_path / "runs")
    path = SNIP.run("mnist", "mlp", SNIP.printed["mlp"], small=True)
    assert path == tmp_path / "records" / "snip" / "mnist_mlp_small.json"
    record = SNIP.record("mnist_mlp_small")
    assert record.settings["share"] == 0.5 and record.more == {"images": 9000}
    assert record.runs.over_rounds("epochs")["SNIP"].tolist() == [[0, 2], [0, 2]]
    assert record.runs.last("density")["SNIP"] == pytest.approx([0.5, 0.5], abs=1e-5)
    assert record.runs.last("test_accuracy")["SNIP"].mean() > 0.8
    assert record.runs.paired("SNIP", "random", "test_accuracy").seeds == 2
    assert set(record.runs["SNIP"][0][0]["pqi"]["layer"]) == {
        name for name, _ in lab.scores.prunable(lab.nets.sap_mlp()).items()
    }
    before = path.read_bytes()
    path.unlink()
    monkeypatch.setattr(records, "prune", lambda *a, **k: pytest.fail("trained again"))
    SNIP.main(["--small"])
    assert path.read_bytes() == before and "saved" in capsys.readouterr().out


def test_its_options_are_its_settings(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    asked = []
    monkeypatch.setattr(experiment, "RECORDS", tmp_path)
    monkeypatch.setattr(Experiment, "run", lambda self, *options: asked.append(options))
    SNIP.main(["--share", "0.9", "--epochs", "0"])
    settings = {"epochs": 0, "seeds": 2, "share": 0.9}
    assert asked == [("mnist", "mlp", settings, False)]
    assert SNIP.record_name("mnist", "mlp", settings, False) == "mnist_mlp_0-epochs_0.9-share"
    with pytest.raises(SystemExit):
        SNIP.main(["--share", "nan"])
    assert "--share" in capsys.readouterr().err

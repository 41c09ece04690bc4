"""All that the package can do, on a fake cuda and a fake mps: the numbers are those of the CPU."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields, is_dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from examples import ALL, STOP, TRAINING, Examples
from fakedevice import KINDS, fake_device
from matplotlib.figure import Figure
from torch import Tensor, nn

import pruninglab as lab
from pruninglab.data import Data
from pruninglab.engine.records import recorded
from pruninglab.ideas import concave

# Only clocks may differ.
NOT_COMPARED = ("seconds",)


def numbers(result: Any) -> Iterator[np.ndarray]:
    """Yield every number in a result, in order; draw a figure, as a notebook would."""
    if isinstance(result, Figure):
        result.canvas.draw()
    elif isinstance(result, nn.Module):
        yield from numbers(result.state_dict())
    elif isinstance(result, Tensor):
        yield result.detach().cpu().double().numpy().ravel()
    elif isinstance(result, (int, float, np.ndarray)):
        yield np.ravel(result)
    elif hasattr(result, "items"):
        kept = (value for key, value in result.items() if key not in NOT_COMPARED)
        yield from (n for value in kept for n in numbers(value))
    elif is_dataclass(result) and not isinstance(result, type):
        yield from numbers({f.name: getattr(result, f.name) for f in fields(result)})
    elif isinstance(result, (list, tuple)):
        yield from (n for value in result for n in numbers(value))


def seeded(examples: Examples, name: str) -> np.ndarray:
    """Return the numbers that a target gives, whatever it draws."""
    arguments = examples.arguments(ALL[name])
    with torch.random.fork_rng(devices=()):
        torch.manual_seed(0)
        return np.concatenate([np.zeros(0), *numbers(examples.call(ALL[name], arguments))])


@pytest.fixture(scope="module")
def expected(tmp_path_factory: pytest.TempPathFactory) -> Examples:
    return Examples(tmp_path_factory.mktemp("cpu"))


@pytest.fixture(scope="module", params=KINDS)
def there(request: Any, tmp_path_factory: pytest.TempPathFactory) -> Examples:
    with fake_device(request.param) as device:
        return Examples(tmp_path_factory.mktemp(request.param), device)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", sorted(ALL))
def test_every_public_name(
    there: Examples, expected: Examples, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    at_home = seeded(expected, name)
    monkeypatch.delenv("PRUNINGLAB_DEVICE", raising=False)
    with fake_device(there.device.type):
        moved = seeded(there, name)
    np.testing.assert_allclose(moved, at_home, rtol=2e-3, atol=1e-4)


def test_the_first_cell_of_the_first_notebook(device: torch.device) -> None:
    data = lab.data.load("mnist")
    net = lab.nets.lenet_300_100(seed=0)
    data = replace(data, train=data.train.take(600))
    history = lab.train(net, data, stop=lab.stops.epochs(2), training=lab.Training(batch_size=64))
    there = lab.accuracy(net, data.test)
    at_home = lab.nets.lenet_300_100(seed=0)
    again = lab.train(
        at_home, data.to("cpu"), stop=lab.stops.epochs(2), training=lab.Training(batch_size=64)
    )
    assert data.train.inputs.device == next(net.parameters()).device == device
    assert [epoch.loss for epoch in history] == [epoch.loss for epoch in again]
    assert there == lab.accuracy(at_home, data.test.to("cpu"))


RECIPES = {
    "lottery_ticket": lab.recipes.lottery_ticket(0.5, stop=STOP, rounds=2),
    "one_shot": lab.recipes.one_shot(0.5, stop=STOP, rounds=2),
    "random_pruning": lab.recipes.random_pruning(0.5, stop=STOP, rounds=2),
    "sap": lab.recipes.sap(stop=STOP, rounds=2),
    "incop_if": lab.recipes.incop_if(0.1, 2, rounds=2),
    "incop_gf": lab.recipes.incop_gf(0.1, 2, rounds=2),
    "nnrelief": lab.recipes.nnrelief(stop=STOP, rounds=2),
    "soft_mask": lab.recipes.soft_mask(concave.log(0.1), 1e-3, stop=STOP, rounds=2),
    "soft_sigmoid": replace(
        lab.recipes.soft_mask(concave.l1(), 1e-3, stop=STOP, rounds=2),
        score=lab.scores.learned_mask(concave.l1(), 1e-3, form="sigmoid"),
    ),
    **{f"imc {name}": lab.recipes.imc(name, stop=STOP) for name in lab.recipes.READINGS},
    "best_of": lab.recipes.lottery_ticket(0.5, stop=lab.stops.best_of(2), rounds=1),
    "accuracy_within": lab.recipes.sap(stop=lab.stops.accuracy_within(0.1, 2), rounds=1),
    "pearson": lab.recipes.incop_if(0.1, 2, kind="pearson", distance="relative", rounds=1),
    **{
        rewind.__name__: lab.recipes.sap(stop=STOP, rounds=1, rewind=rewind)
        for rewind in (lab.rewinds.fine_tune, lab.rewinds.reinitialise, lab.rewinds.to_dense)
    },
    "to_epoch": lab.recipes.sap(stop=STOP, rounds=1, rewind=lab.rewinds.to_epoch(1)),
}  # fmt: skip


def test_every_recipe_is_here() -> None:
    makers = {name for name in vars(lab.recipes) if f"engine.recipes.{name}" in ALL}
    assert makers - {"Recipe", "cell"} <= {name.split()[0] for name in RECIPES}


def small(folder: Path) -> Data:
    return Examples(folder).data


@pytest.mark.filterwarnings("ignore:no weight lives")
@pytest.mark.parametrize("optimizer", [lab.sgd(), lab.adam()], ids=["sgd", "adam"])
@pytest.mark.parametrize("name", RECIPES)
def test_every_recipe_prunes_as_on_the_cpu(
    device: torch.device, name: str, optimizer: Any, tmp_path: Path
) -> None:
    data, training = small(tmp_path), lab.Training(optimizer, batch_size=8)
    runs = []
    for where in ("cpu", device):
        net = Examples.net(None)  # type: ignore[arg-type]
        run = lab.prune(net, data, RECIPES[name], seed=0, training=training, device=where)
        runs.append(
            [(done.pruned_density, done.test_accuracy, done.history[-1].loss) for done in run]
        )
    np.testing.assert_allclose(runs[1], runs[0], rtol=1e-3)


def test_a_record_is_resumed(device: torch.device, tmp_path: Path) -> None:
    def rows(count: int, folder: str) -> list[dict[str, Any]]:
        net = Examples.net(None)  # type: ignore[arg-type]
        run = recorded(
            net, data, RECIPES["nnrelief"], seed=0, training=TRAINING, folder=tmp_path / folder
        )
        return [{**row, "seconds": 0} for _, row in zip(range(count), run, strict=False)]

    data = small(tmp_path)
    whole = rows(3, "whole")
    assert len(whole) == 3
    assert rows(1, "stopped") == whole[:1]
    assert rows(3, "stopped") == whole

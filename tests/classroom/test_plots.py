"""Every figure at the corners of its sliders, and what its axes say."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
import torch
from matplotlib.figure import Figure
from torch import nn

import pruninglab as lab
from pruninglab.choices.scopes import Groups
from pruninglab.classroom.plots import curves, pqi, sap, start, style
from pruninglab.data import Data, Split


@pytest.fixture(scope="module")
def mnist() -> Data:
    return lab.data.load("mnist", device="cpu")


@pytest.fixture(scope="module")
def net(mnist: Data) -> nn.Module:
    net = lab.nets.lenet_300_100(seed=0)
    lab.train(net, mnist, stop=lab.stops.epochs(1))
    return net


def draw(figure: Figure) -> None:
    figure.canvas.draw()


@pytest.mark.parametrize("density", [1, 0.1, 0.01, 0])
def test_weights_that_stay(net: nn.Module, mnist: Data, density: float) -> None:
    densities = [1, 0.1, 0.01]
    curve = start.accuracy_at(net, mnist.test, densities)
    figure = start.weights_that_stay(net, mnist.test, densities, curve, density=density)
    draw(figure)
    alive = np.asarray(figure.axes[1].images[0].get_array())
    pruned = start.keep_share(net, mnist.test, density)
    assert alive.sum() == int((pruned.fc1.weight != 0).sum())
    shown = figure.axes[2].lines[1].get_ydata()[0]
    assert shown == lab.accuracy(pruned, mnist.test)
    if density in densities:
        assert shown == curve[densities.index(density)]


def test_keep_share_keeps_exactly_the_largest(net: nn.Module, mnist: Data) -> None:
    kept = torch.cat(
        [w.flatten() for w in lab.scores.prunable(start.keep_share(net, mnist.test, 0.1)).values()]
    )
    every = torch.cat([w.flatten() for w in lab.scores.prunable(net).values()]).detach()
    assert int((kept != 0).sum()) == round(0.1 * len(every))
    smallest_kept, largest_gone = kept[kept != 0].abs().min(), every[kept == 0].abs().max()
    assert smallest_kept.item() >= largest_gone.item()


VECTORS = pqi.example_vectors()


@pytest.mark.parametrize(
    ("vector", "p", "q"), list(product([*VECTORS, pqi.OWN], (0.05, 1.0), (1.0, 4.0)))
)
def test_sparsity_of(vector: str, p: float, q: float) -> None:
    draw(pqi.sparsity_of(VECTORS, vector=vector, p=p, q=q))


def test_sparsity_of_shows_the_index() -> None:
    figure = pqi.sparsity_of(VECTORS, vector=pqi.OWN, own="4 0, 0 0")
    assert [label.get_text() for label in figure.axes[1].texts] == ["0.750", "0.750", "0.250"]
    with pytest.raises(ValueError, match="own='a'"):
        pqi.sparsity_of(VECTORS, vector=pqi.OWN, own="a")


@pytest.mark.parametrize(("p", "q"), list(product((0.1, 1.0), (1.0, 3.0))))
def test_bound_against_truth(p: float, q: float) -> None:
    figure = pqi.bound_against_truth(VECTORS, p=p, q=q)
    draw(figure)
    for line in figure.axes[0].lines[1:] if p != q else ():
        x, y = (np.asarray(values) for values in line.get_data())
        assert bool((y <= x + 1e-6).all()), "the bound lies below the diagonal"


def test_robin_hood_falls_inside_the_range_and_rises_outside() -> None:
    society = torch.tensor([3.0, 2.5, 20.0, 20.0, 20.0])
    figure = pqi.robin_hood_curves(society, [(0.5, 1.0), (1.0, 2.0), (2.0, 4.0)])
    ends = [line.get_ydata()[-1] for line in figure.axes[0].lines[:3]]
    assert ends[0] < 0 and ends[1] < 0 < ends[2]


def test_other_figures_draw() -> None:
    draw(pqi.index_over_p_and_q(VECTORS))
    draw(pqi.property_grid({"one": dict.fromkeys(["D1", "D2", "D3", "D4", "P1", "P2"], True)}))
    draw(pqi.index_of_layers({"dense": {"fc1": [0.1, 0.2]}, "pruned": {"fc1": [0.1]}}))
    draw(pqi.overflow(torch.rand(1000)))


def test_bands_are_mean_and_standard_deviation() -> None:
    runs = {"a": [[0.5, 0.4], [0.7, 0.4]]}
    figure = curves.bands(runs, [1, 0.5], xlabel="density", ylabel="accuracy")
    assert figure.axes[0].lines[0].get_ydata().tolist() == pytest.approx([0.6, 0.4])
    outline = figure.axes[0].collections[0].get_paths()[0].vertices[:, 1]
    assert outline.max() == pytest.approx(0.6 + np.std([0.5, 0.7], ddof=1))
    with pytest.raises(ValueError, match=r"curves\['a'\] has shape \(2, 2\)"):
        curves.bands(runs, [1], xlabel="", ylabel="")


def test_too_many_colours_are_refused() -> None:
    assert len(set(style.colors(7))) == 7
    with pytest.raises(ValueError, match="count=8"):
        style.colors(8)


@pytest.fixture(scope="module")
def mlp(mnist: Data) -> nn.Module:
    net = lab.nets.sap_mlp(seed=0)
    lab.train(net, mnist, stop=lab.stops.epochs(1))
    return net


CORNERS = list(product((0.1, 1.0), (1.0, 3.0), (0.0, 1.0), (0.0, 5.0), (0.0, 1.0)))


@pytest.mark.parametrize("scope", ["neuron", "layer", "global"])
@pytest.mark.filterwarnings("error")
def test_one_round_of_sap_at_every_corner(mlp: nn.Module, mnist: Data, scope: str) -> None:
    figure, split = None, mnist.test.take(200)
    for p, q, eta, gamma, beta in CORNERS:
        figure = sap.one_round(
            mlp, split, p=p, q=q, eta=eta, gamma=gamma, beta=beta, scope=scope, figure=figure
        )
        draw(figure)


def test_one_round_shows_what_the_budget_takes(mlp: nn.Module, mnist: Data) -> None:
    figure = sap.one_round(mlp, mnist.test, scope="layer")
    for text, weight in zip(figure.axes[0].texts, lab.scores.prunable(mlp).values(), strict=True):
        row = weight.detach().abs().reshape(1, -1)
        lost = row.numel() - int(lab.budgets.pq_bound()(Groups(row, torch.ones_like(row).bool())))
        assert text.get_text() == f"loses {lost:,} of {row.numel():,}"
    before, after = (float(bar.get_height()) for bar in figure.axes[2].patches)
    assert before == lab.accuracy(mlp, mnist.test)
    assert 0 < after <= 1


def frames_of(*runs: list[float]) -> dict:
    rows = [
        [
            {"accuracy": value, "density": 0.5**i, "layer_density": {"a": value}}
            for i, value in enumerate(run)
        ]
        for run in runs
    ]
    return {"method": rows}


def test_over_rounds_is_mean_and_spread_and_leaves_out_what_is_undefined() -> None:
    frames = frames_of([0.5, 0.4, None], [0.7, 0.4, 0.1])
    for x, places in (("round", [0, 1]), ("density", [1, 0.5])):
        figure = sap.over_rounds(frames, {"test accuracy": "accuracy"}, x=x)
        draw(figure)
        line = figure.axes[0].lines[0]
        assert line.get_xdata().tolist() == places
        assert line.get_ydata().tolist() == pytest.approx([0.6, 0.4])


def test_other_sap_figures_draw() -> None:
    frames = frames_of([0.5, 0.4], [0.7, 0.4])
    draw(sap.ablations({"p": frames, "q": frames}))
    draw(sap.layers_over_rounds(frames, "layer_density", "density"))


def test_runs_of_one_seed_and_lengths_that_differ() -> None:
    frames = frames_of([0.5, 0.4])
    draw(sap.over_rounds(frames, {"test accuracy": "accuracy"}))
    with pytest.raises(ValueError, match=r"^frames must have .* equally many rows"):
        sap.over_rounds({"a": [frames["method"][0], frames["method"][0][:1]]}, {"": "accuracy"})


def two_images(side: int = 28) -> Split:
    return Split(torch.rand(2, 1, side, side), torch.arange(2))


@pytest.mark.parametrize(
    ("call", "match"),
    [
        (lambda: pqi.sparsity_of(VECTORS, vector="other"), "vector='other'"),
        (lambda: pqi.sparsity_of(VECTORS, vector=pqi.OWN, own=""), "own=''"),
        (lambda: pqi.sparsity_of(VECTORS, vector=pqi.OWN, own="1e300"), "own='1e300'"),
        (lambda: pqi.sparsity_of(None), "vectors=None"),
        (lambda: pqi.sparsity_of(VECTORS, p=0.5, q=0.2), "p=0.5, q=0.2"),
        (lambda: pqi.sparsity_of(VECTORS, figure="no"), "figure='no'"),
        (lambda: pqi.example_vectors(10**18), "members=1"),
        (lambda: pqi.example_vectors(seed=0.5), r"seed=0\.5"),
        (lambda: pqi.index_over_p_and_q({}), "vectors is empty"),
        (lambda: pqi.property_grid({}), "table is empty"),
        (lambda: pqi.property_grid({"a": {"X9": True}}), r"table\['a'\]"),
        (lambda: pqi.property_table(tries=10**18), "tries=1"),
        (lambda: pqi.robin_hood_curves(torch.tensor([1.0]), [(0.5, 1.0)]), "w, 1 members"),
        (lambda: pqi.robin_hood_curves(torch.tensor([2.0, 1.0]), [(0.0, 1.0)]), "pairs="),
        (lambda: pqi.index_of_layers({"a": {"x": [1.0], "y": [1.0, 2.0]}}), r"layers\['a'\]"),
        (lambda: pqi.index_of_layers({"a": {"x": [1.0]}, "b": {"y": [1.0]}}), "layers must"),
        (lambda: pqi.overflow(torch.rand(10_000), [0.01]), r"ps=\[0.01\]: every norm"),
        (lambda: pqi.overflow(torch.zeros(3)), "w has 1 of 1"),
        (lambda: sap.one_round(None, two_images()), "net=None"),
        (lambda: sap.one_round(lab.nets.sap_mlp(seed=0), two_images(), scope="row"), "scope='row'"),
        (lambda: sap.over_rounds({}, {"a": "accuracy"}), "frames is empty"),
        (lambda: sap.over_rounds(frames_of([0.5]), {}), "panels is empty"),
        (lambda: sap.over_rounds(frames_of([0.5]), {"": "pqi"}), "frames must have rows .*'pqi'"),
        (lambda: sap.over_rounds(frames_of([0.5]), {"": "accuracy"}, x="epoch"), "x='epoch'"),
        (lambda: sap.ablations({}), "studies is empty"),
        (lambda: sap.layers_over_rounds(frames_of([0.5]), "pqi", ""), "frames must have rows"),
        (lambda: curves.bands({}, [1.0], xlabel="", ylabel=""), "curves is empty"),
        (lambda: curves.bands({"a": [["x"]]}, [1.0], xlabel="", ylabel=""), "curves"),
        (lambda: curves.bands({"a": [[0.5]]}, [0.0], xlabel="", ylabel=""), r"x=\[0.0\]"),
        (lambda: start.keep_share(lab.nets.sap_mlp(seed=0), two_images(), 1.5), r"density=1\.5"),
        (lambda: start.weights_that_stay(lab.nets.lenet_5(seed=0), two_images(), [1.0], [0.5]),
         "net must have a Linear layer fc1"),
        (lambda: start.weights_that_stay(lab.nets.sap_mlp(seed=0), two_images(), [1.0], []),
         "curve has 0"),
    ],
)  # fmt: skip
def test_bad_arguments_are_named(call, match: str) -> None:
    with pytest.raises((ValueError, TypeError), match=f"^{match}"):
        call()

"""Every figure at the corners of its sliders, and what its axes say."""

from __future__ import annotations

import math
from collections.abc import Callable
from itertools import product
from typing import Any

import numpy as np
import pytest
import torch
from matplotlib.figure import Figure
from torch import Tensor, nn

import pruninglab as lab
from pruninglab.choices.scopes import Groups
from pruninglab.classroom.pictures import name_of, words_of
from pruninglab.classroom.plots import curves, pqi, sap, start, style
from pruninglab.data import Data, Split
from pruninglab.papers.sap import with_cuts


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
    assert name_of(figure) == "00_start_here/how_many_weights_stay"
    assert f"{density:.1%} of the weights" in words_of(figure)
    assert f"{shown:.1%} of the test images" in words_of(figure)


def test_keep_share_keeps_exactly_the_largest(net: nn.Module, mnist: Data) -> None:
    kept = torch.cat(
        [w.flatten() for w in lab.scores.prunable(start.keep_share(net, mnist.test, 0.1)).values()]
    )
    every = torch.cat([w.flatten() for w in lab.scores.prunable(net).values()]).detach()
    assert int((kept != 0).sum()) == round(0.1 * len(every))
    smallest_kept, largest_gone = kept[kept != 0].abs().min(), every[kept == 0].abs().max()
    assert smallest_kept.item() >= largest_gone.item()


VECTORS = lab.pqi.example_vectors()


@pytest.mark.parametrize(
    ("vector", "p", "q"), list(product([*VECTORS, pqi.OWN], (0.05, 1.0), (1.0, 4.0)))
)
def test_sparsity_of(vector: str, p: float, q: float) -> None:
    figure = pqi.sparsity_of(VECTORS, vector=vector, p=p, q=q)
    draw(figure)
    assert words_of(figure).startswith(f"{vector}: ") and f"{p:.2f}" in words_of(figure)


def test_sparsity_of_shows_the_index() -> None:
    figure = pqi.sparsity_of(VECTORS, vector=pqi.OWN, own="4 0, 0 0")
    assert [label.get_text() for label in figure.axes[1].texts] == ["0.750", "0.750", "0.250"]
    assert words_of(figure) == (
        "my own: 4 members, sorted by size. With p = 0.50 and q = 1.00 its PQ Index is 0.750, its "
        "Gini index 0.750; the bound keeps at least 25.0% of the members."
    )
    with pytest.raises(ValueError, match="own='a'"):
        pqi.sparsity_of(VECTORS, vector=pqi.OWN, own="a")


@pytest.mark.parametrize(("p", "q"), list(product((0.1, 1.0), (1.0, 3.0))))
def test_bound_against_truth(p: float, q: float) -> None:
    figure = pqi.bound_against_truth(VECTORS, p=p, q=q)
    draw(figure)
    assert ("no bound" in words_of(figure)) == (p == q) and f"{p:.2f}" in words_of(figure)
    for line in figure.axes[0].lines[1:] if p != q else ():
        x, y = (np.asarray(values) for values in line.get_data())
        assert bool((y <= x + 1e-6).all()), "the bound lies below the diagonal"


def test_robin_hood_falls_inside_the_range_and_rises_outside() -> None:
    society = torch.tensor([3.0, 2.5, 20.0, 20.0, 20.0])
    figure = pqi.robin_hood_curves(society, [(0.5, 1.0), (1.0, 2.0), (2.0, 4.0)])
    ends = [line.get_ydata()[-1] for line in figure.axes[0].lines[:3]]
    assert ends[0] < 0 and ends[1] < 0 < ends[2]
    assert "p = 0.5, q = 1: falls; p = 1, q = 2: falls; p = 2, q = 4: rises" in words_of(figure)


def test_other_figures_of_notebook_01() -> None:
    draw(pqi.index_over_p_and_q(VECTORS))
    rows = {"good": dict.fromkeys(lab.pqi.PROPERTIES, True)}
    rows["bad"] = rows["good"] | {"D4": False}
    figure = pqi.property_grid(rows)
    draw(figure)
    assert words_of(figure).endswith("Only squares: good.")
    figure = pqi.overflow(torch.rand(1000), [0.02, 0.5, 0.9])
    draw(figure)
    assert "for 1 of 3 values of p" in words_of(figure)


@pytest.mark.parametrize("vector", ["Gaussian", "one giant", "constant", "one-hot"])
@pytest.mark.parametrize("gone", [0.0, 0.5, 1.0])
def test_the_cut_and_the_poverty_line(vector: str, gone: float) -> None:
    giant = torch.tensor([100.0] + [1.0] * 100)
    figure = pqi.cut_moves_index(VECTORS | {"one giant": giant}, vector=vector, gone=gone)
    draw(figure)
    words = words_of(figure)
    if vector == "constant" or gone == 1:
        assert "those who stay are equal" in words
    elif vector == "one giant":
        assert "the next cut raises the index" in words
        assert f"from 0.401 to {0.529 if gone else 0.401}" in words
    else:
        assert "the next cut lowers the index" in words
    x, y = (np.asarray(values) for values in figure.axes[1].lines[-2].get_data())
    dot = figure.axes[1].lines[-1]
    assert float(dot.get_ydata()[0]) == pytest.approx(np.interp(dot.get_xdata()[0], x, y), abs=0.02)


def layers_of(seed: int, *indices: float, cut: bool) -> dict[str, Any]:
    layer = {f"fc{i}.weight": value for i, value in enumerate(indices)}
    less = {name: value / 2 if cut else None for name, value in layer.items()}
    return {"seed": seed, "layer_density": layer, "pqi": {"layer": layer},
            "pruned_pqi": {"layer": less}}  # fmt: skip


def test_the_index_of_layers_dense_pruned_and_retrained() -> None:
    seeds = [[layers_of(s, 0.4 + s / 10, 0.2, cut=True), layers_of(s, 0.3, 0.1, cut=False)]
             for s in (0, 2)]  # fmt: skip
    figure = pqi.index_of_layers(lab.Runs({"ticket": seeds}))
    draw(figure)
    heights = [float(bar.get_height()) for bar in figure.axes[0].patches]
    assert heights == pytest.approx([0.5, 0.2, 0.25, 0.1, 0.3, 0.1])
    whiskers = figure.axes[0].collections[0].get_segments()[0][:, 1]
    assert float(np.ptp(whiskers)) == pytest.approx(2 * math.sqrt(0.02))
    assert "just pruned fc0 0.250, fc1 0.100" in words_of(figure)


def runs_of(*seeds: list[float | None], label: str = "method") -> lab.Runs:
    """Return rows with these values, the density halved from round to round."""
    return lab.Runs({label: [
        [{"seed": seed, "round": i, "density": 0.5**i, "pruned_density": 0.5 ** (i + 1),
          "test_accuracy": value,
          "pruned_test_accuracy": value, "layer_density": {"fc1.weight": value},
          "grid": {"(0.5, 1)": value, "(1, 2)": value},
          **{key: {"global": {"all": value}, "layer": {"a": value}}
             for key in ("pqi", "pruned_pqi", "gini")}}
         for i, value in enumerate(values)]
        for seed, values in enumerate(seeds)
    ]})  # fmt: skip


def test_a_band_is_mean_and_standard_deviation_where_all_seeds_have_a_value() -> None:
    runs = runs_of([0.5, 0.4, None], [0.7, 0.4, 0.1])
    for x, places in (("round", [0, 1]), ("density", [1, 0.5])):
        _, (axes,) = style.blank(None, 4, 3)
        curves.band(axes, runs, "test_accuracy", x=x, colors=["red"])
        (line,) = axes.lines
        assert line.get_xdata().tolist() == places and line.get_color() == "red"
        assert line.get_ydata().tolist() == pytest.approx([0.6, 0.4])
        outline = axes.collections[0].get_paths()[0].vertices[:, 1]
        assert outline.max() == pytest.approx(0.6 + np.std([0.5, 0.7], ddof=1))
        assert axes.get_xscale() == ("log" if x == "density" else "linear")
    assert axes.get_xlim() == pytest.approx((1.15, 0.25 / 1.15)), "all rounds, whatever the key"
    assert curves.ends(runs, "density") == "method 25.0%"


def test_what_a_cut_left_stands_at_the_density_after_it() -> None:
    figure = sap.retrained_and_pruned(with_cuts(runs_of([0.5, 0.4, 0.3])))
    shown = [axes.lines[0].get_xdata().tolist() for axes in figure.axes]
    assert shown == [[0.5, 0.25], [1, 0.5], [0.5, 0.25], [1, 0.5]]


def test_a_network_without_weights_lies_beyond_a_logarithmic_axis() -> None:
    rows = [{"seed": 0, "density": d, "loss": d + 1} for d in (1.0, 0.1, 0.0)]
    runs = lab.Runs({"a": [rows]})
    _, (axes,) = style.blank(None, 4, 3)
    curves.band(axes, runs, "loss")
    assert axes.lines[0].get_xdata().tolist() == [1.0, 0.1]
    _, (axes,) = style.blank(None, 4, 3)
    curves.band(axes, runs, "loss", log_x=False)
    assert axes.lines[0].get_xdata().tolist() == [1.0, 0.1, 0.0]
    assert curves.ends(runs, "loss") == "a 1"


def test_where_p_is_q_a_used_figure_looks_like_a_new_one() -> None:
    vectors = {"a": torch.arange(1.0, 51.5)}
    used = pqi.bound_against_truth(vectors, 0.5, 1.0)
    draw(used)
    for p, q in ((1.0, 1.0), (0.5, 1.0), (1.0, 1.0)):
        pqi.bound_against_truth(vectors, p, q, figure=used)
        new = pqi.bound_against_truth(vectors, p, q)
        draw(used)
        draw(new)
        assert np.array_equal(*(figure.canvas.buffer_rgba() for figure in (used, new)))


def test_a_cut_that_moves_computes_no_index_again(monkeypatch: pytest.MonkeyPatch) -> None:
    called = []
    index_by_rank = pqi.index_by_rank

    def counted(*arguments: Any) -> Tensor:
        called.append(arguments)
        return index_by_rank(*arguments)

    monkeypatch.setattr(pqi, "index_by_rank", counted)
    vectors = {"a": torch.arange(1.0, 51.5), "b": torch.arange(1.0, 61.5) ** 2}
    figure = pqi.cut_moves_index(vectors, vector="a", gone=0.1)
    first = len(called)
    pqi.cut_moves_index(vectors, vector="a", gone=0.4, figure=figure)
    assert first == len(called) > 0


def test_methods_compared_of_notebook_00() -> None:
    ticket, rival = runs_of([0.9, 0.8], [0.9, 0.9]), runs_of([0.7, 0.5], label="random")
    figure = start.methods_compared(lab.Runs({**ticket, **rival}))
    draw(figure)
    assert words_of(figure).endswith("In the last round: method 85.0%, random 50.0%.")


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


def test_one_round_says_what_it_did(mlp: nn.Module, mnist: Data) -> None:
    split = mnist.test.take(200)
    words = [words_of(sap.one_round(mlp, split, gamma=gamma)) for gamma in (1.0, 5.0)]
    assert words[0] != words[1] and "γ = 5" in words[1] and "scope layer" in words[1]
    assert "no index" in words_of(sap.one_round(mlp, split, p=1.0, q=1.0))


@pytest.mark.parametrize(("p", "q"), [*product((0.1, 1.0), (1.0, 4.0)), (0.5, 1.0)])
def test_the_ruler_meets_the_edge_at_the_bound(p: float, q: float) -> None:
    w = torch.randn(500, generator=torch.Generator().manual_seed(0))
    figure = sap.ruler(w, p=p, q=q)
    draw(figure)
    if p == q:
        assert "no ruler" in words_of(figure)
        return
    stays = lab.retained_bound(1.0, float(lab.pq_index(w, p, q)), p, q)
    assert f"meets the left edge at {stays:.1%}" in words_of(figure)
    (axes,) = figure.axes
    assert axes.lines[-1].get_ydata()[0] == pytest.approx(math.log(stays))
    ticks = axes.transData.transform([(0, y) for y in axes.get_yticks()])[:, 1]
    assert np.abs(np.diff(ticks)).min() > 10, "labels that can be read"


@pytest.mark.parametrize("draw_panels", [
    sap.fall_rise_fall, sap.full_fashion_mnist, sap.density_of_layers, sap.index_of_layers,
    lambda runs: sap.ablations({"p": runs, "q": runs}),
    lambda runs: sap.rivals_in_each_scope({"layer": runs, "global": runs}),
    sap.index_for_many_p_and_q,
])  # fmt: skip
def test_figures_of_runs(draw_panels: Callable[[lab.Runs], Figure]) -> None:
    one_seed = draw_panels(runs_of([0.5, 0.4]))
    draw(one_seed)
    figure = draw_panels(runs_of([0.5, 0.4], [0.7, 0.2]))
    draw(figure)
    line = figure.axes[0].lines[0]
    assert line.get_ydata().tolist() == pytest.approx([0.6, 0.3])
    assert name_of(figure).startswith("02_sap/") and "over the seeds" in words_of(figure)
    uneven = lab.Runs({"a": [runs_of([0.5, 0.4])["method"][0], runs_of([0.5])["method"][0]]})
    with pytest.raises(ValueError, match="runs of 'a' have different numbers of rounds"):
        draw_panels(uneven)


def band_of(runs: lab.Runs, **options: Any) -> None:
    curves.band(style.blank(None, 4, 3)[1][0], runs, "test_accuracy", **options)


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
        (lambda: pqi.cut_moves_index({}), "vectors is empty"),
        (lambda: pqi.cut_moves_index(VECTORS, vector="other"), "vector='other'"),
        (lambda: pqi.cut_moves_index(VECTORS, gone=1.5), r"gone=1\.5"),
        (lambda: pqi.index_over_p_and_q({}), "vectors is empty"),
        (lambda: pqi.property_grid({}), "table is empty"),
        (lambda: pqi.property_grid({"a": {"X9": True}}), r"table\['a'\]"),
        (lambda: pqi.robin_hood_curves(torch.tensor([1.0]), [(0.5, 1.0)]), "w, 1 members"),
        (lambda: pqi.robin_hood_curves(torch.tensor([2.0, 1.0]), [(0.0, 1.0)]), "pairs="),
        (lambda: pqi.index_of_layers(lab.Runs({})), "runs must hold one method"),
        (lambda: pqi.index_of_layers(runs_of([0.5])), "runs must have two rounds"),
        (lambda: pqi.index_of_layers(runs_of([0.5, 0.4])), "[\"']key 'pqi.layer.fc1.weight'"),
        (lambda: pqi.overflow(torch.rand(10_000), [0.01]), r"ps=\[0.01\]: every norm"),
        (lambda: pqi.overflow(torch.zeros(3)), "w has 1 of 1"),
        (lambda: sap.one_round(None, two_images()), "net=None"),
        (lambda: sap.one_round(lab.nets.sap_mlp(seed=0), two_images(), scope="row"), "scope='row'"),
        (lambda: sap.panels_of(lab.Runs({}), {"a": "test_accuracy"}), "runs is empty"),
        (lambda: sap.panels_of(runs_of([0.5]), {}), "panels is empty"),
        (lambda: sap.panels_of(runs_of([0.5]), {"": "x"}), "[\"']key 'x' is not in the row"),
        (lambda: sap.panels_of(runs_of([0.5]), {"": "pqi"}, x="epoch"), "x='epoch'"),
        (lambda: sap.fall_rise_fall({}), "runs={}"),
        (lambda: sap.ablations({}), "studies is empty"),
        (lambda: sap.ablations({"p": lab.Runs({})}), "runs is empty"),
        (lambda: sap.density_of_layers(lab.Runs({"a": [[{"density": 1.0}]]})), "runs is empty"),
        (lambda: start.methods_compared(lab.Runs({})), "runs is empty"),
        (lambda: sap.index_of_layers(lab.Runs({"a": [[{"density": 1.0}]]})), "runs is empty"),
        (lambda: sap.index_for_many_p_and_q(lab.Runs({"a": [[{"round": 0}]]})), "runs is empty"),
        (lambda: sap.rivals_in_each_scope({}), "scopes is empty"),
        (lambda: sap.retrained_and_pruned(runs_of([0.5])), "[\"']key 'cut"),
        (lambda: sap.ruler(torch.zeros(3)), "w must have members"),
        (lambda: sap.ruler(torch.ones(3), p=-1.0), r"p, q=\[-1.0, 1.0\]"),
        (lambda: band_of(runs_of([None])), "runs have no round"),
        (lambda: band_of(runs_of([0.5]), colors=[]), "colors has 0 colours for 1"),
        (lambda: band_of(runs_of([0.5]), x="epoch"), "[\"']x='epoch': key 'epoch' is not in the"),
        (lambda: band_of(runs_of([0.5]), colors=["blau"]), r"colors=\['blau'\]: matplotlib"),
        (lambda: start.keep_share(lab.nets.sap_mlp(seed=0), two_images(), 1.5), r"density=1\.5"),
        (lambda: start.weights_that_stay(lab.nets.lenet_5(seed=0), two_images(), [1.0], [0.5]),
         "net must have a Linear layer fc1"),
        (lambda: start.weights_that_stay(lab.nets.sap_mlp(seed=0), two_images(), [1.0], []),
         "curve has 0"),
    ],
)  # fmt: skip
def test_bad_arguments_are_named(call, match: str) -> None:
    with pytest.raises((ValueError, TypeError, KeyError), match=f"^{match}"):
        call()

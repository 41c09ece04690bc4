"""Figures of notebook 03 on its proof, on probes and on the sets S and M."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
import torch

from pruninglab.engine.results import Runs
from pruninglab.kit.pictures import name_of, words_of
from pruninglab.lessons.incop import figures_of_proofs, figures_of_sets, lemma1
from pruninglab.lessons.incop.sets import Scan, overlap, probe_correlation


@pytest.mark.parametrize(
    ("activation", "w", "reach"),
    list(product(lemma1.ACTIVATIONS, [-4.0, 0.0, 2.0, 4.0], [0.5, 4.0])),
)
def test_lemma_1_holds_with_the_plain_distance(activation: str, w: float, reach: float) -> None:
    figure = figures_of_proofs.lemma_1(activation=activation, w=w, reach=reach)
    figure.canvas.draw()
    pairs = figure.axes[1].lines[0]
    gap, change = np.asarray(pairs.get_xdata()), np.asarray(pairs.get_ydata())
    _, lipschitz, largest = lemma1.ACTIVATIONS[activation]
    assert (change <= (reach * lipschitz * abs(w) + largest) * gap + 1e-12).all()
    broken = float(figure.axes[1].get_title().split("%")[0])
    assert broken > 0 or (w == 0 and activation != "sigmoid")
    words = words_of(figure)
    assert f"{activation}(w t) with w = {w:g} for |t| up to {reach:g}" in words
    assert f"{broken:.0f}% above the printed" in words


@pytest.mark.parametrize(("curvature", "additive"), list(product([0.25, 4.0], [0.05, 1.0])))
def test_chain_tells_whether_the_constant_exists(curvature: float, additive: float) -> None:
    figure = figures_of_proofs.chain(curvature=curvature, additive=additive)
    figure.canvas.draw()
    low, high = (float(text) for text in figure.axes[1].get_title()[7:].split(":")[0].split(" to "))
    verdict = figure.axes[1].get_title().split(": ")[1]
    assert high == pytest.approx(curvature / 2, abs=0.006)
    assert verdict == ("some" if low <= high else "none")
    points, plain, printed, _ = figure.axes[1].lines
    bound = np.interp(points.get_xdata(), plain.get_xdata(), plain.get_ydata())
    assert (np.asarray(points.get_ydata()) >= bound - 1e-3).all()
    assert (np.asarray(printed.get_ydata()) >= 0).all()
    assert f"there is {verdict}" in words_of(figure)


def watched(seeds: tuple[int, ...] = (0, 1, 2)) -> Runs:
    """Return two rounds of four epochs, with three probes that hardly differ."""
    rng = np.random.default_rng(0)
    rows = []
    for seed in seeds:
        path, noise = rng.random(8), rng.random((2, 3, 8))
        rows.append([
            {"seed": seed, "round": 1 + i // 4, "epoch": 1 + i % 4,
             "validation_gap": float(noise[0, 0, i] - 0.5) / 50,
             **{f"{flow} {name}": float(path[i] + 0.01 * noise[f, p, i])
                for f, flow in enumerate(("IF", "GF"))
                for p, name in enumerate(("relative", "probe 1", "probe 2"))}}
            for i in range(8)
        ])  # fmt: skip
    return Runs({"every epoch": rows})


def test_probes_draws_one_seed_and_tells_all() -> None:
    runs = watched()
    figure = figures_of_sets.probes(runs, count=3)
    figure.canvas.draw()
    assert [len(panel.lines) for panel in figure.axes] == [3, 3]
    keys = ("IF relative", "IF probe 1", "IF probe 2")
    each = [probe_correlation(torch.tensor([[row[key] for row in rows] for key in keys]))
            for rows in runs["every epoch"]]  # fmt: skip
    expected = f"{np.mean(each):.2f} ± {np.std(each, ddof=1):.2f}"
    assert figure.axes[0].get_title().endswith(expected) and expected in words_of(figure)
    np.testing.assert_allclose(figure.axes[0].lines[1].get_ydata(),
                               [row["IF probe 1"] for row in runs["every epoch"][0]])  # fmt: skip


@pytest.mark.parametrize(("share", "delta"), list(product([0.0, 0.5, 1.0], [0.0, 0.03])))
def test_in_sets_tells_the_shares(share: float, delta: float) -> None:
    runs = watched()
    figure = figures_of_sets.in_sets(runs, measure="GF relative", share=share, delta=delta)
    figure.canvas.draw()
    distances, gaps = (
        torch.tensor([[row[key] for row in rows] for rows in runs["every epoch"]])
        for key in ("GF relative", "validation_gap")
    )
    found = overlap(distances, gaps, share * float(distances.max()), delta)
    widths = [bar.get_width() for bar in figure.axes[1].patches]
    expected = [values[~values.isnan()] for values in vars(found).values()]
    means = [float(values.mean()) if len(values) else 0.0 for values in expected]
    # Bars: M of all, M of S, S of all, S of M.
    assert widths == pytest.approx([means[0], means[2], means[1], means[3]])
    assert f"δ = {delta:g}" in words_of(figure)
    assert ("in M, of those in S: none" in words_of(figure)) == (share == 0)


def plane(flow: float) -> Scan:
    x = torch.linspace(0, 1, 5, dtype=torch.float64)
    values = {"distance": x.repeat(5, 1) + flow, "gap": x[:, None].repeat(1, 5)}
    return Scan(x, x, values, torch.tensor([[0.0, 0.0], [1.0, 0.0], [0.5, 0.5]]))


def test_sets_on_plane_tells_how_much_each_fills() -> None:
    figure = figures_of_sets.sets_on_plane(
        {"early": plane(0.0), "late": plane(2.0)}, epsilon=0.5, delta=0.25
    )
    figure.canvas.draw()
    assert figure.axes[0].get_title() == "early: S 60%, M 40%"
    assert figure.axes[1].get_title() == "late: S 0%, M 40%"
    assert "late, S fills 0% and M 40%" in words_of(figure)


def costly() -> Runs:
    methods = {"one epoch": (0.8, 1), "all epochs": (0.85, 6), "flow": (0.82, 3)}
    return Runs({
        label: [[{"seed": seed, "density": d, "test_accuracy": accuracy + seed / 10,
                  "epochs": 6 if d == 1 else epochs} for d in (1.0, 0.5, 0.25)]
                for seed in (0, 1)]
        for label, (accuracy, epochs) in methods.items()
    })  # fmt: skip


def test_worth_is_paired_and_does_not_count_the_dense_training() -> None:
    figure = figures_of_sets.worth(costly(), ["one epoch", "all epochs"], 0.25)
    figure.canvas.draw()
    gains = [line.get_xdata()[0] for line in figure.axes[0].lines if line.get_marker() == "o"]
    assert gains == pytest.approx([0, 5, 2])
    assert [bar.get_width() for bar in figure.axes[1].patches] == pytest.approx([2, 12, 6])
    # Seeds far apart, gaps alike: paired, there is no spread.
    assert "flow +2.00 ± 0.00, 6 epochs" in words_of(figure) and "2 seeds" in words_of(figure)
    assert name_of(figure) == "03_incop_flows/worth"

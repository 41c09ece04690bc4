"""Figures of notebook 03."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator, PercentFormatter
from torch import Tensor, nn

from ...choices.budgets import fraction
from ...choices.scopes import layer
from ...choices.scores import magnitude
from ...data import Split
from ...engine.masks import Masks, cut_once
from ...ideas.checks import Count, Finite, Positive, Share, check_choice, checked
from ...ideas.flows import (
    Flow,
    epoch_within,
    flow_distance,
    flow_norms,
    gradient_flow,
    information_flow,
)
from .curves import Rows, check_filled, density_axis, table_of
from .style import BLUE, GRAY, ORANGE, RED, blank, colors

Networks = Mapping[str, tuple[nn.Module, Mapping[str, Tensor]]]
# More units would be finer than a screen's pixels.
STRONGEST = 64
MOST_STEPS = 10_000


@checked
def pruned_by(
    net: nn.Module,
    probe: Split,
    *,
    share: Share = 0.8,
    kind: str = "raw",
    figure: Figure | None = None,
) -> Figure:
    """Show the flows of a trained network, and what pruning does to them before any retraining.

    `share` in [0, 1] is taken from every layer by magnitude; `kind` as in `information_flow`.
    """
    pruned, masks = cut_once(net, probe, magnitude, fraction(share), layer)
    networks = {"dense": (net, Masks.full(net)), f"{share:.0%} pruned": (pruned, masks)}
    return stages(networks, probe, kind=kind, figure=figure)


@checked
def stages(
    networks: Networks, probe: Split, *, kind: str = "raw", figure: Figure | None = None
) -> Figure:
    """Draw the first information flow of each network as a heatmap, and all gradient flows.

    `networks` is {name: (network, masks)}; the first is the reference of the printed distances
    (which are those of all flows), and says which units are the strongest: those are drawn. Raises
    ValueError for no networks, and what the flows refuse.
    """
    check_filled(networks=networks)
    flows = {name: _on_cpu(information_flow(net, probe.inputs, kind=kind)) for name, (net, _) in
             networks.items()}  # fmt: skip
    figure, axes = blank(
        figure, 2.9 * len(networks) + 3.6, 3.2, columns=len(networks) + 1,
        width_ratios=[1.0] * len(networks) + [1.25],
    )  # fmt: skip
    reference = next(iter(flows.values()))
    pair = next(iter(reference))
    first = reference[pair]
    rows = first.abs().sum(dim=1).argsort(descending=True, stable=True)[:STRONGEST]
    columns = first.abs().sum(dim=0).argsort(descending=True, stable=True)[:STRONGEST]
    top = float(np.quantile(first.abs().numpy(), 0.995)) or 1.0
    for one, (name, flow) in zip(axes, flows.items(), strict=False):
        shown = flow[pair][rows][:, columns]
        one.imshow(shown.numpy(), cmap="RdBu_r", vmin=-top, vmax=top, aspect="auto")
        title = f"{name}: IF {pair}"
        if flow is not reference:
            title += f"\nrelative distance {flow_distance(flow, reference, 'relative'):.2f}"
        one.set(
            title=title,
            xlabel=f"units of {pair.split('→')[1]}, strongest first",
            xticks=[],
            yticks=[],
        )
    axes[0].set_ylabel(f"units of {pair.split('→')[0]}, strongest first")
    _gradient_bars(axes[-1], networks, probe)
    figure.subplots_adjust(left=0.04, right=0.99, bottom=0.13, top=0.84, wspace=0.2)
    return figure


def _on_cpu(flow: Flow) -> Flow:
    return {pair: matrix.cpu() for pair, matrix in flow.items()}


def _gradient_bars(axes: Axes, networks: Networks, probe: Split) -> None:
    width = 0.8 / len(networks)
    names: list[str] = []
    for i, ((label, (net, masks)), color) in enumerate(
        zip(networks.items(), colors(len(networks)), strict=True)
    ):
        norms = flow_norms(gradient_flow(net, probe.inputs, probe.targets, masks))
        names = [name.removesuffix(".weight") for name in norms]
        axes.bar(np.arange(len(norms)) + i * width, list(norms.values()), width, color=color,
                 label=label)  # fmt: skip
    axes.set_xticks(np.arange(len(names)) + width * (len(networks) - 1) / 2, names)
    axes.set(title="GF: norm of the masked gradient")
    axes.legend(frameon=False, fontsize=9)


@checked
def stop_at(
    curves: Rows,
    *,
    measure: str = "IF relative",
    share: Share = 0.5,
    figure: Figure | None = None,
) -> Figure:
    """Show when each round of a recorded run would have stopped for an ε, and what that gave.

    `curves` has a row for each seed, round and epoch: "seed", "round", "epoch", "accuracy" and the
    measures. ε is `share` in [0, 1] of the largest distance recorded. Bars are means over seeds,
    their whiskers the standard deviation. Raises ValueError for rows without these numbers, and
    rounds with different numbers of epochs.
    """
    runs = by_round(curves)
    check_choice("measure", measure, tuple(curves[0]))
    _check_curves(runs, [measure])
    epsilon = share * max(row[measure] for row in curves)
    rounds = sorted({index for _, index in runs})
    seeds = sorted({seed for seed, _ in runs})
    used = {key: epoch_within([row[measure] for row in rows], epsilon) for key, rows in
            runs.items()}  # fmt: skip
    figure, axes = blank(figure, 10.4, 3.3, columns=3, width_ratios=(1.7, 1.0, 1.0))
    length = len(runs[seeds[0], rounds[0]])
    for index in rounds:
        rows = runs[seeds[0], index]
        at = (index - rounds[0]) * length + np.arange(1, length + 1)
        stop = used[seeds[0], index]
        values = [row[measure] for row in rows]
        axes[0].plot(at, values, ".-", color=GRAY, alpha=0.6)
        axes[0].plot(at[:stop], values[:stop], ".-", color=BLUE)
        axes[0].plot(at[stop - 1], values[stop - 1], "o", color=RED, markersize=7)
    axes[0].axhline(epsilon, color=ORANGE)
    axes[0].set(xlabel="epochs of retraining, round by round", ylim=(0, None))
    axes[0].set_title(f"{measure}, seed {seeds[0]}: ε = {epsilon:.3g}")
    mean, spread = _over_seeds(lambda seed, index: used[seed, index], seeds, rounds)
    axes[1].bar(rounds, mean, yerr=spread, color=BLUE, error_kw={"capsize": 2})
    total = sum(used.values()) / len(seeds)
    axes[1].set(xlabel="round", ylim=(0, length + 0.5))
    axes[1].set_title(f"{total:.0f} of {length * len(rounds)} epochs used")
    final, final_spread = _over_seeds(lambda s, i: runs[s, i][-1]["accuracy"], seeds, rounds)
    early, early_spread = _over_seeds(
        lambda s, i: runs[s, i][used[s, i] - 1]["accuracy"], seeds, rounds
    )
    axes[2].errorbar(rounds, final, final_spread, fmt=".-", color=GRAY, capsize=2, label="all")
    axes[2].errorbar(rounds, early, early_spread, fmt="o", ms=4, color=RED, capsize=2,
                     label="at the stop")  # fmt: skip
    every = [row["accuracy"] for row in curves]
    axes[2].set(title="test accuracy", xlabel="round", ylim=(min(every) - 0.01, max(every) + 0.01))
    axes[2].yaxis.set_major_formatter(PercentFormatter(1, decimals=0))
    axes[2].legend(frameon=False, fontsize=9)
    for one in axes[1:]:
        one.xaxis.set_major_locator(MaxNLocator(integer=True))
    figure.subplots_adjust(left=0.05, right=0.99, bottom=0.15, top=0.9, wspace=0.2)
    return figure


@checked
def by_round(curves: Rows) -> dict[tuple[int, int], list[Mapping[str, Any]]]:
    """Group the rows of recorded curves: (seed, round) → rows in the order of their epochs.

    Raises ValueError for no rows, and rows without a number for "seed" and "round".
    """
    table_of("curves", [curves], "seed")
    table_of("curves", [curves], "round")
    runs: dict[tuple[int, int], list[Mapping[str, Any]]] = {}
    for row in curves:
        runs.setdefault((row["seed"], row["round"]), []).append(row)
    return runs


def _check_curves(
    runs: Mapping[tuple[int, int], Sequence[Mapping[str, Any]]], measures: Sequence[str]
) -> None:
    """Raise ValueError unless each seed has each round, with all measures for as many epochs."""
    for key in (*measures, "accuracy"):
        table_of("curves", list(runs.values()), key)
    seeds, rounds = ({key[part] for key in runs} for part in (0, 1))
    if len(runs) != len(seeds) * len(rounds):
        raise ValueError("curves must have the same rounds for each seed")


def _over_seeds(
    value: Callable[[int, int], float], seeds: Sequence[int], rounds: Sequence[int]
) -> tuple[np.ndarray, np.ndarray]:
    values = np.array([[value(seed, index) for index in rounds] for seed in seeds], float)
    return values.mean(axis=0), values.std(axis=0, ddof=min(1, len(values) - 1))


@checked
def trade_off(
    curves: Rows, measures: Sequence[str], *, steps: Count = 40, figure: Figure | None = None
) -> Figure:
    """Draw, for every ε, the epochs used and the accuracy lost, beside "always k epochs".

    Left: epochs used against ε, as a share of the largest distance. Right: mean test accuracy at
    the stop against the epochs used; a rule that lies on the black line knows nothing. `steps`
    values of ε, at most 10,000, are drawn. Raises ValueError for rows as `stop_at` does.
    """
    runs = by_round(curves)
    check_filled(measures=measures)
    for measure in measures:
        check_choice("measures", measure, tuple(curves[0]))
    _check_curves(runs, measures)
    if steps > MOST_STEPS:
        raise ValueError(f"steps={steps} must be at most {MOST_STEPS}")
    figure, axes = blank(figure, 9.6, 3.7, columns=2)
    length = len(next(iter(runs.values())))
    for measure, color in zip(measures, colors(len(measures)), strict=True):
        top = max(row[measure] for row in curves)
        shares = np.linspace(0, 1, steps)
        used, reached = [], []
        for share in shares:
            at = {key: epoch_within([row[measure] for row in rows], share * top) for key, rows in
                  runs.items()}  # fmt: skip
            used.append(np.mean(list(at.values())))
            reached.append(np.mean([runs[key][stop - 1]["accuracy"] for key, stop in at.items()]))
        axes[0].plot(shares, used, color=color, label=measure)
        axes[1].plot(used, reached, ".", color=color, label=measure)
    fixed = np.array([[row["accuracy"] for row in rows] for rows in runs.values()])
    every = np.arange(1, length + 1)
    error = fixed.std(axis=0, ddof=min(1, len(fixed) - 1)) / np.sqrt(len(fixed))
    axes[1].errorbar(every, fixed.mean(axis=0), error, fmt="k-", capsize=3, label="always k epochs")
    axes[0].set(xlabel="ε / largest distance", ylabel="epochs a round", ylim=(0, length + 0.3))
    axes[0].legend(frameon=False, fontsize=9)
    axes[1].set(xlabel="epochs a round", ylabel="test accuracy at the stop")
    axes[1].yaxis.set_major_formatter(PercentFormatter(1, decimals=1))
    axes[1].set_ylim(fixed.mean(axis=0).min() - 0.004, fixed.mean(axis=0).max() + 0.003)
    axes[1].legend(*_only_last(axes[1]), frameon=False, fontsize=9, loc="lower left")
    figure.subplots_adjust(left=0.06, right=0.99, bottom=0.14, top=0.95, wspace=0.22)
    return figure


def _only_last(axes: Axes) -> tuple[list[Any], list[str]]:
    """Return the legend entry of what was drawn last; the colours are those of the left panel."""
    handles, labels = axes.get_legend_handles_labels()
    return handles[-1:], labels[-1:]


@checked
def stops_compared(frames: Mapping[str, Sequence[Rows]], *, figure: Figure | None = None) -> Figure:
    """Draw test accuracy against density for several stops, and the epochs that each retrained.

    `frames` is {label: [rows of a seed, …]}; rows have "density", "accuracy" and "epochs". The
    first row of a seed, the dense training, does not count as retraining. Mean ± std over seeds.
    Raises ValueError for rows without these numbers, and seeds with different numbers of rows.
    """
    check_filled(frames=frames)
    figure, axes = blank(figure, 9.8, 3.8, columns=2, width_ratios=(1.5, 1.0))
    labels = list(frames)
    smallest = min(table_of("frames", seeds, "density")[:, -1].min() for seeds in frames.values())
    for label, color in zip(labels, colors(len(labels)), strict=True):
        seeds = frames[label]
        spare = min(1, len(seeds) - 1)
        density = table_of("frames", seeds, "density").mean(axis=0)
        values = table_of("frames", seeds, "accuracy")
        mean, spread = values.mean(axis=0), values.std(axis=0, ddof=spare)
        axes[0].plot(density, mean, ".-", color=color, label=label)
        axes[0].fill_between(density, mean - spread, mean + spread, color=color, alpha=0.1, lw=0)
        used = table_of("frames", seeds, "epochs")[:, 1:].sum(axis=1)
        axes[1].barh(label, np.mean(used), xerr=np.std(used, ddof=spare), color=color)
    density_axis(axes[0], [1.0, smallest])
    axes[0].set(xlabel="weights that stay", title="test accuracy after retraining")
    axes[0].yaxis.set_major_formatter(PercentFormatter(1, decimals=1))
    axes[1].set(title="epochs of retraining, all rounds")
    axes[1].invert_yaxis()
    figure.subplots_adjust(left=0.06, right=0.99, bottom=0.13, top=0.9, wspace=0.32)
    return figure


@checked
def connectivity(rows: Rows, *, figure: Figure | None = None) -> Figure:
    """Draw how much of each pair's information flow is left, just pruned and retrained.

    `rows` have "seed", "round", "density", "when" ("just pruned" or "retrained") and "norms", the
    norm of each pair's flow over that of the dense network. Mean ± std over seeds; the dashed
    lines are density and its square. Raises ValueError for rows without these numbers, or none of
    one kind.
    """
    table_of("rows", [rows], "density")
    table_of("rows", [rows], "round")
    figure, axes = blank(figure, 9.0, 3.4, columns=2, sharey=True)
    for one, when in zip(axes, ("just pruned", "retrained"), strict=True):
        chosen = [row for row in rows if row.get("when") == when]
        if not chosen or not all(isinstance(row.get("norms"), Mapping) for row in chosen):
            raise ValueError(f"rows must have some with 'norms' and 'when' {when!r}")
        rounds = sorted({row["round"] for row in chosen})
        table = [[row for row in chosen if row["round"] == index] for index in rounds]
        density = np.array([np.mean([row["density"] for row in seeds]) for seeds in table])
        pairs = list(chosen[0]["norms"])
        for pair, color in zip(pairs, colors(len(pairs)), strict=True):
            values = table_of("rows", [[row["norms"] for row in seeds] for seeds in table], pair)
            spread = values.std(axis=1, ddof=min(1, values.shape[1] - 1))
            one.errorbar(density, values.mean(axis=1), spread, fmt="o-", ms=4,
                         capsize=2, color=color, label=f"IF {pair}")  # fmt: skip
        one.plot(density, density, "--", color=GRAY, label="density")
        one.plot(density, density**2, ":", color=GRAY, label="density²")
        density_axis(one, [1.0, float(density.min())])
        one.set(title=when, xlabel="weights that stay", yscale="log")
    axes[0].set_ylabel("norm of the flow / dense")
    axes[0].legend(frameon=False, fontsize=9, loc="lower left")
    figure.subplots_adjust(left=0.09, right=0.99, bottom=0.15, top=0.9, wspace=0.06)
    return figure


ACTIVATIONS: dict[str, tuple[Callable[[Tensor], Tensor], float, float]] = {
    # The function, its Lipschitz constant, its largest absolute value.
    "tanh": (torch.tanh, 1.0, 1.0),
    "sigmoid": (torch.sigmoid, 0.25, 1.0),
    "sine": (torch.sin, 1.0, 1.0),
}


@checked
def lemma_1(
    *,
    activation: str = "tanh",
    w: Finite = 2.0,
    reach: Positive = 2.0,
    figure: Figure | None = None,
) -> Figure:
    """Show σ̄(t) = t σ(w t) for |t| ≤ `reach`, and Lemma 1's bound on how fast it changes.

    Right: |σ̄(t) − σ̄(s)| of many pairs against |t − s|, under the bound with the plain distance,
    (reach · L · |w| + B) |t − s|, and the printed one, (19), with the squared distance. Raises
    ValueError for another activation, |w| above 1000, and a reach outside 0.001 to 1000.
    """
    check_choice("activation", activation, tuple(ACTIVATIONS))
    if abs(w) > 1000:
        raise ValueError(f"w={w} must lie between -1000 and 1000")
    if not 0.001 <= reach <= 1000:
        raise ValueError(f"reach={reach} must lie between 0.001 and 1000")
    function, lipschitz, largest = ACTIVATIONS[activation]
    t = torch.linspace(-reach, reach, 61, dtype=torch.float64)
    s, t = (t + torch.logspace(-4, 1, 40, dtype=torch.float64)[:, None]).flatten(), t.repeat(40)
    s, t = s[s <= reach], t[s <= reach]
    figure, axes = blank(figure, 8.6, 3.3, columns=2)
    curve = torch.linspace(-reach, reach, 121, dtype=torch.float64)
    axes[0].plot(curve.numpy(), (curve * function(w * curve)).numpy(), color=BLUE)
    axes[0].set(title=f"t · {activation}(w t),  w = {w:g}", xlabel="t")
    gap, change = s - t, (t * function(w * t) - s * function(w * s)).abs()
    axes[1].plot(gap.numpy(), change.numpy(), ".", color=BLUE, markersize=2, label="pairs t, s")
    places = np.logspace(-4, 1, 60).clip(max=2 * reach)
    plain = reach * lipschitz * abs(w) + largest
    squared = reach**2 * lipschitz * w**2 + largest
    axes[1].plot(places, plain * places, color=ORANGE, label="plain distance: holds")
    axes[1].plot(places, squared * places**2, color=RED, label="squared, as printed")
    over = (change > squared * gap**2).double().mean()
    axes[1].set(xscale="log", yscale="log", xlabel="|t − s|", ylim=(1e-7, 1e2))
    axes[1].set_title(f"{over:.0%} of the pairs exceed the printed bound")
    axes[1].legend(frameon=False, fontsize=9, loc="lower right")
    figure.subplots_adjust(left=0.07, right=0.98, bottom=0.15, top=0.9, wspace=0.2)
    return figure


@checked
def norms_left(flow: Mapping[str, Tensor], reference: Mapping[str, Tensor]) -> dict[str, float]:
    """Return the norm of each pair's flow, over that of the reference.

    Raises ValueError if the reference lacks a pair of the flow, or is zero there.
    """
    try:
        dense = flow_norms(reference)
    except ValueError as error:
        raise ValueError(f"reference: {error}") from error
    for pair in flow:
        if not dense.get(pair):
            raise ValueError(f"reference has no flow, or only zeros, for {pair!r}")
    return {pair: norm / dense[pair] for pair, norm in flow_norms(flow).items()}

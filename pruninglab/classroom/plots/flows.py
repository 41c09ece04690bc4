"""Figures of notebook 03."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from jaxtyping import Int
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator, PercentFormatter
from torch import Tensor, nn

from ...choices.budgets import fraction
from ...choices.scopes import layer
from ...choices.scores import magnitude
from ...data import Split
from ...engine.masks import Masks, cut_once
from ...engine.results import Runs, Values, number, spread
from ...ideas.checks import Count, Share, check_choice, checked
from ...ideas.flows import (
    Flow,
    epoch_within,
    flow_distance,
    flow_norms,
    gradient_flow,
    information_flow,
)
from ..memory import once
from ..pictures import describe, picture, words_of
from .curves import band, check_filled, density_axis
from .style import BLUE, GRAY, ORANGE, RED, blank, colors

Networks = Mapping[str, tuple[nn.Module, Mapping[str, Tensor]]]
Whens = Int[np.ndarray, "seeds rounds"]
# More units would be finer than a screen's pixels.
STRONGEST = 64
MOST_STEPS = 10_000


@picture("03_incop_flows/pruned")
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
    networks = {"dense": (net, once(Masks.full, net)), f"{share:.0%} pruned": (pruned, masks)}
    return stages(networks, probe, kind=kind, figure=figure)


@picture("03_incop_flows/stages")
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
    dense, *others = networks
    flows = {dense: once(_flow, networks[dense][0], probe, kind)}
    flows |= {name: _flow(networks[name][0], probe, kind) for name in others}
    figure, axes = blank(
        figure, 2.9 * len(networks) + 3.6, 3.2, columns=len(networks) + 1,
        width_ratios=[1.0] * len(networks) + [1.25],
    )  # fmt: skip
    distances = {name: flow_distance(flows[name], flows[dense], "relative") for name in others}
    pair = next(iter(flows[dense]))
    _heatmaps(axes[:-1], {name: flow[pair] for name, flow in flows.items()}, pair)
    for panel, (name, distance) in zip(axes[1:], distances.items(), strict=False):
        panel.set_title(f"{name}: IF {pair}\nrelative distance {distance:.2f}")
    last = _gradient_bars(axes[-1], networks, probe)
    figure.subplots_adjust(left=0.04, right=0.99, bottom=0.13, top=0.84, wspace=0.2)
    far = ", ".join(f"{name} at a relative distance of {d:.2f}" for name, d in distances.items())
    shares = ", ".join(f"{name} {norm:.2f}" for name, norm in last.items())
    return describe(
        figure,
        f"Heatmaps of the information flow {pair} ({kind}) between the strongest units: {dense}"
        f"{', ' if far else ''}{far}. Bars of the gradient flow of each layer; its norm in the "
        f"last layer: {shares}.",
    )


def _flow(net: nn.Module, probe: Split, kind: str) -> Flow:
    flow = information_flow(net, probe.inputs, kind=kind)
    return {pair: matrix.cpu() for pair, matrix in flow.items()}


def _norms(net: nn.Module, probe: Split, masks: Mapping[str, Tensor]) -> dict[str, float]:
    return flow_norms(gradient_flow(net, probe.inputs, probe.targets, masks))


def _heatmaps(axes: Sequence[Axes], flows: Mapping[str, Tensor], pair: str) -> None:
    """Draw one pair's flow of each network, the units sorted by their strength in the first."""
    first = next(iter(flows.values())).abs()
    rows = first.sum(dim=1).argsort(descending=True, stable=True)[:STRONGEST]
    columns = first.sum(dim=0).argsort(descending=True, stable=True)[:STRONGEST]
    top = float(np.quantile(first.numpy(), 0.995)) or 1.0
    sender, receiver = pair.split("→")
    for panel, (name, flow) in zip(axes, flows.items(), strict=True):
        shown = flow[rows][:, columns].numpy()
        panel.imshow(shown, cmap="RdBu_r", vmin=-top, vmax=top, aspect="auto")
        panel.set(title=f"{name}: IF {pair}", xticks=[], yticks=[])
        panel.set_xlabel(f"units of {receiver}, strongest first")
    axes[0].set_ylabel(f"units of {sender}, strongest first")


def _gradient_bars(axes: Axes, networks: Networks, probe: Split) -> dict[str, float]:
    """Draw the norms of the gradient flow of each network; return those of the last layer."""
    width = 0.8 / len(networks)
    names: list[str] = []
    last: dict[str, float] = {}
    for i, ((label, (net, masks)), color) in enumerate(
        zip(networks.items(), colors(len(networks)), strict=True)
    ):
        norms = _norms(net, probe, masks) if i else once(_norms, net, probe, masks)
        names = [name.removesuffix(".weight") for name in norms]
        last[label] = list(norms.values())[-1]
        axes.bar(np.arange(len(norms)) + i * width, list(norms.values()), width, color=color,
                 label=label)  # fmt: skip
    axes.set_xticks(np.arange(len(names)) + width * (len(networks) - 1) / 2, names)
    axes.set(title="GF: norm of the masked gradient")
    axes.legend(frameon=False, fontsize=9)
    return last


@picture("03_incop_flows/stop_at")
@checked
def stop_at(
    watched: Runs,
    *,
    measure: str = "IF relative",
    share: Share = 0.5,
    figure: Figure | None = None,
) -> Figure:
    """Show when each round of a recorded run would have stopped for an ε, and what that gave.

    `watched` holds one method's runs with a row for each epoch of each round: "seed", "round",
    "test_accuracy" and the measures. ε is `share` in [0, 1] of the largest distance recorded. Bars
    are means over seeds, their whiskers the standard deviation. Raises ValueError for
    a measure that the rows lack, and for rounds with different numbers of epochs.
    """
    distances = _distances(watched, "measure", measure)
    epsilon = share * float(distances.max())
    used = _epochs_used(distances, epsilon)
    rounds, length = _round_numbers(watched), distances.shape[2]
    figure, axes = blank(figure, 10.4, 3.3, columns=3, width_ratios=(1.7, 1.0, 1.0))
    _replay(axes[0], distances[0], used[0])
    axes[0].axhline(epsilon, color=ORANGE)
    seed = number(next(iter(watched.values()))[0][0], "seed")
    axes[0].set_title(f"{measure}, seed {seed:.0f}: ε = {epsilon:.3g}")
    axes[1].bar(
        rounds, used.mean(axis=0), yerr=spread(used), color=BLUE, error_kw={"capsize": 2}
    )  # fmt: skip
    total = used.sum() / len(used)
    axes[1].set(xlabel="round", ylim=(0, length + 0.5))
    axes[1].set_title(f"{total:.0f} of {length * len(rounds)} epochs used")
    final, early = _accuracy_panel(axes[2], by_round(watched, "test_accuracy"), used, rounds)
    for panel in axes[1:]:
        panel.xaxis.set_major_locator(MaxNLocator(integer=True))
    figure.subplots_adjust(left=0.05, right=0.99, bottom=0.15, top=0.9, wspace=0.2)
    return describe(
        figure,
        f"With ε = {epsilon:.3g} for the distance {measure}, {total:.0f} of "
        f"{length * len(rounds)} epochs of retraining are used, in the mean over seeds. In the "
        f"last round the test accuracy is {early:.1%} at the stop and {final:.1%} after all "
        "epochs.",
    )


def _replay(axes: Axes, distances: Values, used: Sequence[int]) -> None:
    """Draw one run's distances (rounds, epochs), round by round, and where each round stops."""
    length = distances.shape[1]
    for index, (values, stop) in enumerate(zip(distances, used, strict=True)):
        at = index * length + np.arange(1, length + 1)
        axes.plot(at, values, ".-", color=GRAY, alpha=0.6)
        axes.plot(at[:stop], values[:stop], ".-", color=BLUE)
        axes.plot(at[stop - 1], values[stop - 1], "o", color=RED, markersize=7)
    axes.set(xlabel="epochs of retraining, round by round", ylim=(0, None))


def _accuracy_panel(
    axes: Axes, accuracy: Values, used: Whens, rounds: Sequence[int]
) -> tuple[float, float]:
    """Draw accuracies (seeds, rounds, epochs) after all epochs and at the stop; return the last."""
    final, early = accuracy[:, :, -1], _at(accuracy, used)
    axes.errorbar(rounds, final.mean(axis=0), spread(final), fmt=".-", color=GRAY, capsize=2,
                  label="all")  # fmt: skip
    axes.errorbar(rounds, early.mean(axis=0), spread(early), fmt="o", ms=4, color=RED, capsize=2,
                  label="at the stop")  # fmt: skip
    limits = (accuracy.min() - 0.01, accuracy.max() + 0.01)
    axes.set(title="test accuracy", xlabel="round", ylim=limits)
    axes.yaxis.set_major_formatter(PercentFormatter(1, decimals=0))
    axes.legend(frameon=False, fontsize=9)
    return float(final[:, -1].mean()), float(early[:, -1].mean())


@checked
def by_round(watched: Runs, key: str) -> Values:
    """Return what was measured after each epoch, float64 (seeds, rounds, epochs).

    `watched` holds one method's runs, their rows those of all epochs, in order. Raises KeyError
    for a key that the rows lack, ValueError for other than one method, for seeds with different
    rounds, for rounds with different numbers of epochs, and for what is not finite.
    """
    _one_method(watched)
    (values,), (rounds,) = (watched.over_rounds(name).values() for name in (key, "round"))
    numbers, epochs = np.unique(rounds[0], return_counts=True)
    expected = np.repeat(numbers, epochs[0])
    if rounds.shape[1] != len(expected) or (rounds != expected).any():
        raise ValueError(
            "watched must have the same rounds for each seed, and equally many epochs for each"
        )
    if not np.isfinite(values).all():
        raise ValueError(f"watched must have a finite {key!r} for each epoch")
    return values.reshape(len(values), len(numbers), -1)


def _one_method(watched: Runs) -> None:
    if len(watched) != 1:
        raise ValueError(f"watched must hold the runs of one method, not of {list(watched)}")


def _distances(watched: Runs, argument: str, measure: str) -> Values:
    _one_method(watched)
    (seeds,) = watched.values()
    check_choice(argument, measure, tuple(seeds[0][0]))
    return by_round(watched, measure)


def _round_numbers(watched: Runs) -> list[int]:
    (rounds,) = watched.over_rounds("round").values()
    return [int(index) for index in np.unique(rounds)]


def _epochs_used(distances: Values, epsilon: float) -> Whens:
    """Return the epochs that Algorithm 1 trains (seeds, rounds), from 1."""
    return np.array([[epoch_within(values.tolist(), epsilon) for values in run]
                     for run in distances])  # fmt: skip


def _at(values: Values, used: Whens) -> Values:
    """Return the values (seeds, rounds, epochs) at the last epoch that is used."""
    return np.take_along_axis(values, used[:, :, None] - 1, axis=2)[:, :, 0]


@picture("03_incop_flows/trade_off")
@checked
def trade_off(
    watched: Runs, measures: Sequence[str], *, steps: Count = 40, figure: Figure | None = None
) -> Figure:
    """Draw, for every ε, the epochs used and what the rule gains over "always k epochs".

    `watched` as in `stop_at`. Left: epochs used against ε, as a share of the largest distance.
    Right: test accuracy at the stop, mean over the rounds, less that of always as many epochs,
    seed by seed: mean ± standard deviation over seeds. `steps` values of ε, at most 10,000, are
    drawn. Raises ValueError as `stop_at` does.
    """
    check_filled(measures=measures)
    if steps > MOST_STEPS:
        raise ValueError(f"steps={steps} must be at most {MOST_STEPS}")
    distances = {measure: _distances(watched, "measures", measure) for measure in measures}
    accuracy = by_round(watched, "test_accuracy")
    figure, axes = blank(figure, 8.4, 3.2, columns=2)
    shares, words = np.linspace(0, 1, steps), []
    for (measure, values), color in zip(distances.items(), colors(len(distances)), strict=True):
        used = [_epochs_used(values, share * float(values.max())) for share in shares]
        epochs = np.array([stops.mean() for stops in used])
        gains = 100 * np.array([gained(accuracy, stops) for stops in used])
        mean, std = gains.mean(axis=1), spread(gains, axis=1)
        axes[0].plot(shares, epochs, color=color, label=measure)
        axes[1].plot(epochs, mean, ".-", color=color)
        axes[1].fill_between(epochs, mean - std, mean + std, color=color, alpha=0.15, linewidth=0)
        best = int(mean.argmax())
        words.append(f"{measure} {mean[best]:+.2f} ± {std[best]:.2f}")
    axes[1].axhline(0, color="k", linewidth=1)
    every = accuracy.shape[2]
    axes[0].set(xlabel="ε / largest distance", ylabel="epochs a round", ylim=(0, every + 0.3))
    axes[0].legend(frameon=False, fontsize=9)
    axes[1].set(xlabel="epochs a round", ylabel="points", title="gained over always k epochs")
    figure.subplots_adjust(left=0.07, right=0.99, bottom=0.16, top=0.9, wspace=0.24)
    return describe(
        figure,
        f"Left: epochs a round against ε for {', '.join(measures)}. Right: test accuracy at the "
        "stop less that of always as many epochs, in points, mean and standard deviation over "
        f"{len(accuracy)} seeds; at each measure's best ε: {', '.join(words)}.",
    )


@checked
def gained(accuracy: Values, used: Whens) -> Values:
    """Return what stops gain over "always k epochs" of the same cost, seed by seed, (seeds,).

    `accuracy` (seeds, rounds, epochs) as from `by_round`, `used` (seeds, rounds) the epochs after
    which each round stopped, from 1. The mean over the rounds, less that of always as many epochs
    as the seed used in the mean, interpolated between whole ones. Raises ValueError for stops that
    no round has.

    >>> gained(np.array([[[0.6, 0.8], [0.5, 0.9]]]), np.array([[1, 2]])).round(3)
    array([0.05])
    """
    if used.shape != accuracy.shape[:2] or used.min() < 1 or used.max() > accuracy.shape[2]:
        raise ValueError(f"used {used.shape} must hold an epoch of accuracy {accuracy.shape} each")
    every = np.arange(1, accuracy.shape[2] + 1)
    fixed = accuracy.mean(axis=1)
    same = [np.interp(epochs, every, values)
            for epochs, values in zip(used.mean(axis=1), fixed, strict=True)]  # fmt: skip
    return np.asarray(_at(accuracy, used).mean(axis=1) - same)


@picture("03_incop_flows/stops_compared")
@checked
def stops_compared(runs: Runs, *, figure: Figure | None = None) -> Figure:
    """Draw test accuracy against density for several stops, and the epochs that each retrained.

    Rows have "density", "test_accuracy" and "epochs". The first row of a seed, the dense training,
    does not count as retraining. Mean ± std over seeds. Raises KeyError for rows without these,
    ValueError for seeds with different numbers of rows.
    """
    check_filled(runs=runs)
    figure, axes = blank(figure, 9.0, 3.4, columns=2, width_ratios=(1.5, 1.0))
    shown = colors(len(runs))
    band(axes[0], runs, "test_accuracy", colors=shown)
    for shade in axes[0].collections:
        # So many bands lie on each other that only faint ones leave the curves in sight.
        shade.set_alpha(0.08)
    axes[0].set_title("test accuracy after retraining")
    axes[0].yaxis.set_major_formatter(PercentFormatter(1, decimals=1))
    used = {label: values[:, 1:].sum(axis=1) for label, values in
            runs.over_rounds("epochs").items()}  # fmt: skip
    for (label, epochs), color in zip(used.items(), shown, strict=True):
        axes[1].barh(label, epochs.mean(), xerr=spread(epochs), color=color)
    axes[1].set(title="epochs of retraining, all rounds")
    axes[1].invert_yaxis()
    figure.subplots_adjust(left=0.06, right=0.99, bottom=0.13, top=0.9, wspace=0.4)
    accuracy = {label: values.mean() for label, values in runs.last("test_accuracy").items()}
    means = {label: epochs.mean() for label, epochs in used.items()}
    (least, most), (worst, best) = (
        (min(values, key=values.__getitem__), max(values, key=values.__getitem__))
        for values in (means, accuracy)
    )
    return describe(
        figure,
        f"Test accuracy against density for {'; '.join(runs)}: mean and standard deviation over "
        f"seeds. Epochs of retraining: from {means[least]:.0f} ({least}) to "
        f"{means[most]:.0f} ({most}). The last round ends between {accuracy[worst]:.1%} ({worst}) "
        f"and {accuracy[best]:.1%} ({best}).",
    )


@picture("03_incop_flows/full_fashion_mnist")
@checked
def full_fashion_mnist(runs: Runs, *, figure: Figure | None = None) -> Figure:
    """Draw `stops_compared` for the committed record on six times the data."""
    figure = stops_compared(runs, figure=figure)
    return describe(figure, f"On all of Fashion-MNIST. {words_of(figure)}")


@picture("03_incop_flows/connectivity")
@checked
def connectivity(left: Runs, *, figure: Figure | None = None) -> Figure:
    """Draw how much of each pair's information flow is left, just pruned and retrained.

    `left` has the runs "just pruned" and "retrained"; their rows have "density" and "norms", the
    norm of each pair's flow over that of the dense network. Mean ± std over seeds; the dashed
    lines are density and its square. Raises KeyError for runs without these, ValueError for
    "norms" that are no mapping.
    """
    return _norms_against(left, "density", figure)


@picture("03_incop_flows/units_removed")
@checked
def units_removed(left: Runs, *, figure: Figure | None = None) -> Figure:
    """Draw `connectivity` where whole units are gone: rows have "units", the share that is left."""
    figure = _norms_against(left, "units", figure)
    return describe(figure, f"Whole units are removed. {words_of(figure)}")


def _norms_against(left: Runs, along: str, figure: Figure | None) -> Figure:
    figure, axes = blank(figure, 8.2, 3.1, columns=2, sharey=True)
    words = []
    for panel, when in zip(axes, ("just pruned", "retrained"), strict=True):
        chosen = left.only(when)
        norms = chosen[when][0][0].get("norms")
        if not norms or not isinstance(norms, Mapping):
            raise ValueError(f"left[{when!r}] must have rows with 'norms', a number for each pair")
        for pair, color in zip(norms, colors(len(norms)), strict=True):
            band(panel, chosen, f"norms.{pair}", x=along, colors=[color])
            panel.lines[-1].set_label(f"IF {pair}")
            words.append(f"{pair} {when} {chosen.last(f'norms.{pair}')[when].mean():.2f}")
        share = chosen.over_rounds(along)[when].mean(axis=0)
        panel.plot(share, share, "--", color=GRAY, label=along)
        panel.plot(share, share**2, ":", color=GRAY, label=f"{along}²")
        density_axis(panel, [1.0, share.min()])
        panel.set(title=when, yscale="log")
    axes[0].set_ylabel("norm of the flow / dense")
    axes[0].legend(frameon=False, fontsize=9, loc="lower left")
    figure.subplots_adjust(left=0.09, right=0.99, bottom=0.15, top=0.9, wspace=0.06)
    return describe(
        figure,
        "Norm of the information flow of each pair of layers over that of the dense network, "
        f"against {along}, with lines for the {along} left and its square. After the last cut and "
        f"in the last round: {', '.join(words)}.",
    )

"""Figures of the audit of notebook 03: every ε, and what is left of a flow."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ...checks import Count
from ...engine.results import Runs, spread
from ...kit.page import GRAY, Page, colors, figure
from ..curves import band, density_axis
from .replay import by_round, epochs_used, gained


@figure("03_incop_flows/trade_off")
def trade_off(page: Page, watched: Runs, measures: Sequence[str], *, steps: Count = 40) -> str:
    """Draw, for every ε, the epochs used and what the rule gains over "always k epochs".

    `watched` as in `replay.by_round`. Left: epochs used against ε, a share of the largest distance.
    Right: test accuracy at the stop, mean over the rounds, less that of always as many epochs,
    seed by seed: mean ± standard deviation over seeds. `steps` values of ε are drawn.
    """
    distances = {measure: by_round(watched, measure) for measure in measures}
    accuracy = by_round(watched, "test_accuracy")
    axes = page(8.4, 3.2, columns=2, edges=(0.07, 0.99, 0.16, 0.9), wspace=0.24)
    shares, words = np.linspace(0, 1, steps), []
    for (measure, values), color in zip(distances.items(), colors(len(distances)), strict=True):
        used = [epochs_used(values, share * float(values.max())) for share in shares]
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
    return (
        f"Left: epochs a round against ε for {', '.join(measures)}. Right: test accuracy at the "
        "stop less that of always as many epochs, in points, mean and standard deviation over "
        f"{len(accuracy)} seeds; at each measure's best ε: {', '.join(words)}."
    )


@figure("03_incop_flows/units_removed")
def units_removed(page: Page, left: Runs) -> str:
    """Draw how much of each pair's information flow is left where whole units are gone.

    `left` has the runs "just pruned" and "retrained"; their rows have "units", the share that is
    left, and "norms", the size of each pair's flow over that of the dense network. Mean ± std over
    seeds; the gray lines are the share and its square.
    """
    axes = page(8.2, 3.1, columns=2, sharey=True, edges=(0.09, 0.99, 0.15, 0.9), wspace=0.06)
    words = []
    for panel, when in zip(axes, ("just pruned", "retrained"), strict=True):
        chosen = left.only(when)
        norms = chosen[when][0][0]["norms"]
        for pair, color in zip(norms, colors(len(norms)), strict=True):
            band(panel, chosen, f"norms.{pair}", x="units", colors=[color])
            panel.lines[-1].set_label(f"IF {pair}")
            words.append(f"{pair} {when} {chosen.last(f'norms.{pair}')[when].mean():.2f}")
        share = chosen.over_rounds("units")[when].mean(axis=0)
        panel.plot(share, share, "--", color=GRAY, label="units")
        panel.plot(share, share**2, ":", color=GRAY, label="units²")
        density_axis(panel, [1.0, share.min()])
        panel.set(title=when, yscale="log")
    axes[0].set_ylabel("size of the flow / dense")
    axes[0].legend(frameon=False, fontsize=9, loc="lower left")
    return (
        "Size of the information flow of each pair of layers over that of the dense network, "
        "against the units left, with lines for these and their square; whole units are removed. "
        f"With the fewest: {', '.join(words)}."
    )

"""Figures of notebook 03: what the proof bounds, and Lemma 1."""

from __future__ import annotations

import numpy as np
import torch

from ...checks import Finite, Positive
from ...kit.page import BLUE, GRAY, ORANGE, RED, Page, figure
from . import chain as chains
from . import lemma1


@figure("03_incop_flows/chain")
def chain(page: Page, *, curvature: Positive = 2.0, additive: Positive = 0.5) -> str:
    """Show (5) to (13) on one weight: the loss and the flow, and both lower bounds of the loss.

    Left: the loss above the best one and |Δ − Δ*| against the weight. Right: the one against the
    other, with the paper's ε − LC_σ and the bound of the plain distance. `chain.chain` says
    what is refused.
    """
    made = chains.chain(curvature, additive)
    axes = page(8.0, 3.2, columns=2, edges=(0.06, 0.98, 0.15, 0.9), wspace=0.2)
    axes[0].plot(made.w.numpy(), made.gap.numpy(), color=RED, label="loss above the best")
    axes[0].plot(made.w.numpy(), made.distance.numpy(), color=BLUE, label="flow: |Δ − Δ*|")
    top = 1.5 * made.slope + curvature
    axes[0].set(xlabel="weight w", ylim=(0, top))
    axes[0].legend(frameon=False, fontsize=9, loc="center right")
    most = float(made.distance.max())
    epsilon = torch.linspace(0, most, 100, dtype=torch.float64)
    axes[1].plot(made.distance.numpy(), made.gap.numpy(), ".", color=RED, markersize=3,
                 label="networks")  # fmt: skip
    axes[1].plot(epsilon.numpy(), made.plain(epsilon).numpy(), color=ORANGE,
                 label="plain distance: at least")  # fmt: skip
    axes[1].plot(epsilon.numpy(), made.printed(epsilon).clamp_min(0).numpy(), "--", color=BLUE,
                 label="paper: at least ε − LC")  # fmt: skip
    axes[1].axvline(additive, color=GRAY, linewidth=1, label="ε = LC")
    axes[1].set(xlabel="distance of the flows, ε", ylabel="loss above the best", ylim=(0, top))
    verdict = "some" if made.constant_exists else "none"
    axes[1].set_title(f"C̃ from {made.squared:.2f} to {made.allowed:.2f}: {verdict}")
    axes[1].legend(frameon=False, fontsize=9, loc="upper center")
    return (
        f"Left: a parabola of curvature {curvature:g} and the distance of the flows against the "
        "weight. Right: loss against distance of the flows, one point a network, two lower bounds "
        f"and nothing above. A constant C̃ must lie between {made.squared:.2f} and "
        f"{made.allowed:.2f}: there is {verdict}. Below ε = {additive:g} the paper's bound says "
        "nothing."
    )


@figure("03_incop_flows/lemma_1")
def lemma_1(page: Page, *, activation: str = "tanh", w: Finite = 2.0, reach: Positive = 2.0) -> str:
    """Show σ̄(t) = t σ(w t) for |t| ≤ `reach`, and Lemma 1's bound on how fast it changes.

    Right: |σ̄(t) − σ̄(s)| of many pairs against |t − s|, under the bound with the plain distance,
    and the printed one, (19), with the squared distance (`lemma1.changes`, which says what
    is refused).
    """
    pairs = lemma1.changes(activation, w, reach)
    axes = page(8.0, 3.1, columns=2, edges=(0.09, 0.97, 0.15, 0.9), wspace=0.2)
    t = torch.linspace(-reach, reach, 121, dtype=torch.float64)
    axes[0].plot(t.numpy(), lemma1.weighted(activation, w, t).numpy(), color=BLUE)
    axes[0].set(title=f"t · {activation}(w t),  w = {w:g}", xlabel="t")
    axes[1].plot(pairs.gap.numpy(), pairs.change.numpy(), ".", color=BLUE, markersize=2,
                 label="pairs t, s")  # fmt: skip
    gaps = np.logspace(-4, 1, 60).clip(max=2 * reach)
    axes[1].plot(gaps, pairs.plain * gaps, color=ORANGE, label="plain distance: holds")
    axes[1].plot(gaps, pairs.squared * gaps**2, color=RED, label="squared, as printed")
    axes[1].set(xscale="log", yscale="log", xlabel="|t − s|", ylim=(1e-7, 1e2))
    axes[1].set_title(f"{pairs.broken:.0%} of the pairs exceed the printed bound")
    axes[1].legend(frameon=False, fontsize=9, loc="lower right")
    return (
        f"Left: t · {activation}(w t) with w = {w:g} for |t| up to {reach:g}. Right: its changes "
        f"against the distance of the arguments: all lie under the bound with the plain distance, "
        f"{pairs.broken:.0%} above the printed one with the squared distance."
    )

"""Figures of lesson 03."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from matplotlib.axes import Axes
from torch import Tensor, nn

from ...checks import NonNegative, Share
from ...choices.budgets import fraction
from ...choices.scopes import layer
from ...choices.scores import magnitude
from ...data import Split
from ...engine.masks import cut_once
from ...engine.results import Runs, Values, number, spread
from ...ideas.incop import epoch_within, flow_distance, information_flow
from ...kit.exercise import attempt, close, tensor
from ...kit.page import Page, figure
from ..curves import density_axis
from ..palette import BLACK, METHODS, amounts
from .replay import (
    Whens,
    at_stop,
    best_on_test,
    by_epsilon,
    by_round,
    by_rule,
    only_seeds,
    over_one_epoch,
)

# More units would be finer than a screen's pixels.
STRONGEST = 64
INCOP, GRAY = METHODS["InCoP"], METHODS["dense"]
# Two units that hear three images, and two that hear them: Eq. (2) by hand.
HIDDEN = torch.tensor([[1.0, 0.0], [1.0, 0.0], [2.0, 2.0]])
HEARS = torch.tensor([[1.0, 2.0], [-1.0, 0.0]])


@figure("03_incop_flows/epsilon")
def choose_epsilon(page: Page, watched: Runs, *, epsilon: NonNegative = 0.75) -> str:
    """Show where an ε stops a recorded run, and what it gains beside rules of always k epochs.

    Left: the first seed, a stroke a round. Right: points over always one epoch, paired over the
    seeds, mean of the rounds, against the epochs spent. `watched` as in `replay.by_round`.
    """
    used = by_epsilon(watched, "IF relative", epsilon)
    left, right = page(8.2, 3.5, columns=2, edges=(0.07, 0.98, 0.16, 0.9), wspace=0.24)
    _strokes(left, watched, used[0])
    left.axhline(epsilon, color=INCOP, lw=1)
    left.text(1, epsilon + 0.02, f"ε = {epsilon:g}", color=INCOP, fontsize=10)
    said = _beside(right, watched, {"InCoP": used})
    return f"With ε = {epsilon:g}: {said}"


@figure("03_incop_flows/your_epochs")
def your_epochs(page: Page, watched: Runs, answer: Callable[..., Any], epsilon: NonNegative) -> str:
    """Show where a student's `answer(distances, epsilon)` stops each round of the first seed.

    Black rings over the package's dots; without an answer, neither.
    """
    distances = by_round(watched, "IF relative")[0]
    (axes,) = page(7, 3.4, edges=(0.09, 0.98, 0.16, 0.9))
    found = [attempt(answer, row.tolist(), epsilon) for row in distances]
    stops = [at for at in found if isinstance(at, int) and 1 <= at <= distances.shape[1]]
    whole = len(stops) == len(distances)
    package = np.array([epoch_within(row.tolist(), epsilon) for row in distances])
    _strokes(axes, watched, package if whole else None)
    axes.axhline(epsilon, color=INCOP, lw=1)
    for row, at in enumerate(stops if whole else ()):
        axes.plot(row * distances.shape[1] + at, distances[row, at - 1], "o", color=BLACK, ms=9)
    own = f"yours stop after {', '.join(map(str, stops))}" if whole else "no stop of yours yet"
    return f"Distances after each epoch of eight rounds, seed 0, and ε = {epsilon:g}: {own}."


def _strokes(axes: Axes, watched: Runs, used: Sequence[int] | Values | None) -> None:
    """Draw the first seed's distances, round by round: trained in colour, saved in gray."""
    distances = by_round(watched, "IF relative")[0]
    length = distances.shape[1]
    for row, values in enumerate(distances):
        at = row * length + np.arange(1, length + 1)
        axes.plot(at, values, ".-", color=GRAY, alpha=0.5)
        if used is not None:
            stop = int(used[row])
            axes.plot(at[:stop], values[:stop], ".-", color=INCOP, lw=2)
            axes.plot(at[stop - 1], values[stop - 1], "o", color=INCOP, ms=9)
    seed = number(next(iter(watched.values()))[0][0], "seed")
    axes.set(ylim=(0, 1.2), xlabel="epochs of retraining, round by round")
    axes.set_title(f"distance from the dense flow, seed {seed:.0f}", fontsize=11)


def _beside(axes: Axes, watched: Runs, rules: Mapping[str, Whens]) -> str:
    """Draw what rules gain over always one epoch, before a band of always k; return it in words."""
    right = by_round(watched, "test_accuracy")
    rounds, most = right.shape[1], right.shape[2]
    fixed = [over_one_epoch(watched, k) for k in range(1, most + 1)]
    cost = rounds * np.arange(1, most + 1)
    mean = np.array([values.mean() for values in fixed])
    std = np.array([float(spread(values)) for values in fixed])
    axes.fill_between(cost, mean - std, mean + std, color=GRAY, alpha=0.25, lw=0)
    axes.plot(cost, mean, ".-", color=GRAY)
    axes.text(cost[-1], mean[-1] - std[-1] - 0.08, "always 1, 2, … 6 epochs", color=GRAY,
              ha="right", fontsize=9)  # fmt: skip
    said = []
    for label, used in rules.items():
        color = BLACK if label == "yours" else INCOP if label == "InCoP" else METHODS["concave"]
        gain, spent = over_one_epoch(watched, used), float(used.sum(axis=1).mean())
        rival = np.array([np.interp(epochs, cost, [values[seed] for values in fixed])
                          for seed, epochs in enumerate(used.sum(axis=1))])  # fmt: skip
        least = gain - rival
        axes.errorbar(spent, gain.mean(), float(spread(gain)), fmt="o", color=color, ms=9,
                      capsize=4)  # fmt: skip
        late = spent > 0.7 * cost[-1]  # Its name stands on the left then.
        axes.annotate(label, (spent, gain.mean()), (-9 if late else 9, 5), color=color,
                      textcoords="offset points", ha="right" if late else "left")  # fmt: skip
        said.append(
            f"{label} {spent:.1f} epochs of {cost[-1]} and {gain.mean():+.2f} ± "
            f"{float(spread(gain)):.2f} points over always one epoch; over as many epochs, "
            f"always alike, {least.mean():+.2f} ± {float(spread(least)):.2f}"
        )
    axes.set(xlabel="epochs spent, all rounds", xlim=(4, cost[-1] + 4), ylim=(-0.5, 1.0))
    axes.set_title("points over always one epoch", fontsize=11)
    axes.axhline(0, color="0.8", lw=1, zorder=0)
    return f"{'; '.join(said)} ({len(right)} seeds)."


@figure("03_incop_flows/tiny")
def tiny_flow(page: Page, answer: Callable[..., Any]) -> str:
    """Show the flow of a tiny network, whole and with unit 2 silent, by a student's `answer`.

    The entries of `answer(hidden, output)` are written in black where they are the package's, with
    the right ones beside them in colour where they are not; without an answer, no entries.
    """
    panels = page(7, 2.7, columns=2, edges=(0.14, 0.98, 0.12, 0.86), wspace=0.25)
    silent = HIDDEN * torch.tensor([1.0, 0.0])
    said = []
    for panel, hidden, title in ((panels[0], HIDDEN, "both units speak"),
                                 (panels[1], silent, "unit 2 is silent")):  # fmt: skip
        output = hidden @ HEARS
        truth = hidden.T @ output / len(hidden)
        given = attempt(answer, hidden, output)
        try:
            mine = None if given is None else tensor(given).double()
        except Exception:
            mine = None
        fits = mine is not None and mine.shape == truth.shape
        panel.imshow(
            (truth if fits else 0 * truth).numpy(), cmap=amounts(), vmin=0, vmax=6, alpha=0.6
        )
        for i, j in np.ndindex(2, 2) if fits else ():
            assert mine is not None
            right = abs(float(mine[i, j] - truth[i, j])) < 1e-4
            text = f"{mine[i, j]:.3g}" if right else f"{truth[i, j]:.3g}, not {mine[i, j]:.3g}"
            panel.text(j, i, text, ha="center", va="center",
                       color=BLACK if right else METHODS["concave"])  # fmt: skip
        panel.set(title=title)
        panel.set_xticks([0, 1], ["output 1", "output 2"])
        panel.set_yticks([0, 1], ["unit 1", "unit 2"])
        panel.tick_params(length=0)
        right = fits and mine is not None and close(mine, truth.double())
        said.append(f"{title}: {'right' if right else 'not right' if fits else 'no flow yet'}")
    return f"The flow of a tiny network as two tables, of your function: {'; '.join(said)}."


@figure("03_incop_flows/fading")
def fading(
    page: Page,
    net: nn.Module,
    probe: Split,
    faded: Mapping[float, Mapping[str, float]],
    *,
    density: Share = 0.2,
) -> str:
    """Show the flow between the loudest units with some weights gone, and the distances of `fade`.

    Dots: just cut; stars: one epoch of training later.
    """
    dense = _loudest(information_flow(net, probe.inputs))
    cut, _ = cut_once(net, probe, magnitude, fraction(round(1 - density, 6)), layer)
    flow = information_flow(cut, probe.inputs)
    distance = flow_distance(flow, information_flow(net, probe.inputs), "relative")
    left, right = page(8, 3.4, columns=2, width_ratios=(1, 1.3), edges=(0.06, 0.98, 0.16, 0.9),
                       wspace=0.25)  # fmt: skip
    (pair, matrix), *_ = flow.items()
    top = float(np.quantile(dense[0].numpy(), 0.995)) or 1.0
    left.imshow(
        matrix.cpu()[dense[1]][:, dense[2]], cmap=amounts(), vmin=0, vmax=top, aspect="auto"
    )
    left.set_title(f"flow {pair}, {density:.0%} of the weights", fontsize=11)
    left.set(xticks=[], yticks=[], xlabel="listening units, loudest first", ylabel="speaking units")
    x = list(faded)
    right.plot(x, [row["cut"] for row in faded.values()], "o-", color=INCOP)
    right.plot(x, [row["healed"] for row in faded.values()], "*", color=BLACK, ms=9)
    right.plot(density, distance, "o", color=INCOP, ms=11)
    right.text(0.04, 0.92, "just cut", color=INCOP, transform=right.transAxes)
    right.text(0.04, 0.84, "★ one epoch later", transform=right.transAxes)
    density_axis(right, [1, min(*x, density)])
    right.set(ylim=(0, 1.25), xlabel="weights that stay")
    right.set_title("distance from the dense flow", fontsize=11)
    stars = ", ".join(f"{at:.0%}: {row['healed']:.2f}" for at, row in faded.items())
    return (
        f"Left, the information flow {pair} with {density:.0%} of the weights; its distance from "
        f"the dense one is {distance:.2f}, with all pairs of layers. Right, the distance over "
        f"density just after a cut, and as stars after one epoch of training: {stars}."
    )


def _loudest(flow: Mapping[str, Tensor]) -> tuple[Tensor, Tensor, Tensor]:
    """Return the first flow between its loudest units, and which these are."""
    matrix = next(iter(flow.values())).cpu().abs()
    rows, columns = (matrix.sum(dim=axis).argsort(descending=True, stable=True)[:STRONGEST]
                     for axis in (1, 0))  # fmt: skip
    return matrix[rows][:, columns], rows, columns


@figure("03_incop_flows/game")
def game(page: Page, watched: Runs, rule: Callable[..., Any], *, seeds: Sequence[int]) -> str:
    """Show what a student's rule gains on these seeds, before the band of always k epochs.

    `rule` as in `replay.by_rule`; where it fails, the band alone.
    """
    chosen = only_seeds(watched, list(seeds))
    used = by_rule(chosen, rule)
    (axes,) = page(6.4, 3.4, edges=(0.11, 0.97, 0.16, 0.9))
    said = _beside(axes, chosen, {} if used is None else {"yours": used})
    shown = ", ".join(str(seed) for seed in seeds)
    if used is None:
        return f"The band of always k epochs on seeds {shown}; no rule of yours yet."
    return f"On seeds {shown}: {said}"


@figure("03_incop_flows/leak")
def leak(page: Page, watched: Runs) -> str:
    """Show what it gains to choose each round's epoch by its *test* accuracy."""
    (axes,) = page(6.4, 3.4, edges=(0.11, 0.97, 0.16, 0.9))
    best = best_on_test(watched)
    said = _beside(axes, watched, {"best on test": best})
    gain = at_stop(by_round(watched, "test_accuracy"), best)
    return f"{said} The best test accuracy of a round is {gain.mean():.1%} in the mean."

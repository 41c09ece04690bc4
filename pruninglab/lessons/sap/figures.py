"""Figures of lesson 02."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise
from typing import Any

import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.patches import Rectangle
from matplotlib.ticker import NullLocator, PercentFormatter

from ...checks import Positive, Share, Whole
from ...engine.results import Runs, Values
from ...kit.exercise import attempt
from ...kit.page import Page, figure
from ..curves import density_axis
from ..palette import BLACK, METHODS
from ..pq_index.rounds import turns
from .bites import TEN, bite, pair_of, survivors, thousand

TICKET, SAP, HALF = "lottery ticket", "SAP (1, 2)", "SAP (½, 1)"
COLORS = {TICKET: METHODS["ticket"], SAP: METHODS["SAP"], HALF: METHODS["SAP"],
          "one-shot": METHODS["magnitude"], "yours": BLACK}  # fmt: skip
STYLES = {TICKET: "-", SAP: "-", HALF: "--", "one-shot": "-", "yours": "-"}
# A bite is written at its arc where there is room for it.
ROOMY = 0.25
FROZEN_ROUNDS = 30


@figure("02_sap/pace")
def pace(page: Page, runs: Runs, *, round: Whole = 6) -> str:
    """Show how far three methods have come after some rounds: a jump a round, and accuracy.

    Mean over the seeds.
    """
    density = {label: _means(runs, "density", label) for label in (TICKET, SAP, HALF)}
    lanes, right = page(7.4, 4.6, columns=2)
    lanes.set_position((0.16, 0.5, 0.82, 0.44))
    right.set_position((0.16, 0.12, 0.82, 0.3))
    shown = {label: values[: round + 1] for label, values in density.items()}
    lowest = min(0.01, 0.6 * min(float(values[-1]) for values in shown.values()))
    said = _draw_lanes(lanes, shown, lowest)
    lanes.set_title(f"after round {round}", fontsize=11)
    for label, values in density.items():
        accuracy = 100 * _means(runs, "test_accuracy", label)
        right.plot(values[: round + 1], accuracy[: round + 1], STYLES[label], color=COLORS[label],
                   marker=".", lw=1.2)  # fmt: skip
        right.plot(values[round], accuracy[round], "o", color=COLORS[label], ms=8)
    _density(right, lowest)
    right.set(ylim=(78, 90), ylabel="% right")
    return (
        f"Weights that stay after round {round}, a jump a round, mean over the seeds: "
        f"{', '.join(said)}. Below, test accuracy in percent over the same axis: all of them lie "
        f"from {100 * _lowest(runs, round):.1f} up."
    )


@figure("02_sap/your_lane")
def your_lane(page: Page, runs: Runs, walk: Sequence[Share]) -> str:
    """Show the densities of the student's own run, `walk`, as a lane above those of `runs`.

    Without a walk only the others are drawn.
    """
    rounds = max(len(walk), 7)
    lanes = {label: _means(runs, "density", label)[:rounds] for label in (TICKET, SAP)}
    (axes,) = page(7.4, 2.9, edges=(0.16, 0.98, 0.19, 0.97))
    said = _draw_lanes(axes, ({"yours": np.array(walk)} if walk else {}) | lanes, 0.1)
    _density(axes, 0.1)
    return f"Weights that stay after {rounds - 1} rounds, a jump a round: {', '.join(said)}."


def _draw_lanes(axes: Axes, lanes: Mapping[str, Values], lowest: float) -> list[str]:
    """Draw a lane of jumps for each method; return what each has come to, in words."""
    said = []
    for row, (label, density) in enumerate(lanes.items()):
        lane, color = float(len(lanes) - 1 - row), COLORS[label]
        steps = np.linspace(0, 1, 20)
        for a, b in pairwise(density):
            bitten = 1 - b / a
            x, y = a * (b / a) ** steps, lane + 6 * bitten * steps * (1 - steps)
            axes.plot(x, y, color=color, lw=2, alpha=0.5 if label == HALF else 1)
            if bitten > ROOMY:
                middle = math.sqrt(a * b), lane + 0.06
                axes.text(*middle, f"−{bitten:.0%}", color=color, fontsize=9, ha="center")
        axes.plot(density, [lane] * len(density), ".", color=color, ms=4)
        axes.plot(density[-1], lane, "o", color=color, ms=9)
        if len(density) > 1:
            last = f"−{1 - density[-1] / density[-2]:.0%}"
            axes.annotate(last, (density[-1], lane), (9, 0), textcoords="offset points",
                          color=color, fontsize=10, weight="bold")  # fmt: skip
        said.append(f"{label} {density[-1]:.1%}")
    _density(axes, lowest)
    axes.set_xlabel("")
    names = list(lanes)[::-1]
    axes.set_yticks(range(len(lanes)), names, fontsize=10)
    for tick, label in zip(axes.get_yticklabels(), names, strict=True):
        tick.set_color(COLORS[label])
    axes.tick_params(axis="y", length=0)
    axes.spines["left"].set_visible(False)
    axes.set_ylim(-0.25, len(lanes) - 0.15)
    return said


def _means(runs: Runs, key: str, label: str) -> Values:
    means: Values = runs.only(label).over_rounds(key)[label].mean(axis=0)
    return means


def _lowest(runs: Runs, round: int) -> float:
    labels = (TICKET, SAP, HALF)
    return min(float(_means(runs, "test_accuracy", label)[: round + 1].min()) for label in labels)


def _density(axes: Axes, lowest: float) -> None:
    density_axis(axes, [1, lowest])
    axes.set_xlabel("weights that stay")


@figure("02_sap/frozen")
def frozen(page: Page, answer: Callable[..., Any] | None = None) -> str:
    """Show weights that nobody trains, bitten again and again: ten by name, a thousand as a curve.

    SAP (½, 1) in green, the student's `answer`, a function `bite(w, alive)`, in black over it; on
    the right also a fifth a round.
    """
    boxes, curve = page(7.4, 3.1, columns=2, edges=(0.1, 0.97, 0.17, 0.9), wspace=0.22)
    ten, many = torch.tensor(TEN), thousand()
    kept = survivors(bite, ten, 3)
    for row, living in enumerate(kept):
        for place, value in enumerate(TEN):
            lives = place < living
            fill = METHODS["SAP"] if lives else "white"
            boxes.add_patch(Rectangle((place + 0.06, -row - 0.94), 0.88, 0.88, lw=0.6, ec="0.6",
                            fc=fill, alpha=0.35 if lives else 1))  # fmt: skip
            if lives:
                boxes.text(place + 0.5, -row - 0.5, f"{value:g}", ha="center", va="center",
                           fontsize=7)  # fmt: skip
    boxes.set(xlim=(-0.1, 10.1), ylim=(-len(kept) - 0.1, 0.1), title="ten frozen weights")
    boxes.set_xticks([])
    names = ["before", *(f"{a - b} go" for a, b in pairwise(kept))]
    boxes.set_yticks([-row - 0.5 for row in range(len(kept))], names)
    boxes.tick_params(length=0)
    boxes.spines[["left", "bottom"]].set_visible(False)
    reference = survivors(bite, many, FROZEN_ROUNDS)
    fifth = [1000 * 0.8**round for round in range(FROZEN_ROUNDS + 1)]
    curve.plot(fifth, color=METHODS["ticket"], lw=2)
    _stairs(boxes, kept, METHODS["SAP"])
    curve.plot(reference, color=METHODS["SAP"], lw=3.5)
    yours = survivors(answer, ten, 3) if answer else [10]
    if len(yours) > 1 and answer:
        _stairs(boxes, yours, BLACK)
        curve.plot(survivors(answer, many, FROZEN_ROUNDS), color=BLACK, lw=3.5)
    curve.text(9, 560, "SAP (½, 1)", color=METHODS["SAP"])
    curve.text(9, 160, "a fifth a round", color=METHODS["ticket"])
    curve.set(ylim=(0, 1030), xlim=(0, FROZEN_ROUNDS), xlabel="round",
              title="a thousand frozen weights: alive")  # fmt: skip
    own = f" Your bite leaves {', '.join(map(str, yours[1:]))} of the ten." * (len(yours) > 1)
    return (
        f"Ten frozen weights, of which SAP leaves {', '.join(map(str, kept[1:]))} after each of "
        f"three rounds, and a thousand: after {FROZEN_ROUNDS} rounds {reference[-1]} live under "
        f"SAP, {fifth[-1]:.0f} where a fifth goes each round.{own}"
    )


def _stairs(axes: Axes, living: Sequence[int], color: str) -> None:
    """Draw the border between who lives and who has gone, from row to row."""
    x = [place for place in living for _ in range(2)]
    y = [-row for place in range(len(living)) for row in (place, place + 1)]
    axes.plot(x, y, color=color, lw=3.5, solid_joinstyle="miter", clip_on=False)


@figure("02_sap/orders")
def orders(
    page: Page, shares: Mapping[str, Mapping[float, float]], *, order: Positive = 0.5
) -> str:
    """Show SAP's bite over its order, a curve a network: {label: {order: share}}.

    The first is drawn in SAP's colour, with a dot at `order`; others are gray.
    """
    (axes,) = page(7, 3.5, edges=(0.1, 0.97, 0.16, 0.96))
    for number, (label, curve) in enumerate(shares.items()):
        first, x, y = number == 0, list(curve), [100 * share for share in curve.values()]
        color = METHODS["SAP" if first else "dense"]
        axes.plot(x, y, "-" if first else ":", color=color, lw=2)
        at = 2 * len(x) // 3
        axes.annotate(label, (x[at], y[at]), (-6, 6) if first else (6, -14), color=color,
                      textcoords="offset points", ha="right" if first else "left")  # fmt: skip
    curve = next(iter(shares.values()))
    share = float(np.interp(math.log(order), [math.log(x) for x in curve], list(curve.values())))
    p, q = pair_of(order)
    axes.plot(order, 100 * share, "o", color=METHODS["SAP"], ms=9)
    axes.text(0.02, 0.93, f"(p, q) = ({p:.3g}, {q:.3g}): {share:.1%} go", transform=axes.transAxes,
              fontsize=11, va="top")  # fmt: skip
    axes.axvline(1, color="0.8", lw=1, zorder=0)
    axes.text(0.93, 1, "p moves, q = 1", ha="right", color="0.4", fontsize=9)
    axes.text(1.07, 1, "p = 1, q moves", color="0.4", fontsize=9)
    axes.set_xscale("log")
    ticks = (0.1, 0.25, 0.5, 1, 2, 4)
    axes.set_xticks(ticks, [f"{tick:g}" for tick in ticks])
    axes.xaxis.set_minor_locator(NullLocator())
    axes.set(xlabel="order", ylabel="% that go", ylim=(0, 70))
    return (
        f"The share that SAP takes at once, rising with its order from 0.1 to 4. With order "
        f"{order:.3g}, that is (p, q) = ({p:.3g}, {q:.3g}), {share:.1%} go."
    )


@figure("02_sap/saw")
def saw(page: Page, runs: Runs, *, method: str = SAP) -> str:
    """Show the PQ Index of a run: a cut lowers it, training lifts it again.

    Mean over the seeds; `runs` have the index just after the cuts, too.
    """
    density = _means(runs, "density", method)
    trained = _means(runs, "pqi.global.all", method)
    cut = _means(runs, "pruned_pqi.global.all", method)[:-1]
    (axes,) = page(7, 3.5, edges=(0.1, 0.97, 0.16, 0.96))
    color = COLORS[method]
    for step, low in enumerate(cut):
        after, top = density[step + 1], trained[step + 1]
        axes.plot([density[step], after], [trained[step], low], color=color, lw=1.3)
        axes.plot([after, after], [low, top], ":", color=BLACK, lw=1.3)
    axes.plot(density, trained, "o", color=color, ms=5)
    axes.text(0.4, 0.85, "line down: a cut", color=color, transform=axes.transAxes)
    axes.text(0.4, 0.76, "dotted up: training", transform=axes.transAxes)
    axes.set(ylim=(0, 0.2), ylabel="PQ Index (½, 1)")
    _density(axes, float(min(density.min(), 0.01)))
    lifts = int((trained[1:] > cut).sum())
    return (
        f"PQ Index of {method} over the weights that stay, mean over the seeds: dots after "
        f"training, lines down for cuts, dotted lines for training, which lifts it after {lifts} "
        f"of {len(cut)} cuts. It starts at {trained[0]:.3f}, is lowest with "
        f"{density[trained.argmin()]:.1%} of the weights, at {trained.min():.3f}, and ends at "
        f"{trained[-1]:.3f}."
    )


@figure("02_sap/gaps")
def gaps(page: Page, studies: Mapping[str, Runs], densities: Sequence[Share]) -> str:
    """Show accuracy of SAP (1, 2) minus the lottery ticket at equal density, paired, in points.

    Mean and standard deviation over the seeds, side by side for each of the {label: runs}; where
    not both get to a density, there is no dot.
    """
    (axes,) = page(7, 3.3, edges=(0.11, 0.97, 0.17, 0.96))
    said = []
    for number, (label, runs) in enumerate(studies.items()):
        for place, density in enumerate(densities):
            x = place + 0.22 * (number - (len(studies) - 1) / 2)
            try:
                gap = runs.paired(SAP, TICKET, "test_accuracy", density)
            except ValueError:
                continue
            axes.errorbar(x, 100 * gap.mean, 100 * gap.std, fmt="os^"[number % 3], capsize=4, ms=7,
                          color=METHODS["SAP"], mfc=METHODS["SAP"] if number == 0 else "white",
                          label=None if place else label)  # fmt: skip
            said.append(f"{label} at {density:.0%}: {100 * gap.mean:+.2f} ± {100 * gap.std:.2f}")
    axes.axhline(0, color=METHODS["ticket"], lw=2, zorder=0)
    axes.set_xticks(range(len(densities)), [f"{density:.0%}" for density in densities])
    axes.set(xlabel="weights that stay", ylabel="SAP (1, 2) − ticket, points", ylim=(-1.3, 1.3),
             xlim=(-0.5, len(densities) - 0.5))  # fmt: skip
    axes.legend(frameon=False, loc="upper left", ncols=3, fontsize=9)
    return (
        "Points of test accuracy by which SAP (1, 2) is above the lottery ticket at equal density, "
        f"paired, mean ± standard deviation over the seeds: {'; '.join(said)}."
    )


@figure("02_sap/turn")
def turn(page: Page, runs: Runs, answer: Callable[..., Any] | None = None) -> str:
    """Show one-shot's PQ Index and accuracy over density, a line a seed; with marks for a stop.

    A student's `answer`, a function `turn(values)`, is marked in black over the package's turn in
    colour. One that gives no rounds gets empty panels; None has lines without marks.
    """
    keys, chosen = ("density", "pqi.global.all", "test_accuracy"), runs.only("one-shot")
    density, index, right = (chosen.over_rounds(key)["one-shot"] for key in keys)
    panels = page(7.4, 3.1, columns=2, edges=(0.08, 0.98, 0.17, 0.9), wspace=0.22)
    for panel in panels:
        _density(panel, float(density.min()))
    panels[0].set(ylim=(0, 0.22), title="PQ Index (½, 1) of one-shot")
    panels[1].set(ylim=(0, 100), title="its accuracy")
    panels[1].yaxis.set_major_formatter(PercentFormatter(100, decimals=0))
    found = [None if answer is None else attempt(answer, row.tolist()) for row in index]
    stops = [at for at in found if isinstance(at, int) and 0 <= at < index.shape[1]]
    marked = len(stops) == len(index)
    if answer is not None and not marked:
        (panel,) = page(4, 0.6, edges=(0.02, 0.98, 0.1, 0.9))
        panel.text(0.5, 0.5, "Your stops will be drawn here.", ha="center", va="center")
        panel.axis("off")
        return "Empty axes for the PQ Index and the accuracy of one-shot: they wait for your rule."
    said = []
    for seed, (places, values, share) in enumerate(zip(density, index, right, strict=True)):
        at = turns(values.tolist(), patience=2) or 0
        peak = at + int(values[at:].argmax())
        said.append(f"seed {seed} turns with {share[at]:.0%} right and has {share[peak]:.0%} right "
                    f"at the peak after it")  # fmt: skip
        if marked:
            mine = stops[seed]
            said[-1] += f", your stop {share[mine]:.0%} with {places[mine]:.1%} of the weights"
        for panel, row in zip(panels, (values, 100 * share), strict=True):
            panel.plot(places, row, "-", color=COLORS["one-shot"], lw=1.3)
            if marked:
                panel.plot(places[at], row[at], "o", color=COLORS["one-shot"], ms=10)
                panel.plot(places[mine], row[mine], "o", color=BLACK, ms=10)
    return (
        "PQ Index and accuracy of one-shot over the weights that stay, a line for each seed: "
        f"{'; '.join(said)}."
    )

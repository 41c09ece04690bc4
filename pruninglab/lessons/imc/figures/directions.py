"""What may be forgotten, and how much of a weight lies in a direction: pictures that check."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from jaxtyping import Float, Real
from matplotlib.axes import Axes
from matplotlib.ticker import PercentFormatter
from torch import Tensor, nn

from ....checks import Share
from ....data import Split
from ....engine.training import accuracy
from ....ideas.imc import leverage
from ....kit.exercise import attempt
from ....kit.page import GRAY, ORANGE, Page, apart, figure
from ...palette import BLACK, BROWN, FLAT, SHARP
from ..directions import KEPT, accuracy_with, forgotten, just_cut, price, weights_of

Answer = Callable[..., Any]
CUTS = (1.0, 0.8, 0.7, 0.6, 0.53, 0.4, 0.3, 0.2, 0.1)
# Of the two weights that are solved by hand.
SMALL = ((2.0, 1.0), (1.0, 5.0))


def color_of(space: str) -> str:
    """Return light brown for what is flat, dark for what is sharp, gray for the rest."""
    return next((c for word, c in (("flat", FLAT), ("sharp", SHARP)) if word in space), GRAY)


@figure("06_imc_spectral_gaps/your_forgetting")
def your_forgetting(
    page: Page,
    net: nn.Module,
    split: Split,
    spaces: Mapping[str, Float[Tensor, "d _"]],
    dice: Real[Tensor, " d"],
    forget: Any,
) -> str:
    """Show the accuracy after each of the `spaces` is thrown dice for: in colour, and yours black.

    `forget(w, basis, dice)` is a student's; where it returns nothing, only the network is shown.
    """
    whole, weights = 100 * accuracy(net, split), weights_of(net)
    dice = dice.to(weights)
    (axes,) = page(
        7, 0.5 * len(spaces) + 1.0, edges=(0.17, 0.96, 0.55 / (0.5 * len(spaces) + 1), 0.9)
    )
    axes.axvline(whole, color=BROWN, ls=":")
    axes.text(whole - 0.8, -0.75, "trained", color=BROWN, fontsize=9, ha="right")
    told, yours = [], []
    for row, (name, basis) in enumerate(spaces.items()):
        basis = basis.to(weights)
        answer = attempt(forget, weights, basis, dice)
        if not isinstance(answer, Tensor) or answer.shape != weights.shape:
            continue
        right = 100 * accuracy_with(net, forgotten(weights, basis, dice), split)
        mine = 100 * accuracy_with(net, answer.nan_to_num(), split)
        axes.barh(row, right, 0.7, color=color_of(name))
        axes.barh(row, mine, 0.22, color=BLACK)
        axes.text(max(right, mine) + 1, row, f"{mine:.0f}", va="center", fontsize=9)
        told.append(f"{name} {right:.0f}%")
        yours.append(f"{mine:.0f}%")
    axes.set_yticks(range(len(spaces)), list(spaces))
    axes.set(xlim=(0, 100), ylim=(len(spaces) - 0.4, -1.0), xlabel="% right, not retrained")
    if not told:
        return f"The trained network is {whole:.0f}% right. Nothing is forgotten yet."
    return (
        f"The trained network is {whole:.0f}% right. With one space of directions thrown dice for: "
        f"{', '.join(told)}; by your function, in black, {', '.join(yours)}."
    )


@figure("06_imc_spectral_gaps/forgotten")
def forgotten_over_kept(
    page: Page, curves: Mapping[str, Sequence[Share]], *, kept: Share = KEPT[-1]
) -> str:
    """Draw the accuracy over the share of directions that is left, down to `kept`.

    `curves` as `directions.accuracies` gives them, for KEPT.
    """
    (axes,) = page(7.2, 3.3, edges=(0.09, 0.78, 0.16, 0.95))
    now, places = KEPT.index(kept), 100 * np.array(KEPT)
    for name, values in curves.items():
        style = "--" if "|" in name else "-"
        axes.plot(places[: now + 1], 100 * np.array(values[: now + 1]), "o" + style, ms=4,
                  color=color_of(name), lw=2)  # fmt: skip
    ends = apart([100 * values[now] for values in curves.values()], 6.5)
    for (name, values), height in zip(curves.items(), ends, strict=True):
        axes.text(places[now] - 2, height, f"{name}: {100 * values[now]:.0f}", color=color_of(name),
                  fontsize=9, va="center")  # fmt: skip
    axes.set(xlim=(102, -1), ylim=(0, 100), xlabel="directions kept (%)")
    axes.set_ylabel("% right, not retrained")
    told = ", ".join(f"{name} {values[now]:.0%}" for name, values in curves.items())
    return (
        f"Accuracy of a trained network, not retrained, over the share of directions that keep "
        f"their value. With {kept:.0%} kept, by what is thrown dice for first: {told}."
    )


@figure("06_imc_spectral_gaps/your_mass")
def your_mass(page: Page, mass: Any) -> str:
    """Show the ellipse of a 2×2 Hessian, and how much of each weight lies in its flat direction.

    `mass(vectors, k)` is a student's, drawn black over the brown bars.
    """
    hessian = torch.tensor(SMALL, dtype=torch.float64)
    vectors = torch.linalg.eigh(hessian).eigenvectors
    flat = vectors[:, 0] * vectors[0, 0].sign()
    plane, bars = page(6.2, 2.5, columns=2, edges=(0.11, 0.97, 0.2, 0.88), wspace=0.3)
    _draw_ellipse(plane, hessian, vectors, flat)
    answer = attempt(mass, vectors, 1)
    bars.set(xlim=(-0.6, 1.6), ylim=(0, 1.08), xlabel="weight")
    bars.set_xticks([0, 1], ["1", "2"])
    bars.yaxis.set_major_formatter(PercentFormatter(1, decimals=0))
    bars.set_title("mass in the flat direction", fontsize=10)
    if not isinstance(answer, Tensor) or answer.shape != (2,):
        return "The ellipse of a Hessian of two weights, its flat direction nearly along weight 1."
    right = leverage(flat[:, None])
    bars.bar([0, 1], right, 0.6, color=FLAT)
    bars.bar([0, 1], answer.nan_to_num(), 0.2, color=BLACK)
    return (
        f"The ellipse of a Hessian of two weights. In its flat direction lie {right[0]:.0%} of "
        f"weight 1 and {right[1]:.0%} of weight 2; by your function {answer[0]:.0%} and "
        f"{answer[1]:.0%}."
    )


def _draw_ellipse(axes: Axes, hessian: Tensor, vectors: Tensor, flat: Tensor) -> None:
    around = torch.linspace(0, 2 * torch.pi, 200, dtype=torch.float64)
    circle = torch.stack([around.cos(), around.sin()])
    ring = vectors @ (circle / torch.linalg.eigvalsh(hessian).sqrt()[:, None])
    axes.plot(*ring.numpy(), color=GRAY)
    sharp = vectors[:, 1] * vectors[1, 1].sign()
    for vector, color, text in ((flat, FLAT, "flat"), (sharp, SHARP, "sharp")):
        axes.annotate("", tuple(vector.tolist()), (0, 0),
                      arrowprops={"arrowstyle": "-|>", "color": color, "lw": 2.5})  # fmt: skip
        x, y = (vector * 1.02 + 0.05).tolist()
        axes.text(x, y, text, color=color, fontsize=9)
    axes.set(xlim=(-1.2, 1.4), ylim=(-0.75, 1.25), xlabel="weight 1", ylabel="weight 2")
    axes.set_title("equal loss on the gray line", fontsize=10)


@figure("06_imc_spectral_gaps/your_price")
def your_price(
    page: Page, net: nn.Module, split: Split, hessian: Real[Tensor, "d d"], answer: Any
) -> str:
    """Show the accuracy just after a cut by size, by dice, and by a student's price, in black.

    `answer(w, H)` is the student's; the package's price is drawn in brown, under it.
    """
    (axes,) = page(7.2, 3.3, edges=(0.09, 0.8, 0.16, 0.95))
    weights = weights_of(net)
    dice = torch.rand(len(weights), generator=torch.Generator().manual_seed(0)).double()
    lines = {"magnitude": (weights.abs(), ORANGE, 1.5), "random": (dice, GRAY, 1.5)}
    hessian = hessian.to(weights)
    scores = attempt(answer, weights, hessian)
    answered = isinstance(scores, Tensor) and scores.shape == weights.shape
    if answered:
        lines |= {"price": (price(weights, hessian), BROWN, 6.0),
                  "yours": (scores.nan_to_num(), BLACK, 1.8)}  # fmt: skip
    found = {name: just_cut(net, score, split, CUTS) for name, (score, _, _) in lines.items()}
    heights = apart([100 * values[-3] for values in found.values()], 6)
    for (name, values), height in zip(found.items(), heights, strict=True):
        _, color, width = lines[name]
        axes.plot(100 * np.array(CUTS[:-2]), 100 * np.array(values[:-2]), color=color, lw=width,
                  solid_capstyle="butt")  # fmt: skip
        axes.text(28.5, height, name, color=color, fontsize=9, va="center")
    axes.set(xlim=(101, 29.5), ylim=(0, 100), xlabel="weights kept (%)")
    axes.set_ylabel("% right, just cut")
    place = CUTS.index(0.53)
    told = ", ".join(f"{name} {values[place]:.0%}" for name, values in found.items())
    return f"Accuracy just after a cut, not retrained, over the weights kept. At 53%: {told}."

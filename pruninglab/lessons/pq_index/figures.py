"""Figures of notebook 01."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from jaxtyping import Real
from matplotlib.axes import Axes
from matplotlib.patches import Rectangle
from matplotlib.ticker import PercentFormatter
from torch import Tensor

from ...checks import Number, Positive, Share
from ...ideas.sap import pq_index, printed_index, retained_bound
from ...kit.exercise import attempt, call, number, whole
from ...kit.page import BLUE, GRAY, GREEN, ORANGE, Page, colors, figure
from ..palette import FEW_TO_MANY, LAYERS
from .measures import power_mean
from .properties import PROPERTIES, counterexamples
from .rounds import index_by_rank, poverty_line

BARS = 200
# Members, and the places that equals leave empty.
BARE, PALE = "#B5B5B5", "#EDEDED"
HEARD = ("poorer half", "middle", "richest tenth")
LABELS = {"poorer half": (2.2, 0.1), "middle": (1.5, 0.56), "richest tenth": (2.2, 0.7)}
GONE: dict[str, Any] = {"facecolor": "white", "edgecolor": GRAY, "hatch": "////", "linewidth": 0}


@figure("01_pq_index/two_averages")
def two_averages(
    page: Page,
    societies: Mapping[str, Tensor],
    *,
    society: str = "eight households",
    p: Number = 0.5,
    q: Number = 1.0,
) -> str:
    """Show a society between its two averages, and beside it the equal society that it is worth.

    `society` is a key of `societies`. Left: the members and the power means M_p and M_q; the gap
    between them, in percent of the upper one, is the PQ Index. Right: r equal members with the same
    Σwᵖ and Σw^q. Where p = q there is no gap, and the figure says so.
    """
    w = _vector(societies, society).double().abs()
    left, right = page(8, 3.4, 2, sharey=True, edges=(0.07, 0.985, 0.14, 0.88), wspace=0.1)
    _draw_members(left, w)
    left.set(ylabel="what each owns", ylim=(0, float(w.max()) * 1.06))
    right.bar(range(len(w)), float(w.max()), 0.9, color=PALE)
    for axes in (left, right):
        axes.set(xlim=(-0.6, len(w) + 0.4), xticks=(), xlabel=f"{len(w)} places")
    left.set_title("the society", fontsize=11)
    if p == q:
        right.text(len(w) / 2 - 0.5, float(w.max()) / 2, "p = q: one average, no gap", ha="center")
        return f"{society}: with p = q = {p:g} the two averages are one, and the index is 0."
    low, high = power_mean(w, p), power_mean(w, q)
    index = float(pq_index(w, p, q))
    _draw_means(left, w, (low, high), GREEN, 2.5)
    left.annotate("", (len(w) - 0.2, high), (len(w) - 0.2, low),
                  arrowprops={"arrowstyle": "|-|,widthA=0.3,widthB=0.3", "color": GREEN, "lw": 2,
                              "shrinkA": 0, "shrinkB": 0})  # fmt: skip
    left.set_title(f"the gap is {index:.0%} of the upper average", fontsize=11)
    # From the sums, not from 1 − I, which rounds to 0 where one owns all and p is small.
    sum_p, sum_q = float((w**p).sum()), float((w**q).sum())
    height = (sum_q / sum_p) ** (1 / (q - p))
    equals = sum_p / height**p
    right.add_patch(Rectangle((-0.45, 0), equals, height, facecolor=GREEN, alpha=0.75))
    right.set_title(f"it is worth {equals:.1f} equals", fontsize=11)
    return (
        f"{society}, {len(w)} members. With p = {p:g} and q = {q:g} the lower average is {low:.2f} "
        f"and the upper one {high:.2f}: a gap, the PQ Index, of {index:.3f}. The equal society "
        f"with the same two sums has {equals:.2f} members of {height:.2f}."
    )


@figure("01_pq_index/your_averages")
def your_averages(
    page: Page, mean: Callable[..., Any], w: Tensor, p: Number = 0.5, q: Number = 1.0
) -> str:
    """Draw the two averages of `w`, and over them in black what a student's `mean(w, e)` says."""
    w = _flat(w).double()
    (axes,) = page(6.6, 3.2, edges=(0.1, 0.85, 0.12, 0.88))
    _draw_members(axes, w)
    means = (power_mean(w, p), power_mean(w, q))
    yours = [attempt(lambda e: number(call(mean, w, e)), e) for e in (p, q)]
    if any(m is not None for m in yours):
        _draw_means(axes, w, means, GREEN, 5)
    _draw_means(axes, w, [m for m in yours if m is not None], "black", 2, label=False)
    top = max([float(w.max()), *(m for m in yours if m is not None and m < 3 * w.max())])
    axes.set(xlim=(-0.6, len(w) - 0.4), xticks=(), ylim=(0, top * 1.1), ylabel="what each owns")
    axes.set_title("two averages, and yours in black", fontsize=11)
    told = ", ".join("nothing yet" if m is None else f"{m:.3g}" for m in yours)
    return (
        f"Members {', '.join(f'{m:g}' for m in w.tolist())}, and their averages for p = {p:g} and "
        f"q = {q:g}. In black, yours: {told}."
    )


@figure("01_pq_index/who_is_heard")
def who_is_heard(page: Page, w: Tensor, *, e: Positive = 1.0) -> str:
    """Show how much of the sum Σwᵉ comes from the poorer half, the middle and the richest tenth.

    Left: at this exponent; right: over the exponents, from 0.1 to 4.
    """
    sizes = _flat(w).double().abs().sort().values
    left, right = page(8, 3.2, 2, width_ratios=(1, 2), edges=(0.07, 0.985, 0.15, 0.9), wspace=0.25)
    exponents = np.linspace(0.1, 4, 60)
    over = np.array([_votes(sizes, float(x)) for x in exponents])
    now = _votes(sizes, e)
    bottom = 0.0
    for part, (label, shade) in enumerate(zip(HEARD, FEW_TO_MANY, strict=True)):
        left.bar([0], [now[part]], bottom=bottom, color=shade, width=0.8)
        bright = "white" if part else "black"
        if now[part] > 0.05:
            left.text(0, bottom + now[part] / 2, f"{label}\n{now[part]:.0%}", color=bright,
                      ha="center", va="center")  # fmt: skip
        bottom += now[part]
        right.plot(exponents, over[:, part], color=shade, linewidth=2.5)
        right.plot([e], [now[part]], "o", color=shade, markersize=9)
    for (label, place), shade in zip(LABELS.items(), FEW_TO_MANY, strict=True):
        right.text(*place, label, color=shade)
    left.set(xticks=(), xlim=(-0.5, 0.5), ylim=(0, 1))
    right.axvline(e, color=GRAY, linewidth=1)
    right.set(xlabel="exponent e", ylim=(0, 1.02), xlim=(0, 4.1))
    for axes in (left, right):
        axes.yaxis.set_major_formatter(PercentFormatter(1, decimals=0))
    left.set_title(f"votes at e = {e:g}", fontsize=11)
    right.set_title("share of the sum of all wᵉ", fontsize=11)
    shares = ", ".join(f"{label} {vote:.0%}" for label, vote in zip(HEARD, now, strict=True))
    return f"{len(sizes)} weights. Of the sum of all sizes to the power {e:g} have: {shares}."


@figure("01_pq_index/one_axis")
def one_axis(page: Page, vectors: Mapping[str, Tensor], *, p: Number = 0.5, q: Number = 1.0) -> str:
    """Place vectors on one axis by their PQ Index, each with its name; layers are dark.

    Where p = q all lie at 0.
    """
    index = {name: 0.0 if p == q else float(pq_index(_vector(vectors, name), p, q))
             for name in vectors}  # fmt: skip
    (axes,) = page(8, 0.34 * len(vectors) + 1, edges=(0.14, 0.97, 0.2, 0.88))
    for row, (name, value) in enumerate(index.items()):
        color = LAYERS[1] if "layer" in name else GREEN
        axes.plot([0, value], [row, row], color=color, linewidth=1)
        axes.plot([value], [row], "o", color=color, markersize=9)
        axes.text(value + 0.015, row, f"{value:.3f}", color=color, va="center")
    axes.set_yticks(range(len(index)), list(index))
    axes.set(xlim=(-0.01, 1.08), ylim=(len(index) - 0.5, -0.6), xlabel="PQ Index")
    layers = {name: value for name, value in index.items() if "layer" in name}
    most = max(layers or index, key=lambda name: (layers or index)[name])
    told = f"p = {p:g}, q = {q:g}: sparser is {most}" if p != q else "p = q: all are 0"
    axes.set_title(told, fontsize=11)
    values = ", ".join(f"{name} {value:.3f}" for name, value in index.items())
    return f"PQ Index with p = {p:g} and q = {q:g}: {values}."


@figure("01_pq_index/your_measure")
def your_measure(page: Page, measure: Callable[..., Any]) -> str:
    """Draw the six marks of a student's measure under those of Gini and the PQ Index.

    Right: the first vector that breaks one of its properties, before and after.
    """
    w = torch.tensor([2.0, 1.0, 1.0])
    broken = None if attempt(measure, w) is None else attempt(lambda: counterexamples(measure))
    left, right = page(8.4, 3, 2, width_ratios=(1.5, 1), edges=(0.1, 0.985, 0.13, 0.76), wspace=0.2)
    marks = {"Gini": {}, "PQ Index": {}, "yours": broken or {}}
    for row, (name, gone) in enumerate(marks.items()):
        if name == "yours" and broken is None:
            left.text(2.5, row, "not answered yet", ha="center", va="center", color=GRAY)
            continue
        color = "black" if name == "yours" else GREEN
        kept = [i for i, code in enumerate(PROPERTIES) if code not in gone]
        lost = [i for i, code in enumerate(PROPERTIES) if code in gone]
        left.scatter(kept, [row] * len(kept), 150, color, marker="s")
        left.scatter(lost, [row] * len(lost), 70, color, marker="x", linewidths=2)
    names = [prop.name.replace(" ", "\n") for prop in PROPERTIES.values()]
    left.set_xticks(range(len(names)), names, fontsize=9)
    left.set_yticks(range(3), list(marks))
    left.set(xlim=(-0.6, 5.6), ylim=(2.6, -0.6))
    left.xaxis.tick_top()
    left.tick_params(length=0)
    left.spines[:].set_visible(False)
    right.set_xticks(())
    if not broken:
        right.axis("off")
        words = "not answered yet" if broken is None else "nothing broke"
        right.text(0.5, 0.5, words, ha="center", color=GRAY)
        return f"Six properties: Gini and the PQ Index keep all. Your measure: {words}."
    code, found = next(iter(broken.items()))
    before, after = (vector.tolist() for vector in (found.before, found.after))
    shift = len(before) + 1
    right.bar(range(len(before)), before, 0.9, color=GRAY)
    right.bar([shift + i for i in range(len(after))], after, 0.9, color="black")
    right.set_xlabel(f"yours: {found.value_before:.4g} → {found.value_after:.4g}")
    right.set_title(f"{PROPERTIES[code].name}: before, after", fontsize=11)
    return (
        f"Six properties: Gini and the PQ Index keep all. Your measure breaks {', '.join(broken)}. "
        f"For {PROPERTIES[code].name} it goes from {found.value_before:.4g} to "
        f"{found.value_after:.4g} where {PROPERTIES[code].says}."
    )


@figure("01_pq_index/your_number")
def your_number(page: Page, go: Callable[..., Any], w: Tensor) -> str:
    """Draw who goes of `w` by the bound with (½, 1), and in black who stays by a student's `go(w)`.

    Left: `w`, sorted, boxes around those that stay. Right: the equal society that `w` is worth.
    """
    w = _flat(w).double().abs().sort(descending=True).values
    equals = retained_bound(float(len(w)), float(pq_index(w, 0.5, 1.0)), 0.5, 1.0)
    gone = int(len(w) - equals)
    yours = attempt(lambda: whole(call(go, w)))
    left, right = page(8, 3.2, 2, sharey=True, edges=(0.07, 0.985, 0.14, 0.88), wspace=0.1)
    _draw_members(left, w)
    for place, size in enumerate(w.tolist()):
        corner = (place - 0.45, 0)
        stays = place < len(w) - gone
        _draw_box(left, corner, size, ((GREEN, 5),) if stays and yours is not None else ())
        if not stays and yours is not None:
            left.bar([place], [size], 0.9, **GONE)
        if yours is not None and place < len(w) - yours:
            _draw_box(left, corner, size, (("black", 2),))
    right.bar(range(len(w)), float(w.max()), 0.9, color=PALE)
    right.add_patch(
        Rectangle((-0.45, 0), equals, float(w.sum() / equals), facecolor=GREEN, alpha=0.75)
    )
    for axes in (left, right):
        axes.set(xlim=(-0.7, len(w) - 0.3), xticks=(), ylim=(0, float(w.max()) * 1.06))
    right.set_title(f"worth {equals:.1f} equals", fontsize=11)
    left.set_title("boxed: stays; yours in black", fontsize=11)
    told = "nothing yet" if yours is None else f"{yours} go"
    return (
        f"{len(w)} members, worth {equals:.2f} equals: at least {len(w) - gone} stay, {gone} go. "
        f"Yours, in black: {told}."
    )


def _votes(sizes: Tensor, e: float) -> list[float]:
    """Return the shares of Σwᵉ of the poorer half, the middle, the richest tenth; sizes ascend."""
    votes = sizes**e
    parts = votes.split([len(votes) // 2, len(votes) - len(votes) // 2 - len(votes) // 10,
                         len(votes) // 10])  # fmt: skip
    return [float(part.sum() / votes.sum()) for part in parts]


def _draw_members(axes: Axes, w: Tensor) -> None:
    axes.bar(range(len(w)), w.tolist(), 0.9, color=BARE)


def _draw_means(
    axes: Axes, w: Tensor, means: Sequence[float], color: str, width: float, label: bool = True
) -> None:
    """Draw the lower average dashed and the upper one solid, with their names behind."""
    for mean, style, name in zip(means, ("--", "-"), ("M_p", "M_q"), strict=False):
        axes.plot([-0.5, len(w) - 0.4], [mean, mean], style, color=color, linewidth=width)
        if label:
            up, away = ("bottom", 3) if name == "M_q" else ("top", -3)
            axes.annotate(f"${name}$", (len(w) - 0.55, mean), (0, away), color=color, ha="right",
                          va=up, fontsize=12, textcoords="offset points")  # fmt: skip


def _draw_box(
    axes: Axes, corner: tuple[float, float], height: float, outlines: Sequence[tuple[str, float]]
) -> None:
    for color, width in outlines or ((GRAY, 1),):
        box = Rectangle(corner, 0.9, height, fill=False, edgecolor=color, linewidth=width)
        axes.add_patch(box)


def _flat(w: Tensor) -> Tensor:
    """Return a vector as it can be drawn: flat and on the CPU, without its gradient's graph."""
    return w.detach().cpu().flatten()


def _vector(vectors: Mapping[str, Tensor], name: str) -> Tensor:
    return _flat(vectors[name])


def _draw_sorted(axes: Axes, sizes: Tensor) -> None:
    """Draw |w| in descending order as one filled outline, thinned out to at most BARS steps."""
    picked = np.unique(np.linspace(0, len(sizes) - 1, min(len(sizes), BARS)).round().astype(int))
    edges = np.append(picked, len(sizes))
    axes.stairs(sizes[torch.from_numpy(picked)].numpy(), edges, fill=True, color=BLUE)
    axes.set(xlim=(0, len(sizes)), ylim=(0, float(sizes[0]) * 1.05))
    axes.locator_params(nbins=4)


@figure("01_pq_index/six_properties")
def property_grid(page: Page, table: Mapping[str, Mapping[str, bool]]) -> str:
    """Draw the table of measures and properties: a square where nothing broke, else a cross."""
    (axes,) = page(6.5, 0.36 * len(table) + 0.9, edges=(0.27, 0.98, 0.02, 0.87))
    codes = list(next(iter(table.values())))
    champions = [name for name, kept in table.items() if all(kept.values())]
    for line, (name, kept) in enumerate(table.items()):
        holds = [column for column, code in enumerate(codes) if kept[code]]
        fails = [column for column, code in enumerate(codes) if not kept[code]]
        color = GREEN if name in champions else BLUE
        axes.scatter(holds, [line] * len(holds), 150, color, marker="s")
        axes.scatter(fails, [line] * len(fails), 60, ORANGE, marker="x", linewidths=2)
    labels = [f"{code}\n{PROPERTIES[code].name}" for code in codes]
    axes.set_xticks(range(len(codes)), labels, fontsize=9)
    axes.set_yticks(range(len(table)), list(table), fontsize=10)
    axes.set(xlim=(-0.5, len(codes) - 0.5), ylim=(len(table) - 0.4, -0.6))
    axes.xaxis.tick_top()
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)
    return (
        f"Table of {len(table)} sparsity measures and {len(codes)} properties: a square where no "
        "counterexample was found, a cross where one was. Only squares: "
        f"{', '.join(champions) or 'none'}."
    )


@figure("01_pq_index/why_p_below_one")
def robin_hood_curves(
    page: Page, w: Real[Tensor, " members"], pairs: Sequence[tuple[float, float]]
) -> str:
    """Draw S as the first member of `w` gives more and more to the second, for several (p, q).

    The pairs may lie outside 0 < p ≤ 1 ≤ q: the index is computed as printed, unchecked, to show
    why that range is needed. (D1) asks that every curve falls.
    """
    w = _flat(w).double()
    (axes,) = page(6.5, 3.6, edges=(0.14, 0.97, 0.15, 0.96))
    gifts = torch.linspace(0, float(w[0] - w[1]) / 2, 60, dtype=torch.float64)
    after = w.repeat(len(gifts), 1)
    after[:, 0] -= gifts
    after[:, 1] += gifts
    words = []
    for (p, q), color in zip(pairs, colors(len(pairs)), strict=True):
        index = printed_index(after, p, q)
        allowed = p <= 1 <= q
        label = f"p = {p:g}, q = {q:g}" + ("" if allowed else "  (not allowed)")
        change = (index - index[0]) / index[0]
        axes.plot(gifts, change, color=color, label=label, linestyle="-" if allowed else "--")
        words.append(f"p = {p:g}, q = {q:g}: {'rises' if change[-1] > 0 else 'falls'}")
    axes.axhline(0, color=GRAY, linewidth=0.8)
    axes.set(xlabel="gift from the richer to the poorer", ylabel="change of S, relative")
    axes.legend(frameon=False, fontsize=9)
    return (
        "Relative change of the index as the richer of two members gives more and more to the "
        f"poorer. {'; '.join(words)}."
    )


@figure("01_pq_index/cut_and_index")
def cut_moves_index(
    page: Page, vectors: Mapping[str, Tensor], *, vector: str = "Gaussian", gone: Share = 0.0
) -> str:
    """Cut the smallest members of a vector: does I(½, 1) of the others fall or rise?

    `vector` is a key of `vectors`, `gone` the share that is cut; one member stays. Left: √|w|,
    sorted, and the poverty line of those who stay. Right: the index of each vector as it is cut.
    """
    sizes = _vector(vectors, vector).abs().sort(descending=True).values
    kept = max(1, len(sizes) - round(gone * len(sizes)))
    line, smallest = poverty_line(sizes[:kept]), float(sizes[kept - 1])
    indices = _indices_of_cuts(sizes)
    (left, right) = page(8, 3.2, columns=2, edges=(0.09, 0.98, 0.16, 0.9), wspace=0.27)
    _draw_sorted(left, sizes.sqrt())
    left.axvspan(kept, len(sizes), color=GRAY, alpha=0.5, linewidth=0, label="cut")
    left.axhline(line**0.5, color=ORANGE, linewidth=2, label="poverty line")
    left.set(ylabel="√|w|")
    left.set_title(f"{vector}, sorted", fontsize=10)
    left.legend(frameon=False, loc="upper right")
    _draw_index_of_cuts(right, vectors, vector)
    right.plot([1 - kept / len(sizes)], [float(indices[kept - 1])], "o", color=ORANGE, markersize=9)
    next_cut = "lowers" if smallest < line * (1 - 1e-9) else "raises"
    verdict = f"the next cut {next_cut} the index"
    if kept == 1 or float(indices[kept - 1]) < 1e-9:
        verdict = "those who stay are equal"
    right.set_title(verdict, fontsize=10)
    before, now = float(indices[-1]), float(indices[kept - 1])
    share = 1 - kept / len(sizes)
    return (
        f"{vector}: of {len(sizes):,} members the smallest {share:.0%} are cut, and the PQ Index "
        f"goes from {before:.3f} to {now:.3f}; {verdict}. The smallest that stays is "
        f"{smallest:.3g}, the poverty line {line:.3g}."
    )


def _indices_of_cuts(w: Tensor) -> Tensor:
    """Return I(½, 1) of the r largest members for r = 1 … d, float64 (d,)."""
    return index_by_rank(w, 0.5, 1.0).cpu()


def _draw_index_of_cuts(axes: Axes, vectors: Mapping[str, Tensor], chosen: str) -> None:
    """Draw I(½, 1) of what is left over the share that is cut, the chosen vector last and bold."""
    for name in [*(other for other in vectors if other != chosen), chosen]:
        indices = _indices_of_cuts(_vector(vectors, name)).flip(0)
        picked = np.unique(np.linspace(0, len(indices) - 1, min(len(indices), BARS)).round())
        style = {"color": BLUE, "linewidth": 2.5} if name == chosen else {"color": GRAY}
        axes.plot(picked / len(indices), indices[picked.astype(int)], **style)
    axes.set(xlabel="share cut, smallest first", ylabel="PQ Index (½, 1) of the rest")
    axes.set(xlim=(-0.02, 1.02), ylim=(-0.03, 1.03))

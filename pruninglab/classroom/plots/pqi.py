"""Figures of notebook 01."""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence

import numpy as np
import torch
from jaxtyping import Real
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from torch import Tensor

from ...engine.results import Runs, Values, number, spread
from ...ideas.checks import Number, Share, check_choice, checked
from ...ideas.devices import accurate
from ...ideas.pqi import (
    PROPERTIES,
    bound_at_ranks,
    gini_index,
    index_by_rank,
    poverty_line,
    pq_index,
    printed_index,
    retained_bound,
)
from ..pictures import describe, picture
from .curves import check_filled, check_numbers
from .style import BLUE, GRAY, GREEN, ORANGE, blank, colors

OWN = "my own"
BARS = 200
WIDTH = 0.8 / 3


@checked
def parse_vector(own: str) -> Tensor:
    """Read numbers that a student typed, parted by commas or spaces.

    Raises ValueError that names what is not a number, or not finite in float32.

    >>> parse_vector("3, 1 4").tolist()
    [3.0, 1.0, 4.0]
    """
    try:
        w = torch.tensor([float(word) for word in own.replace(",", " ").split()])
    except ValueError as error:
        raise ValueError(f"own={own!r} must be numbers parted by commas: {error}") from error
    if not len(w) or not bool(w.isfinite().all()):
        raise ValueError(f"own={own!r} must be finite numbers parted by commas, at least one")
    return w


@picture("01_pq_index/sparsity_of_a_vector")
@checked
def sparsity_of(
    vectors: Mapping[str, Tensor],
    *,
    vector: str = "Gaussian",
    own: str = "4, 2, 1, 1",
    p: Number = 0.5,
    q: Number = 1.0,
    figure: Figure | None = None,
) -> Figure:
    """Show a vector, sorted, beside its PQ Index, its Gini index and what the bound retains.

    `vector` is a key of `vectors` or "my own", which reads `own`. Where p = q the index is 0 for
    every vector, and the figure says so. Raises ValueError for another `vector`, and what
    `parse_vector` and `pq_index` refuse.
    """
    check_filled(vectors=vectors)
    check_choice("vector", vector, (*vectors, OWN))
    w = parse_vector(own) if vector == OWN else _vector(vectors, vector)
    figure, (left, right) = blank(figure, 8, 3.1, columns=2, width_ratios=(1.25, 1))
    sizes = w.abs().sort(descending=True).values
    _draw_sorted(left, sizes)
    title = f"{vector}: {len(sizes):,} members, sorted by size"
    left.set_title(title, fontsize=10)
    figure.subplots_adjust(left=0.06, right=0.95, bottom=0.13, top=0.9, wspace=0.36)
    if p == q:
        right.set_axis_off()
        right.text(0.5, 0.5, "p = q: the index is 0\nfor every vector", ha="center", fontsize=11)
        return describe(figure, f"{title}. With p = q = {p:.2f} the index is 0 for every vector.")
    index, gini = float(pq_index(w, p, q)), float(gini_index(w))
    kept = retained_bound(1.0, index, p, q)
    left.axvline(kept * len(sizes), color=ORANGE, linewidth=2)
    _draw_gauges(right, index, gini, kept)
    right.set_title(f"p = {p:.2f}, q = {q:.2f}", fontsize=10)
    return describe(
        figure,
        f"{title}. With p = {p:.2f} and q = {q:.2f} its PQ Index is {index:.3f}, its Gini index "
        f"{gini:.3f}; the bound keeps at least {kept:.1%} of the members.",
    )


def _flat(w: Tensor) -> Tensor:
    """Return a vector as it can be drawn: flat and on the CPU, without its gradient's graph."""
    return w.detach().cpu().flatten()


def _vector(vectors: Mapping[str, Tensor], name: str) -> Tensor:
    w = vectors[name]
    dense = isinstance(w, Tensor) and w.layout == torch.strided and not w.is_meta
    if not dense or not w.numel() or not bool(w.isfinite().all()):
        raise ValueError(f"vectors[{name!r}] must be a dense Tensor with members, all finite")
    return _flat(w)


def _draw_sorted(axes: Axes, sizes: Tensor) -> None:
    """Draw |w| in descending order as one filled outline, thinned out to at most BARS steps."""
    picked = np.unique(np.linspace(0, len(sizes) - 1, min(len(sizes), BARS)).round().astype(int))
    edges = np.append(picked, len(sizes))
    axes.stairs(sizes[torch.from_numpy(picked)].numpy(), edges, fill=True, color=BLUE)
    axes.set(xlim=(0, len(sizes)), ylim=(0, float(sizes[0]) * 1.05))
    axes.locator_params(nbins=4)


def _draw_gauges(axes: Axes, index: float, gini: float, kept: float) -> None:
    names = ("PQ Index", "Gini index", "bound: keep\nat least")
    values = (index, gini, kept)
    axes.barh(names, values, color=(BLUE, GRAY, ORANGE))
    for row, value in enumerate(values):
        axes.text(value + 0.03, row, f"{value:.3f}", va="center", fontsize=11)
    axes.set(xlim=(0, 1.2))
    axes.set_xticks((0, 0.5, 1))
    axes.invert_yaxis()


@picture("01_pq_index/over_p_and_q")
@checked
def index_over_p_and_q(
    vectors: Mapping[str, Tensor],
    ps: Sequence[float] = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9),
    qs: Sequence[float] = (1.2, 1.4, 1.6, 1.8, 2.0, 2.5, 3.0),
    *,
    figure: Figure | None = None,
) -> Figure:
    """Draw the index of each vector over p at q = 1, and over q at p = 1."""
    check_filled(vectors=vectors)
    check_numbers("ps", ps, 1e-9, 1 - 1e-9)
    check_numbers("qs", qs, 1 + 1e-9, 1e9)
    figure, axes = blank(figure, 8, 3.2, columns=2, sharey=True)
    for name, color in zip(vectors, colors(len(vectors)), strict=True):
        w = _vector(vectors, name)
        axes[0].plot(ps, pq_index(w, list(ps), [1.0] * len(ps)), "o-", color=color, label=name)
        axes[1].plot(qs, pq_index(w, [1.0] * len(qs), list(qs)), "o-", color=color)
    axes[0].set(xlabel="p  (q = 1)", ylabel="PQ Index", ylim=(-0.03, 1.03))
    axes[1].set(xlabel="q  (p = 1)")
    figure.legend(loc="center right", frameon=False)
    figure.subplots_adjust(left=0.08, right=0.82, bottom=0.17, top=0.95, wspace=0.08)
    return describe(
        figure,
        f"PQ Index of {len(vectors)} vectors. As p grows from {min(ps):g} to {max(ps):g} with "
        f"q = 1, it never rises; as q grows from {min(qs):g} to {max(qs):g} with p = 1, it never "
        "falls.",
    )


@picture("01_pq_index/six_properties")
@checked
def property_grid(
    table: Mapping[str, Mapping[str, bool]], *, figure: Figure | None = None
) -> Figure:
    """Draw the table of measures and properties: a square where nothing broke, else a cross.

    Raises ValueError for unknown properties, and rows with different ones.
    """
    check_filled(table=table)
    figure, (axes,) = blank(figure, 6.5, 0.36 * len(table) + 0.9)
    codes = list(next(iter(table.values())))
    for name, row in table.items():
        if list(row) != codes or not set(codes) <= set(PROPERTIES):
            raise ValueError(f"table[{name!r}] has {list(row)}; each row needs the same properties")
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
    figure.subplots_adjust(left=0.27, right=0.98, bottom=0.02, top=0.87)
    return describe(
        figure,
        f"Table of {len(table)} sparsity measures and {len(codes)} properties: a square where no "
        "counterexample was found, a cross where one was. Only squares: "
        f"{', '.join(champions) or 'none'}.",
    )


@picture("01_pq_index/why_p_below_one")
@checked
def robin_hood_curves(
    w: Real[Tensor, " members"],
    pairs: Sequence[tuple[float, float]],
    *,
    figure: Figure | None = None,
) -> Figure:
    """Draw S as the first member of `w` gives more and more to the second, for several (p, q).

    The pairs may lie outside 0 < p ≤ 1 ≤ q: the index is computed as printed, unchecked, to show
    why that range is needed. (D1) asks that every curve falls. Raises ValueError unless `w` is a
    society of at least two, unequal, finite and not below 0, and each p and q is above 0.
    """
    check_filled(pairs=pairs)
    w = _flat(w).double()
    if len(w) < 2 or not bool((w >= 0).all() & w.isfinite().all()) or bool((w == w[0]).all()):
        raise ValueError(f"w, {len(w)} members, must be two or more, unequal, finite, ≥ 0")
    if not all(0 < e < torch.inf for pair in pairs for e in pair):
        raise ValueError(f"pairs={pairs} must be above 0 and finite")
    figure, (axes,) = blank(figure, 6.5, 3.6)
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
    figure.subplots_adjust(left=0.14, right=0.97, bottom=0.15, top=0.96)
    return describe(
        figure,
        "Relative change of the index as the richer of two members gives more and more to the "
        f"poorer. {'; '.join(words)}.",
    )


@picture("01_pq_index/bound_against_truth")
@checked
def bound_against_truth(
    vectors: Mapping[str, Tensor],
    p: Number = 0.5,
    q: Number = 1.0,
    *,
    figure: Figure | None = None,
) -> Figure:
    """Draw Theorem 2 for every r: the share really kept against the bound with its own η_r.

    Where p = q no bound is defined, and the figure says so.
    """
    check_filled(vectors=vectors)
    figure, (axes,) = blank(figure, 5.6, 4.2)
    axes.plot((0, 1), (0, 1), color=GRAY, linestyle=":", label="bound = truth")
    if p == q:
        axes.text(0.5, 0.5, "p = q: no bound", ha="center", fontsize=12)
        return describe(figure, f"With p = q = {p:.2f} there is no bound.")
    # With all d members kept nothing is left outside: η_r = 0.
    last = {}
    for name, color in zip(vectors, colors(len(vectors)), strict=True):
        shares, bounds = bound_at_ranks(_vector(vectors, name), p, q)
        axes.plot(shares, bounds, color=color, label=name)
        axes.plot(shares[-1:], bounds[-1:], "o", color=color)
        last[name] = float(bounds[-1])
    axes.set(xlabel="r / d: share that is kept", ylabel="bound / d, with the η_r of that share")
    axes.set(xlim=(0, 1.02), ylim=(0, 1.02), title=f"p = {p:.2f}, q = {q:.2f}")
    axes.legend(frameon=False, fontsize=9)
    figure.subplots_adjust(left=0.13, right=0.97, bottom=0.13, top=0.92)
    words = ", ".join(f"{name} {bound:.1%}" for name, bound in last.items())
    return describe(
        figure,
        f"The bound of Theorem 2 with p = {p:.2f} and q = {q:.2f} against the share that is kept: "
        f"every curve lies below the diagonal. With η = 0 the bound is: {words}.",
    )


@picture("01_pq_index/cut_and_index")
@checked
def cut_moves_index(
    vectors: Mapping[str, Tensor],
    *,
    vector: str = "Gaussian",
    gone: Share = 0.0,
    figure: Figure | None = None,
) -> Figure:
    """Cut the smallest members of a vector: does I(½, 1) of the others fall or rise?

    `vector` is a key of `vectors`, `gone` the share that is cut; one member stays. Left: √|w|,
    sorted, and the poverty line of those who stay. Right: the index of each vector as it is cut.
    Raises ValueError for another `vector`, and what `poverty_line` refuses.
    """
    check_filled(vectors=vectors)
    check_choice("vector", vector, (*vectors,))
    sizes = _vector(vectors, vector).abs().sort(descending=True).values
    kept = max(1, len(sizes) - round(gone * len(sizes)))
    line, smallest = poverty_line(sizes[:kept]), float(sizes[kept - 1])
    indices = _indices_of_cuts(sizes)
    figure, (left, right) = blank(figure, 8, 3.2, columns=2)
    _draw_sorted(left, sizes.sqrt())
    left.axvspan(kept, len(sizes), color=GRAY, alpha=0.5, linewidth=0, label="cut")
    left.axhline(line**0.5, color=ORANGE, linewidth=2, label="poverty line")
    left.set(ylabel="√|w|")
    left.set_title(f"{vector}, sorted", fontsize=10)
    left.legend(frameon=False, loc="upper right")
    _draw_index_of_cuts(right, vectors, vector)
    right.plot([1 - kept / len(sizes)], [float(indices[kept - 1])], "o", color=ORANGE, markersize=9)
    figure.subplots_adjust(left=0.09, right=0.98, bottom=0.16, top=0.9, wspace=0.27)
    next_cut = "lowers" if smallest < line * (1 - 1e-9) else "raises"
    verdict = f"the next cut {next_cut} the index"
    if kept == 1 or float(indices[kept - 1]) < 1e-9:
        verdict = "those who stay are equal"
    right.set_title(verdict, fontsize=10)
    before, now = float(indices[-1]), float(indices[kept - 1])
    share = 1 - kept / len(sizes)
    return describe(
        figure,
        f"{vector}: of {len(sizes):,} members the smallest {share:.0%} are cut, and the PQ Index "
        f"goes from {before:.3f} to {now:.3f}; {verdict}. The smallest that stays is "
        f"{smallest:.3g}, the poverty line {line:.3g}.",
    )


def _indices_of_cuts(w: Tensor) -> Tensor:
    """Return I(½, 1) of the r largest members for r = 1 … d, float64 (d,): for all sliders once."""
    return _indices_of_members(accurate(w).numpy().tobytes())


@functools.lru_cache(maxsize=16)
def _indices_of_members(members: bytes) -> Tensor:
    return index_by_rank(torch.frombuffer(bytearray(members), dtype=torch.float64), 0.5, 1.0)


def _draw_index_of_cuts(axes: Axes, vectors: Mapping[str, Tensor], chosen: str) -> None:
    """Draw I(½, 1) of what is left over the share that is cut, the chosen vector last and bold."""
    for name in [*(other for other in vectors if other != chosen), chosen]:
        indices = _indices_of_cuts(_vector(vectors, name)).flip(0)
        picked = np.unique(np.linspace(0, len(indices) - 1, min(len(indices), BARS)).round())
        style = {"color": BLUE, "linewidth": 2.5} if name == chosen else {"color": GRAY}
        axes.plot(picked / len(indices), indices[picked.astype(int)], **style)
    axes.set(xlabel="share cut, smallest first", ylabel="PQ Index (½, 1) of the rest")
    axes.set(xlim=(-0.02, 1.02), ylim=(-0.03, 1.03))


STATES = {
    "trained, dense": ("pqi", 0),
    "just pruned": ("pruned_pqi", 0),
    "retrained": ("pqi", 1),
}


@picture("01_pq_index/layers_dense_and_pruned")
@checked
def index_of_layers(runs: Runs, *, figure: Figure | None = None) -> Figure:
    """Draw the PQ Index of each layer before the first cut, just after it, and retrained.

    `runs` holds one method with at least two rounds. The bar is the mean over seeds, the whisker ±
    one standard deviation. Raises ValueError for another number of methods or too few rounds,
    KeyError for rows without the index of each layer.
    """
    layers, indices = _indices_of_layers(runs)
    figure, (axes,) = blank(figure, 7, 3.4)
    means, middle = [], np.arange(len(layers))
    for (state, values), color, shift in zip(
        indices.items(), colors(len(STATES)), (-WIDTH, 0, WIDTH), strict=True
    ):
        mean = values.mean(axis=0)
        axes.bar(middle + shift, mean, WIDTH * 0.92, color=color, label=state)
        axes.errorbar(middle + shift, mean, spread(values), fmt="none", ecolor="black", capsize=3)
        parts = (f"{layer} {index:.3f}" for layer, index in zip(layers, mean, strict=True))
        means.append(f"{state} {', '.join(parts)}")
    axes.set_xticks(middle, layers)
    axes.set(ylabel="PQ Index (p = 0.5, q = 1)")
    axes.legend(frameon=False, ncols=len(STATES), loc="lower center", bbox_to_anchor=(0.5, 1))
    figure.subplots_adjust(left=0.12, right=0.98, bottom=0.1, top=0.88)
    return describe(figure, f"PQ Index of each layer, mean over the seeds: {'; '.join(means)}.")


def _indices_of_layers(runs: Runs) -> tuple[list[str], dict[str, Values]]:
    """Return the names of the layers, and by state the index (seeds, layers)."""
    if len(runs) != 1:
        raise ValueError(f"runs must hold one method, not {list(runs)}")
    (seeds,) = runs.values()
    if min(len(rows) for rows in seeds) < 2:
        raise ValueError("runs must have two rounds or more: before the first cut, and after it")
    names = list(seeds[0][0].get("layer_density", ()))
    check_filled(runs=names)
    indices = {
        state: np.array([[number(rows[index], f"{key}.layer.{name}") for name in names]
                         for rows in seeds])
        for state, (key, index) in STATES.items()
    }  # fmt: skip
    return [name.removesuffix(".weight") for name in names], indices


@picture("01_pq_index/overflow")
@checked
def overflow(
    w: Real[Tensor, "*shape"],
    ps: Sequence[float] = (0.02, 0.03, 0.05, 0.07, 0.1, 0.15, 0.2, 0.3, 0.5, 0.7, 0.9),
    *,
    figure: Figure | None = None,
) -> Figure:
    """Draw ‖w‖_p in float32 and the PQ Index from it, beside the index in logarithms.

    Raises ValueError for what `pq_index` refuses, and `ps` of which every one overflows.
    """
    check_numbers("ps", ps, 1e-9, 1 - 1e-9)
    w = _flat(w)
    indices = pq_index(w, list(ps), [1.0] * len(ps))
    figure, (left, right) = blank(figure, 8, 3.2, columns=2)
    norms = [float(torch.linalg.vector_norm(w.float(), p)) for p in ps]
    finite = [(p, norm) for p, norm in zip(ps, norms, strict=True) if np.isfinite(norm)]
    if not finite:
        raise ValueError(f"ps={list(ps)}: every norm overflows, there is nothing to compare")
    naive = [(p, float(printed_index(w.float(), p, 1.0))) for p, _ in finite]
    left.plot(*zip(*finite, strict=True), "o-", color=ORANGE)
    largest = float(torch.finfo(torch.float32).max)
    left.axhline(largest, color=GRAY, linestyle=":")
    left.text(ps[-1], largest, "largest float32 ", ha="right", va="bottom", color=GRAY)
    left.set(yscale="log", xlabel="p", ylabel="‖w‖_p in float32")
    right.plot(ps, indices, "o-", color=BLUE, label="logarithms")
    right.plot(*zip(*naive, strict=True), "x", color=ORANGE, label="float32, as printed")
    smallest = min(p for p, _ in finite)
    right.axvspan(0, smallest, color=GRAY, alpha=0.15)
    right.set(xlabel="p  (q = 1)", ylabel="PQ Index", xlim=(0, 1))
    right.legend(frameon=False)
    figure.subplots_adjust(left=0.09, right=0.98, bottom=0.17, top=0.93, wspace=0.25)
    lost = sum(p < smallest for p in ps)
    return describe(
        figure,
        f"Of {w.numel():,} weights: as p falls the p-norm in float32 grows, and for {lost} of "
        f"{len(ps)} values of p it is beyond the largest number. The PQ Index in logarithms is "
        f"there for every p, {float(indices[0]):.3f} at p = {ps[0]:g}.",
    )

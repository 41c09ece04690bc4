"""The network as a drawing, Figure 2: thin blue connections to thick red ones."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from jaxtyping import Float
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.colors import LinearSegmentedColormap, Normalize
from torch import Tensor

from ....checks import Whole
from ....kit.page import GRAY, Page, figure
from ...palette import COLD_TO_HOT
from ..relief import fair_shares

HEAT = LinearSegmentedColormap.from_list("blue to red", COLD_TO_HOT)


@figure("04_nnrelief_heatmaps/wiring")
def wiring(
    page: Page, networks: Mapping[str, Mapping[str, Float[Tensor, "_ _"]]], *, lines: Whole = 100
) -> str:
    """Draw one panel per network: a column of dots per layer, connections between them.

    `networks` maps a title to importances by layer, each (out, in + 1) as from
    `network_importance`, 0 where a connection is dead. Of each layer `lines` are drawn, half of
    them the strongest, half spread evenly over the ranks of the rest; the weak ones first, so that
    the strong ones are seen. Colour and width tell the importance times the connections that enter
    the neuron: 1 is a fair share. The scale is the same in all panels. Units without a drawn
    connection are gray.
    """
    axes = page(
        4.4 * len(networks), 3.8, columns=len(networks), edges=(0.01, 0.99, 0.06, 0.93), wspace=0.03
    )
    fair = {
        title: [fair_shares(shares[:, :-1].detach().cpu()) for shares in layers.values()]
        for title, layers in networks.items()
    }
    drawn = {title: [_chosen(values, lines) for values in layers] for title, layers in fair.items()}
    highest = {
        title: max(float(values.max(initial=0.0)) for _, _, values in layers)
        for title, layers in drawn.items()
    }
    scale = Normalize(0, max(np.sqrt(max(highest.values())), 1e-9))
    told = []
    for panel, (title, layers) in zip(axes, drawn.items(), strict=True):
        _draw_network(panel, fair[title], layers, scale)
        alive = sum(int((shares > 0).sum()) for shares in networks[title].values())
        panel.set_title(f"{title}: {alive:,} connections")
        told.append(f"{title}, {alive:,} connections, the strongest {highest[title]:.0f} times")
    page.figure.text(
        0.5, 0.015,
        f"of each layer the {lines // 2} strongest and {lines // 2} of the rest · thin blue: "
        "hardly any of its neuron's signal · thick red: many times a fair share",
        ha="center", fontsize=9,
    )  # fmt: skip
    return (
        "Drawings of the network, thick red where a connection carries many times a fair share of "
        f"its neuron's signal: {'; '.join(told)} a fair share."
    )


def _chosen(fair: Tensor, lines: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return (into, out of, value): half the strongest, half spread over the rest, weak first."""
    values, places = (part.numpy() for part in fair.flatten().sort(stable=True))
    living = int((values > 0).sum())
    values, places = values[len(values) - living :], places[len(places) - living :]
    strongest = min(lines // 2, living)
    rest = np.linspace(0, living - strongest - 1, min(lines // 2, living - strongest)).astype(int)
    picked = np.concatenate([rest, np.arange(living - strongest, living)])
    into, out_of = np.divmod(places[picked], fair.shape[1])
    return into, out_of, values[picked]


def _heights(count: int) -> np.ndarray:
    return np.linspace(1, 0, count) if count > 10 else np.linspace(0.9, 0.1, count)


def _draw_network(
    axes: Axes,
    layers: list[Tensor],
    drawn: list[tuple[np.ndarray, np.ndarray, np.ndarray]],
    scale: Normalize,
) -> None:
    sizes = [layers[0].shape[1], *(len(values) for values in layers)]
    touched = [np.zeros(size, dtype=bool) for size in sizes]
    for place, (into, out_of, values) in enumerate(drawn):
        left = np.stack([np.full(len(into), place), _heights(sizes[place])[out_of]], axis=1)
        right = np.stack([np.full(len(into), place + 1), _heights(sizes[place + 1])[into]], axis=1)
        strength = scale(np.sqrt(values))
        axes.add_collection(
            LineCollection(
                list(np.stack([left, right], axis=1)),
                colors=HEAT(strength),
                linewidths=0.3 + 2.5 * np.asarray(strength) ** 2,
                # Soft edges would make the saved picture four times as large.
                antialiaseds=False,
            )
        )
        touched[place][out_of] = True
        touched[place + 1][into] = True
    for place, (size, used) in enumerate(zip(sizes, touched, strict=True)):
        dot = 16 if size <= 10 else 5 if size <= 100 else 1.5
        colors = np.where(used, "black", GRAY)
        axes.scatter(np.full(size, place), _heights(size), s=dot, c=colors, zorder=3)
        axes.text(place, -0.05, f"{size}", ha="center", fontsize=9)
    axes.set(xlim=(-0.35, len(sizes) - 0.65), ylim=(-0.1, 1.04))
    axes.set_axis_off()

"""Figures of notebook 00."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter
from torch import Tensor, nn

from ...choices import budgets, scopes, scores
from ...data import Split
from ...engine.masks import cut_once
from ...engine.results import Runs
from ...engine.training import accuracy
from ...ideas.checks import Share, checked
from ..pictures import describe, picture
from .curves import band, check_filled, check_numbers, density_axis, ends
from .style import BLUE, ORANGE, blank

TILES = (4, 6)
MOSAIC = TILES[0] * TILES[1]


@checked
def keep_share(net: nn.Module, split: Split, density: Share) -> nn.Module:
    """Return a copy of `net` with the largest `density` of its weights, all layers together.

    It lies where the images of `split` lie.
    """
    budget = budgets.fraction(round(1 - density, 6))
    return cut_once(net, split, scores.magnitude, budget, scopes.global_)[0]


@checked
def accuracy_at(net: nn.Module, split: Split, densities: Sequence[float]) -> list[float]:
    """Return the accuracy on `split` after keeping each share of the weights, nothing retrained."""
    check_numbers("densities", densities, 0, 1)
    return [accuracy(keep_share(net, split, density), split) for density in densities]


@picture("00_start_here/how_many_weights_stay")
@checked
def weights_that_stay(
    net: nn.Module,
    split: Split,
    densities: Sequence[float],
    curve: Sequence[float],
    *,
    density: Share = 1.0,
    figure: Figure | None = None,
) -> Figure:
    """Show the first layer of LeNet-300-100 and the accuracy, with a share `density` kept.

    `net` has a Linear layer `fc1` over 28×28 pixels of at least 24 neurons, else ValueError;
    `curve` are the accuracies at `densities`. Left: the weights of the first neurons, each as a
    28×28 picture, dead weights white. Middle: the living weights that look at each pixel. Right:
    where this share stands on the curve.
    """
    check_numbers("densities", densities, 0, 1)
    if len(curve) != len(densities):
        raise ValueError(f"curve has {len(curve)} points, densities has {len(densities)}")
    pruned = keep_share(net, split, density)
    dense, weight = (_first_layer(part) for part in (net, pruned))
    figure, axes = blank(figure, 9.5, 3.4, columns=3, width_ratios=(1.5, 1, 1.35))
    largest = float(dense.abs().max())
    axes[0].imshow(_mosaic(weight), cmap="RdBu", vmin=-largest / 2, vmax=largest / 2)
    axes[0].set_title(f"first {MOSAIC} of {len(weight)} neurons", fontsize=10)
    axes[1].imshow(
        (weight != 0).sum(dim=0).reshape(28, 28).numpy(), cmap="viridis", vmin=0, vmax=len(weight)
    )
    axes[1].set_title("living weights per pixel", fontsize=10)
    for panel in axes[:2]:
        panel.axis("off")
        panel.set_anchor("N")
    now, living = accuracy(pruned, split), float((weight != 0).float().mean())
    _mark_on_curve(axes[2], densities, curve, density, now)
    figure.subplots_adjust(left=0.01, right=0.985, bottom=0.16, top=0.9, wspace=0.22)
    return describe(
        figure,
        f"The largest {density:.1%} of the weights stay, nothing is retrained: {now:.1%} of the "
        f"test images are read correctly. Of the first layer {living:.1%} live; beside {MOSAIC} of "
        "its neurons as small pictures, a heatmap counts the living weights that look at each "
        "pixel.",
    )


@picture("00_start_here/methods_compared")
@checked
def methods_compared(runs: Runs, *, figure: Figure | None = None) -> Figure:
    """Draw the test accuracy of each method after retraining against the weights that stay.

    Mean and ± one standard deviation over the seeds. Raises ValueError for no methods, more than
    seven, or seeds with different numbers of rounds.
    """
    check_filled(runs=runs)
    figure, (axes,) = blank(figure, 7, 4)
    band(axes, runs, "test_accuracy")
    axes.set_ylabel("test accuracy after retraining")
    axes.legend(frameon=False)
    figure.subplots_adjust(left=0.1, right=0.97, bottom=0.15, top=0.95)
    return describe(
        figure,
        "Test accuracy after retraining against the share of weights that stay, mean and standard "
        f"deviation over the seeds. In the last round: {ends(runs, 'test_accuracy')}.",
    )


def _mark_on_curve(
    axes: Axes, densities: Sequence[float], curve: Sequence[float], density: float, now: float
) -> None:
    axes.plot(densities, curve, color=BLUE, linewidth=1.5)
    axes.plot([density], [now], "o", color=ORANGE, markersize=10)
    axes.set(ylim=(0, 1.05), xlabel="weights that stay")
    axes.yaxis.set_major_formatter(PercentFormatter(1, decimals=0))
    density_axis(axes, densities)
    axes.set_title(f"{density:.1%} of the weights: {now:.1%} right", fontsize=10)


def _first_layer(net: nn.Module) -> Float[Tensor, "neurons 784"]:
    weight = dict(net.named_parameters()).get("fc1.weight")
    if weight is None or weight.dim() != 2 or weight.shape[1] != 784 or len(weight) < MOSAIC:
        raise ValueError(f"net must have a Linear layer fc1 of 784 pixels and ≥ {MOSAIC} neurons")
    return weight.detach().cpu()


def _mosaic(weight: Tensor) -> np.ndarray:
    """Lay the first rows out as pictures on a grid, with a gap between them."""
    rows, columns = TILES
    tiles = np.full((rows * 30 - 2, columns * 30 - 2), np.nan)
    for i in range(MOSAIC):
        top, left = 30 * (i // columns), 30 * (i % columns)
        tile = weight[i].reshape(28, 28).numpy()
        tiles[top : top + 28, left : left + 28] = np.where(tile == 0, np.nan, tile)
    return tiles

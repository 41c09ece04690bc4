"""Figures of lesson 05: what becomes exactly zero, and what the student wrote."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from jaxtyping import Float
from matplotlib.axes import Axes
from matplotlib.patches import Rectangle
from torch import Tensor

from ....checks import Number, Positive, check_choice, checked
from ....engine.results import Runs
from ....ideas.concave import Regularizer, l1, log
from ....kit.exercise import attempt
from ....kit.page import Page, figure
from ...curves import density_axis
from ...palette import SIGNS, amounts, color_of
from ..digits import SIDE, TwoDigits
from ..fits import accuracy_of, subgradient_l1
from ..logistic import masked_logistic

CONCAVE, BLACK, DARK, FAINT = color_of("concave"), color_of("yours"), "#5A5A5A", "#C8C8C8"
KINDS: dict[str, Regularizer] = {"ℓ1": l1(), "log": log(0.1)}
# A weight below this share of the largest one is drawn gray: alive, but pale.
PALE = 0.01
STEPS = 300
# The toy: L = ½ (x − 0.3)², far too weak against λ = 1.
START, GOAL, PULL = 0.25, 0.3, 1.0
DENSITIES = (0.1, 0.05, 0.03, 0.02, 0.012)
SWAPS = {
    "SGD × 100": ("log, SGD", "-"),
    "SGD × 100 on l1": ("ℓ1, SGD", "--"),
    "Adam": ("log, Adam", ":"),
    "Adam / 2": ("log, Adam, half the rate", "-."),
}
Step = Callable[[Tensor, Tensor, float, float], Tensor]


@figure("05_concave_masks/two_maps")
def two_maps(
    page: Page, digits: TwoDigits, weights: Float[Tensor, "1 401"], *, lam: Positive = 0.5
) -> str:
    """Draw what ℓ1 leaves of 400 pixels: by steps on the weights, and by a mask with walls.

    `digits` of one draw, `weights` θ̂. White is exactly zero, gray is alive and pale: below a
    hundredth of the largest. Brown speaks for a 0, teal for a 1.
    """
    left, right = page(8, 4.2, columns=2, edges=(0.02, 0.98, 0.1, 0.8), wspace=0.06)
    plain = subgradient_l1(digits.inputs, digits.targets, [lam], steps=STEPS)
    mask = _mask(digits, weights, l1(), lam)
    masked = mask * weights[0].detach().to(mask)
    told = []
    for panel, name, theta, color in (
        (left, "steps on the weights", plain[0, 0], DARK),
        (right, "a mask with walls", masked, CONCAVE),
    ):
        alive, pale = _draw_signs(panel, theta)
        panel.set_title(f"{name}\n{alive} pixels alive", color=color, fontsize=12)
        shown = f"{pale} of them pale; " if pale else ""
        accuracy = _right(digits, theta)
        panel.set_xlabel(f"{shown}{accuracy:.1%} right", fontsize=11)
        told.append(f"{name} {alive} alive, {pale} of them pale, {accuracy:.1%} right")
    # Over the left panel only: on a phone the two stand one below the other.
    page.figure.suptitle(f"λ = {lam:g}", x=0.26, y=0.98)
    return (
        f"Two maps of 20 by 20 pixels, with ℓ1 and λ = {lam:g}: white is exactly zero, gray alive "
        f"and below a hundredth of the largest. {'; '.join(told)}."
    )


def _mask(digits: TwoDigits, weights: Tensor, penalty: Regularizer, lam: float) -> Tensor:
    given = digits.inputs, digits.targets, weights.detach().to(digits.inputs)
    return masked_logistic(*given, [penalty], [lam], tolerance=1e-2).masks[0, 0, 0]


def _right(digits: TwoDigits, theta: Tensor) -> float:
    return float(accuracy_of(digits.held_inputs, digits.held_targets, theta[None]))


def _draw_signs(axes: Axes, theta: Tensor) -> tuple[int, int]:
    """Draw weights (401,) by sign; return how many pixels are alive, and how many pale."""
    pixels = drawable(theta)[:-1].reshape(SIDE, SIDE).numpy()
    size = np.abs(pixels) / max(np.abs(pixels).max(), 1e-12)
    alive, pale = pixels != 0, (pixels != 0) & (size < PALE)
    shown = np.where(alive & ~pale, np.sign(pixels) * (0.3 + 0.7 * np.sqrt(size)), np.nan)
    axes.imshow(np.where(pale, 1.0, np.nan), cmap="Greys", vmin=0, vmax=4.5)
    axes.imshow(shown, cmap=SIGNS, vmin=-1, vmax=1)
    axes.set(xticks=(), yticks=())
    axes.spines[:].set(visible=True, color=FAINT)
    return int(alive.sum()), int(pale.sum())


def _walk(rule: Step, step: float, count: int) -> list[float]:
    place, path = torch.tensor([START]), [START]
    for _ in range(count):
        place = torch.as_tensor(rule(place, place - GOAL, PULL, step)).float().reshape(1)
        path.append(float(place))
    return path


def _hop(w: Tensor, slope: Tensor, lam: float, step: float) -> Tensor:
    return w - step * (slope + lam * w.sign())


def _land(m: Tensor, slope: Tensor, lam: float, step: float) -> Tensor:
    return (m - step * (slope + lam)).clamp(0, 1)


@figure("05_concave_masks/hop_and_land")
def hop_and_land(page: Page, hop: Any = None, land: Any = None) -> str:
    """Draw a weight under a student's `hop` and a mask entry under `land`, over the package's.

    Each is called as rule(place, slope, lam, step), sixteen times from ¼ with steps of 0.1.
    """
    axes = page(8, 3.1, columns=2, edges=(0.08, 0.98, 0.16, 0.88), wspace=0.14)
    told = []
    for panel, name, mine, ours in zip(
        axes, ("a weight hops", "a mask entry lands"), (hop, land), (_hop, _land), strict=True
    ):
        given = attempt(lambda rule: _walk(rule, 0.1, 16), mine)
        truth = _walk(ours, 0.1, 16)
        if given is None or not np.isfinite(given).all():
            given = [START]
            told.append(f"{name}: waits for your function")
        else:
            panel.plot(truth, ".-", color=CONCAVE, lw=5, ms=16)
            off = max(abs(a - b) for a, b in zip(given, truth, strict=True))
            told.append(f"{name}: yours is off by {off:.3f} at most")
        panel.plot(np.clip(given, -0.3, 0.45), ".-", color=BLACK, lw=1.5, ms=7)
        panel.axhline(0, color=FAINT, zorder=0)
        panel.set(xlim=(-0.6, 16.6), ylim=(-0.32, 0.47), xlabel="step")
        panel.set_title(name + ("" if len(given) > 1 else ": your turn"), fontsize=11)
    return f"Paths from ¼ in steps of 0.1, yours black over the package's. {'; '.join(told)}."


@figure("05_concave_masks/smaller_steps")
def smaller_steps(page: Page, *, step: Positive = 0.1) -> str:
    """Draw the same two paths with steps of another length, and how high the late hops go."""
    axes = page(8, 3.1, columns=2, edges=(0.08, 0.98, 0.16, 0.88), wspace=0.14)
    told = []
    for panel, name, rule in zip(axes, ("weight", "mask entry"), (_hop, _land), strict=True):
        path = _walk(rule, step, 80)
        late = max(abs(place) for place in path[40:])
        panel.plot(path, ".-", color=CONCAVE, lw=1, ms=5)
        panel.axhline(0, color=FAINT, zorder=0)
        panel.axvspan(40, 81, color="#F2F2F2", zorder=-1)
        panel.set(xlim=(-1, 81), ylim=(-0.14, 0.28), xlabel="step")
        panel.set_title(f"{name}: highest late hop {late:.4f}", fontsize=11)
        told.append(f"{name} {late:.4f}")
    return (
        f"A weight and a mask entry in 80 steps of {step:g}; the highest place in the later half: "
        f"{', '.join(told)}."
    )


def _shrink(w: Tensor, slope: Tensor, lam: float, step: float) -> Tensor:
    v = w - step * slope
    return v.sign() * (v.abs() - step * lam).clamp(min=0)


def _train(rule: Step, digits: TwoDigits, lam: float) -> Tensor:
    """Take the steps of `subgradient_l1` with another rule; returns the weights (401,)."""
    x, y = digits.inputs[0], digits.targets[0]
    step = float(4 / torch.linalg.matrix_norm(x, 2) ** 2)
    w = x.new_zeros(x.shape[1])
    for _ in range(STEPS):
        w = torch.as_tensor(rule(w, x.T @ (torch.sigmoid(x @ w) - y), lam, step)).to(x)
        w = w.reshape(x.shape[1])
    return w.nan_to_num(0, 0, 0)


@figure("05_concave_masks/your_wall")
def your_wall(page: Page, digits: TwoDigits, shrink: Any = None, *, lam: Positive = 5.0) -> str:
    """Draw the weights by subgradient steps, and by a student's shrink(w, slope, lam, step).

    Pixels whose weight is zero in one and alive in the other, package's or student's, are black.
    """
    left, right = page(8, 4, columns=2, edges=(0.02, 0.98, 0.03, 0.86), wspace=0.06)
    before = subgradient_l1(digits.inputs, digits.targets, [lam], steps=STEPS)[0, 0]
    alive, _ = _draw_signs(left, before)
    left.set_title(f"the subgradient's step: {alive} pixels alive", fontsize=11)
    given = attempt(lambda rule: _train(rule, digits, lam), shrink)
    if given is None:
        _draw_signs(right, before)
        right.set_title("your step: your turn", fontsize=11)
        return f"The weights by subgradient steps, {alive} pixels alive; yours are still missing."
    mine, _ = _draw_signs(right, given)
    truth = _train(_shrink, digits, lam)
    wrong = ((given != 0) != (truth != 0))[:-1].reshape(SIDE, SIDE).numpy()
    right.imshow(np.where(wrong, 1.0, np.nan), cmap="gray", vmin=1, vmax=2)
    right.set_title(f"your step: {mine} alive, {wrong.sum()} differ (black)", fontsize=11)
    return (
        f"Weights with ℓ1 and λ = {lam:g}: {alive} pixels alive by subgradient steps, {mine} by "
        f"your step; at {wrong.sum()} pixels yours differs from the package's."
    )


@figure("05_concave_masks/one_mask")
def one_mask(
    page: Page,
    digits: TwoDigits,
    weights: Float[Tensor, "1 401"],
    images: Float[Tensor, "eight 401"],
    *,
    kind: str = "ℓ1",
    lam: Positive = 1.0,
) -> str:
    """Solve one masked logistic regression now, and show what it sees of eight digits.

    `digits` of one run, `weights` θ̂ (1, 401), `images` (8, 401). Left: θ̂ ⊙ m. Right: eight digits
    through the mask, all other pixels gray. Raises ValueError for a `kind` not in `KINDS`.
    """
    check_choice("kind", kind, tuple(KINDS))
    left, right = page(
        8.5, 3.5, columns=2, width_ratios=(1, 2), edges=(0.01, 0.99, 0.02, 0.88), wspace=0.04
    )
    mask = _mask(digits, weights, KINDS[kind], lam)
    theta = mask * weights[0].to(mask)
    accuracy, alive = _right(digits, theta), pixels_of(mask)
    _draw_signs(left, theta)
    left.set_title(f"{kind}, λ = {lam:g}: {alive} pixels", fontsize=11, color=CONCAVE)
    right.imshow(through(mask, images), cmap="gray", vmin=0, vmax=1)
    right.set_title(f"all that it sees of eight digits: {accuracy:.1%} right", fontsize=11)
    right.axis("off")
    return (
        f"With the penalty {kind} and λ = {lam:g}, {alive} of {SIDE * SIDE} pixels live, and "
        f"{accuracy:.1%} of the held-out digits are told apart; beside it eight digits through "
        "this mask."
    )


@checked
def pixels_of(mask: Float[Tensor, " 401"]) -> int:
    """Count the pixels that live under a mask (401,); the intercept is left out."""
    return int((mask[:-1] > 0).sum())


@checked
def draw_mask(axes: Axes, mask: Float[Tensor, " 401"]) -> None:
    """Draw a mask (401,) as 20×20 pixels, dead ones white; the intercept is left out."""
    pixels = drawable(mask)[:-1].reshape(SIDE, SIDE).numpy()
    axes.imshow(np.where(pixels > 0, pixels, np.nan), cmap=amounts(), vmin=0, vmax=1)
    axes.add_patch(Rectangle((-0.5, -0.5), SIDE, SIDE, fill=False, color=FAINT, lw=1))


def drawable(values: Tensor) -> Tensor:
    """Return values as numpy can take them: on the CPU, and not in half precision."""
    return values.detach().cpu().to(torch.promote_types(values.dtype, torch.float32))


def through(mask: Tensor, images: Tensor) -> np.ndarray:
    """Lay eight images out in two rows, with what the mask hides in one shade of gray."""
    gap = 2
    tiles = np.ones((2 * SIDE + gap, 4 * (SIDE + gap) - gap))
    alive = drawable(mask)[:-1].reshape(SIDE, SIDE).numpy() > 0
    shown = drawable(images)[:8, :-1].reshape(-1, SIDE, SIDE).numpy()
    for number, image in enumerate(shown):
        top, left = (number // 4) * (SIDE + gap), (number % 4) * (SIDE + gap)
        tiles[top : top + SIDE, left : left + SIDE] = np.where(alive, image, 0.45)
    return tiles


@figure("05_concave_masks/eight_compared")
def eight_compared(page: Page, runs: Runs, *, pixels: Positive = 8) -> str:
    """Draw who is right more often than ℓ1's mask with as many pixels, in points, draw by draw.

    `runs` as from `rivals.at_equal_pixels`. Mean and standard deviation of the differences.
    """
    (axes,) = page(8, 2.9, edges=(0.25, 0.96, 0.2, 0.88))
    names = [name for name in runs if name != "ℓ1 mask"]
    told = []
    for row, name in enumerate(names):
        gap = runs.paired(name, "ℓ1 mask", "test_accuracy", density=pixels / SIDE**2)
        color = CONCAVE if "mask" in name else color_of("magnitude") if "largest" in name else DARK
        mean = 100 * gap.mean
        axes.errorbar([mean], [row], xerr=[100 * gap.std], fmt="o", ms=9, capsize=4, color=color)
        axes.text(mean, row + 0.24, f"{mean:+.1f}", ha="center", fontsize=10, color=color)
        told.append(f"{name} {mean:+.1f} ± {100 * gap.std:.1f}")
    axes.axvline(0, color=CONCAVE, lw=1, ls="--")
    axes.set_yticks(range(len(names)), names)
    axes.set(ylim=(-0.5, len(names) - 0.3), xlabel="points more than ℓ1's mask")
    draws = len(runs["ℓ1 mask"])
    axes.set_title(f"{pixels:g} pixels each, {draws} draws of the digits", fontsize=11)
    return (
        f"Held-out accuracy with {pixels:g} pixels minus that of ℓ1's mask, in points, mean and "
        f"standard deviation over the draws that have both: {'; '.join(told)}."
    )


class _Pull:
    """A student's pull(m, eps) as a penalty: the solver asks for its slope only."""

    def __init__(self, pull: Any, eps: float) -> None:
        self.pull, self.eps = pull, eps

    def value(self, m: Tensor) -> Tensor:
        return log(self.eps).value(m)

    def derivative(self, m: Tensor) -> Tensor:
        return torch.as_tensor(self.pull(m, self.eps)).to(m).reshape(m.shape)


@figure("05_concave_masks/your_pull")
def your_pull(
    page: Page,
    digits: TwoDigits,
    weights: Float[Tensor, "1 401"],
    pull: Any = None,
    *,
    lam: Positive = 2.0,
    eps: Number = 0.1,
) -> str:
    """Draw how hard log pulls, and the masks of ℓ1 and of a student's pull(m, eps)."""
    slopes, one, other = page(
        9, 3.3, columns=3, width_ratios=(1.5, 1, 1), edges=(0.07, 0.99, 0.16, 0.86), wspace=0.12
    )
    m = torch.linspace(0, 1, 101)
    slopes.plot(m, torch.ones(101), "--", color=CONCAVE, lw=2)
    slopes.text(0.99, 1.12, "ℓ1", color=CONCAVE, ha="right")
    slopes.set(xlim=(0, 1), ylim=(0, 5), xlabel="mask entry m")
    slopes.set_title("how hard it is pulled down", fontsize=11)
    half = _draw_half(one, _mask(digits, weights, l1(), lam), "ℓ1")
    mine = attempt(lambda rule: _Pull(rule, eps).derivative(m), pull)
    mask = attempt(lambda rule: _mask(digits, weights, _Pull(rule, eps), lam), pull)
    if mine is None or mask is None:
        _draw_half(other, _mask(digits, weights, l1(), lam), "yours: your turn")
        return f"ℓ1 pulls with 1 everywhere, and leaves {half} pixels half bright; yours waits."
    truth = log(eps).derivative(m)
    slopes.plot(m, truth, color=CONCAVE, lw=6)
    slopes.plot(m, mine.clamp(-1, 9), color=BLACK, lw=2)
    slopes.text(0.12, 3.4, "log: yours in black", color=BLACK)
    left = _draw_half(other, mask, "yours")
    off = float((mine - truth).abs().max())
    return (
        f"Your pull falls from {float(mine[0]):.3g} at 0 to {float(mine[-1]):.3g} at 1, off by "
        f"{off:.3f} at most. At λ = {lam:g} ℓ1 leaves {half} pixels half bright, yours {left}."
    )


def _draw_half(axes: Axes, mask: Tensor, name: str) -> int:
    draw_mask(axes, mask)
    axes.axis("off")
    half = int(((mask > 0) & (mask < 1))[:-1].sum())
    for y, x in ((mask > 0) & (mask < 1))[:-1].reshape(SIDE, SIDE).nonzero().tolist():
        axes.add_patch(Rectangle((x - 0.5, y - 0.5), 1, 1, fill=False, color=CONCAVE, lw=2))
    title = name if "turn" in name else f"{name}: {half} of {pixels_of(mask)} half bright"
    axes.set_title(title, fontsize=11)
    return half


@figure("05_concave_masks/swaps")
def swaps(page: Page, tickets: Runs) -> str:
    """Draw how far masks are ahead of the lottery ticket, in points, over density.

    `tickets` as from `papers.concave.by_method`: paired differences, mean and standard deviation
    over the seeds.
    """
    (axes,) = page(8, 3.9, edges=(0.09, 0.7, 0.15, 0.9))
    density_axis(axes, [0.11, 0.0115])
    axes.set_xticks((0.1, 0.05, 0.03, 0.02, 0.012), ["10%", "5%", "3%", "2%", "1.2%"])
    ends, told, labels = {}, [], {}
    for place, (name, (label, style)) in enumerate(SWAPS.items()):
        gaps = [tickets.paired(name, "lottery ticket", "test_accuracy", density=d)
                for d in DENSITIES]  # fmt: skip
        x = [d * (1 + 0.02 * (place - 1.5)) for d in DENSITIES]
        means = [100 * gap.mean for gap in gaps]
        axes.errorbar(x, means, yerr=[100 * gap.std for gap in gaps], ls=style, marker="o", ms=4,
                      lw=2, elinewidth=0.7, capsize=2, color=CONCAVE)  # fmt: skip
        ends[name], labels[name] = means[-1], label
        told.append(f"{label} {means[-1]:+.1f} ± {100 * gaps[-1].std:.1f}")
    axes.axhline(0, color=color_of("ticket"), lw=2, zorder=0)
    heights, last = {"ticket": 0.0}, -np.inf
    for name in sorted([*ends, "ticket"], key=lambda key: {**ends, "ticket": 0.0}[key]):
        last = max({**ends, "ticket": 0.0}[name], last + 0.24)
        heights[name] = last
    for name, height in heights.items():
        color = color_of("ticket") if name == "ticket" else CONCAVE
        words = "lottery ticket" if name == "ticket" else f"{labels[name]} {SWAPS[name][1]}"
        axes.text(0.0097, height, words, color=color, va="center", fontsize=10)
    seeds = len(next(iter(tickets.values())))
    axes.set(xlabel="weights that stay", ylabel="points ahead of the ticket", ylim=(-2.1, 1.6))
    axes.set_title(f"test accuracy, {seeds} seeds: penalty, and what moves the mask", fontsize=11)
    return (
        f"Test accuracy minus the lottery ticket's, in points, over density, {seeds} seeds. Where "
        f"1.2% of the weights stay: {'; '.join(told)}."
    )

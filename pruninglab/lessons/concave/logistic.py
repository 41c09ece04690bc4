"""Masked logistic regression: which of the trained weights are needed, for many problems at once.

Runs × regularisers × λ are one batch: the data of a run are shared by all its problems, so a step
is two matrix products for the whole grid.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor
from tqdm.auto import tqdm

from ...checks import NonNegative, Share, Whole, checked, warn
from ...ideas.concave.regularizers import Regularizer
from .fits import Labels, largest_curvature

CHECK_EVERY = 20
# How much a step that was safe grows for the next one.
LONGER = 1.25


@checked
@dataclass(frozen=True, eq=False)
class MaskSolution:
    """Masks (runs, regularisers, λ, d) in [0, 1], and how far each is from stationary.

    `distance` (runs, regularisers, λ) is ‖m − P(m − ∇)‖∞, zero at a stationary point. `steps` is
    what the slowest problem took.
    """

    masks: Float[Tensor, "runs regularizers lambdas d"]
    distance: Float[Tensor, "runs regularizers lambdas"]
    steps: Whole


@checked
def masked_logistic(
    inputs: Float[Tensor, "runs n d"],
    targets: Labels,
    weights: Float[Tensor, "runs d"],
    regularizers: Sequence[Regularizer],
    lambdas: Sequence[float],
    *,
    start: Share | Float[Tensor, "*start"] = 0.5,
    ridge: NonNegative = 0.0,
    tolerance: NonNegative = 1e-3,
    max_steps: Whole = 3000,
    progress: bool = False,
) -> MaskSolution:
    """Solve min L(X diag(θ̂), y; m) + λR(m) over [0, 1]^d for every run, regulariser and λ at once.

    `inputs` (runs, n, d), `targets` 0 or 1 (runs, n), `weights` θ̂ (runs, d). L is the summed
    cross-entropy plus ridge/2 · ‖m‖², which makes it strongly convex; `lambdas` ≥ 0. `start` is
    m₀, a number or masks that expand to the result's shape (a warm start). Projected gradient with
    Nesterov's acceleration, restarted where it turns uphill, with steps as long as the curvature
    allows; a problem is solved where ‖m − P(m − ∇)‖∞ ≤ `tolerance`, and then leaves the batch. For
    a strictly concave R that is a stationary point, which can depend on `start`. `progress` shows
    a bar if it takes longer than two seconds.

    Warns (RuntimeWarning, with how many and how far) if problems are not solved in `max_steps`.
    Source: concave-masks paper, Eqs. (1), (4) and Section IV-C. Taught in notebook 05.
    """
    lam = inputs.new_tensor(lambdas).repeat(len(regularizers)).expand(len(inputs), -1)
    kind = torch.arange(len(regularizers), device=inputs.device)
    kind = kind.repeat_interleave(len(lambdas)).expand(len(inputs), -1)
    features = inputs * weights.to(inputs)[:, None, :]
    problems = _Problems(features, targets.to(inputs), lam, kind, tuple(regularizers), ridge)
    shape = (len(inputs), len(regularizers), len(lambdas), inputs.shape[2])
    first = torch.as_tensor(start, dtype=inputs.dtype, device=inputs.device).expand(shape)
    masks = first.reshape(len(inputs), -1, inputs.shape[2])
    masks, steps = _descend(problems, masks, tolerance, max_steps, progress)
    distance = problems.distance(masks)
    late = _unsolved(distance, tolerance)
    if bool(late.any()):
        warn(
            f"{int(late.sum())} of {late.numel()} problems are not solved after {steps} steps: "
            f"‖m − P(m − ∇)‖∞ is up to {float(distance.max()):.2g}, wanted {tolerance:g}; "
            "raise max_steps",
            RuntimeWarning,
        )
    return MaskSolution(masks.reshape(shape), distance.reshape(shape[:3]), steps)


@dataclass
class _Problems:
    """Problems (runs, problems): the data of their runs, and what is penalised how."""

    features: Tensor
    targets: Tensor
    lam: Tensor
    kind: Tensor
    regularizers: tuple[Regularizer, ...]
    ridge: float

    def logits(self, masks: Tensor) -> Tensor:
        """Return what the masked classifiers say of every image, (runs, problems, n)."""
        return masks @ self.features.transpose(1, 2)

    def loss_slope(self, masks: Tensor, logits: Tensor) -> Tensor:
        """Return ∇L, (runs, problems, d)."""
        slope = (torch.sigmoid(logits) - self.targets[:, None, :]) @ self.features
        return slope.add_(masks, alpha=self.ridge) if self.ridge else slope

    def penalty_slope(self, masks: Tensor) -> Tensor:
        """Return λr′ of each problem's own regulariser."""
        slope = torch.empty_like(masks)
        for number, regularizer in enumerate(self.regularizers):
            own = self.kind == number
            slope[own] = regularizer.derivative(masks[own])
        return slope.mul_(self.lam[..., None])

    def distance(self, masks: Tensor) -> Tensor:
        """Return ‖m − P(m − ∇)‖∞ of each problem."""
        gradient = self.loss_slope(masks, self.logits(masks)) + self.penalty_slope(masks)
        return (masks - (masks - gradient).clamp(0, 1)).abs().amax(dim=-1)

    def longest_safe(self, old: Tensor, new: Tensor, moved: Tensor) -> Tensor:
        """Return the longest step for which a move from logits `old` to `new` is a descent.

        The loss bends along the move by σ′, which between two logits of one sign is largest at the
        smaller one. So the bound is sharp where images are classified with certainty, and safe.
        """
        nearest = torch.minimum(old.abs(), new.abs()).masked_fill_(old * new <= 0, 0)
        bend = torch.sigmoid(nearest)
        bend = (bend * (1 - bend) * (new - old).square_()).sum(dim=-1, keepdim=True)
        length = moved.square().sum(dim=-1, keepdim=True)
        return length / (bend + self.ridge * length).clamp_min(1e-30)

    def only(self, rows: Tensor, chosen: Tensor) -> _Problems:
        """Return these runs, and of each the problems `chosen` (rows, m)."""
        return _Problems(
            self.features[rows],
            self.targets[rows],
            _pick(self.lam, rows, chosen),
            _pick(self.kind, rows, chosen),
            self.regularizers,
            self.ridge,
        )


def _descend(
    problems: _Problems, start: Tensor, tolerance: float, max_steps: int, progress: bool
) -> tuple[Tensor, int]:
    """Return the masks and the number of steps.

    The concave penalty lies below its tangent at the present mask. The tangent's slope is
    constant, so only the loss decides how long a step may be.
    """
    result = start.clone()
    rows = torch.arange(len(start), device=start.device)
    places = torch.arange(start.shape[1], device=start.device).expand(start.shape[:2])
    shortest = _step_sizes(problems).expand(*start.shape[:2], 1)
    speed = torch.ones_like(shortest)
    now = [start, start, problems.logits(start), problems.logits(start), speed, shortest, shortest]
    with tqdm(total=max_steps, desc="masks", disable=not progress, delay=2, leave=False) as bar:
        for taken in range(max_steps + 1):
            if taken % CHECK_EVERY == 0 or taken == max_steps:
                result[rows[:, None], places] = now[0]
                going = _unsolved(problems.distance(now[0]), tolerance)
                if taken == max_steps or not bool(going.any()):
                    break
                busy, chosen = _still_going(going)
                if chosen.numel() < 0.8 * going.numel():
                    problems = problems.only(busy, chosen)
                    rows, places = rows[busy], _pick(places, busy, chosen)
                    now = [_pick(one, busy, chosen) for one in now]
                bar.update(CHECK_EVERY)
            now = _one_step(problems, *now)
    return result, taken


def _unsolved(distance: Tensor, tolerance: float) -> Tensor:
    """Tell which problems are not solved. NaN, which is near nothing, is an error."""
    if bool(distance.isnan().any()):
        raise ValueError("inputs, weights, lambdas or a regularizer give a gradient of NaN")
    return distance > tolerance


def _one_step(
    problems: _Problems,
    masks: Tensor,
    ahead: Tensor,
    logits: Tensor,
    logits_ahead: Tensor,
    speed: Tensor,
    step: Tensor,
    shortest: Tensor,
) -> list[Tensor]:
    """Descend from `ahead`, where momentum carries the masks; the same seven tensors afterwards.

    Logits are linear in the mask, so those ahead cost no product. A step that turns out too long
    is not taken: the problem tries a shorter one next time.
    """
    slope = problems.loss_slope(ahead, logits_ahead).add_(problems.penalty_slope(masks))
    reached = torch.addcmul(ahead, step, slope, value=-1).clamp_(0, 1)
    found = problems.logits(reached)
    safe = problems.longest_safe(logits_ahead, found, reached - ahead)
    good = (step <= safe) | (step <= shortest)
    shorter = torch.maximum(torch.minimum(step / 2, 0.9 * safe), shortest)
    step = torch.where(good, step * LONGER, shorter)
    moved, shift = reached - masks, found - logits
    uphill = ((ahead - reached) * moved).sum(dim=-1, keepdim=True) > 0
    speed = torch.where(uphill, torch.ones_like(speed), speed)
    faster = (1 + (1 + 4 * speed.square()).sqrt()) / 2
    momentum = (speed - 1) / faster
    new = [
        reached,
        torch.addcmul(reached, momentum, moved),
        found,
        torch.addcmul(found, momentum, shift),
        faster,
    ]
    if not bool(good.all()):
        old = (masks, ahead, logits, logits_ahead, speed)
        new = [torch.where(good, a, b) for a, b in zip(new, old, strict=True)]
    return [*new, step, shortest]


def _still_going(going: Tensor) -> tuple[Tensor, Tensor]:
    """Return the runs with unsolved problems and, per run, equally many problems with all those."""
    busy = going.any(dim=1).nonzero()[:, 0]
    most = int(going.sum(dim=1).max())
    order = going[busy].long().argsort(dim=1, descending=True, stable=True)
    return busy, order[:, :most].sort(dim=1).values


def _pick(values: Tensor, rows: Tensor, chosen: Tensor) -> Tensor:
    """Return `values` (runs, problems, …) of these rows and, in each, of the problems `chosen`."""
    if values.dim() == 3:
        chosen = chosen[..., None].expand(-1, -1, values.shape[2])
    return values[rows].gather(1, chosen)


def _step_sizes(problems: _Problems) -> Tensor:
    """Return the step 1/L that is safe anywhere: L = ‖X diag(θ̂)‖²/4 + ridge, (runs, 1, 1)."""
    norm = largest_curvature(problems.features)
    return (1 / (1.001 * (norm / 4 + problems.ridge)).clamp_min(1e-12))[:, None, None]


@checked
def loss_gradient(
    inputs: Float[Tensor, "runs n d"],
    targets: Labels,
    weights: Float[Tensor, "runs d"],
    masks: Float[Tensor, "runs *problems d"],
    ridge: NonNegative = 0.0,
) -> Float[Tensor, "runs *problems d"]:
    """Return ∇L of the summed cross-entropy plus ridge/2 · ‖m‖², at masks (runs, …, d).

    Its largest entry is the smallest λ for which the theorems hold, Eq. (6). Arguments as in
    `masked_logistic`; same shape as `masks`. Taught in notebook 05.
    """
    features = inputs * weights.to(inputs)[:, None, :]
    flat = masks.to(inputs).reshape(len(inputs), -1, inputs.shape[2])
    residual = torch.sigmoid(flat @ features.transpose(1, 2)) - targets.to(inputs)[:, None]
    return (residual @ features + ridge * flat).reshape(masks.shape)

"""Logistic regression without a mask: the weights to start from, and the ℓ1 baseline."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from jaxtyping import Bool, Float, Real
from torch import Tensor

from ...checks import Count, NonNegative, Positive, checked, warn
from ...devices import has_float64

# 0 or 1 for every image of every run.
Labels = Real[Tensor, "runs n"] | Bool[Tensor, "runs n"]
NEWTON_STEPS = 50
HALVINGS = 10


@checked
def fit_logistic(
    inputs: Float[Tensor, "runs n d"],
    targets: Labels,
    *,
    ridge: Positive = 1.0,
    tolerance: NonNegative = 1e-3,
) -> Float[Tensor, "runs d"]:
    """Fit the weights θ̂ (runs, d) of every run by Newton's method, all runs at once.

    `inputs` (runs, n, d), float32 or float64, `targets` 0 or 1 (runs, n). Minimises the summed
    cross-entropy plus ridge/2 · ‖θ‖², with `ridge` > 0: 0 and 1 can be told apart without an error,
    and without it the weights would grow for ever. ridge = 1 is scikit-learn's default C = 1. Stops
    where no entry of the gradient is above `tolerance`, and warns (RuntimeWarning) if it does not
    get there. Taught in notebook 05.
    """
    goal = targets.to(inputs)[..., None]
    eye = ridge * torch.eye(inputs.shape[2], dtype=inputs.dtype, device=inputs.device)
    theta = torch.zeros_like(inputs[:, 0, :])[..., None]
    for _ in range(NEWTON_STEPS):
        chance = torch.sigmoid(inputs @ theta)
        gradient = inputs.transpose(1, 2) @ (chance - goal) + ridge * theta
        if float(gradient.abs().max()) <= tolerance:
            return theta[..., 0]
        curved = inputs.transpose(1, 2) @ (inputs * (chance * (1 - chance))) + eye
        step = torch.linalg.solve(_for_algebra(curved), _for_algebra(gradient)).to(gradient.device)
        theta = theta - _not_uphill(inputs, goal, ridge, theta, step)
    warn(
        f"the fit stopped after {NEWTON_STEPS} steps with a gradient of "
        f"{float(gradient.abs().max()):.2g}, wanted {tolerance:g}",
        RuntimeWarning,
    )
    return theta[..., 0]


def _for_algebra(matrix: Tensor) -> Tensor:
    """Return the matrix, on the CPU if its device (Apple's) lacks linear algebra."""
    return matrix if has_float64(matrix.device) else matrix.cpu()


def largest_curvature(features: Tensor) -> Tensor:
    """Return ‖X‖², (runs,), of features X (runs, n, d)."""
    values: Tensor = torch.linalg.eigvalsh(_for_algebra(features @ features.transpose(1, 2)))
    return values[:, -1].to(features.device)


def _not_uphill(inputs: Tensor, goal: Tensor, ridge: float, theta: Tensor, step: Tensor) -> Tensor:
    """Halve Newton's step in the runs in which it would lead uphill."""

    def objective(theta: Tensor) -> Tensor:
        logits = inputs @ theta
        loss = torch.nn.functional.softplus(logits) - goal * logits
        return loss.sum(dim=1, keepdim=True) + ridge / 2 * theta.square().sum(dim=1, keepdim=True)

    # Equal up to rounding counts as down: at the minimum nothing falls any more.
    before = objective(theta) * (1 + 1e-6)
    for _ in range(HALVINGS):
        uphill = objective(theta - step) > before
        if not bool(uphill.any()):
            break
        step = torch.where(uphill, step / 2, step)
    return step


@checked
def subgradient_l1(
    inputs: Float[Tensor, "runs n d"],
    targets: Labels,
    lambdas: Sequence[float],
    *,
    steps: Count = 300,
) -> Float[Tensor, "runs lambdas d"]:
    """Train logistic regression with λ‖θ‖₁ by subgradient steps, the way libraries do it.

    `inputs` (runs, n, d), `targets` 0 or 1 (runs, n), `lambdas` ≥ 0. From zero, `steps` steps of
    length 1/L. The slope of |x| is taken as sign(x), so a weight near 0 hops over it and never
    rests there. Returns the weights (runs, λ, d). Source: concave-masks paper, Sections III-B and
    IV-C. Taught in notebook 05.
    """
    lam = inputs.new_tensor(lambdas)[:, None]
    step = (4 / largest_curvature(inputs))[:, None, None]
    theta = inputs.new_zeros((len(inputs), len(lambdas), inputs.shape[2]))
    goal = targets.to(inputs)[:, None, :]
    for _ in range(steps):
        gradient = (torch.sigmoid(theta @ inputs.transpose(1, 2)) - goal) @ inputs
        theta = theta - step * (gradient + lam * theta.sign())
    return theta


@checked
def accuracy_of(
    inputs: Float[Tensor, "runs n d"], targets: Labels, weights: Float[Tensor, "runs *problems d"]
) -> Tensor:
    """Return the share classified correctly, (runs, …) in [0, 1], by weights (runs, …, d).

    `inputs` (runs, n, d), `targets` 0 or 1 (runs, n). A logit of exactly 0, as of an empty mask,
    means class 0.
    """
    flat = weights.to(inputs).reshape(len(inputs), -1, inputs.shape[2])
    goal = targets.to(inputs.device) == 1
    right = (flat @ inputs.transpose(1, 2) > 0) == goal[:, None, :]
    return right.to(inputs.dtype).mean(dim=-1).reshape(weights.shape[:-1])

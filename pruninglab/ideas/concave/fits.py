"""Logistic regression without a mask: the weights to start from, and the ℓ1 baseline."""

from __future__ import annotations

import math
import warnings
from collections.abc import Sequence

import torch
from torch import Tensor

NEWTON_STEPS = 50
HALVINGS = 10


def fit_logistic(
    inputs: Tensor, targets: Tensor, *, ridge: float = 1.0, tolerance: float = 1e-3
) -> Tensor:
    """Fit the weights θ̂ (runs, d) of every run by Newton's method, all runs at once.

    `inputs` (runs, n, d), `targets` 0 or 1 (runs, n). Minimises the summed cross-entropy plus
    ridge/2 · ‖θ‖², with `ridge` > 0: 0 and 1 can be told apart without an error, and without it
    the weights would grow for ever. ridge = 1 is scikit-learn's default C = 1. Stops where no
    entry of the gradient is above `tolerance`, and warns (RuntimeWarning) if it does not get
    there. Raises ValueError for bad shapes, labels or ridge. Taught in notebook 05.
    """
    check_labels(inputs, targets)
    if not 0 < ridge < math.inf:
        raise ValueError(f"ridge={ridge} must be above 0 and finite")
    goal = targets.to(inputs.dtype)[..., None]
    eye = ridge * torch.eye(inputs.shape[2], dtype=inputs.dtype, device=inputs.device)
    theta = torch.zeros_like(inputs[:, 0, :])[..., None]
    for _ in range(NEWTON_STEPS):
        chance = torch.sigmoid(inputs @ theta)
        gradient = inputs.transpose(1, 2) @ (chance - goal) + ridge * theta
        if float(gradient.abs().max()) <= tolerance:
            return theta[..., 0]
        curved = inputs.transpose(1, 2) @ (inputs * (chance * (1 - chance))) + eye
        theta = theta - _not_uphill(
            inputs, goal, ridge, theta, torch.linalg.solve(curved, gradient)
        )
    warnings.warn(
        f"the fit stopped after {NEWTON_STEPS} steps with a gradient of "
        f"{float(gradient.abs().max()):.2g}, wanted {tolerance:g}",
        RuntimeWarning,
        stacklevel=2,
    )
    return theta[..., 0]


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


def subgradient_l1(
    inputs: Tensor,
    targets: Tensor,
    lambdas: Sequence[float],
    *,
    steps: int = 300,
    start: Tensor | None = None,
    keep: int = 0,
) -> tuple[Tensor, Tensor]:
    """Train logistic regression with λ‖θ‖₁ by subgradient steps, the way libraries do it.

    `inputs` (runs, n, d), `targets` 0 or 1 (runs, n), `lambdas` ≥ 0, `start` (runs, d) or zero.
    `steps` steps of length 1/L. The slope of |x| is taken as sign(x), so a weight near 0 hops over
    it and never rests there. Returns the weights (runs, λ, d) and the last `keep` iterates,
    (keep, runs, λ, d). Raises ValueError for bad shapes, labels or λ. Source: concave-masks paper,
    Sections III-B and IV-C. Taught in notebook 05.
    """
    check_labels(inputs, targets)
    lam = check_lambdas(lambdas, inputs)[:, None]
    norm = torch.linalg.eigvalsh(inputs @ inputs.transpose(1, 2))[:, -1]
    step = (4 / norm)[:, None, None]
    theta = inputs.new_zeros((len(inputs), len(lambdas), inputs.shape[2]))
    if start is not None:
        theta = theta + start[:, None, :]
    goal = targets.to(inputs.dtype)[:, None, :]
    history: list[Tensor] = []
    for number in range(steps):
        gradient = (torch.sigmoid(theta @ inputs.transpose(1, 2)) - goal) @ inputs
        theta = theta - step * (gradient + lam * theta.sign())
        if number >= steps - keep:
            history.append(theta)
    return theta, torch.stack(history) if history else theta.new_empty((0, *theta.shape))


def accuracy_of(inputs: Tensor, targets: Tensor, weights: Tensor) -> Tensor:
    """Return the share classified correctly, (runs, …) in [0, 1], by weights (runs, …, d).

    `inputs` (runs, n, d), `targets` 0 or 1 (runs, n). A logit of exactly 0, as of an empty mask,
    means class 0.
    """
    check_labels(inputs, targets)
    flat = weights.reshape(len(inputs), -1, inputs.shape[2])
    right = (flat @ inputs.transpose(1, 2) > 0) == (targets == 1)[:, None, :]
    return right.to(inputs.dtype).mean(dim=-1).reshape(weights.shape[:-1])


def check_lambdas(lambdas: Sequence[float], like: Tensor) -> Tensor:
    """Return λ as a tensor like `like`. Raises ValueError unless each is at least 0 and finite."""
    if not len(lambdas):
        raise ValueError("lambdas must not be empty")
    for value in lambdas:
        if not 0 <= value < math.inf:
            raise ValueError(f"lambdas holds {value}; each must be at least 0 and finite")
    return torch.tensor([float(value) for value in lambdas], dtype=like.dtype, device=like.device)


def check_labels(inputs: Tensor, targets: Tensor) -> None:
    """Raise ValueError unless inputs are (runs, n, d) and targets (runs, n), all 0 or 1."""
    if inputs.dim() != 3 or targets.shape != inputs.shape[:2]:
        raise ValueError(
            f"inputs {tuple(inputs.shape)} and targets {tuple(targets.shape)} do not fit: "
            "expected (runs, n, d) and (runs, n)"
        )
    others = targets[(targets != 0) & (targets != 1)]
    if len(others):
        raise ValueError(f"targets holds {float(others[0]):g}; labels must be 0 or 1")

"""Logistic regression without a mask: the weights to start from, and the ℓ1 baseline."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from jaxtyping import Bool, Float, Real
from torch import Tensor

from ..checks import Count, NonNegative, Positive, Whole, checked, warn
from ..devices import has_float64

# 0 or 1 for every image of every run.
Labels = Real[Tensor, "runs n"] | Bool[Tensor, "runs n"]
NEWTON_STEPS = 50
MOST_STEPS = 1_000_000
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
    get there. Raises ValueError for bad shapes or labels, for inputs so large that their squares
    overflow, and for a ridge so small that Newton's step is not defined, or too large. Taught in
    notebook 05.
    """
    check_labels(inputs, targets)
    check_ridge(ridge, inputs)
    goal = targets.to(inputs)[..., None]
    eye = ridge * torch.eye(inputs.shape[2], dtype=inputs.dtype, device=inputs.device)
    theta = torch.zeros_like(inputs[:, 0, :])[..., None]
    for _ in range(NEWTON_STEPS):
        chance = torch.sigmoid(inputs @ theta)
        gradient = inputs.transpose(1, 2) @ (chance - goal) + ridge * theta
        if float(gradient.abs().max()) <= tolerance:
            return theta[..., 0]
        curved = inputs.transpose(1, 2) @ (inputs * (chance * (1 - chance))) + eye
        step = _newton_step(curved, gradient, ridge)
        theta = theta - _not_uphill(inputs, goal, ridge, theta, step)
    warn(
        f"the fit stopped after {NEWTON_STEPS} steps with a gradient of "
        f"{float(gradient.abs().max()):.2g}, wanted {tolerance:g}",
        RuntimeWarning,
    )
    return theta[..., 0]


def _newton_step(curved: Tensor, gradient: Tensor, ridge: float) -> Tensor:
    if not bool(curved.isfinite().all() & gradient.isfinite().all()):
        raise ValueError(f"inputs are too large: their squares overflow {curved.dtype}")
    try:
        step: Tensor = torch.linalg.solve(_for_algebra(curved), _for_algebra(gradient))
    except RuntimeError as error:
        raise ValueError(f"ridge={ridge} is too small for these inputs: {error}") from error
    return step.to(gradient.device)


def _for_algebra(matrix: Tensor) -> Tensor:
    """Return the matrix, on the CPU if its device (Apple's) lacks linear algebra."""
    return matrix if has_float64(matrix.device) else matrix.cpu()


def largest_curvature(features: Tensor) -> Tensor:
    """Return ‖X‖², (runs,), of features X (runs, n, d). Raises ValueError if it overflows."""
    gram = features @ features.transpose(1, 2)
    if not bool(gram.isfinite().all()):
        raise ValueError(f"inputs (times weights) are too large: squares overflow {gram.dtype}")
    values: Tensor = torch.linalg.eigvalsh(_for_algebra(gram))
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
    start: Float[Tensor, "runs d"] | None = None,
    keep: Whole = 0,
) -> tuple[Tensor, Tensor]:
    """Train logistic regression with λ‖θ‖₁ by subgradient steps, the way libraries do it.

    `inputs` (runs, n, d), `targets` 0 or 1 (runs, n), `lambdas` ≥ 0, `start` (runs, d) or zero.
    `steps` steps of length 1/L. The slope of |x| is taken as sign(x), so a weight near 0 hops over
    it and never rests there. Returns the weights (runs, λ, d) and the last `keep` iterates,
    (keep, runs, λ, d). Raises ValueError for bad shapes, labels or λ, and for a run whose inputs
    are all zero: L is 0, and no step length follows from it. `steps` is at most a million. Source:
    concave-masks paper, Sections III-B and IV-C. Taught in notebook 05.
    """
    check_labels(inputs, targets)
    if steps > MOST_STEPS:
        raise ValueError(f"steps={steps} must be at most {MOST_STEPS}")
    lam = check_lambdas(lambdas, inputs)[:, None]
    norm = largest_curvature(inputs)
    if not bool((norm > 0).all()):
        raise ValueError("inputs of a run are all zero (or their squares are): there is no 1/L")
    step = (4 / norm)[:, None, None]
    theta = inputs.new_zeros((len(inputs), len(lambdas), inputs.shape[2]))
    if start is not None:
        theta = theta + start.to(inputs)[:, None, :]
    goal = targets.to(inputs)[:, None, :]
    history: list[Tensor] = []
    for number in range(steps):
        gradient = (torch.sigmoid(theta @ inputs.transpose(1, 2)) - goal) @ inputs
        theta = theta - step * (gradient + lam * theta.sign())
        if number >= steps - keep:
            history.append(theta)
    if not bool(theta.isfinite().all()):
        raise ValueError("the weights overflow: inputs are too small for these lambdas, or start")
    return theta, torch.stack(history) if history else theta.new_empty((0, *theta.shape))


@checked
def accuracy_of(
    inputs: Float[Tensor, "runs n d"], targets: Labels, weights: Float[Tensor, "runs *problems d"]
) -> Tensor:
    """Return the share classified correctly, (runs, …) in [0, 1], by weights (runs, …, d).

    `inputs` (runs, n, d), `targets` 0 or 1 (runs, n). A logit of exactly 0, as of an empty mask,
    means class 0. Raises ValueError for bad shapes or labels, and NaN or infinity.
    """
    check_labels(inputs, targets)
    check_finite("weights", weights)
    flat = weights.to(inputs).reshape(len(inputs), -1, inputs.shape[2])
    goal = targets.to(inputs.device) == 1
    right = (flat @ inputs.transpose(1, 2) > 0) == goal[:, None, :]
    return right.to(inputs.dtype).mean(dim=-1).reshape(weights.shape[:-1])


@checked
def check_lambdas(lambdas: Sequence[float], like: Float[Tensor, "runs n d"]) -> Tensor:
    """Return λ as a tensor like `like`. Raises ValueError unless each is at least 0 and fits it."""
    if not len(lambdas):
        raise ValueError("lambdas must not be empty")
    for value in lambdas:
        number = isinstance(value, float | int) and not isinstance(value, bool)
        if not (number and 0 <= value <= torch.finfo(like.dtype).max):
            raise ValueError(f"lambdas holds {value!r}; each must be at least 0 and finite")
    return torch.tensor([float(value) for value in lambdas], dtype=like.dtype, device=like.device)


@checked
def check_labels(inputs: Float[Tensor, "runs n d"], targets: Labels) -> None:
    """Raise ValueError unless inputs are finite, float32 or float64, and all targets 0 or 1."""
    if inputs.dtype not in (torch.float32, torch.float64) or not inputs.numel():
        kind = f"{str(inputs.dtype).removeprefix('torch.')} {tuple(inputs.shape)}"
        raise ValueError(f"inputs={kind} must be float32 or float64, and not empty")
    check_finite("inputs", inputs)
    others = targets[(targets != 0) & (targets != 1)]
    if len(others):
        raise ValueError(f"targets holds {float(others[0]):g}; labels must be 0 or 1")


def check_ridge(ridge: float, like: Tensor) -> None:
    """Raise ValueError if the square root of `like`'s largest number is less than the ridge."""
    largest = torch.finfo(like.dtype).max ** 0.5
    if ridge > largest:
        raise ValueError(f"ridge={ridge} must be at most {largest:.2g}, for inputs of {like.dtype}")


def check_finite(name: str, values: Tensor) -> None:
    """Raise ValueError that names what has NaN or infinity."""
    if not bool(values.isfinite().all()):
        raise ValueError(f"{name} must be finite: it has NaN or infinity")

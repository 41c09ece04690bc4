"""Which weights matter? A score maps a network and a batch to a number per weight.

A score is `score(net, batch) -> dict[str, Tensor]`: parameter names to non-negative tensors that
broadcast to the parameter, so (out, in, 1, 1) scores whole kernels. `batch` is (inputs, targets).
Two attributes are optional: `biases = True` if it scores biases too, and `samples`, how many
training images it wants in the batch. `learned_mask` is learned while the network trains.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor, nn

from ..ideas import inertial
from ..ideas.checks import check_choice
from ..ideas.concave import Regularizer
from ..ideas.nnrelief import VARIANTS, check_share, network_importance

Batch = tuple[Tensor, Tensor]
Score = Callable[[nn.Module, Batch], dict[str, Tensor]]

MASK_FORMS = ("box", "sigmoid")
SIDES = ("flat", "sharp")
PRUNABLE = (nn.Linear, nn.Conv1d, nn.Conv2d, nn.Conv3d)


def prunable(net: nn.Module, biases: bool = False) -> dict[str, Tensor]:
    """Return the prunable parameters by name: weights of Linear and Conv layers, in net order.

    `biases` adds the biases of the same layers (NNrelief prunes them too). Raises ValueError if
    the network has no such layer.

    >>> list(prunable(nn.Sequential(nn.Linear(3, 2), nn.ReLU(), nn.Linear(2, 2))))
    ['0.weight', '2.weight']
    """
    found: dict[str, Tensor] = {}
    for name, module in net.named_modules():
        if isinstance(module, PRUNABLE):
            prefix = f"{name}." if name else ""
            found[f"{prefix}weight"] = module.weight
            if biases and module.bias is not None:
                found[f"{prefix}bias"] = module.bias
    if not found:
        raise ValueError("net has no Linear or Conv layer, so nothing can be pruned")
    return found


def magnitude(net: nn.Module, batch: Batch) -> dict[str, Tensor]:
    """|w|: small weights go first. Ignores the batch. Taught in notebook 00."""
    return {name: weight.detach().abs() for name, weight in prunable(net).items()}


def random(net: nn.Module, batch: Batch) -> dict[str, Tensor]:
    """Uniform noise in [0, 1) from torch's global generator: the baseline that knows nothing.

    `prune` seeds that generator, so a run repeats. Taught in notebook 00.
    """
    return {name: torch.rand_like(weight) for name, weight in prunable(net).items()}


@dataclass(frozen=True)
class at_snapshot:
    """Let `score` judge the weights of an earlier snapshot ("init", "dense"), not today's.

    One-shot pruning ranks by the dense trained weights in every round. The pruning loop hands the
    score a network with the snapshot's weights and today's masks. Taught in notebook 02.
    """

    score: Score
    snapshot: str = "dense"

    def __call__(self, net: nn.Module, batch: Batch) -> dict[str, Tensor]:
        return self.score(net, batch)


@dataclass(frozen=True)
class nnrelief:
    """Importance: the share of a neuron's signal that comes through a connection, kernel or bias.

    Looks at the first `samples` training images. `kernels` and `residual` as in
    `ideas.nnrelief.network_importance`. The rows of a neuron sum to 1, so scores compare within a
    neuron only: use scope `neuron`. Raises ValueError for values out of range, and for a layer
    that is neither Linear nor Conv2d (named). Source: NNrelief paper, Eqs. (1) to (3). Taught in
    notebook 04.
    """

    samples: int = 1000
    kernels: str = "frobenius"
    residual: float | None = None
    biases: ClassVar[bool] = True

    def __post_init__(self) -> None:
        if not isinstance(self.samples, int) or self.samples < 1:
            raise ValueError(f"samples={self.samples!r} must be a whole number, at least 1")
        check_choice("kernels", self.kernels, VARIANTS)
        if self.residual is not None:
            check_share(self.residual, "residual")

    def __call__(self, net: nn.Module, batch: Batch) -> dict[str, Tensor]:
        inputs = batch[0][: self.samples]
        scores: dict[str, Tensor] = {}
        named = prunable(net, biases=True)
        for name, shares in network_importance(net, inputs, self.kernels, self.residual).items():
            prefix = f"{name}." if name else ""
            weight = named[f"{prefix}weight"]
            spatial = (1,) * (weight.dim() - 2)
            scores[f"{prefix}weight"] = shares[:, :-1].reshape(*weight.shape[:2], *spatial)
            if f"{prefix}bias" in named:
                scores[f"{prefix}bias"] = shares[:, -1]
        return scores


@dataclass(frozen=True)
class learned_mask:
    """A mask m in [0, 1] per weight, trained together with the weights: min L(m ⊙ θ) + λ Σ r(mᵢ).

    The pruning loop trains it in every round but the last, and takes m as the score: `regularizer`
    r is one of `ideas.concave`, `lam` = λ ≥ 0 stands before a sum over all weights, so it is small
    (the paper: 1e-6 for log, 3e-6 for l1). m starts at `start` in (0, 1), is clipped to [0, 1]
    after every step and kept between rounds; the weights' own optimizer acts on it, with
    `weight_decay` ≥ 0 of its own. `form="sigmoid"` is the ablation m = σ(βs) without clipping,
    where β grows to `steepest` during each round. Raises ValueError for a value out of range.
    Source: concave-masks paper, Algorithm 1; Section V-G for the sigmoid. Taught in notebook 05.
    """

    regularizer: Regularizer
    lam: float
    weight_decay: float = 0.0
    start: float = 0.5
    form: str = "box"
    steepest: float = 200.0

    def __post_init__(self) -> None:
        for name in ("lam", "weight_decay"):
            if not 0 <= getattr(self, name) < math.inf:
                raise ValueError(f"{name}={getattr(self, name)} must be at least 0 and finite")
        if not 0 < self.start < 1:
            raise ValueError(f"start={self.start} must lie strictly between 0 and 1")
        check_choice("form", self.form, MASK_FORMS)
        if not 1 <= self.steepest < math.inf:
            raise ValueError(f"steepest={self.steepest} must be at least 1 and finite")
        for name in ("value", "derivative"):
            if not callable(getattr(self.regularizer, name, None)):
                raise TypeError(f"regularizer={self.regularizer!r} has no function {name!r}")

    def __call__(self, net: nn.Module, batch: Batch) -> dict[str, Tensor]:
        raise TypeError("learned_mask is learned in training; give it to a recipe for `prune`")


@dataclass(frozen=True)
class leverage:
    """The mass of each weight in the flat or the sharp eigenvectors of the Hessian, in [0, 1].

    `sharp` says where the spectrum is cut: a share of the d directions, or (a whole number) how
    many, counted from the sharpest. `side="flat"` is the paper's W⁺ read literally: weights live
    that lie most in the other directions. Exact up to 5,000 parameters; beyond that, Lanczos finds
    the sharp ones, and `sharp` must be a whole number, at most a few hundred.

    Raises ValueError for another side, a cut out of range, or a share of a large network. Source:
    IMC paper, step (6), which does not say how directions become weights. Taught in notebook 06.
    """

    side: str
    sharp: float | int = 0.47
    samples: int = 500

    def __post_init__(self) -> None:
        check_choice("side", self.side, SIDES)
        if isinstance(self.sharp, int) and self.sharp < 1:
            raise ValueError(f"sharp={self.sharp} must be a whole number of at least 1, or a share")
        if isinstance(self.sharp, float) and not 0 < self.sharp < 1:
            raise ValueError(f"sharp={self.sharp} must be a share between 0 and 1, or a number")

    def __call__(self, net: nn.Module, batch: Batch) -> dict[str, Tensor]:
        curvature = inertial.hvp(net, *batch)
        count = curvature.shape[0]
        k = self.sharp if isinstance(self.sharp, int) else max(1, round(self.sharp * count))
        if count <= inertial.PARAMETERS_AT_MOST:
            vectors = torch.linalg.eigh(inertial.hessian(net, *batch)).eigenvectors
            mass = inertial.leverage(inertial.sharp_space(vectors, k))
        elif isinstance(self.sharp, int):
            _, vectors = inertial.extreme_eigenvalues(curvature, k, tolerance=1e-4)
            mass = inertial.leverage(vectors)
        else:
            raise ValueError(
                f"sharp={self.sharp} of {count:,} directions are too many to compute; give a whole "
                "number, at most a few hundred"
            )
        # The eigenvectors are a basis, so the masses on both sides sum to 1.
        return _of_weights(net, curvature, mass if self.side == "sharp" else 1 - mass)


@dataclass(frozen=True)
class curvature:
    """The second derivative of the loss by each weight, |H_ii|, or what its removal costs.

    `weighted` gives H_ii w²/2, negative ones 0: Optimal Brain Damage. `side="flat"` turns the
    order round and keeps what is flattest, as the letter of the IMC paper asks. Exact up to 5,000
    parameters, beyond that estimated by `inertial.diagonal` with `probes` products. Raises
    ValueError for another side. Source: LeCun, Denker & Solla (1989). Taught in notebook 06.
    """

    side: str
    weighted: bool = False
    samples: int = 500
    probes: int = 100

    def __post_init__(self) -> None:
        check_choice("side", self.side, SIDES)

    def __call__(self, net: nn.Module, batch: Batch) -> dict[str, Tensor]:
        operator = inertial.hvp(net, *batch)
        if operator.shape[0] <= inertial.PARAMETERS_AT_MOST:
            found = inertial.hessian(net, *batch).diagonal()
        else:
            found = inertial.diagonal(operator, self.probes)
        value = found.abs()
        if self.weighted:
            value = (found * operator.weights**2 / 2).clamp_min(0)
        return _of_weights(net, operator, value if self.side == "sharp" else value.max() - value)


def _of_weights(net: nn.Module, operator: inertial.Curvature, values: Tensor) -> dict[str, Tensor]:
    """Return the values (d,) of the prunable weights by name, in each weight's dtype."""
    by_name = operator.split(values.clamp_min(0))
    return {name: by_name[name].to(weight) for name, weight in prunable(net).items()}

"""Which weights matter? A score maps a network and images to a number per weight.

A score is `score(net, images) -> dict[str, Tensor]`: parameter names to non-negative tensors that
broadcast to the parameter, so (out, in, 1, 1) scores whole kernels. `images` is a `data.Split`:
`inputs, targets = images`. What else a score needs of the engine it declares (`needs.Needs`).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Literal

import torch
from torch import Tensor, nn

from ..checks import Count, Number, check_choice, checked
from ..data import Split
from ..ideas import imc
from ..ideas.nnrelief import VARIANTS, check_share, network_importance
from .learned import learned, learned_mask
from .needs import Needs, needs
from .prunable import outside, prunable
from .saliency import fisher, grasp, ria, snip, synflow, wanda

__all__ = [
    "at_snapshot", "curvature", "fisher", "grasp", "learned", "learned_mask", "leverage",
    "magnitude", "nnrelief", "outside", "prunable", "random", "ria", "snip", "synflow", "units",
    "wanda",
]  # fmt: skip

Score = Callable[[nn.Module, Split], dict[str, Tensor]]

SIDES = ("flat", "sharp")


@checked
def magnitude(net: nn.Module, images: Split) -> dict[str, Tensor]:
    """|w|: small weights go first. Ignores the images. Taught in notebook 00."""
    return {name: weight.detach().abs() for name, weight in prunable(net).items()}


@checked
def random(net: nn.Module, images: Split) -> dict[str, Tensor]:
    """Uniform noise in [0, 1) from torch's global generator: the baseline that knows nothing.

    `prune` seeds that generator, so a run repeats. Taught in notebook 00.
    """
    return {name: torch.rand_like(weight) for name, weight in prunable(net).items()}


@checked
def units(net: nn.Module, images: Split) -> dict[str, Tensor]:
    """‖w‖₂ of all weights that enter a unit, (out, 1, …): whole neurons and filters go together.

    Divided by the root of their number, so that layers compare. The last layer is not scored: its
    units are the outputs. Raises ValueError if there is no other. Source: Li et al. (2017), with
    the l1-norm. Taught in notebook 08.

    >>> net = nn.Sequential(nn.Linear(4, 3), nn.Linear(3, 2))
    >>> images = Split(torch.ones(1, 4), torch.tensor([0]))
    >>> {name: tuple(score.shape) for name, score in units(net, images).items()}
    {'0.weight': (3, 1)}
    """
    weights = list(prunable(net).items())[:-1]
    if not weights:
        raise ValueError("net has one layer only: its units are the outputs, which stay")
    return {
        name: weight.detach().flatten(1).square().mean(dim=1).sqrt()
        .reshape(-1, *[1] * (weight.dim() - 1))
        for name, weight in weights
    }  # fmt: skip


@checked
@dataclass(frozen=True)
class at_snapshot:
    """Let `score` judge the weights of an earlier snapshot ("init", "dense"), not today's.

    One-shot pruning ranks by the dense trained weights in every round. The pruning loop hands the
    score a network with the snapshot's weights and today's masks. Taught in notebook 02.
    """

    score: Score
    snapshot: Literal["init", "dense"] = "dense"

    @property
    def needs(self) -> Needs:
        """Those of the score, and whose weights it looks at."""
        return replace(needs(self.score), weights=self.snapshot)

    @checked
    def __call__(self, net: nn.Module, images: Split) -> dict[str, Tensor]:
        return self.score(net, images)


def _check_curved(net: nn.Module, images: Split) -> None:
    """Try one product with the Hessian: not every function has a second derivative in torch."""
    operator = imc.hessian_operator(net, *images.take(2))
    try:
        _ = operator @ torch.ones_like(operator.weights)
    except RuntimeError as error:
        raise ValueError(f"net has no second derivatives: {error}") from error


@checked
@dataclass(frozen=True)
class nnrelief:
    """Importance: the share of a neuron's signal that comes through a connection, kernel or bias.

    Looks at the first `samples` training images. `kernels` and `residual` as in
    `ideas.nnrelief.network_importance`. The rows of a neuron sum to 1, so scores compare within a
    neuron only: use scope `neuron`. Raises ValueError for values out of range, and for a layer
    that is neither Linear nor Conv2d (named). Source: NNrelief paper, Eqs. (1) to (3). Taught in
    notebook 04.
    """

    samples: Count = 1000
    kernels: str = "frobenius"
    residual: Number | None = None

    def __post_init__(self) -> None:
        check_choice("kernels", self.kernels, VARIANTS)
        if self.residual is not None:
            check_share(self.residual, "residual")

    @property
    def needs(self) -> Needs:
        """Masks for biases too, `samples` images, Linear and Conv2d layers only."""
        return Needs(biases=True, images=self.samples)

    @checked
    def __call__(self, net: nn.Module, images: Split) -> dict[str, Tensor]:
        inputs = images.inputs[: self.samples]
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


@checked
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
    samples: Count = 500

    def __post_init__(self) -> None:
        check_choice("side", self.side, SIDES)
        if isinstance(self.sharp, int) and self.sharp < 1:
            raise ValueError(f"sharp={self.sharp} must be a whole number of at least 1, or a share")
        if isinstance(self.sharp, float) and not 0 < self.sharp < 1:
            raise ValueError(f"sharp={self.sharp} must be a share between 0 and 1, or a number")

    @property
    def needs(self) -> Needs:
        """`samples` images, and a network that has as many directions as are asked for."""
        return Needs(images=self.samples, supports=self._supports, dear=True)

    def _supports(self, net: nn.Module, images: Split) -> None:
        self._check(net)
        _check_curved(net, images)

    def _check(self, net: nn.Module) -> None:
        count = sum(parameter.numel() for parameter in net.parameters())
        if isinstance(self.sharp, int) and self.sharp >= count:
            raise ValueError(f"sharp={self.sharp} must be less than the {count:,} parameters")
        if isinstance(self.sharp, float) and count > imc.PARAMETERS_AT_MOST:
            raise ValueError(
                f"sharp={self.sharp} of {count:,} directions are too many to compute; give a whole "
                "number, at most a few hundred"
            )

    @checked
    def __call__(self, net: nn.Module, images: Split) -> dict[str, Tensor]:
        self._check(net)
        curvature = imc.hessian_operator(net, *images)
        count = curvature.shape[0]
        k = self.sharp if isinstance(self.sharp, int) else max(1, round(self.sharp * count))
        if count <= imc.PARAMETERS_AT_MOST:
            vectors = torch.linalg.eigh(imc.hessian(net, *images)).eigenvectors
            mass = imc.leverage(imc.sharp_space(vectors, k))
        else:
            _, vectors = imc.extreme_eigenvalues(curvature, k, tolerance=1e-4)
            mass = imc.leverage(vectors)
        # The eigenvectors are a basis, so the masses on both sides sum to 1.
        return _of_weights(net, curvature, mass if self.side == "sharp" else 1 - mass)


@checked
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
    samples: Count = 500
    probes: Count = 100

    def __post_init__(self) -> None:
        check_choice("side", self.side, SIDES)

    @property
    def needs(self) -> Needs:
        """`samples` images, and a network that has second derivatives."""
        return Needs(images=self.samples, supports=_check_curved, dear=True)

    @checked
    def __call__(self, net: nn.Module, images: Split) -> dict[str, Tensor]:
        operator = imc.hessian_operator(net, *images)
        if operator.shape[0] <= imc.PARAMETERS_AT_MOST:
            second = imc.hessian(net, *images).diagonal()
        else:
            second = imc.diagonal(operator, self.probes)
        value = second.abs()
        if self.weighted:
            value = (second * operator.weights**2 / 2).clamp_min(0)
        return _of_weights(net, operator, value if self.side == "sharp" else value.max() - value)


def _of_weights(net: nn.Module, operator: imc.Curvature, values: Tensor) -> dict[str, Tensor]:
    """Return the values (d,) of the prunable weights by name, in each weight's dtype."""
    by_name = operator.split(values.clamp_min(0))
    return {name: by_name[name].to(weight) for name, weight in prunable(net).items()}

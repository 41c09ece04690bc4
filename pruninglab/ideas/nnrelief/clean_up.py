"""Take away what cannot matter: units that nothing reaches, and units that reach nothing."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from jaxtyping import Num
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode

from ...checks import checked
from ...modes import copied, run
from ..weights import fitting_masks
from .support import check_cleanable


@checked
def clean_up(
    net: nn.Module, masks: Mapping[str, Tensor], inputs: Num[Tensor, "samples ..."]
) -> dict[str, Tensor]:
    """Return smaller masks: only what lies on a living path from the input to an output stays.

    A connection goes if it comes out of a unit that is always 0 (no living way in, no living bias)
    or leads into one that nothing listens to. In eval mode the outputs of the network do not
    change, on any input. Convolutions are judged kernel by kernel. Weights and biases without a
    mask count as living unless they are 0; so does the shift of a batch norm, whose channel is a
    constant, not nothing, when all its kernels are gone.

    Only whether there is a path is computed, not how many or how strong: no activation can be
    saturated by it, and one that makes something of 0 (a sigmoid) counts as a source. `net` is not
    changed. `masks` are bool by parameter name; of `inputs` only the shape of
    one sample is used. Computed on the CPU; the masks come back where they were. Raises ValueError
    for a layer other than Linear, Conv2d or batch norm (named; `check_cleanable` asks before any
    training), for a mask that is not bool or does not fit and inputs that the network does not
    take, KeyError for a mask without a parameter. Source: the code of the NNrelief paper; not
    in the paper. Its units that are 0 on the pruning set have importance 0 in our scores, so the
    cut itself removes them. Taught in notebook 04.
    """
    check_cleanable(net)
    fitting_masks(net, masks)
    paths = copied(net).cpu().double().eval()
    named = dict(paths.named_parameters())
    _open_paths(paths, masks)
    for parameter in named.values():
        parameter.requires_grad_(True)
    sample = torch.ones(1, *inputs.shape[1:], dtype=torch.float64, requires_grad=True)
    with torch.enable_grad(), _Paths():
        outputs = run(paths, _Anything.apply(sample))
    if not isinstance(outputs, Tensor):
        raise ValueError(f"net returns a {type(outputs).__name__}, where a Tensor is needed")
    total = _Anything.apply(outputs).sum()
    # The gradient is (what arrives) × (what it leads to): 0 if there is no way in or no way out.
    asked = [named[name] for name in masks]
    gradients = torch.autograd.grad(total, asked, materialize_grads=True) if asked else ()
    return {
        name: mask & _by_kernel(gradient != 0).to(mask.device)
        for (name, mask), gradient in zip(masks.items(), gradients, strict=True)
    }


def _by_kernel(living: Tensor) -> Tensor:
    """Tell which connections or kernels hold anything: (out, in) or (out, in, 1, …)."""
    spatial = tuple(range(2, living.dim()))
    return living.amax(dim=spatial, keepdim=True) if spatial else living


class _Anything(torch.autograd.Function):
    """Say only whether there is something, of values forwards and of gradients backwards.

    Something is a random number from 1 to 2: such numbers do not cancel.
    """

    @staticmethod
    def forward(context: Any, values: Tensor) -> Tensor:
        return _something(values)

    @staticmethod
    def backward(context: Any, *gradients: Tensor) -> Tensor:
        return _something(gradients[0])


def _something(values: Tensor) -> Tensor:
    chance = torch.rand(values.shape, generator=torch.Generator().manual_seed(0))
    return (values != 0) * (1 + chance).to(values)


class _Operators(TorchDispatchMode):
    """Sees what a function is made of."""

    pointwise = True

    def __torch_dispatch__(
        self, operator: Any, types: Any, args: Any = (), kwargs: Any = None
    ) -> Any:
        self.pointwise &= torch.Tag.pointwise in operator.tags
        return operator(*args, **(kwargs or {}))


class _Paths(TorchFunctionMode):
    """Inside, a pointwise function hands on what comes, and adds something where it moves 0."""

    def __torch_function__(
        self, function: Any, types: Any, args: Any = (), kwargs: Any = None
    ) -> Any:
        name, kwargs = function.__name__, kwargs or {}
        if name == "__get__" or name == "detach":
            return args[0] if function in STOPS else function(*args, **kwargs)
        data = [part for part in (*args, *kwargs.values()) if _is_data(part)]
        if data and not any(isinstance(part, nn.Parameter) for part in data):
            at_zero = _if_pointwise(function, args, kwargs)
            if at_zero is not None:
                made = sum(data, (at_zero != 0).double())
                return args[0].copy_(made) if _in_place(name) else _Anything.apply(made)
        with torch.enable_grad():
            made = function(*args, **kwargs)
        fresh = _is_data(made) and not made._is_view() and not _in_place(name)
        return _Anything.apply(made) if fresh else made


# They would hide a path from its gradient.
STOPS = (Tensor.detach, Tensor.data.__get__)  # type: ignore[attr-defined]


def _in_place(name: str) -> bool:
    return (name.endswith("_") and not name.endswith("__")) or name.startswith("__i")


def _is_data(part: Any) -> bool:
    return isinstance(part, Tensor) and part.requires_grad


def _if_pointwise(function: Any, args: Any, kwargs: Any) -> Tensor | None:
    """Return what a function of single numbers makes of zeros; None for any other function."""

    def zeros(part: Any) -> Any:
        return torch.zeros_like(part) if _is_data(part) else part

    with torch.no_grad():
        given, named = [zeros(part) for part in args], {n: zeros(p) for n, p in kwargs.items()}
        with _Operators() as operators:  # type: ignore[no-untyped-call]
            made = function(*given, **named)
    floating = isinstance(made, Tensor) and made.is_floating_point()
    return made if floating and operators.pointwise else None


@torch.no_grad()
def _open_paths(net: nn.Module, masks: Mapping[str, Tensor]) -> None:
    """Replace living weights by 1 and dead ones by 0."""
    for name, module in net.named_modules():
        if isinstance(module, nn.modules.batchnorm._BatchNorm):
            _pass_through(module)
            continue
        prefix = f"{name}." if name else ""
        for part, parameter in module.named_parameters(recurse=False):
            mask = masks.get(prefix + part)
            alive = parameter != 0 if mask is None else mask.to(parameter.device)
            parameter.copy_(_by_kernel(alive))


def _pass_through(norm: nn.modules.batchnorm._BatchNorm) -> None:
    """Make a batch norm hand on its input, and add something where it shifts 0."""
    ones = constant = torch.ones(norm.num_features, dtype=torch.float64)
    if norm.running_mean is not None and norm.running_var is not None:
        scale = (norm.running_var + norm.eps).rsqrt()
        scale = scale if norm.weight is None else scale * norm.weight
        shift = 0.0 if norm.bias is None else norm.bias
        constant = ((shift - scale * norm.running_mean) != 0).double()
    # Given where they lack: a norm may have no statistics, or no weight and bias.
    norm.running_mean, norm.running_var = torch.zeros_like(ones), ones
    for name, values in (("weight", ones), ("bias", constant)):
        if getattr(norm, name) is None:
            setattr(norm, name, nn.Parameter(values))
        else:
            getattr(norm, name).copy_(values)

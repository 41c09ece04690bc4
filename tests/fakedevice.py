"""A second device for machines that have none: CPU memory that says it is cuda:0 or mps:0.

    with fake_device("cuda") as device:
        net.to(device)

Inside, torch reports such a device, `.to`, `.cuda`, `device=` and `new_*` put tensors there, and
every operation computes what the CPU computes, bit for bit. What a real device refuses is refused:
tensors of two devices in one operation, `.numpy()`, a CPU generator; on "mps" also float64 and the
linear algebra that Apple's device lacks. After the block torch is as it was.

How: `FakeTensor` wraps a CPU tensor and sees every ATen operation (`__torch_dispatch__`); the
wrapper itself lies on the CPU, so `Report` answers Python's questions about devices and moves
tensors (`__torch_function__`). Not covered: other threads, `torch.Generator(device)`, time, memory.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import cache
from typing import Any
from unittest import mock

import torch
import torch._dynamo  # Loaded before a device is faked: it asks for the real one.
from torch import Tensor
from torch.overrides import TorchFunctionMode
from torch.utils._pytree import tree_leaves, tree_map

KINDS = ("cuda", "mps")
WIDE = (torch.float64, torch.complex128)
COPIES = ("copy_", "_copy_from", "_foreach_copy_")
# A tensor on a device may be indexed by one on the CPU.
INDEXING = ("index", "index_put", "index_put_", "_index_put_impl_", "_unsafe_index")
# Operations that take no CPU numbers (tensors of no dimension) beside a device's tensors.
NO_NUMBERS = ("cat", "stack", "mm", "addmm", "bmm", "mv", "dot", "index_select", "gather")
# They make CPU tensors of their own inside, so only their arguments are checked.
COMPOSITE = (torch.quantile, torch.Tensor.quantile, torch.nanquantile, torch.linalg.matrix_rank)
MPS_LACKS = ("_linalg_eigh", "linalg_eig", "_linalg_eigvals", "linalg_qr", "linalg_lstsq",
             "geqrf", "histc", "kthvalue", "_cdist_forward")  # fmt: skip
NO_WIDE = (
    "Cannot convert a MPS Tensor to float64 dtype as the MPS framework doesn't support float64. "
    "Please use float32 instead."
)


class FakeTensor(Tensor):
    """A CPU tensor in `held` that is taken for one on the fake device."""

    held: Tensor
    kind = "cuda"

    @staticmethod
    def __new__(cls, held: Tensor, requires_grad: bool = False) -> FakeTensor:
        """Wrap `held` without a copy; on mps, refuse float64 with torch's own TypeError."""
        if cls.kind == "mps" and held.dtype in WIDE:
            raise TypeError(NO_WIDE)
        self = torch.Tensor._make_wrapper_subclass(
            cls,
            held.size(),
            strides=held.stride(),
            storage_offset=held.storage_offset(),
            dtype=held.dtype,
            device="cpu",
            requires_grad=requires_grad,
        )
        self.held = held
        return self

    __torch_function__ = torch._C._disabled_torch_function_impl

    def __repr__(self, *, tensor_contents: object = None) -> str:
        """Show the numbers and the device."""
        return f"{self.held!r} on fake {self.kind}:0"

    @classmethod
    def __torch_dispatch__(
        cls, func: Any, types: object, args: tuple[Any, ...] = (), kwargs: Any = None
    ) -> Any:
        """Compute an ATen operation on the CPU tensors inside; wrap what comes out."""
        kwargs = kwargs or {}
        name, mutates = _known_as(func)
        tensors = _tensors([*args, *kwargs.values()])
        _check_operation(name, mutates, args, tensors, kwargs)
        out = func(*_changed(_inside, args), **{k: _changed(_inside, v) for k, v in kwargs.items()})
        if name in COPIES and not _is_fake(args[0]):
            return out
        # In-place operations give back the tensor that they were given, not a new wrapper.
        known = {id(t.held): t for t in tensors if isinstance(t, FakeTensor)}
        return _changed(lambda value: _outside(value, known), out)


@cache
def _known_as(func: Any) -> tuple[str, bool]:
    """Return the name of an ATen operation, and whether it changes its arguments."""
    return func._schema.name.removeprefix("aten::"), func._schema.is_mutable


def _changed(change: Callable[[Any], Any], value: Any) -> Any:
    """Apply `change` to a value or to all that lists and tuples hold: ATen knows nothing else.

    What `tree_map` does, without what it has for any container.
    """
    if isinstance(value, (list, tuple)):
        return type(value)([_changed(change, part) for part in value])
    return change(value)


def _tensors(values: list[Any]) -> list[Tensor]:
    found: list[Tensor] = []
    for value in values:
        if isinstance(value, Tensor):
            found.append(value)
        elif isinstance(value, (list, tuple)):
            found.extend(part for part in value if isinstance(part, Tensor))
    return found


def _is_fake(value: object) -> bool:
    return isinstance(value, FakeTensor)


def _inside(value: Any) -> Any:
    return value.held if isinstance(value, FakeTensor) else value


def _outside(value: Any, known: dict[int, FakeTensor]) -> Any:
    """Wrap a tensor, unless it is one of those `known` by what they hold."""
    if not isinstance(value, Tensor):
        return value
    fake = known.get(id(value))
    return FakeTensor(value) if fake is None else fake


def _indexes(value: Any) -> Any:
    """Move an index to the device, as setting items does."""
    return FakeTensor(value) if isinstance(value, Tensor) and not _is_fake(value) else value


def _check_operation(
    name: str, mutates: bool, args: tuple[Any, ...], tensors: list[Tensor], kwargs: Any
) -> None:
    """Raise what a real device raises for tensors of two devices, or for what it cannot do."""
    here = f"{FakeTensor.kind}:0"
    if FakeTensor.kind == "mps" and name.startswith(MPS_LACKS):
        raise NotImplementedError(f"aten::{name} is not implemented for the MPS device")
    if kwargs.get("generator") is not None:
        raise RuntimeError(f"Expected a '{FakeTensor.kind}' device type for generator, found 'cpu'")
    if name in COPIES:
        return
    if name in INDEXING and _is_fake(args[0]):
        tensors = [t for t in tree_leaves(args[2:]) if isinstance(t, Tensor)]
    on_cpu = [t for t in tensors if not _is_fake(t) and (t.dim() or name in NO_NUMBERS)]
    if on_cpu or (mutates and isinstance(args[0], Tensor) and not _is_fake(args[0])):
        raise RuntimeError(
            f"Expected all tensors to be on the same device, but found {here} and cpu! ({name})"
        )


class _Up(torch.autograd.Function):
    @staticmethod
    def forward(ctx: object, tensor: Tensor) -> Tensor:  # type: ignore[override]
        return FakeTensor(tensor.detach().clone())

    @staticmethod
    def backward(ctx: object, gradient: Tensor) -> Tensor:  # type: ignore[override]
        return down(gradient)


class _Down(torch.autograd.Function):
    @staticmethod
    def forward(ctx: object, tensor: Tensor) -> Tensor:  # type: ignore[override]
        return _inside(tensor).detach().clone()

    @staticmethod
    def backward(ctx: object, gradient: Tensor) -> Tensor:  # type: ignore[override]
        return up(gradient)


def up(tensor: Tensor) -> Tensor:
    """Copy a tensor to the fake device, as `.to` does; gradients flow through."""
    return tensor if _is_fake(tensor) else _Up.apply(tensor)


def down(tensor: Tensor) -> Tensor:
    """Copy a tensor to the CPU; gradients flow through."""
    return _Down.apply(tensor) if _is_fake(tensor) else tensor


class Report(TorchFunctionMode):
    """Answer for the fake device wherever Python code asks torch about devices."""

    def __torch_function__(
        self, func: Any, types: object, args: tuple[Any, ...] = (), kwargs: Any = None
    ) -> Any:
        """Answer what `ANSWERS` knows, move what is to be moved, and leave the rest to torch."""
        kwargs = dict(kwargs or {})
        first = args[0] if args else None
        if func in ANSWERS and _is_fake(first):
            return ANSWERS[func](first, *args[1:], **kwargs)
        if func is Tensor.to:
            return _to(*args, **kwargs)
        if func is Tensor.cpu:
            return down(*args)
        if func in (Tensor.cuda, getattr(Tensor, "mps", None)):
            return up(*args)
        if func is Tensor.__setitem__ and _is_fake(first):
            return func(first, tree_map(_indexes, args[1]), args[2])
        if func in COMPOSITE and _is_fake(first):
            tensors = [t for t in tree_leaves((args, kwargs)) if isinstance(t, Tensor)]
            _check_operation(func.__name__, False, args, tensors, kwargs)
            return up(func(*tree_map(down, args), **tree_map(down, kwargs)))
        if kwargs.get("device") is not None or func in FOLLOWS:
            return _made(func, args, kwargs)
        return func(*args, **kwargs)


def _refuse_numpy(tensor: Tensor, *args: object, **kwargs: object) -> None:
    raise TypeError(
        f"can't convert {FakeTensor.kind}:0 device type tensor to numpy. "
        "Use Tensor.cpu() to copy the tensor to host memory first."
    )


def _deepcopy(tensor: Tensor, memo: dict[int, Any]) -> Tensor:
    """Copy a leaf, a parameter staying one, as `Tensor.__deepcopy__` does."""
    if not tensor.is_leaf:
        raise RuntimeError("Only Tensors created explicitly by the user support deepcopy")
    if id(tensor) in memo:
        return memo[id(tensor)]
    copy = FakeTensor(_inside(tensor).detach().clone()).requires_grad_(tensor.requires_grad)
    if isinstance(tensor, torch.nn.Parameter):
        copy = torch.nn.Parameter(copy, tensor.requires_grad)
    if tensor.grad is not None:
        copy.grad = _deepcopy(tensor.grad, memo)
    memo[id(tensor)] = copy
    return copy


ANSWERS = {
    Tensor.device.__get__: lambda t: torch.device(FakeTensor.kind, 0),
    Tensor.is_cpu.__get__: lambda t: False,
    Tensor.is_cuda.__get__: lambda t: FakeTensor.kind == "cuda",
    Tensor.is_mps.__get__: lambda t: FakeTensor.kind == "mps",
    Tensor.get_device: lambda t: 0,
    Tensor.numpy: _refuse_numpy,
    Tensor.__array__: _refuse_numpy,
    Tensor.tolist: lambda t: _inside(t).detach().tolist(),
    Tensor.__format__: lambda t, spec: format(_inside(t).detach(), spec),
    Tensor.__deepcopy__: _deepcopy,
}
# Made where their first argument lies, unless `device` says otherwise.
LIKE = tuple(
    getattr(torch, f"{name}_like") for name in ("zeros", "ones", "empty", "full", "rand", "randn")
)
NEW = tuple(getattr(Tensor, f"new_{name}") for name in ("zeros", "ones", "empty", "full", "tensor"))
FOLLOWS = (*LIKE, *NEW, torch.tensor, torch.as_tensor, torch.asarray)


def _names_fake(device: object) -> bool:
    """Tell whether a `device` argument is the fake one; a bare number means the accelerator."""
    if isinstance(device, int):
        return True
    return torch.device(device).type == FakeTensor.kind  # type: ignore[arg-type]


def _made(func: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Tensor:
    """Make a tensor on the CPU from what lies inside the arguments, then put it on its device."""
    device = kwargs.pop("device", None)
    follows = func in FOLLOWS and bool(args) and _is_fake(args[0])
    there = follows if device is None else _names_fake(device)
    if there and kwargs.get("generator") is not None:
        raise RuntimeError(f"Expected a '{FakeTensor.kind}' device type for generator, found 'cpu'")
    if there and follows and func in (torch.as_tensor, torch.asarray):
        return args[0].to(kwargs.get("dtype", args[0].dtype))
    if follows:
        args = (_inside(args[0]), *args[1:])
    if device is not None and not there:
        kwargs["device"] = device
    made = func(*args, **kwargs)
    if not there:
        return made
    leaf = FakeTensor(made.detach())
    return leaf.requires_grad_() if made.requires_grad else leaf


def _to(tensor: Tensor, *args: Any, **kwargs: Any) -> Tensor:
    """Do `Tensor.to`: split what it was given into a device and the rest."""
    device, other = kwargs.pop("device", None), kwargs.pop("other", None)
    rest = []
    for value in args:
        if isinstance(value, Tensor):
            other = value
        elif isinstance(value, (str, torch.device)) or type(value) is int:
            device = value
        else:
            rest.append(value)
    if other is not None:
        device, rest = FakeTensor.kind if _is_fake(other) else "cpu", [other.dtype, *rest]
    # `non_blocking` says nothing here, and alone torch would take it for a device.
    rest = [value for value in rest if isinstance(value, torch.dtype)]
    converts = bool(rest) or any(isinstance(value, torch.dtype) for value in kwargs.values())
    if device is not None:
        tensor = tensor if _names_fake(device) else down(tensor)
    out = tensor.to(*rest, **kwargs) if converts or kwargs else tensor
    return up(out) if device is not None and _names_fake(device) else out


@contextmanager
def fake_device(kind: str) -> Iterator[torch.device]:
    """Give this process a device "cuda" or "mps" for a block; undo everything afterwards."""
    if kind not in KINDS:
        raise ValueError(f"kind={kind!r} is not known; choose from {KINDS}")
    swaps = torch.__future__.get_swap_module_params_on_conversion()
    patches = {
        "torch.cuda.is_available": lambda: kind == "cuda",
        "torch.cuda.device_count": lambda: int(kind == "cuda"),
        "torch.cuda.get_device_name": lambda *args: "fake",
        "torch.cuda.get_device_capability": lambda *args: (7, 0),
        "torch.cuda.synchronize": lambda *args: None,
        "torch.mps.synchronize": lambda *args: None,
        "torch.backends.mps.is_available": lambda: kind == "mps",
        # The optimizers ask the driver whether a graph is being captured, in old and new words.
        "torch.optim.Optimizer._cuda_graph_capture_health_check": lambda self: None,
        "torch.optim.Optimizer._accelerator_graph_capture_health_check": lambda self: None,
    }
    with ExitStack() as stack:
        stack.enter_context(mock.patch.object(FakeTensor, "kind", kind))
        for name, answer in patches.items():
            stack.enter_context(mock.patch(name, answer, create=True))
        # `net.to` cannot write a wrapper into a CPU parameter's memory: it swaps the two.
        torch.__future__.set_swap_module_params_on_conversion(True)
        stack.callback(torch.__future__.set_swap_module_params_on_conversion, swaps)
        stack.enter_context(Report())
        yield torch.device(kind, 0)

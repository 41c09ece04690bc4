"""Zeros out for real: a smaller network without the units and filters that say nothing.

A unit (a neuron, a filter) is dead if no living weight enters it: what it hands on is a constant,
which goes into the next layer's bias. It is unread if no living weight of the next layer looks at
it: it can go, and the outputs stay what they were.
"""

from __future__ import annotations

import warnings
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode

from .checks import checked
from .choices.scores import prunable
from .devices import accurate, move_to
from .modes import Refused, copied, run, watching

__all__ = ["remove_dead"]

CONVOLUTIONS = (nn.Conv1d, nn.Conv2d, nn.Conv3d)
LAYERS = (nn.Linear, *CONVOLUTIONS)
NORMS = (nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d)
# They treat every unit by itself: a stack of these needs no graph.
UNITWISE = (
    *NORMS, nn.Identity, nn.Flatten, nn.Dropout, nn.Dropout1d, nn.Dropout2d, nn.Dropout3d,
    nn.ReLU, nn.ReLU6, nn.LeakyReLU, nn.ELU, nn.SELU, nn.CELU, nn.GELU, nn.SiLU, nn.Mish, nn.Tanh,
    nn.Sigmoid, nn.Softplus, nn.Softsign, nn.Hardtanh, nn.Hardswish, nn.Hardsigmoid, nn.LogSigmoid,
    nn.MaxPool1d, nn.MaxPool2d, nn.MaxPool3d, nn.AvgPool1d, nn.AvgPool2d, nn.AvgPool3d,
    nn.AdaptiveAvgPool1d, nn.AdaptiveAvgPool2d, nn.AdaptiveAvgPool3d,
    nn.AdaptiveMaxPool1d, nn.AdaptiveMaxPool2d, nn.AdaptiveMaxPool3d,
)  # fmt: skip
# By so much, relative to the largest output, the small network may differ.
TOLERANCE = 1e-5
# Where a product's two factors stand among the arguments of torch's operators.
PRODUCTS = {"convolution": 0, "mm": 0, "bmm": 0, "mv": 0, "addmm": 1, "baddbmm": 1, "addmv": 1}


@dataclass(frozen=True)
class Units:
    """Units that go together: where they stand in the layers that make and in those that read.

    By the layer's name, (units, places): several places if images were flattened. A depthwise
    convolution and a batch norm make their units anew.
    """

    rows: Mapping[str, Tensor]
    columns: Mapping[str, Tensor]


@checked
def remove_dead(net: nn.Module, inputs: Float[Tensor, "images ..."]) -> nn.Module:
    """Return a smaller copy of `net`, in eval mode, without the units that say nothing.

    Dead is a unit whose weights are exactly 0, as `Masks.apply_` leaves them: what it hands on
    (its bias, through batch norm and activation) is added to the biases behind it. Where these
    look at a constant through zero padding it is no constant at the border; there one unit stays
    and carries the constants of all. A unit at which nobody looks goes too. Inputs and outputs
    stay; so does one unit of every layer, and what cannot leave alone: a unit that still says
    something other than a constant (a dead channel that is scaled by a gate, or padded in front of
    a depthwise convolution), units beside other grouped convolutions, units that something mixes
    (layer norm, attention), layers that are called twice or not at all, tied weights.

    Plain stacks (nn.Sequential) are cut by our own lines; every other network, shortcuts and all,
    along the dependencies that torch-pruning (extra `deploy`) finds. What is constant is computed,
    not observed: with images of NaN, whatever is a number does not hang on the images. `inputs` are
    a few images, on which both networks must agree to 1e-5. Raises ValueError for a network that
    cannot be followed (it compares numbers, torch-pruning fails), that has a layer without a plain
    weight (named), or whose outputs would differ. Taught in notebook 08.

    >>> net = nn.Sequential(nn.Linear(2, 3), nn.ReLU(), nn.Linear(3, 2))
    >>> nn.init.zeros_(net[0].weight[1].data)
    tensor([0., 0.])
    >>> remove_dead(net, torch.ones(1, 2))[0]
    Linear(in_features=2, out_features=2, bias=True)
    """
    if not len(inputs):
        raise ValueError("inputs holds no image; one is needed")
    prunable(net)
    small = copied(net).eval()
    move_to(small, inputs)
    layers, expected = _own_layers(small, inputs)
    _fold_constants(small, layers, inputs)
    stack = all(type(part) in (*LAYERS, *UNITWISE, nn.Sequential) for part in small.modules())
    links = _links_of_stack(layers, small) if stack else _links_of_graph(layers, small, inputs)
    if not _stay_apart(small, inputs, links, _unread(small, links)):
        alone = [[link] for link in links]
        links = [one[0] for one in alone if _stay_apart(small, inputs, one, _unread(small, one))]
    _cut(small, links, _unread(small, links))
    _check_same(expected, _outputs(small, inputs))
    return small


@torch.no_grad()
def _outputs(net: nn.Module, inputs: Tensor) -> Tensor:
    outputs = run(net, inputs.clone())
    if not isinstance(outputs, Tensor):
        raise ValueError(f"net returns {type(outputs).__name__}; it must return one tensor")
    return outputs


def _check_same(expected: Tensor, outputs: Tensor) -> None:
    """Refuse a small network that says something else: the last guard, whatever was cut."""
    if expected.shape != outputs.shape:
        raise ValueError("net cannot be shrunk: its own outputs are among the units that go")
    scale = max(1.0, float(expected.abs().max()))
    gap = float((expected - outputs).abs().max())
    if not gap <= TOLERANCE * scale:
        raise ValueError(f"net cannot be shrunk: the outputs on inputs would differ by {gap:.1e}")


def _own_layers(net: nn.Module, inputs: Tensor) -> tuple[dict[str, Any], Tensor]:
    """Return layers and norms that run once, with weights of their own; and the outputs."""
    uses = Counter(parameter for _, parameter in net.named_parameters(remove_duplicate=False))
    layers: dict[str, Any] = {
        name: module
        for name, module in net.named_modules()
        if type(module) in (*LAYERS, *NORMS)
        and all(uses[parameter] == 1 for parameter in module.parameters())
    }
    calls: Counter[str] = Counter()
    with watching(layers, lambda name, _: calls.update([name])):
        outputs = _outputs(net, inputs)
    return {name: layers[name] for name, count in calls.items() if count == 1}, outputs


class _Unknown(TorchDispatchMode):
    """Inside, NaN is what nobody knows: whatever hangs on it is NaN, and nothing else is.

    So torch computes it by itself, but for products: 0 times anything is 0 here.
    """

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]

    def __torch_dispatch__(
        self, operator: Any, types: Any, args: Any = (), kwargs: Any = None
    ) -> Any:
        name, kwargs = operator.overloadpacket.__name__, kwargs or {}
        if name in PRODUCTS:
            return _product(operator, args, kwargs, PRODUCTS[name], PRODUCTS[name] + 1)
        outputs = operator(*args, **kwargs)
        factors = [part for part in args if isinstance(part, Tensor) and part.is_floating_point()]
        if name == "mul" and len(factors) == 2:
            return outputs.masked_fill((factors[0] == 0) | (factors[1] == 0), 0)
        numbers = isinstance(outputs, Tensor) and outputs.is_floating_point()
        decides = not numbers and not isinstance(outputs, (tuple, list))
        if decides and any(bool(part.isnan().any()) for part in factors):
            raise Refused(f"net decides by its numbers ({name}): its units cannot be followed")
        return outputs


def _product(operator: Any, args: Any, kwargs: Any, left: int, right: int) -> Tensor:
    """Multiply so that only NaN times a living number is NaN."""
    factors = list(args)
    if not any(bool(factors[i].isnan().any()) for i in (left, right)):
        result: Tensor = operator(*args, **kwargs)
        return result
    for i in (left, right):
        factors[i] = factors[i].nan_to_num(0, 0, 0)
    result = operator(*factors, **kwargs)
    for unknown, other in ((left, right), (right, left)):
        marks = list(args)
        marks[unknown], marks[other] = args[unknown].isnan(), args[other] != 0
        marks[left], marks[right] = marks[left].to(result), marks[right].to(result)
        if left == 1:
            marks[0] = torch.zeros_like(marks[0])
        elif operator.overloadpacket.__name__ == "convolution":
            marks[2] = None
        result = result.masked_fill(operator(*marks, **kwargs) > 0.5, torch.nan)
    return result


@torch.no_grad()
def _fold_constants(net: nn.Module, layers: Mapping[str, Any], inputs: Tensor) -> None:
    """Let layers look no longer at what is constant, whatever the images."""
    seen: dict[str, Tensor] = {}
    readers = {name: layer for name, layer in layers.items() if isinstance(layer, LAYERS)}
    with watching(readers, seen.__setitem__), _Unknown():
        _outputs(net, torch.full_like(inputs, torch.nan))
    for name, layer in readers.items():
        given = accurate(seen[name])
        values = given.movedim(given.dim() + 1 - layer.weight.dim(), 0).flatten(1)
        low, high = values.amin(dim=1), values.amax(dim=1)
        same = high - low <= TOLERANCE / 10 * (1 + high.abs())
        _fold_into(layer, same, torch.where(same, (low + high) / 2, 0))


def _fold_into(layer: Any, constant: Tensor, values: Tensor) -> None:
    """Let one layer do without inputs that are always the same."""
    groups = getattr(layer, "groups", 1)
    weight = accurate(layer.weight.detach())
    columns = weight.reshape(groups, len(weight) // groups, weight.shape[1], -1).clone()
    by_group = values.to(weight.device).reshape(groups, 1, -1, 1)
    here = constant.to(weight.device).reshape(groups, 1, -1, 1).expand_as(columns)
    carried = torch.where(here, columns * by_group, 0)
    if not _pads(layer):
        if bool((carried != 0).any()):
            _add_to_bias(layer, carried.sum(dim=(2, 3)).flatten())
    elif groups > 1:
        here = here & (by_group == 0)
    elif bool(values.any()):
        # At the border a padded constant is none: one unit carries those of all, border and all.
        carrier = int(values.abs().argmax())
        columns[:, :, carrier] = carried.sum(dim=2) / by_group[:, :, carrier]
        here = here.clone()
        here[:, :, carrier] = False
    layer.weight.copy_(columns.masked_fill(here, 0).reshape(weight.shape))


def _pads(layer: Any) -> bool:
    """Whether a constant is no longer one at the border."""
    return (
        isinstance(layer, CONVOLUTIONS)
        and layer.padding_mode == "zeros"
        and layer.padding != "valid"
        and (layer.padding == "same" or any(layer.padding))
    )


def _add_to_bias(layer: Any, change: Tensor) -> None:
    if layer.bias is None:
        zeros = layer.weight.new_zeros(len(layer.weight))
        layer.bias = nn.Parameter(zeros, requires_grad=layer.weight.requires_grad)
    bias = accurate(layer.bias.detach())
    layer.bias.copy_(bias + change.to(bias.device))


def _links_of_stack(layers: Mapping[str, Any], net: nn.Module) -> list[Units]:
    """Return the rows of units of a plain stack, first to last; its outputs are none."""
    leaves: list[tuple[str, Any]] = [
        m for m in net.named_modules() if type(m[1]) in (*LAYERS, *UNITWISE)
    ]
    at = [i for i, (_, module) in enumerate(leaves) if isinstance(module, LAYERS)]
    links = []
    for first, second in pairwise(at):
        makers = {name: m for name, m in leaves[first:second] if isinstance(m, (*LAYERS, *NORMS))}
        name, reader = leaves[second]
        units = len(leaves[first][1].weight)
        groups = [getattr(end, "groups", 1) for end in (leaves[first][1], reader)]
        if max(groups) == 1 and {name, *makers} <= set(layers):
            rows = {n: torch.arange(_width(m)).reshape(units, -1) for n, m in makers.items()}
            seen = torch.arange(reader.weight.shape[1]).reshape(units, -1)
            links.append(Units(rows, {name: seen}))
    return links


def _width(module: Any) -> int:
    return module.num_features if isinstance(module, NORMS) else len(module.weight)


def _graph_of(net: nn.Module, inputs: Tensor) -> Any:
    """Return torch-pruning's graph of a network. Raises ValueError where it cannot follow."""
    try:
        import torch_pruning
    except ImportError as error:
        raise ValueError(
            "net is no plain stack (nn.Sequential of known layers): its shortcuts are followed by "
            "torch-pruning, which is not installed: pip install torch-pruning"
        ) from error
    trained = {parameter: parameter.requires_grad for parameter in net.parameters()}
    try:
        # Traced along gradients, so frozen layers too must have them for a while.
        net.requires_grad_(True)
        with torch.enable_grad(), warnings.catch_warnings():
            # It would go on for hours.
            warnings.filterwarnings("error", "Maximum recursive depth")
            graph = torch_pruning.DependencyGraph()
            graph.build_dependency(net, inputs.clone(), verbose=False)
    except Exception as error:
        kind = f"{type(error).__name__}: {error}"
        raise ValueError(f"net cannot be followed by torch-pruning ({kind})") from error
    finally:
        for parameter, asked in trained.items():
            parameter.requires_grad_(asked)
    return graph


def _links_of_graph(layers: Mapping[str, Any], net: nn.Module, inputs: Tensor) -> list[Units]:
    """Return the rows of units of any network, as torch-pruning finds them."""
    graph = _graph_of(net, inputs)
    names: dict[nn.Module, str] = {module: name for name, module in layers.items()}
    links: list[Units] = []
    covered: set[str] = set()
    for name, layer in layers.items():
        if not isinstance(layer, LAYERS) or name in covered or layer not in graph.module2node:
            continue
        cutter = graph.get_pruner_of_module(layer).prune_out_channels
        try:
            group = graph.get_pruning_group(layer, cutter, list(range(len(layer.weight))))
        except (ArithmeticError, LookupError, AssertionError, RuntimeError):
            continue  # It loses track of these units, so they stay.
        link = _link_of_group(graph, group, names, len(layer.weight))
        if link:
            covered |= set(link.rows)
            links.append(link)
    return links


def _link_of_group(
    graph: Any, group: Any, names: Mapping[nn.Module, str], units: int
) -> Units | None:
    """Sort the members of a group of torch-pruning; None if its units cannot go alone."""
    rows: dict[str, Tensor] = {}
    columns: dict[str, Tensor] = {}
    for member in group:
        module = member.dep.target.module
        if isinstance(module, nn.Module) and module not in names:
            if type(module).__name__ == "_OutputOp" or any(True for _ in module.parameters()):
                return None
            continue
        order = torch.tensor(member.root_idxs).argsort(stable=True)
        if isinstance(module, nn.Parameter) or len(order) % units:
            return None
        places = torch.tensor(member.idxs)[order].reshape(units, -1)
        groups = getattr(module, "groups", 1)
        if groups > 1 and not groups == module.in_channels == module.out_channels:
            return None
        name = names[module]
        makes = isinstance(module, NORMS) or graph.is_out_channel_pruning_fn(member.dep.handler)
        if int(places.max()) >= (_width(module) if makes else module.weight.shape[1] * groups):
            return None  # Where channels are shuffled it counts beyond the layer's own.
        (rows if makes else columns)[name] = places
    return Units(rows, columns) if columns else None


@torch.no_grad()
def _unread(net: nn.Module, links: list[Units]) -> list[Tensor]:
    """Tell for each row of units which go: no reader that stays looks at them: bool (units,)."""
    keeps: dict[str, Tensor] = {}
    gone: list[Tensor] = [torch.zeros(0)] * len(links)
    changed = True
    while changed:
        changed = False
        for i in reversed(range(len(links))):
            looks = []
            for name, places in links[i].columns.items():
                layer: Any = net.get_submodule(name)
                living = (layer.weight != 0).cpu()[keeps.get(name, slice(None))]
                looks.append(living.transpose(0, 1).flatten(1).any(dim=1)[places].any(dim=1))
            unread = ~torch.stack(looks).any(dim=0)
            if unread.all():
                unread[0] = False
            if not torch.equal(unread, gone[i]):
                changed, gone[i] = True, unread
                for name, places in links[i].rows.items():
                    module = net.get_submodule(name)
                    keep = keeps.setdefault(name, torch.ones(_width(module), dtype=torch.bool))
                    keep[places[unread].flatten()] = False
    return gone


@torch.no_grad()
def _stay_apart(net: nn.Module, inputs: Tensor, links: list[Units], gone: list[Tensor]) -> bool:
    """Tell whether nothing is known less if these units are NaN."""
    poisoned = copied(net)
    for link, units in zip(links, gone, strict=True):
        for name, places in link.rows.items():
            layer: Any = poisoned.get_submodule(name)
            if layer.weight is not None:
                layer.weight[places[units].flatten().to(layer.weight.device)] = torch.nan
    with _Unknown():
        outputs = _outputs(poisoned, inputs)
    return not bool(outputs.isnan().any())


@torch.no_grad()
def _cut(net: nn.Module, links: list[Units], gone: list[Tensor]) -> None:
    """Take these units out of all layers that make, normalise or see them."""
    rows: dict[str, Tensor] = {}
    columns: dict[str, Tensor] = {}
    for link, units in zip(links, gone, strict=True):
        for mine, of, axis in ((link.rows, rows, 0), (link.columns, columns, 1)):
            for name, places in mine.items():
                layer: Any = net.get_submodule(name)
                width = layer.weight.shape[1] if axis else _width(layer)
                keep = of.setdefault(name, torch.ones(width, dtype=torch.bool))
                keep[places[units].flatten()] = False
    for name, keep in rows.items():
        for part in ("weight", "bias", "running_mean", "running_var"):
            _slice(net.get_submodule(name), part, keep, 0)
        _name_sizes(net.get_submodule(name), int(keep.sum()))
    for name, keep in columns.items():
        layer = net.get_submodule(name)
        _slice(layer, "weight", keep, 1)
        _name_sizes(layer, len(layer.weight))


def _slice(module: Any, part: str, keep: Tensor, axis: int) -> None:
    old = getattr(module, part, None)
    if old is None:
        return
    new = old.detach().index_select(axis, keep.nonzero()[:, 0].to(old.device))
    if isinstance(old, nn.Parameter):
        new = nn.Parameter(new, requires_grad=old.requires_grad)
    setattr(module, part, new)


def _name_sizes(layer: Any, rows: int) -> None:
    """Let a layer's own words say what its weight is."""
    if isinstance(layer, NORMS):
        layer.num_features = rows
    elif isinstance(layer, nn.Linear):
        layer.out_features, layer.in_features = layer.weight.shape
    else:
        layer.groups = rows if layer.groups > 1 else 1
        layer.out_channels, layer.in_channels = rows, layer.weight.shape[1] * layer.groups

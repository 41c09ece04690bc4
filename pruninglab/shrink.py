"""Zeros out for real: a smaller network without the units and filters that say nothing.

A unit (a neuron, a filter) is dead if no living weight enters it: what it hands on is a constant,
which goes into the next layer's bias. It is unread if no living weight of the next layer looks at
it. Both can go, and the outputs stay what they were.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn

from .choices.scores import prunable
from .ideas.checks import checked
from .ideas.devices import accurate, move_to

__all__ = ["remove_dead"]

CONVOLUTIONS = (nn.Conv1d, nn.Conv2d, nn.Conv3d)
LAYERS = (nn.Linear, *CONVOLUTIONS)
NORMS = (nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d)
# They treat every unit by itself and alike, wherever in an image.
UNITWISE = (
    *NORMS, nn.Identity, nn.Flatten, nn.Dropout, nn.Dropout1d, nn.Dropout2d, nn.Dropout3d,
    nn.ReLU, nn.ReLU6, nn.LeakyReLU, nn.ELU, nn.SELU, nn.CELU, nn.GELU, nn.SiLU, nn.Mish, nn.Tanh,
    nn.Sigmoid, nn.Softplus, nn.Softsign, nn.Hardtanh, nn.Hardswish, nn.Hardsigmoid, nn.LogSigmoid,
    nn.MaxPool1d, nn.MaxPool2d, nn.MaxPool3d, nn.AvgPool1d, nn.AvgPool2d, nn.AvgPool3d,
    nn.AdaptiveAvgPool1d, nn.AdaptiveAvgPool2d, nn.AdaptiveAvgPool3d,
    nn.AdaptiveMaxPool1d, nn.AdaptiveMaxPool2d, nn.AdaptiveMaxPool3d,
)  # fmt: skip
KNOWN = (*LAYERS, *UNITWISE)
# By so much, relative to the largest output, the small network may differ.
TOLERANCE = 1e-5


@dataclass(frozen=True)
class Reader:
    """A layer that looks at `units` units, each at several inputs if they were flattened."""

    name: str
    layer: Any
    units: int

    @property
    def columns(self) -> Tensor:
        """The weights that look at each unit: (out, units, all that look at the same one)."""
        weight: Tensor = self.layer.weight
        return weight.reshape(len(weight), self.units, -1)

    @property
    def pads(self) -> bool:
        """Whether a constant is no longer one at the border."""
        layer = self.layer
        return (
            isinstance(layer, CONVOLUTIONS)
            and layer.padding_mode == "zeros"
            and layer.padding != "valid"
            and (layer.padding == "same" or any(layer.padding))
        )

    def by_unit(self, inputs: Tensor) -> Tensor:
        """Sort what the layer is given by unit: (units, all its values)."""
        if isinstance(self.layer, CONVOLUTIONS):
            return inputs.movedim(1, 0).flatten(1)
        width = self.layer.in_features // self.units
        return inputs.reshape(-1, self.units, width).movedim(1, 0).flatten(1)


@dataclass(frozen=True)
class Link:
    """One row of units: the layers that make them, their batch norms, the layers that look."""

    writers: tuple[tuple[str, Any], ...]
    norms: tuple[Any, ...]
    readers: tuple[Reader, ...]

    @property
    def name(self) -> str:
        """The names of the layers that make the units."""
        return ", ".join(name for name, _ in self.writers)

    @property
    def grouped(self) -> dict[str, Any]:
        """The grouped convolutions at both ends by name: no unit can leave them alone."""
        ends = {**dict(self.writers), **{reader.name: reader.layer for reader in self.readers}}
        return {name: end for name, end in ends.items() if getattr(end, "groups", 1) > 1}

    def dead(self) -> Tensor:
        """Tell which units no living weight enters: bool (units,)."""
        rows = [(layer.weight == 0).flatten(1).all(dim=1) for _, layer in self.writers]
        return torch.stack(rows).all(dim=0)

    def unread(self) -> Tensor:
        """Tell at which units no living weight looks: bool (units,)."""
        columns = [(reader.columns == 0).all(dim=2).all(dim=0) for reader in self.readers]
        return torch.stack(columns).all(dim=0)


@checked
def remove_dead(net: nn.Module, inputs: Float[Tensor, "images ..."]) -> nn.Module:
    """Return a smaller copy of `net`, in eval mode, without the units that say nothing.

    Dead is a unit whose weights are exactly 0, as `Masks.apply_` leaves them: what it hands on
    (its bias, through batch norm and activation) is added to the biases behind it. Where these
    look at a constant through zero padding it is no constant at the border; there one unit stays
    and carries the constants of all. A unit at which nobody looks goes too. Inputs and outputs
    stay; so does one unit of every layer.

    Plain stacks (nn.Sequential) are cut by our own lines; every other network, shortcuts and all,
    along the dependencies that torch-pruning (extra `deploy`) finds. `inputs` are a few images:
    they show the constants, and in the end both networks must agree on them to 1e-5. Raises
    ValueError that names the layer for what cannot be cut: a grouped convolution beside a dead
    unit, a layer that mixes units, a weight or module that is used twice, outputs that differ.
    Taught in notebook 08.

    >>> net = nn.Sequential(nn.Linear(2, 3), nn.ReLU(), nn.Linear(3, 2))
    >>> nn.init.zeros_(net[0].weight[1].data)
    tensor([0., 0.])
    >>> remove_dead(net, torch.ones(1, 2))[0]
    Linear(in_features=2, out_features=2, bias=True)
    """
    if not len(inputs):
        raise ValueError("inputs holds no image; one is needed")
    small = copy.deepcopy(net).eval()
    move_to(small, inputs)
    _check_layers(small, inputs)
    expected = _outputs(small, inputs)
    stack = all(type(part) in (*KNOWN, nn.Sequential) for part in small.modules())
    links = _links_of_stack(small) if stack else _links_of_graph(small, inputs)
    _check_groups(links)
    free = [link for link in links if not link.grouped]
    with torch.no_grad():
        while any([_fold(small, inputs, link) for link in free]):
            _check_groups(links)
        for link in reversed(free):
            _remove(link, link.unread())
    _check_same(expected, _outputs(small, inputs))
    return small


def _outputs(net: nn.Module, inputs: Tensor) -> Tensor:
    try:
        with torch.no_grad():
            outputs = net(inputs)
    except (RuntimeError, TypeError, ValueError, IndexError) as error:
        raise ValueError(f"inputs {tuple(inputs.shape)} do not fit net: {error}") from error
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


def _check_layers(net: nn.Module, inputs: Tensor) -> None:
    """Refuse, by name, layers from which no unit can be taken alone."""
    weights = prunable(net)
    calls: dict[str, int] = {}
    for name, module in net.named_modules():
        if any(True for _ in module.children()) or type(module) is nn.Sequential:
            continue
        if type(module) not in KNOWN:
            kind = type(module).__name__
            raise ValueError(f"net has {name!r}, a {kind}: whether it mixes units is not known")
        if isinstance(module, nn.Flatten) and module.start_dim != 1:
            raise ValueError(f"net has {name!r}, which does not flatten from dimension 1")
        if isinstance(module, LAYERS) and f"{name}.weight".lstrip(".") not in weights:
            raise ValueError(f"net uses the weight of {name!r} in another layer too")
        if isinstance(module, (*LAYERS, *NORMS)):
            calls[name] = 0
    with _watching(net, calls, lambda name, _: calls.update({name: calls[name] + 1})):
        _outputs(net, inputs)
    for name, count in calls.items():
        if count != 1:
            raise ValueError(f"net calls the layer {name!r} {count} times; once is needed")


def _check_groups(links: Iterable[Link]) -> None:
    """Refuse a grouped convolution that makes or looks at units which are to go."""
    for link in links:
        rows = [(writer.weight == 0).flatten(1).all(dim=1).any() for _, writer in link.writers]
        plain = [reader for reader in link.readers if reader.layer not in link.grouped.values()]
        unread = [(reader.columns == 0).all(dim=2).all(dim=0).any() for reader in plain]
        if link.grouped and any([*rows, *unread]):
            raise ValueError(
                f"net has {next(iter(link.grouped))!r}, a grouped convolution, beside units of "
                f"{link.name} that are dead or unread: none can be taken from its groups alone"
            )


@contextmanager
def _watching(
    net: nn.Module, names: Iterable[str], note: Callable[[str, Tensor], Any]
) -> Iterator[None]:
    """Inside, call `note(name, what it is given)` whenever one of these layers is called."""
    handles = [
        net.get_submodule(name).register_forward_pre_hook(
            lambda _, args, name=name: note(name, args[0])
        )
        for name in names
    ]
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()


def _links_of_stack(net: nn.Module) -> list[Link]:
    """Return the rows of units of a plain stack, first to last; its outputs are none."""
    leaves: list[tuple[str, Any]] = [m for m in net.named_modules() if type(m[1]) in KNOWN]
    at = [i for i, (_, module) in enumerate(leaves) if isinstance(module, LAYERS)]
    links = []
    for first, second in pairwise(at):
        (_, writer), (name, reader) = leaves[first], leaves[second]
        between = [module for _, module in leaves[first + 1 : second]]
        flat = any(isinstance(module, nn.Flatten) for module in between)
        if isinstance(writer, CONVOLUTIONS) and isinstance(reader, nn.Linear) and not flat:
            raise ValueError(f"net hands images to the Linear layer {name!r} without a Flatten")
        norms = tuple(module for module in between if isinstance(module, NORMS))
        links.append(Link((leaves[first],), norms, (Reader(name, reader, len(writer.weight)),)))
    return links


def _links_of_graph(net: nn.Module, inputs: Tensor) -> list[Link]:
    """Return the rows of units of any network, as torch-pruning finds them."""
    try:
        import torch_pruning
    except ImportError as error:
        raise ValueError(
            "net is no plain stack (nn.Sequential of known layers): its shortcuts are followed by "
            "torch-pruning, which is not installed: pip install torch-pruning"
        ) from error
    names = {module: name for name, module in net.named_modules()}
    with torch.enable_grad():
        graph = torch_pruning.DependencyGraph().build_dependency(net, inputs[:1])
    links: dict[str, Link] = {}
    layers: list[Any] = [module for module in names if isinstance(module, LAYERS)]
    for module in layers:
        linear = isinstance(module, nn.Linear)
        kind = "linear" if linear else "depthwise_conv" if module.groups > 1 else "conv"
        cutter = getattr(torch_pruning, f"prune_{kind}_out_channels")
        units = len(module.weight)
        group = graph.get_pruning_group(module, cutter, idxs=list(range(units)))
        link = _link_of_group(graph, group, names, units)
        if link.readers:
            links.setdefault(link.name, link)
    return list(links.values())


def _link_of_group(graph: Any, group: Any, names: dict[nn.Module, str], units: int) -> Link:
    """Sort the members of a group of torch-pruning into writers, norms and readers."""
    writers: dict[str, Any] = {}
    norms: dict[str, Any] = {}
    readers: dict[str, Reader] = {}
    for member, indices in group:
        module = member.target.module
        if isinstance(module, nn.Parameter):
            raise ValueError("net has a parameter outside of its layers that goes with units")
        if not isinstance(module, (*LAYERS, *NORMS)):
            continue
        name = names[module]
        if list(indices) != list(range(len(indices))) or len(indices) % units:
            raise ValueError(f"net joins the units that {name!r} sees with others (torch.cat)")
        if isinstance(module, NORMS):
            norms[name] = module
        elif graph.is_out_channel_pruning_fn(member.handler):
            writers[name] = module
        else:
            readers[name] = Reader(name, module, units)
    return Link(tuple(sorted(writers.items())), tuple(norms.values()), tuple(readers.values()))


def _fold(net: nn.Module, inputs: Tensor, link: Link) -> bool:
    """Add the constants of dead units to what looks at them; tell whether weights went for it."""
    dead = link.dead()
    if not dead.any():
        return False
    seen: dict[str, Tensor] = {}
    with _watching(net, [reader.name for reader in link.readers], seen.__setitem__):
        _outputs(net, inputs)
    return any([
        _fold_into(reader, dead, _constants(link, reader, seen[reader.name], dead))
        for reader in link.readers
    ])  # fmt: skip


def _constants(link: Link, reader: Reader, seen: Tensor, dead: Tensor) -> Tensor:
    """Return what `reader` is given by each dead unit: float64 (dead,)."""
    values = accurate(reader.by_unit(seen)[dead])
    low, high = values.amin(dim=1), values.amax(dim=1)
    if bool((high - low > TOLERANCE / 10 * (1 + high.abs())).any()):
        raise ValueError(
            f"net cannot be shrunk: what dead units of {link.name} hand on is not the same at "
            f"every place in front of {reader.name!r}; does something between them pad with zeros?"
        )
    return (low + high) / 2


def _fold_into(reader: Reader, dead: Tensor, constants: Tensor) -> bool:
    """Let one layer do without the dead units; tell whether it looked at any of them."""
    columns = accurate(reader.columns.detach()).clone()
    here = dead.to(columns.device)
    before, carried = columns[:, here], columns[:, here] * constants[:, None]
    after = torch.zeros_like(before)
    if reader.pads:
        # At the border a padded constant is none: one unit carries those of all, border and all.
        carrier = int(constants.abs().argmax())
        if constants[carrier] != 0:
            after[:, carrier] = carried.sum(dim=1) / constants[carrier]
    else:
        _add_to_bias(reader.layer, carried.sum(dim=(1, 2)))
    columns[:, here] = after
    reader.layer.weight.copy_(columns.reshape(reader.layer.weight.shape))
    return bool(((before != 0) & (after == 0)).any())


def _add_to_bias(layer: Any, change: Tensor) -> None:
    if layer.bias is None:
        layer.bias = nn.Parameter(layer.weight.new_zeros(len(layer.weight)))
    bias = accurate(layer.bias.detach())
    layer.bias.copy_(bias + change.to(bias.device))


def _remove(link: Link, units: Tensor) -> None:
    """Take these units out of all layers that make, normalise or see them; one always stays."""
    keep = ~units
    if not keep.any():
        keep[0] = True
    for _, layer in link.writers:
        _slice(layer, ("weight", "bias"), keep)
    for norm in link.norms:
        _slice(norm, ("weight", "bias", "running_mean", "running_var"), keep)
        norm.num_features = len(norm.running_mean)
    for reader in link.readers:
        shape = reader.layer.weight.shape
        kept = reader.columns[:, keep].reshape(shape[0], -1, *shape[2:])
        reader.layer.weight = nn.Parameter(kept.clone())
    for _, layer in (*link.writers, *((reader.name, reader.layer) for reader in link.readers)):
        _name_sizes(layer)


def _slice(module: Any, names: Iterable[str], keep: Tensor) -> None:
    """Keep the entries of living units; a flattened unit has several in a row."""
    for name in names:
        old = getattr(module, name)
        if old is None:
            continue
        new = old.detach().reshape(len(keep), -1, *old.shape[1:])[keep].flatten(0, 1).clone()
        setattr(module, name, nn.Parameter(new) if isinstance(old, nn.Parameter) else new)


def _name_sizes(layer: Any) -> None:
    """Let a layer's own words say what its weight is."""
    out, into = layer.weight.shape[:2]
    if isinstance(layer, nn.Linear):
        layer.out_features, layer.in_features = out, into
    else:
        layer.out_channels, layer.in_channels = out, into * layer.groups

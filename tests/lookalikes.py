"""Things that look alike to whoever looks through code, and are not; and equal things, made anew.

Each entry makes two or more sets of changes to one small run.
"""

from __future__ import annotations

import enum
import functools
import types
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any, NamedTuple

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn.utils import parametrizations, parametrize
from torch.nn.utils import prune as torch_prune

import pruninglab as lab
from pruninglab.checks import checked
from pruninglab.choices import afters
from pruninglab.choices import budgets as budgets_module
from pruninglab.choices import scores as scores_module
from pruninglab.choices.needs import Needs, asks
from pruninglab.data import Data, Split
from pruninglab.engine.subspaces import projected_sgd
from pruninglab.engine.training import constant
from pruninglab.papers.experiment import networks

Patch = pytest.MonkeyPatch
Changes = dict[str, Any]
TRAINING = lab.Training(batch_size=30)
PRUNABLE = lab.scores.prunable
RECIPE = lab.recipes.sap(1.0, 2.0, stop=lab.stops.epochs(1), rounds=2)


def make_net(activation: Callable[[], nn.Module] = nn.ReLU) -> nn.Sequential:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return nn.Sequential(nn.Flatten(), nn.Linear(4, 6), activation(), nn.Linear(6, 3))


def make_data(test_flip: int = 0, validation: int = 30) -> Data:
    generator = torch.Generator().manual_seed(0)
    inputs = torch.randn(150, 1, 2, 2, generator=generator)
    targets = inputs.flatten(1)[:, :3].argmax(dim=1)
    targets[150 - test_flip :] = 0
    cuts = (0, 90), (90, 90 + validation), (120, 150)
    return Data("argmax", *[Split(inputs[a:b], targets[a:b]) for a, b in cuts], ("a", "b", "c"))


# --- scores of a user: f(p) must not be taken for f(another p) ------------------------------------


def powers(p: float, net: nn.Module, images: Split) -> dict[str, Tensor]:
    """|w|^p, which for p < 0 turns the order round."""
    return {name: w.detach().abs().clamp_min(1e-6) ** p for name, w in PRUNABLE(net).items()}


def closure(p: float) -> Callable:
    def score(net: nn.Module, images: Split) -> dict:
        return powers(p, net, images)

    return score


def wrapped(p: float) -> Callable:
    @functools.wraps(lab.scores.magnitude)
    def score(net: nn.Module, images: Split) -> dict:
        return powers(p, net, images)

    return score


def updated(p: float) -> Callable:
    return functools.update_wrapper(partial(powers, p), lab.scores.magnitude)


def attribute(p: float) -> Callable:
    def score(net: nn.Module, images: Split) -> dict:
        return powers(score.p, net, images)

    score.p = p
    return score


def default(p: float) -> Callable:
    def score(net: nn.Module, images: Split, p: float = p) -> dict:
        return powers(p, net, images)

    return score


class Tuple(NamedTuple):
    p: float

    def __call__(self, net: nn.Module, images: Split) -> dict:
        return powers(self.p, net, images)


@dataclass(frozen=True)
class After:
    name: str = "same"

    def __call__(self, net: nn.Module, images: Split) -> dict:
        return powers(self.p, net, images)


def after(p: float) -> After:
    made = After()
    object.__setattr__(made, "p", p)
    return made


@dataclass(frozen=True)
class Power:
    p: float

    def __call__(self, net: nn.Module, images: Split) -> dict:
        return powers(self.p, net, images)

    def method(self, net: nn.Module, images: Split) -> dict:
        return powers(self.p, net, images)


def subclassed(p: float) -> Callable:
    class Child(lab.scores.snip):
        def __call__(self, net: nn.Module, images: Split) -> dict:
            return powers(p, net, images)

    return Child()


def static(p: float) -> Callable:
    class Holder:
        score = staticmethod(partial(powers, p))

        def __call__(self, net: nn.Module, images: Split) -> dict:
            return self.score(net, images)

    return Holder()


class Slotted:
    __slots__ = ("p",)

    def __init__(self, p: float) -> None:
        self.p = p


class Slots(Slotted):
    __slots__ = ()

    def __call__(self, net: nn.Module, images: Split) -> dict:
        return powers(self.p, net, images)


def by_metaclass(p: float) -> Callable:
    class Meta(type):
        def __call__(cls, net: nn.Module, images: Split) -> dict:
            return powers(p, net, images)

    return Meta("Score", (), {})


class Member(enum.Enum):
    up = 1.0
    down = -1.0

    def __call__(self, net: nn.Module, images: Split) -> dict:
        return powers(self.value, net, images)


def executed(p: float) -> Callable:
    names: dict[str, Any] = {"powers": powers}
    exec(f"def score(net, images):\n    return powers({p}, net, images)", names)
    return names["score"]


def from_a_module(p: float) -> Callable:
    module = types.ModuleType("helper")
    module.p = p

    def score(net: nn.Module, images: Split) -> dict:
        return powers(module.p, net, images)

    return score


def impostor(p: float) -> Callable:
    """A class that says it is the package's."""

    class Score:
        def __call__(self, net: nn.Module, images: Split) -> dict:
            return powers(p, net, images)

    Score.__module__, Score.__qualname__ = "pruninglab.choices.saliency", "fisher"
    return Score()


def cached(p: float) -> Callable:
    return functools.lru_cache(closure(p))


def dispatched(p: float) -> Callable:
    return functools.singledispatch(closure(p))


def guarded(p: float) -> Callable:
    """Checked as the package's own are, under the name of one of them."""
    return checked(wrapped(p))


def inherited(p: float) -> Callable:
    class Base:
        def __call__(self, net: nn.Module, images: Split) -> dict:
            return powers(p, net, images)

    @dataclass(frozen=True)
    class Child(Base):
        same: int = 1

    return Child()


def hidden_field(p: float) -> Callable:
    @dataclass(frozen=True)
    class Score:
        p: float = field(default=1.0, repr=False, compare=False)

        def __call__(self, net: nn.Module, images: Split) -> dict:
            return powers(self.p, net, images)

    return Score(p)


def awaited(p: float) -> Callable:
    class Score:
        def __getattr__(self, name: str) -> Any:
            raise AttributeError(name)

        def __call__(self, net: nn.Module, images: Split) -> dict:
            try:
                return powers(p, net, images)
            except ZeroDivisionError:
                return {}

    return Score()


SCORES: dict[str, Callable[[float], Callable]] = {
    "closure": closure, "wraps": wrapped, "update_wrapper": updated, "attribute": attribute,
    "default": default, "NamedTuple": Tuple, "__setattr__": after, "dataclass": Power,
    "method": lambda p: Power(p).method, "subclass of a choice": subclassed, "static": static,
    "slots": Slots, "metaclass": by_metaclass, "enum": Member, "exec": executed,
    "module in a closure": from_a_module, "impostor": impostor, "lru_cache": cached,
    "singledispatch": dispatched, "checked": guarded, "inherited": inherited,
    "hidden field": hidden_field, "try": awaited, "partial": lambda p: partial(powers, p),
    "at_snapshot": lambda p: lab.scores.at_snapshot(wrapped(p)),
    "lambda": lambda p: lambda net, images: powers(p, net, images),
    "asks": lambda p: asks(images=10)(closure(p)),
    "partial of a choice": lambda p: partial(wrapped(p)),
}  # fmt: skip


def of_score(made: Any) -> Changes:
    return {"recipe": RECIPE.but(score=made, budget=lab.budgets.fraction(0.5))}


# --- networks of which state dict and modules are the same ----------------------------------------


def changed(
    change: Callable[[nn.Sequential], Any], base: Callable[[], nn.Module] = make_net
) -> Any:
    def make(patch: Patch) -> Changes:
        net = base()
        change(net)
        return {"net": net}

    return make


class Scaled(nn.Linear):
    scale = 1.0

    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x) * self.scale


class Reshaped(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return x.tanh()


def frozen(net: nn.Sequential) -> None:
    net[1].requires_grad_(False)


def with_buffer(value: float) -> Callable[[nn.Sequential], None]:
    return lambda net: net[1].register_buffer("extra", torch.tensor(value), persistent=False)


def doubled(*seen: Any) -> Any:
    return seen[-1] * 2


def forward_of(scale: float) -> Callable[[nn.Sequential], None]:
    def change(net: nn.Sequential) -> None:
        plain = net[2].forward
        net[2].forward = lambda x: plain(x) * scale

    return change


class Times(nn.Module):
    def __init__(self, scale: float) -> None:
        super().__init__()
        self.scale = scale

    def forward(self, x: Tensor) -> Tensor:
        return x * self.scale


def parametrized(scale: float) -> Callable[[nn.Sequential], Any]:
    return lambda net: parametrize.register_parametrization(net[2], "slope", Times(scale))


def tied() -> nn.Module:
    net = nn.Sequential(nn.Flatten(), nn.Linear(4, 4), nn.Linear(4, 4), nn.Linear(4, 3))
    with torch.no_grad():
        for parameter in net.parameters():
            parameter.fill_(0.1)
    return net


def tie(net: nn.Sequential) -> None:
    net[2].weight = net[1].weight


def share_memory(net: nn.Sequential) -> None:
    net[2].weight = nn.Parameter(net[1].weight.data)


def with_(layer: nn.Module) -> Callable[[], nn.Module]:
    return lambda: make_net(lambda: layer)


def settings(name: str, *values: Any, layer: Callable[[], nn.Module]) -> list[Any]:
    """Return networks of which one attribute of one layer differs."""
    return [
        changed(lambda net, v=value: setattr(net[2], name, v), lambda: make_net(layer))
        for value in values
    ]


def images_net() -> nn.Sequential:
    torch.manual_seed(0)
    convolutions = nn.Conv2d(1, 2, 3, padding=1), nn.Conv2d(2, 2, 3, padding=1)
    return nn.Sequential(*convolutions, nn.Flatten(), nn.Linear(8, 3))


def padded(mode: str) -> Callable[[nn.Sequential], None]:
    def change(net: nn.Sequential) -> None:
        torch.manual_seed(0)
        net[0] = nn.Conv2d(1, 2, 3, padding=1, padding_mode=mode)

    return change


def nothing(net: nn.Module) -> None:
    pass


NETWORKS: dict[str, list[Any]] = {
    "requires_grad": [changed(nothing), changed(frozen)],
    "non-persistent buffer": [changed(with_buffer(1.0)), changed(with_buffer(2.0))],
    "Dropout.p": settings("p", 0.1, 0.2, layer=nn.Dropout),
    "BatchNorm.momentum": settings("momentum", 0.1, 0.2, None, layer=lambda: nn.BatchNorm1d(6)),
    "BatchNorm.eps": settings("eps", 1e-5, 1e-1, layer=lambda: nn.BatchNorm1d(6)),
    "BatchNorm.mode": settings("training", True, False, layer=lambda: nn.BatchNorm1d(6)),
    "LeakyReLU.slope": settings("negative_slope", 0.1, 0.5, layer=nn.LeakyReLU),
    "GELU.approximate": settings("approximate", "none", "tanh", layer=nn.GELU),
    "Softmax.dim": settings("dim", 0, 1, layer=nn.Softmax),
    "inplace": settings("inplace", False, True, layer=nn.ReLU),
    "padding_mode": [changed(padded(m), images_net) for m in ("zeros", "circular", "reflect")],
    "tied": [changed(nothing, tied), changed(tie, tied), changed(share_memory, tied)],
    "channels last": [
        changed(nothing, images_net), changed(lambda n: n.to(memory_format=torch.channels_last),
                                              images_net),
    ],
    "order": [
        changed(nothing, lambda: nn.Sequential(nn.Flatten(), nn.Linear(4, 3))),
        changed(nothing, lambda: nn.Sequential(nn.Identity(), nn.Flatten(), nn.Linear(4, 3))),
    ],
    "class of a layer": [changed(nothing), changed(nothing, with_(nn.Tanh()))],
    "dtype": [changed(nothing), changed(lambda net: net.double())],
}  # fmt: skip
NETWORKS_OF_A_USER: dict[str, list[Any]] = {
    "forward hook": [
        changed(lambda net: net[2].register_forward_hook(lambda *seen: seen[-1] * 2)),
        changed(lambda net: net[2].register_forward_hook(lambda *seen: seen[-1] * 3)),
    ],
    "pre-hook": [
        changed(lambda net: net[2].register_forward_pre_hook(lambda m, x: (x[0] * 2,))),
        changed(lambda net: net[2].register_forward_pre_hook(lambda m, x: (x[0] * 3,))),
    ],
    "backward hook": [
        changed(lambda net: net[2].register_full_backward_hook(lambda m, i, o: None)),
        changed(lambda net: net[2].register_full_backward_hook(lambda m, i, o: (i[0] * 2,))),
    ],
    "tensor hook": [
        changed(lambda net: net[1].weight.register_hook(lambda g: g * 2)),
        changed(lambda net: net[1].weight.register_hook(lambda g: -g)),
    ],
    "hook after accumulation": [
        changed(lambda net: net[1].weight.register_post_accumulate_grad_hook(
            lambda p: p.grad.mul_(2))),
        changed(lambda net: net[1].weight.register_post_accumulate_grad_hook(
            lambda p: p.grad.neg_())),
    ],
    "parametrization": [
        changed(lambda net: parametrize.register_parametrization(net[1], "bias", Times(2.0))),
        changed(lambda net: parametrize.register_parametrization(net[1], "bias", Times(-3.0))),
    ],
    "weight_norm": [
        changed(lambda net: parametrizations.weight_norm(net[1], dim=0)),
        changed(lambda net: parametrizations.weight_norm(net[1], dim=1)),
    ],
    "spectral_norm": [
        changed(lambda net: parametrizations.spectral_norm(net[1], n_power_iterations=1)),
        changed(lambda net: parametrizations.spectral_norm(net[1], n_power_iterations=9)),
    ],
    "torch's prune": [
        changed(lambda net: torch_prune.l1_unstructured(net[1], "bias", 1)),
        changed(lambda net: torch_prune.l1_unstructured(net[1], "bias", 2)),
    ],
    "forward on the instance": [changed(forward_of(2.0)), changed(forward_of(-3.0))],
    "attribute of a class": [
        changed(lambda net: net.__setitem__(1, Scaled(4, 6))),
        lambda patch: (patch.setattr(Scaled, "scale", 5.0), {"net": nn.Sequential(
            nn.Flatten(), Scaled(4, 6), nn.ReLU(), nn.Linear(6, 3))})[1],
    ],
    "class changed": [
        changed(lambda net: setattr(net[1], "__class__", Scaled)),
        changed(lambda net: setattr(net[2], "__class__", Reshaped)),
    ],
    "attribute of a weight": [
        changed(lambda net: setattr(net[1].weight, "note", 1)),
        changed(lambda net: setattr(net[1].weight, "note", 2)),
    ],
    "user's layer": [changed(nothing, with_(Times(2.0))), changed(nothing, with_(Times(-3.0)))],
}  # fmt: skip


# --- the package, changed -------------------------------------------------------------------------


def patching(owner: Any, name: str, change: Callable[[float], Any], **changes: Any) -> list[Any]:
    def make(p: float) -> Callable[[Patch], Changes]:
        def patched(patch: Patch) -> Changes:
            patch.setattr(owner, name, change(p))
            return {key: value() for key, value in changes.items()}

        return patched

    return [make(1.0), make(-1.0)]


def as_magnitude(p: float) -> Callable:
    return wrapped(p)


def magnitudes() -> lab.Recipe:
    return of_score(lab.scores.magnitude)["recipe"]


def called(p: float) -> Callable:
    def __call__(self: Any, groups: Any) -> Tensor:
        return groups.living - (1 if p > 0 else 2)

    return __call__


def prunables(p: float) -> Callable:
    def prunable(net: nn.Module, biases: bool = False) -> dict[str, Tensor]:
        layer = net[1] if p > 0 else net[3]
        return {"1.weight" if p > 0 else "3.weight": layer.weight}

    return prunable


def relu(p: float) -> Callable:
    return lambda self, x: (x * p).clamp_min(0)


MONKEYS: dict[str, list[Any]] = {
    "choice replaced": patching(scores_module, "magnitude", as_magnitude, recipe=magnitudes),
    "choice replaced, checked": patching(scores_module, "magnitude", guarded, recipe=magnitudes),
    "helper replaced": patching(scores_module, "prunable", prunables, recipe=magnitudes),
    "method replaced": patching(lab.budgets.fraction, "__call__", called, recipe=magnitudes),
    "torch's forward replaced": patching(nn.ReLU, "forward", relu, net=make_net),
    "helper of a class": patching(budgets_module, "pq_index", lambda p: lambda *a, **k: a[0] * p),
    "needs of a function": patching(
        lab.scores.magnitude, "needs", lambda p: Needs(images=10 if p > 0 else 20)),
    "code replaced": patching(
        lab.scores.magnitude.__checked__, "__code__",
        lambda p: (lambda net, images: powers(1, net, images)).__code__ if p > 0
        else (lambda net, images: powers(-1, net, images)).__code__, recipe=magnitudes),
    "default replaced": patching(
        lab.scores.random.__checked__, "__defaults__", lambda p: (p,),
        recipe=lambda: of_score(lab.scores.random)["recipe"]),
    "attribute set": patching(lab.scores.magnitude, "p", lambda p: p, recipe=magnitudes),
}  # fmt: skip
for pair in (MONKEYS["needs of a function"], MONKEYS["attribute set"]):
    for place, patched in enumerate(pair):
        pair[place] = lambda patch, patched=patched: _unraised(patch, patched)


def _unraised(patch: Patch, patched: Callable[[Patch], Changes]) -> Changes:
    """Set an attribute that is not there yet."""
    setting = patch.setattr
    patch.setattr = lambda *a: setting(*a, raising=False)  # type: ignore[method-assign]
    try:
        return patched(patch) | {"recipe": magnitudes()}
    finally:
        patch.setattr = setting  # type: ignore[method-assign]


# --- data and training ----------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class Noisy(Data):
    noise: float = 0.0


class Momentum(torch.optim.SGD):
    factor = 1.0

    def step(self, closure: Any = None) -> Any:
        for group in self.param_groups:
            group["lr"] = 0.1 * self.factor
        return super().step(closure)


class Fast(Momentum):
    factor = -1.0


def training_of(**changes: Any) -> Callable[[Patch], Changes]:
    return lambda patch: {"training": replace(TRAINING, **changes)}


def squared(scale: float) -> Callable:
    return lambda net, inputs, targets: scale * nn.functional.cross_entropy(net(inputs), targets)


def noisy(noise: float) -> Callable[[Patch], Changes]:
    data = make_data()
    parts = data.train, data.validation, data.test
    return lambda patch: {"data": Noisy(data.name, *parts, data.classes, noise)}


def subclass_of(parent: type, **members: Any) -> type:
    return type(parent.__name__, (parent,), members)


def with_more(p: float) -> Callable[[Patch], Changes]:
    budget = lab.budgets.fraction(0.5)
    object.__setattr__(budget, "more", p)
    return lambda patch: {"recipe": RECIPE.but(budget=budget)}


OTHERS: dict[str, list[Any]] = {
    "more than fields": [with_more(1.0), with_more(2.0)],
    "closure of the package": [
        training_of(schedule=networks({"net": lab.nets.sap_mlp})),
        training_of(schedule=networks({"net": lab.nets.lenet_5})),
    ],
    "subclass of Data": [noisy(0.0), noisy(1.0)],
    "schedule": [training_of(schedule=lambda e, n: 1.0), training_of(schedule=lambda e, n: 0.1)],
    "objective": [training_of(objective=squared(1.0)), training_of(objective=squared(0.1))],
    "optimizer": [
        training_of(optimizer=lambda p: Momentum(p, lr=0.1)),
        training_of(optimizer=lambda p: Fast(p, lr=0.1)),
    ],
    "optimizer class": [training_of(optimizer=partial(Momentum, lr=0.1)),
                        training_of(optimizer=partial(Fast, lr=0.1))],
    "stop": [lambda patch: {"recipe": RECIPE.but(stop=lambda state: state.epoch >= 1)},
             lambda patch: {"recipe": RECIPE.but(stop=lambda state: state.epoch >= 3)}],
    "rewind": [
        lambda patch: {"recipe": RECIPE.but(rewind=lambda net, s: net.load_state_dict(s["init"]))},
        lambda patch: {"recipe": RECIPE.but(rewind=lambda net, s: net.load_state_dict(s["dense"]))},
    ],
    "budget": [lambda patch: {"recipe": RECIPE.but(budget=lambda groups: groups.living - 1)},
               lambda patch: {"recipe": RECIPE.but(budget=lambda groups: groups.living - 4)}],
    "after": [lambda patch: {"recipe": RECIPE.but(after=(lambda n, masks, i: masks,))},
              lambda patch: {"recipe": RECIPE.but(after=(lambda n, masks, i: dict(masks),))}],
    "subclass of Recipe": [
        lambda patch: {"recipe": subclass_of(lab.Recipe, choices=lambda self: {})()},
        lambda patch: {"recipe": subclass_of(lab.Recipe, choices=lambda self: {1: 2})()},
    ],
    "subclass of Training": [
        lambda patch: {"training": subclass_of(lab.Training, longest=lambda *a, **k: 1)()},
        lambda patch: {"training": subclass_of(lab.Training, longest=lambda *a, **k: 2)()},
    ],
}  # fmt: skip

PAIRS: dict[str, list[Callable[[Patch], Changes]]] = {
    **{f"score: {kind}": [lambda patch, m=make, p=p: of_score(m(p)) for p in (1.0, -1.0)]
       for kind, make in SCORES.items()},
    **NETWORKS, **NETWORKS_OF_A_USER, **MONKEYS, **OTHERS,
}  # fmt: skip
# Kinds of which the first is as the plain run is.
PLAIN_FIRST = {"requires_grad", "inplace", "class of a layer", "dtype"}
# Kinds of which both run, with numbers of their own.
SEEN = [
    "score: wraps", "score: attribute", "score: NamedTuple", "score: __setattr__", "score: static",
    "score: slots", "score: enum", "score: exec", "score: subclass of a choice", "score: checked",
    "requires_grad", "BatchNorm.eps", "forward hook", "tensor hook", "forward on the instance",
    "choice replaced", "torch's forward replaced", "objective", "optimizer", "stop",
]  # fmt: skip


# --- equal things, made anew ----------------------------------------------------------------------


def twice(make: Callable[[], Changes]) -> list[Callable[[], Changes]]:
    return [make, make]


def renamed(order: int) -> dict[str, Any]:
    pairs = [("score", lab.scores.fisher()), ("budget", lab.budgets.fraction(0.3)),
             ("scope", lab.scopes.global_)]  # fmt: skip
    return dict(pairs[::order])


def moved(net: nn.Module) -> nn.Module:
    """Save and load, as a restart of the process would."""
    other = make_net()
    other.load_state_dict(net.state_dict())
    return other


SAME: dict[str, list[Callable[[], Changes]]] = {
    "all": twice(dict),
    "data": twice(lambda: {"data": make_data()}),
    "copied data": [dict, lambda: {"data": make_data().to("cpu")}],
    "cloned tensors": [dict, lambda: {"data": replace(make_data(), train=Split(
        make_data().train.inputs.clone(), make_data().train.targets.clone()))}],
    "recipe": twice(lambda: {"recipe": lab.recipes.lottery_ticket(0.3, rounds=1)}),
    "order of choices": [lambda: {"recipe": RECIPE.but(**renamed(1))},
                         lambda: {"recipe": RECIPE.but(**renamed(-1))}],
    "network of pairs": [
        dict, lambda: {"net": nn.Sequential(OrderedDict(make_net().named_children()))}],
    "loaded": [dict, lambda: {"net": moved(make_net())}],
    "cloned": [dict, lambda: {"net": lab.nets.clone(make_net())}],
    "read once": [dict, lambda: {"net": _read(make_net())}],
    "hook removed": [dict, lambda: {"net": _unhooked(make_net())}],
    "numpy's numbers": twice(
        lambda: {"recipe": lab.recipes.lottery_ticket(np.linspace(0.1, 0.5, 5)[2], rounds=1)}),
    "learned": twice(lambda: {"recipe": lab.recipes.soft_mask(
        lab.concave.log(0.1), 1e-4, stop=lab.stops.epochs(1), rounds=1)}),
    "adam": twice(lambda: {"training": lab.Training(lab.adam(lr=0.01))}),
    "torch's optimizer": twice(
        lambda: {"training": lab.Training(partial(torch.optim.SGD, lr=0.1, momentum=0.5))}),
    "order of settings": [
        lambda: {"training": lab.Training(partial(torch.optim.SGD, lr=0.1, momentum=0.5))},
        lambda: {"training": lab.Training(partial(torch.optim.SGD, momentum=0.5, lr=0.1))}],
    "basis": twice(lambda: {"training": lab.Training(projected_sgd(torch.eye(51)))}),
    "batch norm": twice(lambda: {"net": make_net(lambda: nn.BatchNorm1d(6))}),
    "frozen": twice(lambda: changed(frozen)(None)),
    "buffer": twice(lambda: changed(with_buffer(2.0))(None)),
}  # fmt: skip


def _read(net: nn.Module) -> nn.Module:
    lab.accuracy(net, make_data().test)
    return net


def _unhooked(net: nn.Module) -> nn.Module:
    net.register_forward_hook(lambda *seen: None).remove()
    return net


KNOWN: dict[str, list[Callable[[], Changes]]] = {
    "seed": [lambda: {"seed": 0}, lambda: {"seed": 1}],
    "splits": [
        dict, lambda: {"data": make_data(test_flip=3)}, lambda: {"data": make_data(validation=20)},
        lambda: {"data": replace(make_data(), test=make_data().validation)},
        lambda: {"data": replace(make_data(), name="other")},
    ],
    "basis": [lambda s=s: {"training": lab.Training(projected_sgd(s * torch.eye(51)))}
              for s in (1, -1)],
    "training": [lambda c=c: {"training": lab.Training(**c)} for c in (
        {}, {"batch_size": 31}, {"optimizer": lab.adam()}, {"optimizer": lab.sgd(lr=0.2)},
        {"optimizer": torch.optim.SGD}, {"schedule": constant}, {"max_epochs": 3})],
    "recipe": [lambda c=c: {"recipe": RECIPE.but(**c)} for c in (
        {}, {"rounds": 3}, {"score": lab.scores.random}, {"score": lab.scores.snip()},
        {"score": lab.scores.at_snapshot(lab.scores.magnitude, "init")},
        {"score": lab.scores.at_snapshot(lab.scores.magnitude, "dense")},
        {"scope": lab.scopes.neuron}, {"rewind": lab.rewinds.to_epoch(1)},
        {"rewind": lab.rewinds.fine_tune}, {"budget": lab.budgets.fraction(1)},
        {"budget": lab.budgets.fraction(1.0)}, {"after": (afters.clean_up,)})],
}  # fmt: skip

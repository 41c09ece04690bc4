"""NNrelief: its recipe, and Table 1 in one command, `python -m pruninglab.papers nnrelief`.

LeNet-300-100 on full MNIST, three seeds, by default: about twenty minutes a seed on one CPU
thread. `--net lenet_5` is the table's other network and `--net resnet_20` that of Table 4 (on
CIFAR-10, SGD); both want a GPU. Unlike the authors we choose epochs by validation accuracy, on a
tenth of the training images.
"""

from __future__ import annotations

import base64
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Unpack

import numpy as np
import torch
from jaxtyping import Bool, Int
from torch import Tensor, nn

from ... import data as data_module
from ... import nets
from ...checks import Number, Share, checked
from ...choices import budgets, rewinds, scopes, scores, stops
from ...choices.afters import clean_up
from ...choices.rewinds import Rewind
from ...choices.scopes import Groups
from ...costs import active_neurons
from ...data import Data, Split
from ...engine.masks import Masks, cut_once
from ...engine.recipes import Choices, Recipe
from ...engine.records import recorded
from ...engine.results import Row
from ...engine.training import Training, accuracy, adam, multistep, sgd
from ...ideas.nnrelief import VARIANTS, filter_change, jaccard, network_importance, share_cut
from .. import experiment
from ..experiment import Experiment, Settings


@checked
def nnrelief(
    alpha_fc: float = 0.95,
    alpha_conv: float | None = None,
    *,
    samples: int = 1000,
    kernels: str = "frobenius",
    residual: float | None = None,
    **choices: Unpack[Choices],
) -> Recipe:
    """NNrelief: each neuron keeps the connections that carry a share α of its signal.

    The paper starts each round of the LeNets from the initial weights (`to_init`) and fine-tunes
    VGG and ResNet (`rewind=rewinds.fine_tune`). The clean-up is in the authors' code, not in the
    paper; `after=()` leaves it out. Source: NNrelief paper, Algorithms 1 and 2, Table 10. Taught in
    notebook 04.

    >>> print(nnrelief(0.9, rounds=2))
    nnrelief() × signal_share(alpha_fc=0.9) × neuron × epochs(5) × to_init, 2 rounds, then clean_up
    """
    score = scores.nnrelief(samples, kernels, residual)
    budget = budgets.signal_share(alpha_fc, alpha_conv)
    return Recipe(score, budget, scopes.neuron, after=(clean_up,)).but(**choices)


@dataclass(frozen=True)
class Setup:
    """One network with the settings of Tables 8 to 10 and what the paper measured with them."""

    net: Callable[..., nn.Module]
    alpha_fc: float
    alpha_conv: float | None
    kernels: str
    rewind: Rewind
    printed_kept: tuple[float, float]
    printed_error: tuple[float, float]


SETUPS = {
    "lenet_300_100": Setup(
        nets.lenet_300_100, 0.95, None, "frobenius", rewinds.to_init,
        printed_kept=(1.51, 0.07), printed_error=(1.98, 0.07),
    ),
    "lenet_5": Setup(
        nets.lenet_5, 0.95, 0.9, "frobenius", rewinds.to_init,
        printed_kept=(0.65, 0.02), printed_error=(0.97, 0.05),
    ),
    "resnet_20": Setup(
        nets.resnet_20, 0.99, 0.95, "frobenius", rewinds.fine_tune,
        printed_kept=(36.32, 1.52), printed_error=(8.9, 0.13),
    ),
}  # fmt: skip


def training(net: str, settings: Settings) -> Training:
    """Return the training of Tables 8 and 9: Adam for the LeNets, SGD for ResNet-20.

    With another number of epochs the learning rate falls at the same part of the round.
    """
    every = settings["epochs"]
    if net == "resnet_20":
        return Training(sgd(lr=0.1, nesterov=False), 128, multistep((every // 3, 2 * every // 3)))
    return Training(WAYS.get(net, adam(lr=1e-3, weight_decay=5e-4)), 120, multistep((every // 2,)))


def methods(net: str, settings: Settings) -> dict[str, Recipe]:
    """Return the row of Table 10."""
    setup = SETUPS[net]
    recipe = nnrelief(
        setup.alpha_fc,
        setup.alpha_conv,
        kernels=setup.kernels,
        stop=stops.best_of(settings["epochs"]),
        rewind=setup.rewind,
        rounds=settings["rounds"],
    )
    return {"NNrelief": recipe}


def _make(net: str, data: Data, seed: int) -> nn.Module:
    build = nets.lenet_300_100 if net in WAYS else SETUPS[net].net
    made = build(inputs=data.shape, classes=len(data.classes), seed=seed)
    return nets.init_kaiming_normal(made, seed)


def _load(name: str, net: str, small: bool) -> Data:
    return data_module.load(name, full=not small, normalize=net == "resnet_20")


EXPERIMENT = Experiment(
    name="nnrelief",
    about=(__doc__ or "").split("\n")[0],
    printed={
        net: {"epochs": 60, "rounds": rounds, "seeds": 3}
        for net, rounds in {"lenet_300_100": 11, "lenet_5": 20, "resnet_20": 7}.items()
    },
    printed_nets=("lenet_300_100",),
    data={"lenet_300_100": ("mnist",), "lenet_5": ("mnist",), "resnet_20": ("cifar10",)},
    make=_make,
    methods=methods,
    training=training,
    keep=(
        "seed", "round", "density", "epochs", "validation_accuracy", "test_accuracy",
        "pruned_test_accuracy", "layer_density", "seconds",
    ),
    load_data=_load,
)  # fmt: skip


@checked
@dataclass(frozen=True)
class steps:
    """Keep the share `first` of every group at the first cut, `later` of the living at the others.

    So magnitude goes down the steps that NNrelief chose for itself: at each cut both have as many
    connections and as many epochs. Rounded to the nearest whole number. Taught in notebook 04.

    >>> every, some = torch.ones(1, 100, dtype=torch.bool), torch.arange(100)[None] < 30
    >>> steps(0.3, 0.8)(Groups(torch.rand(1, 100), every)).item()
    30
    >>> steps(0.3, 0.8)(Groups(torch.rand(1, 100), some)).item()
    24
    """

    first: Share
    later: Share

    @checked
    def __call__(self, groups: Groups) -> Int[Tensor, " groups"]:
        living = groups.living
        whole = living == groups.alive.shape[1]
        return torch.where(whole, living * self.first, living * self.later).round().long()


SCOPES = {"by neuron": scopes.neuron, "by layer": scopes.layer, "global": scopes.global_}


def _rivals(rewind: Rewind) -> Callable[[str, Settings], dict[str, Recipe]]:
    """NNrelief beside magnitude in three scopes and chance, down the same steps."""

    def methods(net: str, settings: Settings) -> dict[str, Recipe]:
        same: Choices = {
            "stop": stops.best_of(settings["epochs"]),
            "rewind": rewind,
            "rounds": settings["rounds"],
        }
        down = steps(settings["kept"], settings["kept-later"])
        rivals = {
            f"magnitude, {name}": Recipe(scores.magnitude, down, scope).but(**same)
            for name, scope in SCOPES.items()
        }
        chance = Recipe(scores.random, down, scopes.layer).but(**same)
        return {"NNrelief": nnrelief(settings["alpha"], **same), **rivals, "random": chance}

    return methods


def _against_magnitude(name: str, rewind: Rewind) -> Experiment:
    settings = {"epochs": 60, "rounds": 11, "seeds": 3}
    steps_printed = {"alpha": 0.95, "kept": 0.155, "kept-later": 0.8}
    return Experiment(
        name=name,
        about=f"NNrelief against magnitude and random, down the same steps, {rewind.__name__}.",
        printed={"lenet_300_100": {**settings, **steps_printed}},
        printed_nets=("lenet_300_100",),
        data={"lenet_300_100": ("mnist",)},
        make=_make,
        methods=_rivals(rewind),
        training=training,
        keep=("seed", "round", "density", "epochs", "validation_accuracy", "test_accuracy"),
        load_data=_load,
    )


def _kernel_methods(net: str, settings: Settings) -> dict[str, Recipe]:
    """Return Table 1's second row with each reading of Eq. (2)."""
    setup, stop = SETUPS[net], stops.best_of(settings["epochs"])
    return {
        variant: nnrelief(
            setup.alpha_fc, setup.alpha_conv, kernels=variant, stop=stop,
            rewind=setup.rewind, rounds=settings["rounds"],
        )
        for variant in VARIANTS
    }  # fmt: skip


def _trained(net: str, data: Data, settings: Settings) -> Iterator[tuple[int, nn.Module]]:
    """Train the dense network of every seed, or fetch it from runs/ where it is trained already."""
    recipe = Recipe(stop=stops.best_of(settings["epochs"]), rounds=0)
    for seed in range(settings["seeds"]):
        made = _make(net, data, seed)
        way = training(net, settings)
        list(recorded(made, data, recipe, seed=seed, training=way, folder=experiment.RUNS))
        yield seed, made.eval()


def _filters(net: str, data: Data, settings: Settings) -> Row:
    """Measure Eqs. (9) to (11) on every filter of the dense network, cut at the printed share."""
    alpha = SETUPS[net].alpha_conv or SETUPS[net].alpha_fc
    return {
        "filters": [
            {"seed": seed, **row}
            for seed, made in _trained(net, data, settings)
            for row in filters(made, data, alpha)
        ]
    }


@checked
def filters(net: nn.Module, data: Data, alpha: Number) -> list[Row]:
    """Cut every convolution of `net` at `alpha` and measure Eqs. (9) to (11), a row per layer.

    Lists with a number for each filter: "average" and "activated", the mean change of its map over
    1,000 training images before and behind the max-pooling; "lost", the signal that goes;
    "allowed", S_j (1 − α). "kept" is the share of kernels that stay, "beyond" that of test images
    whose change is larger than the largest on the training images. Taught in notebook 04.
    """
    pruning = data.train.take(1000).inputs
    importance = network_importance(net.eval(), pruning)
    layers = {name: part for name, part in net.named_modules() if isinstance(part, nn.Conv2d)}
    rows = []
    for name, layer in layers.items():
        kept = share_cut(importance[name], alpha)
        keep = kept[:, :-1], kept[:, -1]
        seen = [_seen(net, layer, images) for images in (pruning, data.test.inputs)]
        on_set, on_test = (filter_change(layer, keep, x, _pooled) for x in seen)
        largest = on_set.change.amax(dim=0)
        rows.append(
            {
                "layer": name,
                "kept": int(keep[0].sum()) / keep[0].numel(),
                "average": _short(on_set.change.mean(dim=0)),
                "activated": _short(on_set.activated.mean(dim=0)),
                "lost": _short(on_set.lost),
                "allowed": _short(on_set.signal * (1 - alpha)),
                "beyond": float((on_test.change > largest).float().mean()),
            }
        )
    return rows


def _pooled(maps: Tensor) -> Tensor:
    """Return what follows the convolutions of Caffe's LeNet-5: no ReLU, a max-pooling, C = 1."""
    return nn.functional.max_pool2d(maps, 2)


def _short(values: Tensor) -> list[float]:
    return [float(f"{value:.4g}") for value in values.tolist()]


@torch.no_grad()
def _seen(net: nn.Module, layer: nn.Module, images: Tensor) -> Tensor:
    """Return what a layer sees of the images."""
    seen: list[Tensor] = []
    handle = layer.register_forward_pre_hook(lambda module, inputs: seen.append(inputs[0]))
    net(images)
    handle.remove()
    return seen[0]


@checked
def rules(net: nn.Module, images: Split, alpha: Number = 0.95) -> dict[str, Masks]:
    """Return the masks of Figure 10's three rules, each keeping as many connections.

    "importance" is NNrelief's cut at `alpha` with the clean-up, judged on `images`; magnitude keeps
    as many "by layer" (the paper's *structured*) and over "all layers" (*unstructured*). The
    network stays as it is. Raises ValueError as the score and the clean-up do. Taught in
    notebook 04.
    """
    budget = budgets.signal_share(alpha)
    _, first = cut_once(net, images, scores.nnrelief(), budget, scopes.neuron)
    first.shrink(clean_up(net, first, images))
    as_many = budgets.fraction(1 - first.density)
    masks = {"importance": first}
    for name, scope in {"by layer": scopes.layer, "all layers": scopes.global_}.items():
        masks[f"magnitude, {name}"] = cut_once(net, images, scores.magnitude, as_many, scope)[1]
    return masks


@checked
def misread(mask: Bool[Tensor, "out in"]) -> Tensor:
    """Return a mask as who reads it in the other order sees it: (in, out) taken for (out, in).

    The same numbers in the same file, laid out in rows of the wrong length: shape (out, in) again.
    Our reading of Table 6. Taught in notebook 04.

    >>> misread(torch.tensor([[True, True, False], [False, False, False]])).int()
    tensor([[1, 0, 1],
            [0, 0, 0]], dtype=torch.int32)
    """
    return mask.T.reshape(mask.shape)


def _one_cut(net: str, data: Data, settings: Settings) -> Row:
    """Cut every trained network once and compare the three rules: Tables 6, 7 and Figure 10."""
    cuts: list[Row] = []
    made_by_seed = [rules(made, data.train.take(1000)) for _, made in _trained(net, data, settings)]
    for seed, made in _trained(net, data, settings):
        masks, another = made_by_seed[seed], made_by_seed[seed - 1]
        cuts.append({"seed": seed, **_cut_row(made, data, masks), **_alike(masks, another)})
    if net != WAYS_DRAWN:
        return {"cuts": cuts}
    drawn = {rule: {name: packed(mask) for name, mask in kept.items()}
             for rule, kept in made_by_seed[0].items()}  # fmt: skip
    return {"cuts": cuts, "masks": drawn}


def _cut_row(made: nn.Module, data: Data, masks: Mapping[str, Masks]) -> Row:
    """Measure one cut by importance, without retraining, and who is active under each rule."""
    ours = masks["importance"]
    first = made.get_parameter(next(iter(ours))).detach().abs()
    row = {
        "density": ours.density,
        "vanished": float((first < 1e-5).float().mean()),
        "test_accuracy": accuracy(made, data.test),
        "active": {rule: list(active_neurons(kept)) for rule, kept in masks.items()},
        "kept": {rule: kept.layer_density() for rule, kept in masks.items()},
    }
    ours.apply_(made)
    return {**row, "pruned_test_accuracy": accuracy(made, data.test)}


def _alike(masks: Mapping[str, Masks], another: Mapping[str, Masks]) -> Row:
    """Compare importance with magnitude by layer: of the same network, misread, of another one."""
    first, *others = masks
    weights = [name for name, mask in masks[first].items() if mask.dim() == 2]
    readings: dict[str, Callable[[Tensor, Tensor, Tensor], float]] = {
        "same": lambda ours, theirs, elsewhere: jaccard(ours, theirs),
        "misread": lambda ours, theirs, elsewhere: jaccard(misread(ours), theirs),
        "another": lambda ours, theirs, elsewhere: jaccard(ours, elsewhere),
    }
    return {
        reading: {
            rule: {
                name: alike(masks[first][name], masks[rule][name], another[rule][name])
                for name in weights
            }
            for rule in others
        }
        for reading, alike in readings.items()
    }


@checked
def packed(mask: Bool[Tensor, "*shape"]) -> Row:
    """Return a mask as a record holds it: its shape, and its bits compressed as text.

    >>> unpacked(packed(torch.tensor([[True, False, True]]))).int().tolist()
    [[1, 0, 1]]
    """
    bits = zlib.compress(np.packbits(mask.cpu().numpy()).tobytes(), 9)
    return {"shape": list(mask.shape), "bits": base64.b85encode(bits).decode()}


@checked
def unpacked(row: Row) -> Tensor:
    """Return the mask that `packed` has put into a record.

    Raises ValueError for a row that is none. Taught in notebook 04.
    """
    try:
        shape, content = row["shape"], zlib.decompress(base64.b85decode(row["bits"]))
        bits = np.unpackbits(np.frombuffer(content, dtype=np.uint8), count=int(np.prod(shape)))
        return torch.from_numpy(bits.astype(bool)).reshape(shape)
    except (KeyError, TypeError, ValueError, RuntimeError, zlib.error) as error:
        raise ValueError(f"row={str(row)[:40]} is no packed mask: {error!r}") from error


DECAYS = {"5e-4": 5e-4, "1e-4": 1e-4, "no-decay": 0.0}
WAYS: dict[str, Callable[[Iterable[nn.Parameter]], torch.optim.Optimizer]] = {
    f"{name}_{label}": make(lr=lr, weight_decay=decay)
    for name, make, lr in (("adam", adam, 1e-3), ("sgd", sgd, 0.1))
    for label, decay in DECAYS.items()
}
WAYS_DRAWN = "adam_5e-4"

RIVALS = _against_magnitude("nnrelief-rivals", rewinds.to_init)
RIVALS_TUNED = _against_magnitude("nnrelief-rivals-tuned", rewinds.fine_tune)
KERNELS = Experiment(
    name="nnrelief-kernels",
    about="LeNet-5 with the three readings of Eq. (2), and Eqs. (9) to (11) on its filters.",
    printed={"lenet_5": {"epochs": 60, "rounds": 20, "seeds": 3}},
    printed_nets=("lenet_5",),
    data={"lenet_5": ("mnist",)},
    make=_make,
    methods=_kernel_methods,
    training=training,
    keep=("seed", "round", "density", "epochs", "validation_accuracy", "test_accuracy"),
    load_data=_load,
    more=_filters,
)
ONE_CUT = Experiment(
    name="nnrelief-one-cut",
    about="One cut of LeNet-300-100: Tables 6, 7, Figure 10, and Figure 4's optimizers.",
    printed={way: {"epochs": 60, "rounds": 0, "seeds": 3} for way in WAYS},
    printed_nets=tuple(WAYS),
    data=dict.fromkeys(WAYS, ("mnist",)),
    make=_make,
    methods=lambda net, settings: {
        "dense": Recipe(stop=stops.best_of(settings["epochs"]), rounds=settings["rounds"])
    },
    training=training,
    keep=("seed", "round", "density", "epochs", "validation_accuracy", "test_accuracy"),
    load_data=_load,
    more=_one_cut,
)

NUMBER = 4
ROWS = {"NNrelief": nnrelief()}
EXPERIMENTS = (EXPERIMENT, RIVALS, RIVALS_TUNED, KERNELS, ONE_CUT)

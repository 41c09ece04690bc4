"""Networks, scores, stops and data that people bring: right, or refused by name before training."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

import pruninglab as lab
from pruninglab.choices.needs import Needs
from pruninglab.choices.stops import Progress
from pruninglab.data import Data, Split
from pruninglab.engine.loop import Checkpoint
from pruninglab.engine.masks import scored
from pruninglab.engine.parametrisation import HardMask
from pruninglab.engine.recipes import cell
from pruninglab.ideas.weights import copy_weights, load_weights

TRAINING = lab.Training(lab.sgd(lr=0.05), batch_size=30)
pytestmark = pytest.mark.filterwarnings("ignore:.*outside the density")


class Base(nn.Module):
    """Images of 2 × 2 pixels to three classes; the siblings differ in `hidden`."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.out = nn.Linear(4, 6), nn.Linear(6, 3)

    def hidden(self, x: Tensor) -> Tensor:
        return self.first(x).relu()

    def forward(self, x: Tensor) -> Any:
        return self.out(self.hidden(x.flatten(1)))


class SubtractsInPlace(Base):
    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x.sub_(0.5))


class ReluOnAView(Base):
    def forward(self, x: Tensor) -> Tensor:
        x[:, :, :1].relu_()
        return super().forward(x)


class Defaults(Base):
    def forward(self, x: Tensor, scale: float = 2.0, *, shift: Tensor | None = None) -> Tensor:
        return super().forward(x * scale if shift is None else x + shift)


class ByKeyword(Base):
    def hidden(self, x: Tensor) -> Tensor:
        return self.first(input=x).relu()


class Lists(Base):
    def __init__(self) -> None:
        super().__init__()
        self.scales = nn.ParameterList([torch.ones(6), torch.ones(6)])
        self.named = nn.ParameterDict({"shift": torch.zeros(6)})

    def hidden(self, x: Tensor) -> Tensor:
        h = super().hidden(x) + self.named["shift"]
        for scale in self.scales:
            h = h * scale
        return h


class Twice(Base):
    def __init__(self) -> None:
        super().__init__()
        self.again = nn.Linear(6, 6)

    def hidden(self, x: Tensor) -> Tensor:
        return self.again(self.again(super().hidden(x)).relu()).relu()


class Tied(Base):
    def __init__(self) -> None:
        super().__init__()
        self.one, self.two = nn.Linear(6, 6), nn.Linear(6, 6)
        self.two.weight = self.one.weight

    def hidden(self, x: Tensor) -> Tensor:
        return self.two(self.one(super().hidden(x)).relu()).relu()


class Counts(Base):
    """Its buffers move in every pass, in eval mode too; one of them torch does not save."""

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("calls", torch.zeros(()))
        self.register_buffer("mean", torch.zeros(6), persistent=False)

    def hidden(self, x: Tensor) -> Tensor:
        h = super().hidden(x)
        self.calls += 1
        self.mean = 0.9 * self.mean + 0.1 * h.detach().mean(dim=0)
        return h - self.mean


class Keeps(Base):
    def hidden(self, x: Tensor) -> Tensor:
        self.kept = {"hidden": [super().hidden(x)]}
        return self.kept["hidden"][0]


class Versioned(Base):
    """An old version of it is halved when it is loaded."""

    _version = 3

    def _load_from_state_dict(self, state: Any, prefix: str, local: Any, *rest: Any) -> None:
        if local.get("version") != 3:
            state[f"{prefix}out.weight"] = state[f"{prefix}out.weight"] / 2
        super()._load_from_state_dict(state, prefix, local, *rest)


class Remembers(Base):
    """What it computes depends on a plain attribute that training moves."""

    seen = 0.0

    def hidden(self, x: Tensor) -> Tensor:
        self.seen += float(self.training)
        return super().hidden(x) * (1 + 0.01 * self.seen)


class OwnDropout(Base):
    def hidden(self, x: Tensor) -> Tensor:
        return functional.dropout(super().hidden(x), 0.5, self.training)


class Frozen(Base):
    def __init__(self) -> None:
        super().__init__()
        self.first.requires_grad_(False)


def normed() -> nn.Module:
    inside = nn.Sequential(nn.Identity(), nn.Linear(4, 6), nn.BatchNorm1d(6))
    return nn.Sequential(nn.Flatten(), inside, nn.ReLU(inplace=True), nn.Dropout(), nn.Linear(6, 3))


def convolved() -> nn.Module:
    parts = [nn.ReLU(inplace=True), nn.Conv2d(1, 4, 2), nn.BatchNorm2d(4), nn.Flatten()]
    return nn.Sequential(*parts, nn.Linear(4, 3)).to(memory_format=torch.channels_last)


def without_statistics() -> nn.Module:
    norm = nn.BatchNorm1d(6, track_running_stats=False)
    return nn.Sequential(nn.Flatten(), nn.Linear(4, 6), norm, nn.Linear(6, 3))


ODD: list[Callable[[], nn.Module]] = [
    SubtractsInPlace, ReluOnAView, Defaults, ByKeyword, Lists, Twice, Tied, Counts, Keeps,
    Versioned, Remembers, OwnDropout, Frozen, normed, convolved, without_statistics,
]  # fmt: skip


def made(make: Callable[[], nn.Module]) -> nn.Module:
    with lab.nets.seeded(3):
        return make()


def sensitivity(net: nn.Module, images: Split) -> dict[str, Tensor]:
    """As a student writes it: whatever is in `.grad` already would count."""
    functional.cross_entropy(net(images.inputs), images.targets).backward()
    images.inputs.zero_()
    return {name: (w * (0 if w.grad is None else w.grad)).abs().detach()
            for name, w in lab.scores.prunable(net).items()}  # fmt: skip


class Rude:
    """A stop that looks, and tidies nothing up."""

    needs = Needs(epochs=2)

    def __call__(self, state: Progress) -> bool:
        assert not any(module.training for module in state.net.modules())
        state.net.train()
        state.net(state.data.validation.inputs).sum().backward()
        return state.epoch >= 2


def rude_rewind(net: nn.Module, snapshots: Any) -> None:
    assert not net.training
    net.load_state_dict(snapshots["init"])
    net.train()


def rude_shrink(net: nn.Module, masks: Any, images: Split) -> dict[str, Tensor]:
    assert not net.training
    net.train()(images.inputs)
    images.inputs.zero_()
    return dict(masks)


MINE = lab.Recipe(
    sensitivity,
    lab.budgets.fraction(0.3),
    lab.scopes.global_,
    Rude(),
    rude_rewind,
    rounds=2,
    after=(rude_shrink,),
)


@pytest.mark.parametrize("make", ODD)
def test_all_that_a_user_writes_leaves_the_run_as_it_was(
    make: Callable[[], nn.Module], tiny_data: Data
) -> None:
    before = copy.deepcopy([list(split) for split in splits_of(tiny_data)])
    polite = MINE.but(stop=lab.stops.epochs(2), rewind=lab.rewinds.to_init, after=())
    with torch.no_grad():
        rude = list(lab.prune(made(make), tiny_data, MINE, seed=1, training=TRAINING))
    tidy = list(lab.prune(made(make), tiny_data, polite, seed=1, training=TRAINING))
    for split, (inputs, targets) in zip(splits_of(tiny_data), before, strict=True):
        assert torch.equal(split.inputs, inputs) and torch.equal(split.targets, targets)
    for one, other in zip(rude, tidy, strict=True):
        assert all(torch.equal(one.masks[name], mask) for name, mask in other.masks.items())
        if make is not Counts:  # a plain `load_state_dict` does not bring unsaved buffers back
            assert all(torch.equal(one.trained[name], w) for name, w in other.trained.items())
        assert one.nonzero_dead == 0


@pytest.mark.parametrize("make", ODD)
def test_what_is_reported_is_what_comes_back(
    make: Callable[[], nn.Module], tiny_data: Data
) -> None:
    recipe = MINE.but(stop=lab.stops.best_of(3), rewind=lab.rewinds.to_init)
    net = made(make)
    for done in lab.prune(net, tiny_data, recipe, seed=0, training=TRAINING):
        for _ in range(2):
            assert lab.accuracy(done.trained_net(), tiny_data.test) == done.test_accuracy
            assert lab.accuracy(done.pruned_net(), tiny_data.test) == done.pruned_test_accuracy
        again = made(make)
        again.load_state_dict(done.trained)
        assert all(torch.equal(again.state_dict()[name], w) for name, w in done.trained.items())


@pytest.mark.parametrize("make", ODD)
def test_a_score_says_the_same_wherever_it_is_asked(
    make: Callable[[], nn.Module], tiny_data: Data
) -> None:
    recipe = MINE.but(stop=lab.stops.epochs(2), rewind=lab.rewinds.fine_tune, rounds=1, after=())
    first = next(lab.prune(made(make), tiny_data, recipe, seed=0, training=TRAINING))
    for net in (first.trained_net(), first.trained_net().train()):
        modes = [module.training for module in net.modules()]
        _, masks = lab.cut_once(net, tiny_data.train, sensitivity, recipe.budget, recipe.scope)
        assert all(torch.equal(masks[name], mask) for name, mask in first.masks.items())
        assert [module.training for module in net.modules()] == modes


@pytest.mark.parametrize("make", ODD)
def test_a_state_is_whole(make: Callable[[], nn.Module], tiny_data: Data) -> None:
    net = made(make)
    kept = copy_weights(net)
    before = lab.accuracy(net, tiny_data.test)
    lab.train(net, tiny_data, stop=lab.stops.epochs(1), training=TRAINING)
    load_weights(net, kept)
    if make is not Remembers:
        assert lab.accuracy(net, tiny_data.test) == before
    assert all(torch.equal(now, kept.get(name, now)) for name, now in net.state_dict().items())
    for wrong in (
        {},
        {**kept, "other": torch.ones(1)},
        {k: w[:1] for k, w in kept.items() if w.dim()},
    ):
        with pytest.raises(ValueError, match="net does not fit the weights"):
            load_weights(net, wrong)


@pytest.mark.parametrize("make", ODD)
@pytest.mark.parametrize(
    "score",
    [lab.scores.snip(), lab.scores.wanda(), lab.scores.ria(), lab.scores.fisher(),
     lab.scores.synflow, lab.scores.nnrelief(), lab.scores.curvature("sharp")],
    ids=cell,
)  # fmt: skip
def test_each_score_is_right_or_refuses_by_name(
    make: Callable[[], nn.Module], score: Callable, tiny_data: Data
) -> None:
    before = tiny_data.train.inputs.clone()
    recipe = lab.Recipe(score, lab.budgets.fraction(0.3), stop=lab.stops.epochs(1), rounds=1)
    steps: list[int] = []

    def counted(net: nn.Module, inputs: Tensor, targets: Tensor) -> Tensor:
        steps.append(len(inputs))
        return functional.cross_entropy(net(inputs), targets)

    training = replace(TRAINING, objective=counted)
    try:
        run = lab.prune(made(make), tiny_data, recipe, seed=0, training=training)
    except ValueError as error:
        assert any(word in str(error) for word in ("score=", "net", "scores")) and len(steps) <= 1
    else:
        assert len(list(run)) == 2
    assert torch.equal(tiny_data.train.inputs, before)


def test_wanda_counts_all_that_a_shared_weight_sees(tiny_data: Data) -> None:
    net = made(Tied)
    seen: list[Tensor] = []
    hooks = [layer.register_forward_pre_hook(lambda _, given: seen.append(given[0]))
             for layer in (net.one, net.two)]  # fmt: skip
    net(tiny_data.train.inputs)
    for hook in hooks:
        hook.remove()
    norms = torch.cat(seen).norm(dim=0)
    score = scored(net, tiny_data.train, lab.scores.wanda())["one.weight"]
    torch.testing.assert_close(score, (net.one.weight.abs() * norms).detach())


def splits_of(data: Data) -> list[Split]:
    return [data.train, data.validation, data.test]


# --- refused, by name, before any training ----------------------------------------------------


class OneColumn(Base):
    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x)[:, :1]


class Deep(Base):
    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x)[:, :, None]


class Pair(Base):
    def forward(self, x: Tensor) -> Any:
        return super().forward(x), x


class Named(Base):
    def forward(self, x: Tensor) -> Any:
        return {"logits": super().forward(x)}


class PairInTraining(Base):
    def forward(self, x: Tensor) -> Any:
        return Pair.forward(self, x) if self.training else super().forward(x)


class Complex(Base):
    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x).to(torch.complex64)


class Whole(Base):
    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x).long()


class Broken(Base):
    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x) * torch.nan


class FailsInEval(Base):
    def hidden(self, x: Tensor) -> Tensor:
        if not self.training:
            raise NotImplementedError("training only")
        return super().hidden(x)


class AlwaysDrops(Base):
    def hidden(self, x: Tensor) -> Tensor:
        return functional.dropout(super().hidden(x))


class Locked(Base):
    def __init__(self) -> None:
        super().__init__()
        self.file = open(__file__, encoding="utf-8")  # noqa: SIM115


class Compiled(Base):
    def __init__(self) -> None:
        super().__init__()
        self.compile()


def under_torchs_prune() -> nn.Module:
    from torch.nn.utils import prune

    net = Base()
    prune.l1_unstructured(net.first, "weight", 0.5)
    return net


def in_inference_mode() -> nn.Module:
    with torch.inference_mode():
        return Base()


REFUSED: dict[Callable[[], nn.Module], str] = {
    OneColumn: "data.train: net gives one output",
    Deep: r"data.train: .*\(8, 3, 1\)",
    Pair: "data.train: net returns a tuple",
    Named: "data.train: net returns a dict",
    PairInTraining: "training: a step",
    Complex: "data.train: .*complex64",
    Whole: "data.train: .*int64",
    Broken: "data.train: net gives NaN",
    FailsInEval: "data.train: .*training only",
    AlwaysDrops: "data.train: .*draws at random",
    Locked: "net cannot be copied",
    Compiled: "net is compiled",
    under_torchs_prune: "torch.nn.utils.prune",
    in_inference_mode: "inference mode",
}


@pytest.mark.parametrize("make", REFUSED)
@pytest.mark.parametrize("how", ["prune", "train"])
def test_networks_are_refused_by_name(
    make: Callable[[], nn.Module], how: str, tiny_data: Data
) -> None:
    net = made(make)
    with pytest.raises((ValueError, TypeError), match=REFUSED[make]):
        if how == "train":
            lab.train(net, tiny_data, training=TRAINING)
        else:
            lab.prune(net, tiny_data, lab.Recipe(), seed=0, training=TRAINING)


@pytest.mark.parametrize(
    "make", [OneColumn, Deep, Pair, Named, Complex, Whole, Broken, FailsInEval]
)
def test_accuracy_refuses_what_is_no_classifier(
    make: Callable[[], nn.Module], tiny_data: Data
) -> None:
    with pytest.raises(ValueError, match="net"):
        lab.accuracy(made(make), tiny_data.test)


@pytest.mark.parametrize("part", ["train", "validation", "test"])
@pytest.mark.parametrize("label", [-100, -1, 3, 10**9])
def test_labels_that_are_no_classes_are_refused(part: str, label: int, tiny_data: Data) -> None:
    split: Split = vars(tiny_data)[part].clone()
    split.targets[-1] = label
    data = replace(tiny_data, **{part: split})
    with pytest.raises(ValueError, match=rf"data\.{part}: targets .*{label}"):
        lab.prune(made(Base), data, lab.Recipe(), seed=0, training=TRAINING)
    with pytest.raises(ValueError, match="targets"):
        lab.accuracy(made(Base), split)


@pytest.mark.parametrize("part", ["validation", "test"])
@pytest.mark.parametrize(
    "change", [Tensor.double, lambda x: x[:, :, :1], lambda x: x.repeat(1, 2, 1, 1)]
)
def test_splits_that_do_not_fit_are_refused(part: str, change: Callable, tiny_data: Data) -> None:
    split: Split = vars(tiny_data)[part]
    data = replace(tiny_data, **{part: Split(change(split.inputs), split.targets)})
    with pytest.raises(ValueError, match=rf"data\.{part}: inputs"):
        lab.prune(made(Base), data, lab.Recipe(), seed=0, training=TRAINING)


def fails(*_: Any) -> Any:
    raise AttributeError("'Net' object has no attribute 'features'")


@pytest.mark.parametrize("declares", [Needs(), Needs(supports=lambda net, images: None)])
@pytest.mark.parametrize("choice", ["score", "stop", "rewind", "after"])
def test_every_choice_is_tried(choice: str, declares: Needs, tiny_data: Data) -> None:
    def mine(*given: Any) -> Any:
        return fails(*given)

    mine.needs = declares  # type: ignore[attr-defined]
    recipe = lab.Recipe().but(**{choice: (mine,) if choice == "after" else mine})  # type: ignore[arg-type]
    with pytest.raises(ValueError, match=rf"{choice}=mine: 'Net' object has no attribute"):
        lab.prune(made(Base), tiny_data, recipe, seed=0, training=TRAINING)


@pytest.mark.parametrize(
    "training",
    [
        lab.Training(torch.optim.LBFGS, 30),
        lab.Training(lambda weights: torch.optim.SGD(weights, lr=-1.0), 30),
        lab.Training(batch_size=30, objective=fails),
        lab.Training(batch_size=30, objective=lambda net, x, y: net(x)),
        lab.Training(batch_size=89),
    ],
)
def test_trainings_that_cannot_work_are_refused(training: lab.Training, tiny_data: Data) -> None:
    for begin in (
        lambda: lab.prune(made(normed), tiny_data, lab.Recipe(), seed=0, training=training),
        lambda: lab.train(made(normed), tiny_data, training=training),
    ):
        with pytest.raises((ValueError, TypeError), match=r"^training: a step"):
            begin()


def forgetful(how: str) -> type[HardMask]:
    class Sums(HardMask):
        def __init__(self, net: nn.Module, masks: Any, earlier: Any) -> None:
            super().__init__(net, masks, earlier)
            self.sums = {k: torch.zeros_like(w) for k, w in self.parameters.items()}

        def begin_epoch(self, epoch: int, total: int) -> None:
            if how == "epochs":
                self.sums = {k: v + epoch for k, v in self.sums.items()}

        def after_step(self) -> None:
            super().after_step()
            if how != "epochs":
                self.sums = {k: self.sums[k] + w.data.abs() for k, w in self.parameters.items()}

        def scores(self) -> dict[str, Tensor]:
            return {k: v + 0.0 for k, v in self.sums.items()}

    class Saved(Sums):
        def state(self) -> dict[str, Tensor]:
            return super().state() | {f"sum {k}": v.clone() for k, v in self.sums.items()}

        def load(self, state: Any) -> None:
            super().load({k: v for k, v in state.items() if not k.startswith("sum ")})
            self.sums = {k: state[f"sum {k}"].clone() for k in self.sums}

    return Saved if how == "saved" else Sums


def test_a_learned_score_must_come_back_with_its_epoch(tiny_data: Data) -> None:
    for how in ("saved", "steps", "epochs"):
        recipe = lab.Recipe(lab.scores.learned(forgetful(how)), stop=lab.stops.best_of(2), rounds=1)
        if how == "saved":
            assert len(list(lab.prune(made(Frozen), tiny_data, recipe, seed=0))) == 2
            continue
        with pytest.raises(ValueError, match="does not come back with the best epoch"):
            lab.prune(made(Base), tiny_data, recipe, seed=0)
        lab.prune(made(Base), tiny_data, recipe.but(stop=lab.stops.epochs(2)), seed=0)


# --- single rules -----------------------------------------------------------------------------


@pytest.mark.parametrize("mode", [torch.no_grad, torch.inference_mode])
def test_what_the_caller_has_switched_off_is_switched_on(mode: Callable, tiny_data: Data) -> None:
    recipe = MINE.but(rewind=lab.rewinds.reinitialise)
    plain = list(lab.prune(made(Base), tiny_data, recipe, seed=0, training=TRAINING))
    net = made(Base)
    with mode():
        run = list(lab.prune(net, tiny_data, recipe, seed=0, training=TRAINING))
        assert not torch.is_grad_enabled()
    for one, other in zip(run, plain, strict=True):
        assert all(torch.equal(w, other.trained[name]) for name, w in one.trained.items())


def test_a_learned_mask_leaves_what_is_frozen(tiny_data: Data) -> None:
    net = made(Frozen)
    before = net.first.weight.clone()
    score = lab.scores.learned_mask(lab.concave.l1(), 1e-3)
    for done in lab.prune(net, tiny_data, lab.Recipe(score, rounds=2), seed=0, training=TRAINING):
        assert torch.equal(done.trained["first.weight"], before)
        assert done.layer_density["first.weight"] == 1


def test_shared_weights_are_kept_without_their_mask() -> None:
    net = made(Tied)
    masks = lab.Masks.full(net)
    before = net.one.weight.detach().clone()
    held = lab.scores.learned_mask(lab.concave.l1(), 1e-3).needs.learns(net, masks, {})  # type: ignore[misc]
    held.begin_epoch(1, 1)
    assert torch.equal(net.one.weight, before / 2)
    for name in ("one.weight", "two.weight"):
        assert torch.equal(held.weights()[name], before)


def zeros(net: nn.Module, images: Split) -> dict[str, Tensor]:
    return {name: 0 * weight.detach() for name, weight in lab.scores.prunable(net).items()}


def half(net: nn.Module, images: Split) -> dict[str, Tensor]:
    scores = lab.scores.magnitude(net, images)
    return {**scores, "first.weight": 0 * scores["first.weight"]}


def test_scores_that_are_all_zero_are_refused_and_a_blind_layer_is_told(tiny_data: Data) -> None:
    with pytest.raises(ValueError, match="scores are all zero"):
        lab.prune(made(Base), tiny_data, lab.Recipe(zeros), seed=0)
    behind = nn.Sequential(nn.Flatten(), nn.LayerNorm(4), nn.Linear(4, 3))
    between = nn.Sequential(nn.Flatten(), nn.Linear(4, 6), nn.LayerNorm(6), nn.Linear(6, 3))
    for net in (behind, between):
        with pytest.raises(ValueError, match=r"scores are all zero|flow run backwards"):
            lab.prune(net, tiny_data, lab.Recipe(lab.scores.synflow), seed=0)
    cut = (lab.budgets.fraction(0.5), lab.scopes.layer)
    with pytest.warns(UserWarning, match="'first.weight' are all zero"):
        lab.cut_once(made(Base), tiny_data.train, half, *cut)


def test_a_layer_that_is_never_called_is_named(tiny_data: Data) -> None:
    class Unused(Base):
        def hidden(self, x: Tensor) -> Tensor:
            return functional.linear(x, self.first.weight).relu()

    for score in (lab.scores.wanda(), lab.scores.ria(), lab.scores.nnrelief()):
        with pytest.raises(ValueError, match=r"score=.*first"):
            lab.prune(made(Unused), tiny_data, lab.Recipe(score), seed=0)


def test_zeros_from_before_are_told(tiny_data: Data) -> None:
    net, masks = lab.cut_once(made(Base), tiny_data.train, lab.scores.magnitude,
                              lab.budgets.fraction(0.5), lab.scopes.layer)  # fmt: skip
    with pytest.warns(UserWarning, match="21 weights that are exactly zero"):
        lab.prune(net, tiny_data, lab.Recipe(), seed=0)
    start = Checkpoint(0, masks, net.state_dict(), {})
    first = next(lab.prune(net, tiny_data, lab.Recipe(), seed=0, training=TRAINING, start=start))
    assert first.density == 0.5 and first.nonzero_dead == 0


@pytest.mark.parametrize("std", [0.01, 2.0])
def test_other_first_weights_are_drawn_anew_by_their_own_law(std: float) -> None:
    class Own(Lists):
        def __init__(self) -> None:
            super().__init__()
            self.token = nn.Parameter(std * torch.randn(1, 50))
            self.attention = nn.MultiheadAttention(6, 2)
            nn.init.normal_(self.first.weight, std=std)
            nn.init.zeros_(self.first.bias)
            self.out.requires_grad_(False)

    net = made(Own)
    init = copy_weights(net)
    lab.rewinds.reinitialise(net, {"init": init})
    for name, weight in net.named_parameters():
        constant = init[name].unique().numel() == 1
        assert torch.equal(weight, init[name]) == (constant or name.startswith("out"))
        assert math.isclose(float(weight.std()), float(init[name].std()), rel_tol=0.5)


@pytest.mark.parametrize("batch", [4, 7, 30])
@pytest.mark.parametrize(
    "score",
    [lab.scores.snip(), lab.scores.grasp(), lab.scores.wanda(), lab.scores.ria(),
     lab.scores.nnrelief(), lab.scores.fisher(), lab.scores.curvature("sharp")],
    ids=cell,
)  # fmt: skip
def test_no_measurement_takes_more_images_than_a_batch(
    batch: int, score: Callable, tiny_data: Data
) -> None:
    most: list[int] = []

    class Watched(Base):
        def forward(self, x: Tensor) -> Tensor:
            most.append(len(x))
            return super().forward(x)

    stop = lab.stops.sooner(
        lab.stops.flow_within(0.1, 1, lab.stops.information(at="pre")),
        lab.stops.accuracy_within(0.1, 1),
    )
    recipe = lab.Recipe(score, stop=stop, rounds=1)
    training = lab.Training(batch_size=batch)
    for _ in lab.prune(made(Watched), tiny_data, recipe, seed=0, training=training):
        assert max(most) <= max(batch, 8)

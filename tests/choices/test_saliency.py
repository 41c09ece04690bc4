"""The scores of the field against independent computations of their definitions."""

from __future__ import annotations

from itertools import pairwise

import pytest
import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, unfold

import pruninglab as lab
from pruninglab.choices.scopes import Groups
from pruninglab.data import Data, Split
from pruninglab.ideas.saliency import fisher_diagonal, input_norms, synaptic_flow

CONVS = (nn.Conv1d, nn.Conv2d, nn.Conv3d)


@pytest.fixture
def images() -> Split:
    generator = torch.Generator().manual_seed(1)
    return Split(torch.rand(12, 1, 6, 6, generator=generator), torch.arange(12) % 3)


@pytest.fixture
def net() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(nn.Conv2d(1, 4, 3), nn.ReLU(), nn.Flatten(), nn.Linear(64, 5), nn.Tanh(),
                         nn.Linear(5, 3)).double()  # fmt: skip


@pytest.fixture
def doubles(images: Split) -> Split:
    return Split(images.inputs.double(), images.targets)


def loss_with(net: nn.Module, images: Split, name: str, gate: Tensor) -> Tensor:
    """Return the loss with the weight `name` multiplied by `gate`."""
    state = dict(net.named_parameters())
    state[name] = state[name] * gate
    outputs = torch.func.functional_call(net, state, (images.inputs,))
    return cross_entropy(outputs, images.targets)


def test_snip_is_the_slope_of_a_gate(net: nn.Module, doubles: Split) -> None:
    for name, score in lab.scores.snip()(net, doubles).items():
        gate = torch.ones_like(score).requires_grad_()
        (slope,) = torch.autograd.grad(loss_with(net, doubles, name, gate), gate)
        torch.testing.assert_close(score, slope.abs())


def test_grasp_is_what_the_gradients_norm_loses(net: nn.Module, doubles: Split) -> None:
    """−2 θ ⊙ Hg is the slope of ‖g‖² along the removal of a weight: by finite differences."""
    scores = lab.scores.grasp()(net, doubles)
    parameters = list(net.parameters())

    def squared_norm() -> float:
        loss = cross_entropy(net(doubles.inputs), doubles.targets)
        return sum(float(g.square().sum()) for g in torch.autograd.grad(loss, parameters))

    slopes, values, step = [], [], 1e-5
    for name, position in (("0.weight", (1, 0, 2, 1)), ("3.weight", (4, 7)), ("5.weight", (2, 3))):
        weight = dict(net.named_parameters())[name]
        before = weight[position].item()
        norms = []
        for sign in (1, -1):
            weight.data[position] = before * (1 + sign * step)
            norms.append(squared_norm())
        weight.data[position] = before
        slopes.append((norms[0] - norms[1]) / (4 * step))
        values.append(scores[name][position].item())
    gaps = [a - b for a, b in zip(values, slopes, strict=True)]
    assert gaps == pytest.approx([gaps[0]] * 3, rel=1e-5), "the same amount for all"
    assert min(float(score.min()) for score in scores.values()) == 0


def test_synflow_conserves_what_flows_through_a_unit() -> None:
    for make in (lab.nets.lenet_300_100, lab.nets.sap_mlp):
        net = make(seed=0)
        flow = synaptic_flow(net, torch.rand(3, 1, 28, 28))
        layers = [flow[name] for name in lab.scores.prunable(net)]
        for before, after in pairwise(layers):
            torch.testing.assert_close(before.sum(dim=1), after.sum(dim=0))


def test_synflow_is_the_sum_over_paths() -> None:
    net = nn.Sequential(nn.Linear(2, 2), nn.ReLU(), nn.Linear(2, 1)).double()
    first, second = net[0].weight.abs().detach(), net[2].weight.abs().detach()
    flow = synaptic_flow(net, torch.zeros(1, 2).double())
    by_paths = torch.tensor([[first[h, i] * second[0, h] for i in range(2)] for h in range(2)])
    torch.testing.assert_close(flow["0.weight"], by_paths.double())
    assert not flow["0.bias"].any()


def test_synflow_keeps_every_layer_alive_where_magnitude_does_not(images: Split) -> None:
    torch.manual_seed(0)
    net = nn.Sequential(nn.Flatten(), nn.Linear(36, 60), nn.ReLU(), nn.Linear(60, 30), nn.ReLU(),
                        nn.Linear(30, 3))  # fmt: skip
    with torch.no_grad():
        net[3].weight.mul_(1e-3)

    def living(score: lab.scores.Score) -> int:
        masks = None
        share = lab.budgets.fraction(1 - 0.02 ** (1 / 50))
        for _ in range(50):
            _, masks = lab.cut_once(net, images, score, share, lab.scopes.global_, masks)
        return int(masks["3.weight"].sum())

    assert living(lab.scores.magnitude) == 0
    assert living(lab.scores.synflow) > 0


@pytest.mark.parametrize(
    "conv",
    [
        nn.Conv2d(2, 4, 3),
        nn.Conv2d(2, 4, 3, stride=2, padding=1),
        nn.Conv2d(4, 4, (3, 2), groups=2, dilation=2),
    ],
)
def test_input_norms_of_convolutions_by_unfolding(conv: nn.Conv2d) -> None:
    images = torch.rand(5, conv.in_channels, 7, 7)
    norm = input_norms(conv, images, (nn.Conv2d,))[""]
    patches = unfold(images, conv.kernel_size, conv.dilation, conv.padding, conv.stride)
    norms = patches.square().sum(dim=(0, 2)).sqrt().reshape(conv.in_channels, *conv.kernel_size)
    per_group = norms.reshape(conv.groups, -1, *conv.kernel_size)
    for channel in range(conv.out_channels):
        group = channel * conv.groups // conv.out_channels
        torch.testing.assert_close(norm[channel], per_group[group])


def test_wanda_and_ria_by_hand() -> None:
    net = nn.Linear(2, 2, bias=False)
    net.weight.data = torch.tensor([[1.0, -2.0], [3.0, 0.0]])
    images = Split(torch.tensor([[3.0, 1.0], [4.0, 0.0]]), torch.tensor([0, 1]))
    wanda = lab.scores.wanda()(net, images)["weight"]
    assert wanda.tolist() == [[5.0, 2.0], [15.0, 0.0]]
    relative = torch.tensor([[1 / 4 + 1 / 3, 2 / 2 + 2 / 3], [3 / 4 + 3 / 3, 0.0]])
    ria = lab.scores.ria(power=1)(net, images)["weight"]
    torch.testing.assert_close(ria, relative * torch.tensor([5.0, 1.0]))
    torch.testing.assert_close(lab.scores.ria(power=0)(net, images)["weight"], relative)


def test_hooks_are_gone_and_modes_are_back(net: nn.Module, doubles: Split) -> None:
    net.train()
    input_norms(net, doubles.inputs, (nn.Linear,))
    assert net.training and not any(module._forward_pre_hooks for module in net.modules())


def test_fisher_is_the_mean_square_of_one_images_gradient(net: nn.Module, doubles: Split) -> None:
    total = {name: torch.zeros_like(weight) for name, weight in net.named_parameters()}
    for i in range(len(doubles.inputs)):
        loss = cross_entropy(net(doubles.inputs[i : i + 1]), doubles.targets[i : i + 1])
        for (name, weight), slope in zip(
            net.named_parameters(), torch.autograd.grad(loss, list(net.parameters())), strict=True
        ):
            total[name] += slope.square() / len(doubles.inputs)
            assert weight.grad is None
    ours = fisher_diagonal(net, *doubles)
    for name, value in total.items():
        torch.testing.assert_close(ours[name], value)
    score = lab.scores.fisher()(net, doubles)["5.weight"]
    torch.testing.assert_close(score, total["5.weight"] * net[5].weight.detach() ** 2 / 2)


def test_two_of_four_live_in_every_block() -> None:
    net = lab.nets.lenet_300_100(seed=0)
    images = Split(torch.rand(2, 1, 28, 28), torch.tensor([0, 1]))
    _, masks = lab.cut_once(net, images, lab.scores.magnitude, lab.budgets.count(2),
                            lab.scopes.blocks_of(4))  # fmt: skip
    for name, weight in lab.scores.prunable(net).items():
        blocks = weight.detach().abs().reshape(-1, 4)
        alive = masks[name].reshape(-1, 4)
        assert bool((alive.sum(dim=1) == 2).all())
        largest = blocks.topk(2, dim=1).values.sum(dim=1)
        torch.testing.assert_close((blocks * alive).sum(dim=1), largest)


def test_a_row_of_no_whole_blocks_is_refused_by_name() -> None:
    scores = {"fc.weight": torch.rand(2, 6)}
    with pytest.raises(ValueError, match=r"'fc\.weight'.*rows of 6.*size=4"):
        list(lab.scopes.blocks_of(4)(scores, {"fc.weight": torch.ones(2, 6).bool()}))


def test_the_cubic_schedule_is_the_formula() -> None:
    alive = torch.ones(1, 1000).bool()
    for t in range(1, 6):
        groups = Groups(torch.rand(1, 1000), alive, round=t - 1, rounds=5)
        (stay,) = lab.budgets.cubic(0.9)(groups).tolist()
        assert stay == 1000 - int(1000 * 0.9 * (1 - (1 - t / 5) ** 3) + 1e-9)


def test_the_loop_tells_a_schedule_its_round(tiny_net: nn.Module, tiny_data: Data) -> None:
    recipe = lab.Recipe(budget=lab.budgets.cubic(0.8), stop=lab.stops.epochs(1), rounds=3,
                        scope=lab.scopes.global_)  # fmt: skip
    densities = [done.pruned_density for done in lab.prune(tiny_net, tiny_data, recipe, seed=0)]
    wanted = [1 - 0.8 * (1 - (1 - t / 3) ** 3) for t in (1, 2, 3, 3)]
    assert densities == pytest.approx(wanted, abs=0.02)


SCORES = {"snip": lab.scores.snip(), "grasp": lab.scores.grasp(), "synflow": lab.scores.synflow,
          "fisher": lab.scores.fisher(), "wanda": lab.scores.wanda(),
          "ria": lab.scores.ria()}  # fmt: skip


@pytest.mark.parametrize("score", SCORES.values(), ids=SCORES)
def test_every_score_prunes_a_convolutional_network(
    score: lab.scores.Score, net: nn.Module, images: Split
) -> None:
    _, masks = lab.cut_once(net.float(), images, score, lab.budgets.fraction(0.5),
                            lab.scopes.layer)  # fmt: skip
    assert masks.density == pytest.approx(0.5, abs=0.02)


@pytest.mark.parametrize("score", SCORES.values(), ids=SCORES)
def test_images_that_do_not_fit_are_named(
    score: lab.scores.Score, net: nn.Module, images: Split
) -> None:
    wrong = Split(torch.rand(4, 2, 3, 3), torch.zeros(4, dtype=torch.long))
    with pytest.raises(ValueError, match="do not pass through net"):
        score(net.float(), wrong)

"""PQI, flows, concave masks and their figures: on a device, the numbers of the CPU."""

from __future__ import annotations

import copy

import pytest
import torch
from torch import Tensor, nn

import pruninglab as lab
from pruninglab import concave, lessons
from pruninglab.data import Split
from pruninglab.ideas.incop import flow_distance, flow_norms, gradient_flow, information_flow
from pruninglab.ideas.sap import gini_index, pq_index, retained_bound, tail_ratio
from pruninglab.lessons.concave.digits import TwoDigits, two_digits
from pruninglab.lessons.concave.fits import accuracy_of, fit_logistic, subgradient_l1
from pruninglab.lessons.concave.logistic import loss_gradient, masked_logistic
from pruninglab.lessons.pq_index.measures import MEASURES

CPU = torch.device("cpu")
W = torch.randn(3, 40, generator=torch.Generator().manual_seed(0))
MASK = torch.rand(3, 40, generator=torch.Generator().manual_seed(1)) < 0.7


def same(found: object, expected: object) -> None:
    """Compare numbers and tensors, wherever they lie."""
    if isinstance(found, dict):
        assert isinstance(expected, dict) and list(found) == list(expected)
        for key, value in found.items():
            same(value, expected[key])
    elif isinstance(found, Tensor):
        torch.testing.assert_close(found.cpu().double(), torch.as_tensor(expected).double())
    else:
        assert found == pytest.approx(expected)


def small_net() -> nn.Module:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return nn.Sequential(
            nn.Conv2d(1, 3, 3), nn.BatchNorm2d(3), nn.ReLU(), nn.Flatten(), nn.Linear(108, 4)
        )


def probe(device: torch.device) -> tuple[Tensor, Tensor]:
    images = torch.rand(10, 1, 8, 8, generator=torch.Generator().manual_seed(2))
    return images.to(device), (torch.arange(10) % 4).to(device)


def all_ones(net: nn.Module) -> dict[str, Tensor]:
    """Return masks on the CPU, wherever the network lies."""
    return {name: torch.ones(p.shape).bool() for name, p in net.named_parameters() if p.dim() > 1}


def test_indices_and_measures(device: torch.device) -> None:
    w, mask = W.to(device), MASK.to(device)
    for index in (lambda w, mask: pq_index(w, 0.5, 1.0, mask, dim=1), gini_index):
        same(index(w, mask), index(W, MASK))
        same(index(w, MASK), index(W, MASK))
    same(tail_ratio(w, 5, 0.5), tail_ratio(W, 5, 0.5))
    for name, measure in MEASURES.items():
        same(measure(w), MEASURES[name](W))
    index = pq_index(w, 0.5, 1.0, dim=1)
    d = torch.full((3,), 40.0)
    expected = retained_bound(d, pq_index(W, 0.5, 1.0, dim=1), 0.5, 1.0)
    for first in (d, d.to(device), 40.0):
        same(retained_bound(first, index, 0.5, 1.0), expected)


@pytest.mark.parametrize("kind", ["raw", "pearson"])
def test_flows_follow_the_images(device: torch.device, kind: str) -> None:
    net = small_net()
    here, there = copy.deepcopy(net), net
    inputs, _ = probe(CPU)
    expected = information_flow(here, inputs, kind=kind)
    found = information_flow(there, inputs.to(device), kind=kind)
    assert next(there.parameters()).device == device
    same(found, expected)
    assert flow_distance(found, expected) == pytest.approx(0, abs=1e-12)
    same(flow_norms(found), flow_norms(expected))


def test_gradient_flow_with_all_parts_in_different_places(device: torch.device) -> None:
    inputs, targets = probe(CPU)
    expected = gradient_flow(small_net(), inputs, targets, all_ones(small_net()))
    for labels in (targets, targets.to(device)):
        net = small_net()
        same(gradient_flow(net, inputs.to(device), labels, all_ones(net)), expected)


def digits(device: torch.device) -> TwoDigits:
    images = torch.rand(40, 1, 28, 28, generator=torch.Generator().manual_seed(3))
    labels = torch.arange(40) % 2
    return two_digits(images.to(device), labels, runs=1, each=20, train=15)


def test_concave_masks(device: torch.device) -> None:
    kinds = [concave.l1(), concave.log(0.1), concave.lq(0.5), concave.mcp(0.5)]
    results = []
    for place in (CPU, device):
        one = digits(place)
        theta = fit_logistic(one.inputs, one.targets)
        # The labels and weights may lie on the CPU still.
        data = one.inputs, one.targets.cpu(), theta.cpu()
        masks = masked_logistic(*data, kinds, [0.1, 1.0]).masks
        plain = subgradient_l1(one.inputs, one.targets, [0.1], steps=20)
        results.append({
            "theta": theta, "masks": masks, "plain": plain,
            "slope": loss_gradient(*data, masks),
            "phi": concave.phi(masks, kinds[1]),
            "right": accuracy_of(one.held_inputs, one.held_targets, masks),
        })  # fmt: skip
    # On several threads the sums have another order, and the solver stops elsewhere within 1e-3.
    for name, value in results[0].items():
        there = torch.as_tensor(results[1][name]).cpu()
        torch.testing.assert_close(there, torch.as_tensor(value), atol=0.02, rtol=0.02)
    assert results[1]["masks"].device == device


def test_figures_draw_what_lies_on_a_device(device: torch.device) -> None:
    vectors = {"a": W.to(device).requires_grad_(), "b": MASK.float().to(device)}
    figures = [
        lessons.pq_index.figures.two_averages(vectors, society="a"),
        lessons.pq_index.figures.one_axis(vectors),
        lessons.pq_index.figures.who_is_heard(vectors["a"]),
        lessons.pq_index.figures.robin_hood_curves(
            torch.tensor([3.0, 1.0, 4.0]).to(device), [(0.5, 1.0)]
        ),
    ]
    one = digits(device)
    masks = torch.rand(2, 3, 401).to(device)
    share, pixels = torch.rand(5, 3).to(device), torch.ones(5, 3).to(device).long()
    figures += [
        lessons.concave.figures.two_maps(one, torch.ones(1, 401)),
        lessons.concave.figures.one_mask(one, torch.ones(1, 401), one.held_inputs[0]),
        lessons.concave.figures.eight_pixels(masks[0, 0], one.held_inputs[0, :8]),
        lessons.concave.figures.accuracy_and_pixels([1.0, 2, 3], {"a": (share, pixels)}),
        lessons.concave.figures.mask_values({"a": [masks[0, 0], masks[0, 1]]}, 0.1),
    ]
    for figure in figures:
        figure.canvas.draw()


def test_figures_of_networks_follow_the_images(device: torch.device) -> None:
    images = torch.rand(20, 1, 28, 28, generator=torch.Generator().manual_seed(4))
    split = Split(images.to(device), (torch.arange(20) % 10).to(device))
    figures = []
    net = lab.nets.lenet_300_100(seed=0)
    curve = lessons.start.figures.accuracy_at(net, split, [1.0, 0.1])
    figures.append(
        lessons.start.figures.weights_that_stay(net, split, [1.0, 0.1], curve, density=0.1)
    )
    for figure in figures:
        figure.canvas.draw()

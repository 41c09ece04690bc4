"""NNrelief and its figures with the images on a second device and the network built on the CPU."""

from __future__ import annotations

import copy

import pytest
import torch
from torch import Tensor, nn

from pruninglab import nets
from pruninglab.data import Split
from pruninglab.ideas import nnrelief
from pruninglab.lessons.nnrelief import figures as plots
from pruninglab.lessons.nnrelief.recut import recut as recut_of


def normal(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def same(there: Tensor, here: Tensor, device: torch.device) -> None:
    assert there.device == device
    torch.testing.assert_close(there.cpu(), here)


def test_layers(device: torch.device) -> None:
    weight, bias, inputs = normal(3, 4), normal(3, seed=1), normal(6, 4, seed=2)
    shares = nnrelief.connection_importance(weight, bias, inputs)
    same(nnrelief.connection_importance(weight, bias, inputs.to(device)), shares, device)
    kernels, images = normal(4, 2, 3, 3), normal(5, 2, 6, 6, seed=3)
    found = nnrelief.kernel_importance(kernels, None, images.to(device))
    same(found, nnrelief.kernel_importance(kernels, None, images), device)
    moved = shares.to(device)
    same(nnrelief.share_count(moved, 0.7), nnrelief.share_count(shares, 0.7), device)
    kept = nnrelief.share_cut(shares, 0.7)
    same(nnrelief.share_cut(moved, 0.7), kept, device)
    entries = nnrelief.entry_share(moved)
    assert entries.device.type == ("cuda" if device.type == "cuda" else "cpu")
    torch.testing.assert_close(entries.cpu(), nnrelief.entry_share(shares))
    assert nnrelief.jaccard(kept.to(device), kept) == 1


def test_bounds(device: torch.device) -> None:
    layers = [(normal(5, 4), normal(5, seed=1)), (normal(3, 5, seed=2), None)]
    keeps = [(normal(5, 4, seed=4) > 0, normal(5, seed=5) > 0), (normal(3, 5, seed=6) > 0, None)]
    inputs = normal(7, 4, seed=7)
    here = nnrelief.error_bounds(layers, keeps, inputs, alpha=0.8)
    there = nnrelief.error_bounds(layers, keeps, inputs.to(device), alpha=0.8)
    same(there.average, here.average, device)
    same(there.pointwise, here.pointwise, device)
    change = nnrelief.residuals(layers[0], keeps[0], inputs.to(device))
    same(change, nnrelief.residuals(layers[0], keeps[0], inputs), device)
    carried = nnrelief.carry_change(change, [layers[1][0]])
    same(carried, nnrelief.carry_change(change.cpu(), [layers[1][0]]), device)


@pytest.mark.parametrize("residual", [None, 0.9])
def test_networks(device: torch.device, residual: float | None) -> None:
    net, images = nets.resnet_20(inputs=(1, 8, 8), seed=0), normal(4, 1, 8, 8)
    here = nnrelief.network_importance(copy.deepcopy(net), images, residual=residual)
    for name, shares in nnrelief.network_importance(
        net, images.to(device), residual=residual
    ).items():
        same(shares, here[name], device)
    masks = {f"{name}.weight": layer.weight > 0 for name, layer in net.named_modules()
             if isinstance(layer, (nn.Linear, nn.Conv2d))}  # fmt: skip
    cleaned = nnrelief.clean_up(net, masks, images.to(device))
    on_cpu = nnrelief.clean_up(net.cpu(), {n: m.cpu() for n, m in masks.items()}, images)
    for name, mask in cleaned.items():
        same(mask, on_cpu[name], device)


def test_figures(device: torch.device) -> None:
    net = nets.lenet_300_100(inputs=(1, 4, 4), seed=0)
    split = Split(normal(20, 1, 4, 4), torch.arange(20) % 10)
    here = recut_of(copy.deepcopy(net), split.inputs, split.inputs)
    recut = recut_of(net, split.inputs.to(device), split.inputs)
    assert recut.images.device == device
    for name, mask in recut.masks(0.8, "fc2").items():
        same(mask, here.masks(0.8, "fc2")[name], device)
    masks, states = recut.masks(0.8), nnrelief.network_importance(net, recut.inputs)
    for figure in (
        plots.bound_bars(recut, alpha=0.8, layer="fc3"),
        plots.mask_heatmaps({"a": masks, "b": here.masks(0.9)}),
        plots.relief({"dense": states}),
        plots.wiring({"dense": states}),
    ):
        figure.canvas.draw()

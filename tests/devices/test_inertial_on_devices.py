"""IMC and its figures with the images on a second device and the network built on the CPU."""

from __future__ import annotations

import copy

import pytest
import torch
from torch import Tensor, nn
from torch.nn.utils import parameters_to_vector

import pruninglab as lab
from pruninglab.engine.subspaces import projected_sgd, start_inside
from pruninglab.ideas import imc
from pruninglab.lessons.imc import figures as plots

PROBLEM = (
    torch.randn(12, 1, 4, 4, generator=torch.Generator().manual_seed(0)),
    torch.arange(12) % 3,
)


def make() -> nn.Module:
    return lab.nets.mini_tanh(inputs=(1, 4, 4), classes=3, seed=0)


def home(device: torch.device) -> torch.device:
    """Where float64 is computed: Apple's device has none."""
    return torch.device("cpu") if device.type == "mps" else device


def same(there: Tensor, here: Tensor, device: torch.device) -> None:
    assert there.device == device
    torch.testing.assert_close(there.cpu(), here)


def on(device: torch.device) -> tuple[Tensor, Tensor]:
    return PROBLEM[0].to(device), PROBLEM[1].to(device)


def test_hessians(device: torch.device) -> None:
    net = make()
    expected = imc.hessian(net, *PROBLEM)
    place = home(device)
    same(imc.hessian(net, *on(device)), expected, place)
    assert next(net.parameters()).device.type == "cpu", "the copy moves, not the network"
    curvature = imc.hessian_operator(net, *on(device))
    v = torch.ones(len(expected))
    same(curvature @ v, expected @ v.double(), place)
    same(
        imc.hessian_operator(net.to(device), *PROBLEM) @ v,
        expected @ v.double(),
        torch.device("cpu"),
    )
    rounded = imc.hessian(net, *on(device), dtype=torch.float32)
    assert rounded.device == device
    torch.testing.assert_close(rounded.cpu().double(), expected, atol=1e-5, rtol=1e-4)
    here = imc.hessian_operator(make(), *PROBLEM)
    assert imc.lipschitz_ascent(curvature, box=0.1, steps=2).bound == pytest.approx(
        imc.lipschitz_ascent(here, box=0.1, steps=2).bound
    )
    estimates = [imc.lipschitz_estimate(one, box=0.1) for one in (curvature, here)]
    torch.testing.assert_close(*estimates)


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
def test_spectra(device: torch.device, dtype: torch.dtype) -> None:
    matrix = imc.hessian(make(), *PROBLEM, dtype=dtype)
    if dtype == torch.float64 and device.type == "mps":
        pytest.skip("there is no such matrix")
    moved, place = matrix.to(device), home(device)
    values, vectors = imc.extreme_eigenvalues(moved, 3)
    expected, _ = imc.extreme_eigenvalues(matrix, 3)
    same(values, expected, place)
    assert vectors.device == place
    found, here = (imc.spectral_density(one, steps=5, probes=2) for one in (moved, matrix))
    same(found.places, here.places, torch.device("cpu"))
    start = torch.ones(len(matrix))
    for there, part in zip(
        imc.lanczos(moved, start, 5), imc.lanczos(matrix, start, 5), strict=True
    ):
        same(there, part, place)
    same(imc.diagonal(moved, 5), imc.diagonal(matrix, 5), place)
    same(imc.gaps(moved.diagonal()), imc.gaps(matrix.diagonal()), place)
    k = imc.spectral_cut(matrix.diagonal(), 1e-3)
    assert imc.spectral_cut(moved.diagonal(), 1e-3) == k
    grid = torch.tensor([0.0, 1e-3])
    assert imc.staircase(moved.diagonal(), grid.to(device))[1] == k


def test_spaces_and_manifolds(device: torch.device) -> None:
    basis, vector = imc.random_space(6, 2, 0).float(), torch.arange(6.0)
    same(imc.leverage(basis.to(device)), imc.leverage(basis), device)
    expected = imc.share_inside(vector, basis)
    assert imc.share_inside(vector.to(device), basis) == expected
    assert imc.share_inside(vector, basis.to(device)) == expected
    system, turn = torch.diag(torch.tensor([-3.0, 0.0])), torch.tensor([[0.0, 1.0], [1.0, 0.0]])
    there = imc.linear_manifold(system.to(device), turn, 1)
    same(there, imc.linear_manifold(system, turn, 1), home(device))


def test_training_inside_a_subspace(device: torch.device) -> None:
    count = sum(parameter.numel() for parameter in make().parameters())
    basis = imc.random_space(count, 5, 0)
    results = []
    for place in (torch.device("cpu"), device):
        net = make().to(place)
        trained = torch.ones(count)
        start_inside(net, trained, basis)
        optimizer = projected_sgd(basis)(net.parameters())
        inputs, targets = on(place)
        for _ in range(3):
            optimizer.zero_grad()
            nn.functional.cross_entropy(net(inputs), targets).backward()
            optimizer.step()
        results.append(parameters_to_vector(net.parameters()).detach())
    same(results[1], results[0], device)
    projected_sgd(basis.float().to(device))


def test_figures(device: torch.device) -> None:
    values = torch.linspace(-0.5, 3, 20)
    moved = values.to(device)
    masses = imc.spectral_density(torch.diag(values), steps=5)
    for figure in (
        plots.spectrum({0: moved, 10: values}, epoch=0),
        plots.quadrature(moved, masses),
        plots.spectral_masses({"a": masses}),
        plots.gaps_against_4k(moved, {-2: 0.1}),
        plots.before_and_after({"a": [moved]}),
    ):
        figure.canvas.draw()


@pytest.mark.parametrize("score", list(lab.recipes.READINGS))
def test_scores(device: torch.device, score: str) -> None:
    reading = lab.recipes.READINGS[score]
    split = lab.data.Split(*PROBLEM)
    expected = reading(make(), split)
    net = copy.deepcopy(make()).to(device)
    for name, values in reading(net, split.to(device)).items():
        torch.testing.assert_close(values.cpu(), expected[name], atol=1e-5, rtol=1e-4)

"""Lesson 09: its images, what it takes out of a network, and its figures at their corners."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import torch
from PIL import Image
from torch import nn

import pruninglab as lab
from pruninglab.data import Split
from pruninglab.kit.pictures import check_inside, words_of
from pruninglab.lessons.convolutions import figures, parts, shapes

DENSITIES = (1.0, 0.5, 0.1)


@pytest.fixture(scope="module")
def net() -> nn.Module:
    """A network whose batch norms have seen the shapes."""
    fresh = lab.nets.resnet_8(inputs=(3, 16, 16), classes=10, seed=0)
    return parts.recount(fresh, shapes.shapes(60, seed=0).inputs)


@pytest.fixture(scope="module")
def split() -> Split:
    return shapes.shapes(40, seed=5)


def test_the_same_seed_draws_the_same_shapes_of_all_kinds() -> None:
    first, second, other = (shapes.shapes(200, seed) for seed in (3, 3, 4))
    assert torch.equal(first.inputs, second.inputs)
    assert not torch.equal(first.inputs, other.inputs)
    assert first.targets.unique().tolist() == list(range(len(shapes.NAMES)))


def test_color_does_not_tell_the_kind() -> None:
    """A linear classifier of an image's mean colours finds what chance finds."""
    train, test = shapes.shapes(2000, seed=0), shapes.shapes(1000, seed=1)
    means = [torch.cat([s.inputs.mean((2, 3)), torch.ones(len(s), 1)], 1) for s in (train, test)]
    answers = nn.functional.one_hot(train.targets, 10).float()
    fitted = torch.linalg.lstsq(means[0], answers).solution
    assert ((means[1] @ fitted).argmax(1) == test.targets).float().mean() < 0.2


def test_cifar_is_taken_where_it_lies(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PRUNINGLAB_CIFAR10", raising=False)
    assert shapes.load("cpu").name == "shapes"
    for part in ("train", "test"):
        for name in ("cat", "dog"):
            (tmp_path / part / name).mkdir(parents=True)
            for i in range(10):
                Image.new("RGB", (32, 32), (25 * i, 0, 200)).save(
                    tmp_path / part / name / f"{i}.png"
                )
    monkeypatch.setenv("PRUNINGLAB_CIFAR10", str(tmp_path))
    data = shapes.load("cpu")
    assert data.name != "shapes" and data.classes == ("cat", "dog")
    assert data.shape == (3, 16, 16)


@pytest.mark.parametrize("way", parts.WAYS)
def test_a_cut_keeps_its_share(net: nn.Module, split: Split, way: str) -> None:
    pruned, masks = parts.cut(net, split, 0.5, way)
    assert masks.density == pytest.approx(0.5, abs=0.03)
    gone = parts.silent(parts.maps(pruned, split.inputs[:1], figures.FIRST)[0])
    assert int(gone.sum()) == (8 if way == "whole filters" else 0)


def test_unknown_words_are_refused(net: nn.Module, split: Split) -> None:
    with pytest.raises(ValueError, match="way='half'"):
        parts.cut(net, split, 0.5, "half")
    with pytest.raises(ValueError, match="layer='conv9'"):
        parts.maps(net, split.inputs, "conv9")


def test_muted_parts_and_whole_networks(net: nn.Module, split: Split) -> None:
    name, block = next(iter(parts.blocks(net).items()))
    images = torch.randn(2, 16, 8, 8)
    with torch.no_grad():
        assert torch.equal(parts.mute_branch(block)(images), images.relu())
        alone = block.bn2(block.conv2(block.relu(block.bn1(block.conv1(images))))).relu()
        assert torch.allclose(parts.mute_shortcut(block)(images), alone)
        changed = parts.with_block(net, name, parts.mute_branch(block))
        assert not torch.equal(changed(split.inputs), net(split.inputs))


def test_counting_again_is_what_torch_counts(split: Split) -> None:
    norm = nn.BatchNorm2d(3).eval()
    counted = parts.recount(norm, split.inputs)
    variance, mean = torch.var_mean(split.inputs, dim=(0, 2, 3))
    assert torch.allclose(counted.running_mean, mean, atol=1e-5)
    assert torch.allclose(counted.running_var, variance, rtol=1e-4)
    assert not norm.running_mean.any() and not counted.training


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("density", DENSITIES)
@pytest.mark.parametrize("way", parts.WAYS)
def test_maps_at_the_corners(net: nn.Module, split: Split, density: float, way: str) -> None:
    curves = figures.accuracies(net, split, DENSITIES)
    figure = figures.maps(net, split, curves, DENSITIES, density=density, way=way)
    figure.canvas.draw()
    check_inside(figure)
    drawn = figure.axes[2].lines[0].get_xdata()
    assert list(drawn) == [d for d in DENSITIES if d >= density], "no farther than the slider"
    silent = int(re.search(r"retrained: (\d+) maps", words_of(figure)).group(1))
    assert silent == (0 if way == "single weights" or density == 1 else silent) and silent < 16


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("density", DENSITIES)
def test_the_sum_wakes_maps(net: nn.Module, split: Split, density: float) -> None:
    figure = figures.sum_(net, split, density=density)
    figure.canvas.draw()
    check_inside(figure)
    before, after = map(
        int, re.search(r"sum (\d+), after the sum (\d+)", words_of(figure)).groups()
    )
    assert before >= after and (before > 0) == (density < 1)


def test_students_pictures_of_any_answer(net: nn.Module, split: Split) -> None:
    half, _ = parts.cut(net, split, 0.5, "whole filters")
    cuts = {density: parts.cut(net, split, density, "single weights")[0] for density in DENSITIES}
    for answer in (lambda *given: None, lambda *given: 1 / 0, lambda *given: "no"):
        for figure in (
            figures.your_silent(half, split, answer),
            figures.your_strength(net, split, answer),
            figures.your_blocks(net, split, answer),
            figures.your_recount(cuts, split.inputs, split, answer),
        ):
            figure.canvas.draw()
            check_inside(figure)
    assert words_of(figures.your_silent(half, split, parts.silent)).endswith("frames 8 maps.")
    told = words_of(figures.your_recount(cuts, split.inputs, split, parts.mean_and_variance))
    again = re.findall(r", ([\d.]+%)", told.split(". Yours")[0])
    assert told.endswith(f"a line, {', '.join(again)}.")
    blocks = words_of(figures.your_blocks(net, split, parts.muted))
    for ours, yours in re.findall(r"convolutions ([\d.]+%).*?yours ([\d.]+%)", blocks):
        assert ours == yours
    strong = figures.your_strength(net, split, lambda w: w.flatten(1).norm(dim=1))
    assert "they stand by their norms" in words_of(strong)
    weak = figures.your_strength(net, split, lambda w: -w.flatten(1).norm(dim=1))
    assert "they do not stand by their norms" in words_of(weak)


def test_healed() -> None:
    steps = {"just cut": {0.5: 0.8, 0.1: 0.1}, "counted again": {0.5: 0.9, 0.1: 0.5}}
    figure = figures.healed({"single weights": steps, "whole filters": steps})
    figure.canvas.draw()
    check_inside(figure)
    assert (
        "10% of the weights stay. single weights: just cut 10.0%, counted again 50.0%"
        in words_of(figure)
    )


def test_the_methods_of_the_record() -> None:
    record = lab.papers.record("convolutions", "cifar10_resnet_8_small")
    runs = lab.papers.head_to_head.at_equal_cost(record)
    figure = figures.papers(runs, "random", densities=(0.5, 0.1))
    figure.canvas.draw()
    check_inside(figure)
    gap = runs.paired("lottery ticket", "random", "test_accuracy", 0.1)
    assert f"lottery ticket {100 * gap.mean:+.1f}" in words_of(figure)
    assert "random -" not in words_of(figure) and "random +" not in words_of(figure)

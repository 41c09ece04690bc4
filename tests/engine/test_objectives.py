"""What a step makes small: images moved as they should be, weights in float32, runs that resume."""

from __future__ import annotations

import pytest
import torch
from torch import nn

import pruninglab as lab
from pruninglab.data import Data
from pruninglab.engine.objectives import (
    augmented,
    cross_entropy,
    in_bfloat16,
    shifted_and_flipped,
)  # fmt: skip
from pruninglab.papers import convolutions


def windows(image: torch.Tensor, by: int) -> list[torch.Tensor]:
    """Every window of an image in a frame of zeros, and its mirror image, cut one by one."""
    height, width = image.shape[1:]
    framed = torch.zeros(image.shape[0], height + 2 * by, width + 2 * by)
    framed[:, by : by + height, by : by + width] = image
    cut = [framed[:, top : top + height, left : left + width]
           for top in range(2 * by + 1) for left in range(2 * by + 1)]  # fmt: skip
    return cut + [window.flip(2) for window in cut]


def test_each_image_is_one_of_its_windows_and_all_come() -> None:
    torch.manual_seed(0)
    images = torch.rand(400, 2, 4, 5)
    moved = shifted_and_flipped(images, 1)
    seen = set()
    for before, after in zip(images, moved, strict=True):
        same = [i for i, window in enumerate(windows(before, 1)) if torch.equal(window, after)]
        assert len(same) == 1
        seen.add(same[0])
    assert seen == set(range(18))


@pytest.mark.parametrize("by", [0, -1, 1.5])
def test_a_shift_is_a_whole_number(by: object) -> None:
    with pytest.raises((ValueError, TypeError), match="by="):
        augmented(by)


def test_the_moved_images_are_those_that_the_objective_sees() -> None:
    net, images, targets = nn.Flatten(), torch.rand(5, 1, 2, 2), torch.arange(5) % 4
    torch.manual_seed(3)
    loss = augmented(1)(net, images, targets)
    torch.manual_seed(3)
    assert torch.equal(loss, cross_entropy(net, shifted_and_flipped(images, 1), targets))


def test_bfloat16_rounds_products_and_no_weight() -> None:
    torch.manual_seed(0)
    net, images = nn.Linear(50, 3), torch.rand(20, 50)
    targets = torch.arange(20) % 3
    exact, rounded = cross_entropy(net, images, targets), in_bfloat16(net, images, targets)
    assert rounded.dtype == torch.float32 and not torch.equal(exact, rounded)
    assert rounded.item() == pytest.approx(exact.item(), rel=0.02)
    rounded.backward()
    assert net.weight.dtype == net.weight.grad.dtype == torch.float32


def test_a_run_on_moved_images_goes_on_as_if_never_stopped(tiny_data: Data) -> None:
    training = lab.Training(batch_size=30, objective=augmented(1))
    recipe = lab.recipes.lottery_ticket(0.5, stop=lab.stops.epochs(1), rounds=2)

    def run(start: object = None) -> list:
        net = lab.nets.lenet_300_100(inputs=tiny_data.shape, classes=len(tiny_data.classes), seed=0)
        return list(lab.prune(net, tiny_data, recipe, seed=0, training=training, start=start))

    whole = run()
    for before, after in zip(whole[1:], run(whole[0].checkpoint), strict=True):
        assert all(torch.equal(after.trained[name], w) for name, w in before.trained.items())


class Viewing(nn.Sequential):
    """A network as many tutorials write one: it counts on images that lie row by row."""

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        """Flatten by `view`, which knows no other layout."""
        return self[1](self[0](inputs).view(len(inputs), -1))


def layout_within(net: nn.Module, channels: int) -> bool:
    """Tell whether the first convolution of a step sees channels last, by its output."""
    seen = []
    conv = next(module for module in net.modules() if isinstance(module, nn.Conv2d))
    hook = conv.register_forward_hook(lambda _module, _inputs, out: seen.append(out))
    cross_entropy(net, torch.rand(2, channels, 16, 16), torch.tensor([0, 1]))
    hook.remove()
    return seen[0].is_contiguous(memory_format=torch.channels_last)


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("make", [lab.nets.resnet_8, lab.nets.lenet_5])
def test_known_convolutions_see_channels_last(make: object, channels: int) -> None:
    net = make(inputs=(channels, 16, 16), seed=0)
    before = {name: weight.stride() for name, weight in net.named_parameters()}
    assert layout_within(net, channels)
    assert {name: weight.stride() for name, weight in net.named_parameters()} == before
    nn.utils.parameters_to_vector(net.parameters())  # It calls `view`, as a student may.


def test_a_network_of_ones_own_gets_its_images_as_they_are() -> None:
    net = Viewing(nn.Conv2d(3, 4, 3), nn.Linear(4 * 14 * 14, 2))
    assert not layout_within(net, 3)


def test_the_layout_changes_no_more_than_rounding() -> None:
    net = lab.nets.resnet_8(inputs=(3, 16, 16), seed=0).eval()
    images, targets = torch.rand(4, 3, 16, 16), torch.arange(4)
    plain = nn.functional.cross_entropy(net(images), targets)
    torch.testing.assert_close(cross_entropy(net, images, targets), plain, rtol=1e-5, atol=1e-6)


def test_the_command_on_cifar_takes_every_method_but_imc(monkeypatch: pytest.MonkeyPatch) -> None:
    settings = convolutions.EXPERIMENT.printed["resnet_8"]
    about = {"data": "cifar10", "net": "resnet_8", **settings, "small": True}
    rows = convolutions.methods("resnet_8", about)
    assert len(rows) >= 10 and "IMC" not in rows and "SAP" in rows
    assert convolutions.training("resnet_8", about).objective == augmented(2)
    assert convolutions.training("resnet_20", about | {"small": False}).objective == augmented(4)


def test_small_images_are_means_of_four(tmp_path, monkeypatch: pytest.MonkeyPatch) -> None:
    """From a folder of images, as `load_folder` takes it; every fifth to train on, all to test."""
    from PIL import Image

    chance = torch.Generator().manual_seed(0)
    for part, count in (("train", 20), ("test", 3)):
        for label in "ab":
            folder = tmp_path / part / label
            folder.mkdir(parents=True)
            for number in range(count):
                pixels = torch.randint(256, (32, 32, 3), generator=chance, dtype=torch.uint8)
                Image.fromarray(pixels.numpy()).save(folder / f"{number:02}.png")
    monkeypatch.setenv(convolutions.FOLDER, str(tmp_path))
    whole = convolutions.load_cifar10("cifar10", "resnet_8", small=False)
    small = convolutions.load_cifar10("cifar10", "resnet_8", small=True)
    assert len(small.train) == -(-len(whole.train) // 5) and len(small.test) == len(whole.test)
    assert small.shape == (3, 16, 16)
    first = whole.train.inputs[5].reshape(3, 16, 2, 16, 2).mean(dim=(2, 4))
    torch.testing.assert_close(small.train.inputs[1], first)
    source = convolutions.source("resnet_8", small, {})
    assert source == {"images": "a folder of images"}

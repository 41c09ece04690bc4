"""The networks of the five papers, one constructor each.

Every constructor takes `inputs` (channels, height, width of an image), `classes` and `seed`, and
returns a network on the CPU that maps images (n, channels, height, width) to class scores
(n, classes). With a `seed` the initial weights are its own on every machine, and torch's global
generators are left as they were. Raises TypeError or ValueError for arguments out of range.
"""

from __future__ import annotations

import math
import threading
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from itertools import pairwise
from typing import Any

import torch
from torch import Tensor, nn

from .checks import Count, Seed, checked
from .modes import copied

Shape = tuple[Count, Count, Count]
Plan = Sequence[int | str]
GRAY: Shape = (1, 28, 28)
COLOR: Shape = (3, 32, 32)
# An image of 1,000 × 1,000 pixels: beyond it a Linear layer alone fills the memory.
LARGEST = 1_000_000
MOST_CLASSES = 100_000
WIDEST = 10_000
_DRAWING = threading.RLock()


@contextmanager
def seeded(seed: int | None) -> Iterator[None]:
    """Inside, torch's CPU generator starts at `seed`; after it, it is where it was before.

    For what draws from the global generator only, such as a layer's initial weights. With None
    nothing is changed. Other threads that ask for a seed wait.
    """
    if seed is None:
        yield
        return
    with _DRAWING, torch.random.fork_rng(devices=()), torch.device("cpu"):
        # torch.manual_seed would seed the generators of all devices.
        torch.default_generator.manual_seed(seed)
        yield


def _constructor(build: Callable[[Shape, int], nn.Module]) -> Callable[..., nn.Module]:
    """Check the arguments that all constructors share, and seed the initial weights."""

    @checked
    def construct(
        *, inputs: Shape = GRAY, classes: Count = 10, seed: Seed | None = None
    ) -> nn.Module:
        if math.prod(inputs) > LARGEST:
            raise ValueError(f"inputs={inputs} must be at most {LARGEST:,} numbers an image")
        if not 2 <= classes <= MOST_CLASSES:
            raise ValueError(f"classes={classes} must be at least 2 and at most {MOST_CLASSES:,}")
        with seeded(seed):
            return build(inputs, classes)

    for attribute in ("__name__", "__qualname__", "__doc__"):
        setattr(construct, attribute, getattr(build, attribute))
    return construct


@checked
def init_kaiming_normal(net: nn.Module, seed: Seed) -> nn.Module:
    """Redraw the weights of Linear and Conv layers from Kaiming-normal, biases zero; return `net`.

    NNrelief starts like this (Section 4). torch's own default is Kaiming-uniform, narrower by √6.
    The same numbers wherever `net` lies; torch's global generators are left as they were.
    """
    generator = torch.Generator().manual_seed(seed)
    for module in net.modules():
        if isinstance(module, (nn.Linear, nn.Conv1d, nn.Conv2d, nn.Conv3d)):
            drawn = torch.empty(module.weight.shape, dtype=module.weight.dtype, device="cpu")
            nn.init.kaiming_normal_(drawn, nonlinearity="relu", generator=generator)
            module.weight.data.copy_(drawn)
            if module.bias is not None:
                nn.init.zeros_(module.bias)
    return net


@checked
def clone(net: nn.Module) -> nn.Module:
    """Return an independent copy of a network, weights included. Used by every notebook.

    >>> net = mini_relu(seed=0)
    >>> clone(net) is net, bool((clone(net).fc1.weight == net.fc1.weight).all())
    (False, True)
    """
    return copied(net)


def _dense(widths: Iterable[int]) -> nn.Sequential:
    """Flatten, then Linear layers of these widths with ReLU between them: fc1, relu1, fc2, …"""
    sizes = list(widths)
    modules: OrderedDict[str, nn.Module] = OrderedDict(flatten=nn.Flatten())
    for i, (fan_in, fan_out) in enumerate(pairwise(sizes), start=1):
        modules[f"fc{i}"] = nn.Linear(fan_in, fan_out)
        if i < len(sizes) - 1:
            modules[f"relu{i}"] = nn.ReLU()
    return nn.Sequential(modules)


@_constructor
def lenet_300_100(inputs: Shape, classes: int) -> nn.Module:
    """LeNet-300-100: 266,610 parameters on MNIST. Used by NNrelief and by notebooks 00 and 04."""
    return _dense([math.prod(inputs), 300, 100, classes])


@_constructor
def sap_linear(inputs: Shape, classes: int) -> nn.Module:
    """One Linear layer: the SAP paper's smallest model, 7,850 parameters on Fashion-MNIST."""
    return _dense([math.prod(inputs), classes])


@_constructor
def sap_mlp(inputs: Shape, classes: int) -> nn.Module:
    """The SAP paper's MLP d-128-256-K (Table 1): 136,074 parameters on Fashion-MNIST."""
    return _dense([math.prod(inputs), 128, 256, classes])


@_constructor
def lenet_5(inputs: Shape, classes: int) -> nn.Module:
    """LeNet-5 as in Caffe (20 and 50 filters, 500 units): 431,080 parameters on MNIST.

    Raises ValueError for images smaller than 16×16: nothing would be left to classify.
    """
    channels, height, width = inputs
    if min(height, width) < 16:
        raise ValueError(f"inputs={inputs} is too small for LeNet-5: at least 16×16 is needed")
    rest = [(((size - 4) // 2) - 4) // 2 for size in (height, width)]
    return nn.Sequential(
        OrderedDict(
            conv1=nn.Conv2d(channels, 20, 5),
            pool1=nn.MaxPool2d(2),
            conv2=nn.Conv2d(20, 50, 5),
            pool2=nn.MaxPool2d(2),
            flatten=nn.Flatten(),
            fc1=nn.Linear(50 * rest[0] * rest[1], 500),
            relu1=nn.ReLU(),
            fc2=nn.Linear(500, classes),
        )
    )


def _mini(inputs: Shape, classes: int, activation: nn.Module) -> nn.Sequential:
    """Average 4×4 pixels to one, then one hidden layer of 20 units."""
    if min(inputs[1:]) < 4:
        raise ValueError(f"inputs={inputs} is too small: at least 4×4 is needed")
    rest = inputs[0] * (inputs[1] // 4) * (inputs[2] // 4)
    return nn.Sequential(
        OrderedDict(
            average=nn.AvgPool2d(4),
            flatten=nn.Flatten(),
            fc1=nn.Linear(rest, 20),
            act1=activation,
            fc2=nn.Linear(20, classes),
        )
    )


@_constructor
def mini_relu(inputs: Shape, classes: int) -> nn.Module:
    """One hidden layer on 7×7 pixels: 1,210 parameters on MNIST, few enough for a full Hessian.

    Used by notebook 06. Raises ValueError for images smaller than 4×4.
    """
    return _mini(inputs, classes, nn.ReLU())


@_constructor
def mini_tanh(inputs: Shape, classes: int) -> nn.Module:
    """`mini_relu` with tanh: every derivative of its loss exists. Used by notebook 06."""
    return _mini(inputs, classes, nn.Tanh())


def _conv_stack(channels: int, plan: Plan) -> OrderedDict[str, nn.Module]:
    """3×3 convolutions with batch norm and ReLU; "M" in the plan is a 2×2 max-pool."""
    modules: OrderedDict[str, nn.Module] = OrderedDict()
    layer = 0
    for step in plan:
        if isinstance(step, str):
            modules[f"pool{layer}"] = nn.MaxPool2d(2)
            continue
        layer += 1
        modules[f"conv{layer}"] = nn.Conv2d(channels, step, 3, padding=1)
        modules[f"bn{layer}"] = nn.BatchNorm2d(step)
        modules[f"relu{layer}"] = nn.ReLU()
        channels = step
    return modules


def _convolutional(inputs: Shape, plan: Plan, **head: nn.Module) -> nn.Sequential:
    """Put a stack of convolutions before global average pooling and the layers of `head`."""
    smallest = 2 ** plan.count("M")
    if min(inputs[1:]) < smallest:
        raise ValueError(f"inputs={inputs} is too small: at least {smallest}×{smallest} is needed")
    modules = _conv_stack(inputs[0], plan)
    modules |= {"average": nn.AdaptiveAvgPool2d(1), "flatten": nn.Flatten()}
    return nn.Sequential(modules | head)


@_constructor
def sap_cnn(inputs: Shape, classes: int) -> nn.Module:
    """The SAP paper's CNN 64-128-256-512 (Table 2): 1.6 million parameters."""
    plan: Plan = [64, "M", 128, "M", 256, "M", 512, "M"]
    return _convolutional(inputs, plan, fc1=nn.Linear(512, classes))


@_constructor
def vgg_11(inputs: Shape, classes: int) -> nn.Module:
    """VGG-11 for small images, one Linear layer: 9.2 million parameters on CIFAR-10.

    Raises ValueError for images smaller than 32×32, as do the other VGGs.
    """
    plan: Plan = [64, "M", 128, "M", 256, 256, "M", 512, 512, "M", 512, 512, "M"]
    return _convolutional(inputs, plan, fc1=nn.Linear(512, classes))


@_constructor
def vgg_13(inputs: Shape, classes: int) -> nn.Module:
    """VGG-13 for small images, one Linear layer: 9.4 million parameters on CIFAR-10."""
    plan: Plan = [64, 64, "M", 128, 128, "M", 256, 256, "M", 512, 512, "M", 512, 512, "M"]
    return _convolutional(inputs, plan, fc1=nn.Linear(512, classes))


@_constructor
def vgg_like(inputs: Shape, classes: int) -> nn.Module:
    """VGG-like: the 13 convolutions of VGG-16 and two Linear layers, 15.0 million on CIFAR-10."""
    plan: Plan = [64, 64, "M", 128, 128, "M", *3 * [256], "M", *3 * [512], "M", *3 * [512], "M"]
    return _convolutional(
        inputs, plan, fc1=nn.Linear(512, 512), bn_fc1=nn.BatchNorm1d(512), relu_fc1=nn.ReLU(),
        fc2=nn.Linear(512, classes),
    )  # fmt: skip


class ResidualBlock(nn.Module):
    """Two 3×3 convolutions beside a shortcut: a 1×1 convolution where the shape changes."""

    @checked
    def __init__(self, channels: Count, width: Count, stride: Count) -> None:
        if max(channels, width, stride) > WIDEST:
            sizes = f"channels={channels}, width={width}, stride={stride}"
            raise ValueError(f"{sizes} must be at most {WIDEST:,}")
        super().__init__()
        self.conv1 = nn.Conv2d(channels, width, 3, stride, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        self.relu = nn.ReLU()
        self.conv2 = nn.Conv2d(width, width, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(width)
        self.shortcut = nn.Sequential()
        if stride != 1 or channels != width:
            self.shortcut = nn.Sequential(
                OrderedDict(
                    conv=nn.Conv2d(channels, width, 1, stride, bias=False),
                    bn=nn.BatchNorm2d(width),
                )
            )

    def forward(self, inputs: Tensor) -> Tensor:
        hidden = self.relu(self.bn1(self.conv1(inputs)))
        outputs: Tensor = self.relu(self.bn2(self.conv2(hidden)) + self.shortcut(inputs))
        return outputs


def _cifar_resnet(inputs: Shape, classes: int, blocks: int) -> nn.Sequential:
    modules: OrderedDict[str, nn.Module] = OrderedDict(
        conv1=nn.Conv2d(inputs[0], 16, 3, padding=1, bias=False),
        bn1=nn.BatchNorm2d(16),
        relu1=nn.ReLU(),
    )
    channels = 16
    for stage, width in enumerate((16, 32, 64), start=1):
        for i in range(blocks):
            stride = 2 if stage > 1 and i == 0 else 1
            modules[f"block{stage}_{i + 1}"] = ResidualBlock(channels, width, stride)
            channels = width
    modules["average"] = nn.AdaptiveAvgPool2d(1)
    modules["flatten"] = nn.Flatten()
    modules["fc1"] = nn.Linear(64, classes)
    return nn.Sequential(modules)


@_constructor
def resnet_8(inputs: Shape, classes: int) -> nn.Module:
    """ResNet-8 for CIFAR, one block a stage: 78,042 parameters on CIFAR-10."""
    return _cifar_resnet(inputs, classes, blocks=1)


@_constructor
def resnet_20(inputs: Shape, classes: int) -> nn.Module:
    """ResNet-20 for CIFAR, 1×1 convolutions as shortcuts: 272,474 parameters on CIFAR-10."""
    return _cifar_resnet(inputs, classes, blocks=3)


@_constructor
def resnet_32(inputs: Shape, classes: int) -> nn.Module:
    """ResNet-32 for CIFAR, 1×1 convolutions as shortcuts: 466,906 parameters on CIFAR-10."""
    return _cifar_resnet(inputs, classes, blocks=5)


@_constructor
def resnet_56(inputs: Shape, classes: int) -> nn.Module:
    """ResNet-56 for CIFAR, 1×1 convolutions as shortcuts: 855,770 parameters on CIFAR-10."""
    return _cifar_resnet(inputs, classes, blocks=9)


def _small_stem(name: str, channels: int, classes: int) -> nn.Module:
    """Make torchvision's ResNet for small images: a 3×3 stem of stride 1, no max-pool."""
    from torchvision import models

    net: nn.Module = models.get_model(name, num_classes=classes)
    net.conv1 = nn.Conv2d(channels, 64, 3, padding=1, bias=False)
    nn.init.kaiming_normal_(net.conv1.weight, mode="fan_out", nonlinearity="relu")
    net.maxpool = nn.Identity()
    return net


@_constructor
def resnet_18(inputs: Shape, classes: int) -> nn.Module:
    """torchvision's ResNet-18 with a 3×3 stem: 11.2 million parameters on CIFAR-10."""
    return _small_stem("resnet18", inputs[0], classes)


@_constructor
def resnet_50(inputs: Shape, classes: int) -> nn.Module:
    """torchvision's ResNet-50 with a 3×3 stem: 23.5 million parameters on CIFAR-10."""
    return _small_stem("resnet50", inputs[0], classes)


@_constructor
def vgg_16(inputs: Shape, classes: int) -> nn.Module:
    """torchvision's VGG-16 with batch norm; its three Linear layers see one 512-pixel.

    Raises ValueError for images smaller than 32×32.
    """
    if min(inputs[1:]) < 32:
        raise ValueError(f"inputs={inputs} is too small for VGG-16: at least 32×32 is needed")
    from torchvision import models

    net: nn.Module = models.vgg16_bn(num_classes=classes)
    layers: dict[str, Any] = dict(net.named_children())
    if inputs[0] != 3:
        layers["features"][0] = nn.Conv2d(inputs[0], 64, 3, padding=1)
    net.avgpool = nn.AdaptiveAvgPool2d(1)
    layers["classifier"][0] = nn.Linear(512, 4096)
    return net

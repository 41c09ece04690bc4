"""The fake device is right: it computes as the CPU does and refuses what a real one refuses."""

from __future__ import annotations

import copy
from collections.abc import Callable

import numpy as np
import pytest
import torch
from fakedevice import KINDS, FakeTensor, fake_device, up
from torch import Tensor, nn

from pruninglab.settings import available_devices

MIXES: dict[str, Callable[[Tensor, Tensor], object]] = {
    "add": lambda far, near: far + near,
    "matmul": lambda far, near: near @ far,
    "in place": lambda far, near: far.mul_(near),
    "onto the CPU": lambda far, near: near.add_(far),
    "a CPU number changed": lambda far, near: near.sum().add_(far.sum()),
    "stack of numbers": lambda far, near: torch.stack([far.sum(), near.sum()]),
    "CPU mask": lambda far, near: far.masked_fill(near > 0, 0.0),
    "device index": lambda far, near: near[far > 0],
    "where": lambda far, near: torch.where(far > 0, far, near),
    "quantile": lambda far, near: torch.quantile(far, near[0]),
    "foreach": lambda far, near: torch._foreach_add([far], [near]),
    "layer": lambda far, near: nn.Linear(2, 2)(far),
}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("mix", MIXES.values(), ids=MIXES)
def test_it_refuses_to_mix(kind: str, mix: Callable[[Tensor, Tensor], object]) -> None:
    near = torch.full((2, 2), 0.5)
    with fake_device(kind) as device:
        far = near.to(device)
        with pytest.raises(RuntimeError, match=f"same device, but found {kind}:0 and cpu"):
            mix(far, near)


@pytest.mark.parametrize("kind", KINDS)
def test_what_may_be_mixed(kind: str) -> None:
    near = torch.arange(4.0)
    with fake_device(kind) as device:
        far = near.to(device)
        assert torch.equal((far * near.sum()).cpu(), 6 * near), "a number may lie on the CPU"
        assert far[near > 1].tolist() == [2, 3], "so may an index"
        far[near > 1] = 0.0
        assert near.clone().copy_(far).tolist() == [0, 1, 0, 0]


@pytest.mark.parametrize("kind", KINDS)
def test_it_says_where_it_is_and_refuses_numpy(kind: str) -> None:
    with fake_device(kind) as device:
        far = torch.ones(3, device=kind)
        assert available_devices() == [kind, "cpu"]
        assert far.device == device
        assert (far.is_cpu, far.is_cuda, far.is_mps) == (False, kind == "cuda", kind == "mps")
        for convert in (Tensor.numpy, np.asarray):
            with pytest.raises(TypeError, match=f"can't convert {kind}:0 device type"):
                convert(far)
        with pytest.raises(RuntimeError, match="device type for generator"):
            torch.rand(3, device=device, generator=torch.Generator())
        with pytest.raises(RuntimeError, match="device type for generator"):
            far.normal_(generator=torch.Generator())


PLACES: dict[str, Callable[[Tensor], Tensor]] = {
    "to": lambda t: t.to(t.device),
    "to dtype": lambda t: t.to(torch.float16),
    "to other": lambda t: torch.ones(2).to(t),
    "like": torch.zeros_like,
    "new": lambda t: t.new_tensor([1.0]),
    "as_tensor": torch.as_tensor,
    "view": lambda t: t[:1].T,
    "quantile": lambda t: torch.quantile(t, 0.5),
    "rank": torch.linalg.matrix_rank,
    "deepcopy": copy.deepcopy,
    "made there": lambda t: torch.randperm(3, device=t.device),
    "parameter": nn.Parameter,
    "cat": lambda t: torch.cat([t, t]),
}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("make", PLACES.values(), ids=PLACES)
def test_results_stay_on_the_device(kind: str, make: Callable[[Tensor], Tensor]) -> None:
    with fake_device(kind) as device:
        made = make(torch.rand(3, 3, device=device))
        assert made.device == device
        assert made.cpu().device.type == "cpu"
        assert torch.zeros_like(made, device="cpu").device.type == "cpu"


@pytest.mark.parametrize("kind", KINDS)
def test_numbers_come_out(kind: str) -> None:
    with fake_device(kind) as device:
        number = torch.tensor(2.5, device=device)
        assert (float(number), number.item(), f"{number:.2f}") == (2.5, 2.5, "2.50")
        assert torch.tensor([[1, 2]], device=device).tolist() == [[1, 2]]
        assert bool(number > 2)


WIDE: dict[str, Callable[[Tensor], object]] = {
    "double": Tensor.double,
    "to": lambda t: t.to(torch.float64),
    "moved": lambda t: torch.ones(2, dtype=torch.float64).to(t.device),
    "made": lambda t: torch.zeros(2, dtype=torch.float64, device=t.device),
    "sum": lambda t: t.sum(dtype=torch.float64),
}


@pytest.mark.parametrize("make", WIDE.values(), ids=WIDE)
def test_only_mps_has_no_float64(make: Callable[[Tensor], object]) -> None:
    with fake_device("cuda") as device:
        make(torch.ones(2, device=device))
    with fake_device("mps") as device, pytest.raises(TypeError, match="support float64"):
        make(torch.ones(2, device=device))


def test_only_mps_lacks_linear_algebra() -> None:
    with fake_device("cuda") as device:
        torch.linalg.eigvalsh(torch.eye(2, device=device))
    with fake_device("mps") as device, pytest.raises(NotImplementedError, match="MPS"):
        torch.linalg.eigvalsh(torch.eye(2, device=device))


def steps(device: torch.device | str, fused: bool) -> tuple[list[float], dict[str, Tensor]]:
    """Make five steps with batch norm and dropout; return the losses and the weights."""
    torch.manual_seed(0)
    net = nn.Sequential(nn.Linear(4, 8), nn.BatchNorm1d(8), nn.Dropout(0.2), nn.Linear(8, 3))
    parameters = list(net.parameters())
    net.to(device)
    assert all(a is b for a, b in zip(parameters, net.parameters(), strict=True))
    optimizer = torch.optim.Adam(net.parameters(), lr=0.1, fused=fused)
    inputs, targets = torch.randn(16, 4).to(device), torch.randint(3, (16,)).to(device)
    losses = []
    for _ in range(5):
        loss = nn.functional.cross_entropy(net(inputs), targets)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return losses, {name: value.cpu().clone() for name, value in net.state_dict().items()}


@pytest.mark.parametrize("fused", [False, True])
@pytest.mark.parametrize("kind", KINDS)
def test_training_gives_the_bits_of_the_cpu(kind: str, fused: bool) -> None:
    losses, weights = steps("cpu", fused)
    with fake_device(kind) as device:
        there, moved = steps(device, fused)
    assert there == losses
    assert all(torch.equal(weights[name], moved[name]) for name in weights)


def test_gradients_flow_between_the_devices() -> None:
    near = torch.ones(2, requires_grad=True)
    with fake_device("cuda") as device:
        ((near.to(device) * 3).cpu() ** 2).sum().backward()
    assert near.grad is not None
    assert near.grad.tolist() == [18, 18]


def test_a_copied_network_keeps_its_parameters() -> None:
    with fake_device("cuda") as device:
        net = nn.Linear(2, 2).to(device)
        twin = copy.deepcopy(net)
        twin.weight.data.zero_()
        assert isinstance(twin.weight, nn.Parameter)
        assert twin.weight.requires_grad
        assert bool((net.weight != 0).any())


def test_everything_is_undone() -> None:
    before = torch.cuda.is_available, torch.cuda.device_count, torch.backends.mps.is_available
    with pytest.raises(KeyError), fake_device("mps"):
        raise KeyError
    after = torch.cuda.is_available, torch.cuda.device_count, torch.backends.mps.is_available
    assert before == after
    assert not torch.__future__.get_swap_module_params_on_conversion()
    assert FakeTensor.kind == "cuda"
    assert up(torch.ones(1)).device.type == "cpu", "nobody answers for it any more"
    with pytest.raises(ValueError, match="kind='tpu'"), fake_device("tpu"):
        pass

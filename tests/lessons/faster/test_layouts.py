"""Sparse layouts compute the same; what this machine lacks is named; the roofline by hand."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

import pruninglab as lab
from pruninglab.lessons.faster import layouts
from pruninglab.lessons.faster.roofline import attainable, break_even, product


def pruned() -> nn.Module:
    net = lab.nets.sap_mlp(seed=0)
    images = lab.data.Split(torch.rand(4, 1, 28, 28), torch.zeros(4, dtype=torch.long))
    return lab.cut_once(
        net, images, lab.scores.magnitude, lab.budgets.fraction(0.9), lab.scopes.global_
    )[0]


def held(keep: Callable[..., nn.Module], net: nn.Module, inputs: Tensor) -> nn.Module:
    """Keep a network sparse, or skip where torch has no such product (outside of Linux, say)."""
    try:
        return keep(net, inputs)
    except ValueError as error:
        assert "no such layout on cpu" in str(error)
        pytest.skip(str(error))


@pytest.mark.parametrize("keep", [layouts.csr, layouts.blocks])
def test_a_sparse_network_says_the_same(keep: Callable[..., nn.Module]) -> None:
    net, inputs = pruned(), torch.rand(7, 1, 28, 28)
    sparse = held(keep, net, inputs)
    with torch.no_grad():
        assert torch.allclose(sparse(inputs), net(inputs), atol=1e-5)
        assert torch.allclose(sparse(inputs[:1]), net(inputs[:1]), atol=1e-5)
    assert type(net.fc1) is nn.Linear and isinstance(sparse.fc1, layouts.SparseLinear)


def test_csr_keeps_the_living_weights_only() -> None:
    net, inputs = pruned(), torch.rand(2, 1, 28, 28)
    kept = held(layouts.csr, net, inputs)
    assert sum(len(m.weight.values()) for m in kept if isinstance(m, layouts.SparseLinear)) == sum(
        int((weight != 0).sum()) for weight in lab.scores.prunable(net).values()
    )


def test_a_layer_that_blocks_do_not_divide_stays_dense() -> None:
    net = held(layouts.blocks, pruned(), torch.rand(2, 1, 28, 28))
    assert net.fc3.weight.layout == torch.strided and net.fc1.weight.layout == torch.sparse_bsr


def test_two_of_four_is_what_the_scope_and_the_budget_cut() -> None:
    net = lab.nets.mini_relu(inputs=(1, 16, 16), seed=0)
    images = lab.data.Split(torch.rand(2, 1, 16, 16), torch.tensor([0, 1]))
    _, masks = lab.cut_once(
        net, images, lab.scores.magnitude, lab.budgets.count(2), lab.scopes.blocks_of(4)
    )
    for name, weight in lab.scores.prunable(net).items():
        assert torch.equal(layouts._two_of_four(weight.detach()), masks[name])


def test_no_time_for_two_of_four_on_a_cpu() -> None:
    with pytest.raises(ValueError, match="device=cpu has no 2:4 kernel"):
        layouts.latency_two_of_four(64, 64, 8, "cpu")


def test_measured_layouts_hold_the_share_that_was_asked() -> None:
    weight = torch.ones(40, 80)
    for layout in ("dense", "CSR", "blocks"):
        made = layouts._layer(weight, 0.25, layout).weight.detach()
        assert made.shape == weight.shape and float(made.mean()) == 0.25
    assert layouts._layer(weight, 0.25, "units removed").weight.shape == (10, 80)
    times = layouts.measure_layouts(weight, torch.rand(3, 80), [1, 0.25], repeats=5)
    assert set(times.times) | set(times.missing) == {"dense", "CSR", "blocks", "units removed"}
    assert all(len(column) == 2 for column in times.times.values())


def test_a_layout_without_a_kernel_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(*args: object) -> None:
        raise RuntimeError("no kernel\nand much more")

    monkeypatch.setattr(torch.Tensor, "to_sparse_csr", fails)
    times = layouts.measure_layouts(torch.ones(8, 8), torch.rand(3, 8), [1, 0.5], repeats=5)
    assert times.missing["CSR"] == "net has no such layout on cpu: no kernel"
    assert "CSR" not in times.times and len(times.times["dense"]) == 2


def test_bytes_and_operations_by_hand() -> None:
    dense = product(3, 5, 2)
    assert (dense.flops, dense.bytes) == (2 * 15 * 2, 4 * 15 + 4 * 2 * 8)
    sparse = product(3, 5, 2, density=0.4, layout="csr")
    assert (sparse.flops, sparse.bytes) == pytest.approx((2 * 6 * 2, 12 * 6 + 8 * 4 + 4 * 2 * 8))
    assert product(3, 5, 2, density=0.4) == dense, "a dense product multiplies zeros too"


def test_the_roof_and_the_break_even() -> None:
    assert attainable(2.0, peak=100.0, bandwidth=10.0) == 20.0
    assert attainable(20.0, peak=100.0, bandwidth=10.0) == 100.0
    assert break_even([1, 0.1, 0.01], [100.0, 10.0, 1.0], dense=20.0) == pytest.approx(0.2)
    assert break_even([0.1, 1], [1.0, 2.0], dense=3.0) is None, "always faster"
    assert break_even([0.1, 1], [1.0, 2.0], dense=0.5) is None, "always slower"
    # Twice over the dense time: the densest crossing counts.
    assert break_even([0.1, 0.2, 0.4, 0.8], [1, 4, 1, 4], dense=2.0) == pytest.approx(0.4 * 2**0.5)

"""Our Hessians beside those of curvlinops: the same numbers."""

from __future__ import annotations

import torch
from curvlinops import HessianLinearOperator
from torch import nn

import pruninglab as lab
from pruninglab.ideas.imc import hessian, hessian_operator


def test_side_by_side_with_curvlinops() -> None:
    net = lab.nets.mini_relu(inputs=(1, 12, 12), classes=4, seed=0).double()
    inputs, targets = torch.randn(70, 1, 12, 12).double(), torch.randint(0, 4, (70,))
    batches = [(inputs[:50], targets[:50]), (inputs[50:], targets[50:])]
    theirs = HessianLinearOperator(
        net, nn.CrossEntropyLoss(), list(net.parameters()), batches, check_deterministic=False
    )
    count = lab.costs.count_parameters(net)
    expected = theirs @ torch.eye(count).double()
    torch.testing.assert_close(hessian(net, inputs, targets), expected)
    v = torch.randn(count).double()
    torch.testing.assert_close(hessian_operator(net, inputs, targets, block=50) @ v, theirs @ v)

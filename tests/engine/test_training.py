"""One loop: dead weights stay zero, the same seed gives the same bits."""

from __future__ import annotations

import math

import pytest
import torch
from torch import nn

from pruninglab import Masks, Training, accuracy, adam, sgd, stops, train
from pruninglab.data import Data, Split
from pruninglab.engine.training import (
    constant,
    cosine,
    multistep,
    reproducible,
)


def half_dead(net: nn.Module) -> Masks:
    masks = Masks.full(net)
    keep = {
        name: torch.arange(mask.numel()).reshape(mask.shape) % 2 == 0
        for name, mask in masks.items()
    }
    masks.shrink(keep)
    return masks


@pytest.mark.parametrize(
    "optimizer",
    [sgd(lr=0.1, momentum=0.9, weight_decay=0.01), sgd(nesterov=False), adam(weight_decay=0.01)],
)
def test_dead_weights_stay_zero_after_every_step(
    tiny_net: nn.Sequential, tiny_data: Data, optimizer: object
) -> None:
    masks = half_dead(tiny_net)
    seen = []

    def watching(net: nn.Module, inputs: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        seen.append(masks.nonzero_dead(net))
        return nn.functional.cross_entropy(net(inputs), targets)

    training = Training(optimizer=optimizer, batch_size=10, objective=watching)
    train(tiny_net, tiny_data, stop=stops.epochs(3), training=training, masks=masks)
    # 27 and the trial before.
    assert len(seen) == 28
    assert set(seen) == {0}
    assert masks.nonzero_dead(tiny_net) == 0
    assert int((tiny_net[1].weight != 0).sum()) == 12


def test_training_learns(tiny_net: nn.Sequential, tiny_data: Data) -> None:
    training = Training(batch_size=30)
    history = train(tiny_net, tiny_data, stop=stops.epochs(20), training=training)
    assert history[-1].loss < history[0].loss / 2
    assert accuracy(tiny_net, tiny_data.test) > 0.9
    assert [epoch.epoch for epoch in history] == list(range(1, 21))


def test_one_step_is_the_step_of_torch(tiny_net: nn.Sequential, tiny_data: Data) -> None:
    """Full batch, plain gradient descent: compare with the update written out."""
    weight = tiny_net[3].weight.detach().clone()
    loss = nn.functional.cross_entropy(tiny_net(tiny_data.train.inputs), tiny_data.train.targets)
    (gradient,) = torch.autograd.grad(loss, tiny_net[3].weight)
    plain = sgd(lr=0.5, momentum=0, weight_decay=0.1, nesterov=False)
    training = Training(optimizer=plain, batch_size=90, schedule=constant)
    train(tiny_net, tiny_data, stop=stops.epochs(1), training=training)
    expected = weight - 0.5 * (gradient + 0.1 * weight)
    torch.testing.assert_close(tiny_net[3].weight, expected)


def test_same_seed_same_bits(tiny_net: nn.Sequential, tiny_data: Data) -> None:
    start = {name: value.clone() for name, value in tiny_net.state_dict().items()}
    results = []
    for seed in (3, 3, 4):
        tiny_net.load_state_dict(start)
        torch.rand(seed)  # the state of the global generator must not matter
        train(
            tiny_net, tiny_data, stop=stops.epochs(2), training=Training(batch_size=10), seed=seed
        )
        results.append(tiny_net[1].weight.detach().clone())
    assert torch.equal(results[0], results[1])
    assert not torch.equal(results[0], results[2])


def test_training_leaves_the_global_generator_alone(
    tiny_net: nn.Sequential, tiny_data: Data
) -> None:
    torch.manual_seed(11)
    expected = torch.rand(3)
    torch.manual_seed(11)
    train(tiny_net, tiny_data, stop=stops.epochs(1))
    assert torch.equal(torch.rand(3), expected)


def test_streams_of_different_epochs_differ() -> None:
    draws = []
    for path in ((0, 1), (0, 2), (1, 1), (0, 1)):
        with reproducible(0, *path) as generator:
            draws.append((float(torch.rand(1)), float(torch.rand(1, generator=generator))))
    assert draws[0] == draws[3]
    assert len(set(draws)) == 3


def test_divergence_is_an_error(tiny_net: nn.Sequential, tiny_data: Data) -> None:
    wild = Training(optimizer=sgd(lr=1e30), batch_size=10)
    with pytest.raises(FloatingPointError, match="round 0, epoch"):
        train(tiny_net, tiny_data, stop=stops.epochs(5), training=wild)


def test_accuracy_counts_and_keeps_the_mode(tiny_data: Data) -> None:
    net = nn.Sequential(nn.Flatten(), nn.Linear(4, 3))
    with torch.no_grad():
        net[1].weight.zero_()
        net[1].bias.copy_(torch.tensor([0.0, 1.0, 0.0]))
    net.train()
    share = float((tiny_data.test.targets == 1).float().mean())
    assert accuracy(net, tiny_data.test, batch_size=7) == pytest.approx(share)
    assert net.training
    with pytest.raises(ValueError, match="empty"):
        accuracy(net, tiny_data.test.take(0))


def test_without_validation_its_accuracy_is_nan(tiny_net: nn.Sequential, tiny_data: Data) -> None:
    empty = Data(
        "b", tiny_data.train, tiny_data.validation.take(0), tiny_data.test, ("a", "b", "c")
    )
    (epoch,) = train(tiny_net, empty, stop=stops.epochs(1))
    assert math.isnan(epoch.validation_accuracy)


def test_schedules() -> None:
    assert [round(cosine(epoch, 4), 4) for epoch in range(5)] == [1, 0.8536, 0.5, 0.1464, 0]
    assert [multistep(at=(2, 3))(epoch, 9) for epoch in range(4)] == pytest.approx(
        [1, 1, 0.1, 0.01]
    )


def test_the_schedule_reaches_the_optimizer(tiny_net: nn.Sequential, tiny_data: Data) -> None:
    """A learning rate of zero from the second epoch on leaves the weights where they were."""
    training = Training(schedule=multistep(at=(1,), factor=0.0))
    after = []
    for length in (1, 3):
        with torch.random.fork_rng():
            torch.manual_seed(0)
            net = nn.Sequential(nn.Flatten(), nn.Linear(4, 3))
        train(net, tiny_data, stop=stops.epochs(length), training=training)
        after.append(net[1].weight)
    assert torch.equal(after[0], after[1])


@pytest.mark.parametrize(
    ("options", "error"),
    [
        ({"batch_size": 0}, ValueError),
        ({"max_epochs": -1}, ValueError),
        ({"batch_size": 1.5}, TypeError),
    ],
)
def test_bad_settings_are_refused(options: dict, error: type[Exception]) -> None:
    with pytest.raises(error, match=next(iter(options))):
        Training(**options)


def test_batches_cover_the_split_once_in_random_order(tiny_data: Data) -> None:
    generator = torch.Generator().manual_seed(0)
    numbered = Split(torch.arange(90.0).reshape(90, 1, 1, 1), torch.arange(90))
    shuffled = list(numbered.batches(40, generator))
    assert [len(targets) for _, targets in shuffled] == [40, 40, 10]
    order = torch.cat([targets for _, targets in shuffled])
    assert sorted(order.tolist()) == list(range(90))
    assert order.tolist() != list(range(90))
    assert all(torch.equal(inputs.flatten().long(), targets) for inputs, targets in shuffled)
    assert torch.cat([t for _, t in numbered.batches(40)]).tolist() == list(range(90))
    with pytest.raises(ValueError, match="size=0"):
        next(numbered.batches(0))

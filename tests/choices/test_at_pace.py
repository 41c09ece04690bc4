"""Equal training cost at equal density: the stop, the ladder, and the count of epochs behind it."""

from __future__ import annotations

import math
from itertools import accumulate
from pathlib import Path

import pytest
from torch import nn

import pruninglab as lab
from pruninglab.choices.needs import needs
from pruninglab.choices.stops import Progress
from pruninglab.data import Data
from pruninglab.engine.loop import Round
from pruninglab.engine.records import recorded

# The tiny network runs out of weights in its last layer: not what is tested here.
pytestmark = pytest.mark.filterwarnings("ignore:no weight lives")
LADDER = (0.5, 0.2, 0.1, 0.05)


def rows_of(net: nn.Module, data: Data, recipe: lab.Recipe) -> list[Round]:
    training = lab.Training(lab.adam(1e-3), batch_size=32)
    return list(lab.prune(net, data, recipe, seed=0, training=training))


def wanted(density: float, dense: int = 2, per_halving: float = 2) -> int:
    return round(dense + per_halving * math.log2(1 / density))


@pytest.mark.parametrize("share", [0.3, 0.5, 0.8])
def test_at_equal_density_all_paces_have_cost_the_same(
    share: float, tiny_net: nn.Sequential, tiny_data: Data
) -> None:
    recipe = lab.recipes.lottery_ticket(share, stop=lab.stops.at_pace(2, 2), rounds=2)
    finished = rows_of(tiny_net, tiny_data, recipe)
    spent = accumulate(len(each.history) for each in finished)
    assert list(spent) == [wanted(each.density) for each in finished]


def test_a_ladder_goes_down_to_its_densities(tiny_net: nn.Sequential, tiny_data: Data) -> None:
    ladder = lab.budgets.ladder(LADDER)
    for scope in lab.scopes.SCOPES.values():
        recipe = lab.Recipe(budget=ladder, scope=scope, stop=lab.stops.epochs(1), rounds=5)
        # A copy: what the run before has left is all zero, which no score can rank.
        net = lab.nets.clone(tiny_net)
        densities = [each.density for each in rows_of(net, tiny_data, recipe)]
        # Each group is rounded down, so none is above its step; after the last one nothing goes.
        smallest_group = 4
        assert densities[0] == 1 and densities[4] == densities[5]
        for reached, step in zip(densities[1:5], LADDER, strict=True):
            assert step - 1 / smallest_group < reached <= step


@pytest.mark.parametrize(("earlier", "before"), [("dense", 2), ("none", 0)])
def test_what_a_ranking_does_not_need_is_not_paid(
    earlier: str, before: int, tiny_net: nn.Sequential, tiny_data: Data
) -> None:
    stop = lab.stops.at_pace(2, 2, earlier)
    recipe = lab.recipes.one_shot(stop=stop, budget=lab.budgets.ladder(LADDER), rounds=4)
    finished = rows_of(tiny_net, tiny_data, recipe)
    own = [len(each.history) for each in finished]
    assert own == [2, *(wanted(each.density) - before for each in finished[1:])]


def test_a_small_cut_still_gets_an_epoch(tiny_net: nn.Sequential, tiny_data: Data) -> None:
    recipe = lab.recipes.lottery_ticket(0.05, stop=lab.stops.at_pace(2, 1), rounds=2)
    assert [len(each.history) for each in rows_of(tiny_net, tiny_data, recipe)] == [2, 1, 1]


def test_a_resumed_run_knows_what_it_has_spent(
    tiny_net: nn.Sequential, tiny_data: Data, tmp_path: Path
) -> None:
    recipe = lab.recipes.lottery_ticket(0.5, stop=lab.stops.at_pace(2, 2), rounds=3)
    fresh = lab.nets.clone(tiny_net)
    run = recorded(tiny_net, tiny_data, recipe, seed=0, folder=tmp_path)
    first = [next(run), next(run)]
    run.close()
    rows = list(recorded(fresh, tiny_data, recipe, seed=0, folder=tmp_path))
    assert rows[:2] == first
    assert [row["epochs"] for row in rows] == [2, 2, 2, 2]


def test_checkpoints_know_it_too(tiny_net: nn.Sequential, tiny_data: Data) -> None:
    recipe = lab.recipes.lottery_ticket(0.5, stop=lab.stops.at_pace(3, 1), rounds=2)
    finished = rows_of(lab.nets.clone(tiny_net), tiny_data, recipe)
    assert [each.checkpoint.spent for each in finished] == [3, 4, 5]
    training = lab.Training(lab.adam(1e-3), batch_size=32)
    later = list(lab.prune(tiny_net, tiny_data, recipe, seed=0, training=training,
                           start=finished[0].checkpoint))  # fmt: skip
    assert [len(each.history) for each in later] == [1, 1]


def test_sooner_is_the_first_of_both(tiny_net: nn.Sequential, tiny_data: Data) -> None:
    pace = lab.stops.at_pace(2, 2)
    for other, epochs in ((1, [1, 1]), (50, [2, 2])):
        stop = lab.stops.sooner(lab.stops.epochs(other), pace)
        recipe = lab.recipes.lottery_ticket(0.5, stop=stop, rounds=1)
        net = lab.nets.clone(tiny_net)
        assert [len(each.history) for each in rows_of(net, tiny_data, recipe)] == epochs


def test_what_was_saved_is_left_for_later_rounds(tiny_net: nn.Sequential, tiny_data: Data) -> None:
    lazy = lab.stops.first_then(1, 9)
    stop = lab.stops.sooner(lazy, lab.stops.at_pace(4, 1))
    recipe = lab.recipes.lottery_ticket(0.5, stop=stop, rounds=1)
    # One epoch of four is used, so the next round may have the three and its own.
    assert [len(each.history) for each in rows_of(tiny_net, tiny_data, recipe)] == [1, 4]


def test_sooner_hands_on_what_both_need() -> None:
    flow = lab.stops.flow_within(0.1, 7)
    wants = needs(lab.stops.sooner(flow, lab.stops.first_then(0, 3)))
    assert (wants.epochs, wants.dense, wants.at_once) == (3, 0, True)
    assert wants.supports is not None


@pytest.mark.parametrize("bad", [
    lambda: lab.stops.at_pace(2, 2, "some"),
    lambda: lab.stops.at_pace(0, 2),
    lambda: lab.stops.at_pace(2, 0),
    lambda: lab.stops.sooner(lab.stops.best_of(3), lab.stops.epochs(3)),
    lambda: lab.budgets.ladder(()),
    lambda: lab.budgets.ladder((0.2, 0.5)),
])  # fmt: skip
def test_what_cannot_be_is_refused(bad: object) -> None:
    with pytest.raises(ValueError):
        bad()  # type: ignore[operator]


def test_before_the_first_epoch_only_who_may_is_asked(tiny_net: nn.Sequential) -> None:
    nothing_yet = Progress(tiny_net, None, {}, round=1)  # type: ignore[arg-type]
    later = lab.stops.epochs(3)
    assert lab.stops.sooner(later, lab.stops.first_then(1, 0))(nothing_yet)
    assert not lab.stops.sooner(later, lab.stops.first_then(1, 2))(nothing_yet)

"""What the board's five drop-downs offer: the package's choices by name, and your own."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ....choices import budgets, rewinds, scopes, scores, stops
from ....engine.recipes import CHOICES, Recipe, cell
from ....ideas.concave import log

Choice = Callable[..., Any]
# Left out as too dear for a class: `leverage` and `curvature`. Give them as `scores=[...]`.
STANDARD: Mapping[str, Sequence[Choice]] = {
    "score": (
        scores.magnitude, scores.random, scores.snip(), scores.grasp(), scores.synflow,
        scores.fisher(), scores.wanda(), scores.ria(), scores.nnrelief(), scores.units,
        scores.learned_mask(log(0.1), 3e-5),
    ),
    "budget": (
        budgets.fraction(0.5), budgets.fraction(0.2), budgets.cubic(0.95), budgets.pq_bound(),
        budgets.pq_bound(1.0, 2.0), budgets.signal_share(0.8), budgets.threshold(0.05),
        budgets.count(2),
    ),
    "scope": (scopes.global_, scopes.layer, scopes.neuron, scopes.blocks_of(4)),
    "stop": (
        stops.epochs(2), stops.epochs(1), stops.epochs(5), stops.best_of(3),
        stops.first_then(0, 2), stops.accuracy_within(0.02, 4),
        stops.flow_within(0.5, 4, distance="relative"),
    ),
    "rewind": (
        rewinds.to_init, rewinds.to_epoch(1), rewinds.to_dense, rewinds.fine_tune,
        rewinds.reinitialise,
    ),
}  # fmt: skip


def menu(recipe: Recipe, own: Mapping[str, Sequence[Choice]]) -> dict[str, dict[str, Choice]]:
    """Return what each drop-down offers, by the name that is printed, your own ones first.

    The cells of `recipe` are among them. Your own choice takes the place of one of the package that
    has its name. Raises ValueError for two of your own with one name.
    """
    offered = {}
    for choice in CHOICES:
        mine = own.get(choice, ())
        names = [cell(one) for one in mine]
        for name in names:
            if names.count(name) > 1:
                raise ValueError(f"{choice}s has two that are called {name!r}: give them names")
        first = dict(zip(names, mine, strict=True))
        listed = {cell(one): one for one in (recipe.choices()[choice], *STANDARD[choice])}
        offered[choice] = first | {k: one for k, one in listed.items() if k not in first}
    return offered

"""The named methods: each a few lines of choices. `str(recipe)` prints its row of the table."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import Field, dataclass, fields, is_dataclass
from typing import Any

from ..choices import budgets, rewinds, scopes, scores, stops
from ..choices.budgets import Budget
from ..choices.rewinds import Rewind
from ..choices.scores import Score
from ..choices.stops import Stop

READINGS: dict[str, Score] = {
    "flat leverage": scores.leverage("flat"),
    "sharp leverage": scores.leverage("sharp"),
    "flat diagonal": scores.curvature("flat"),
    "sharp diagonal": scores.curvature("sharp"),
    "brain damage": scores.curvature("sharp", weighted=True),
}
CHOICES = ("score", "budget", "scope", "stop", "rewind")


@dataclass(frozen=True)
class Recipe:
    """A pruning method: score × budget × scope × stop × rewind, for a number of rounds.

    Each choice is a plain callable; choices/ has those of the papers, and a function from a
    notebook cell is as good. `rounds` counts prunings; training happens once more than that.
    Raises TypeError for a choice that cannot be called, ValueError for a bad number of rounds.
    Taught in notebook 00.

    >>> print(lottery_ticket(0.2, rounds=3))
    magnitude × fraction(0.2) × layer × epochs(5) × to_init, 3 rounds
    """

    score: Score
    budget: Budget
    scope: Callable[..., Any]
    stop: Stop
    rewind: Rewind
    rounds: int

    def __post_init__(self) -> None:
        for name in CHOICES:
            if not callable(getattr(self, name)):
                raise TypeError(f"{name}={getattr(self, name)!r} cannot be called")
        if not isinstance(self.rounds, int) or self.rounds < 0:
            raise ValueError(f"rounds={self.rounds!r} must be a whole number, at least 0")

    def row(self) -> dict[str, str]:
        """Return the recipe's cells of the table by the name of the choice."""
        return {name: cell(getattr(self, name)) for name in CHOICES}

    def __str__(self) -> str:
        return f"{' × '.join(self.row().values())}, {self.rounds} rounds"


def cell(choice: Any) -> str:
    """Return how a choice is printed: a function by its name, a dataclass with its values.

    >>> cell(budgets.fraction(0.2)), cell(scopes.global_), cell(stops.accuracy_reaches(0.9, 5))
    ('fraction(0.2)', 'global_', 'accuracy_reaches(target=0.9, at_most=5)')
    """
    if isinstance(choice, (str, int, float)):
        return repr(choice)
    if not is_dataclass(choice):
        return str(getattr(choice, "__name__", type(choice).__name__))
    values = {f.name: cell(getattr(choice, f.name)) for f in fields(choice) if _tells(choice, f)}
    inside = [f"{name}={value}" for name, value in values.items()]
    if len(fields(choice)) == 1:
        inside = list(values.values())
    return f"{type(choice).__name__}({', '.join(inside)})"


def _tells(choice: Any, one: Field[Any]) -> bool:
    """Leave a value out of the printed cell if it is the default, but for p and q."""
    return one.name in ("p", "q") or getattr(choice, one.name) != one.default


def lottery_ticket(
    share: float = 0.2,
    *,
    scope: Callable[..., Any] = scopes.layer,
    stop: Stop = stops.epochs(5),
    rewind: Rewind = rewinds.to_init,
    rounds: int = 10,
) -> Recipe:
    """Iterative magnitude pruning: `share` of the living goes each round, then back to the start.

    Source: Frankle & Carbin (2018), the baseline of all five papers. Taught in notebook 02.
    """
    return Recipe(scores.magnitude, budgets.fraction(share), scope, stop, rewind, rounds)


def sap(
    p: float = 0.5,
    q: float = 1.0,
    *,
    eta: float = 0.0,
    gamma: float = 1.0,
    beta: float = 0.9,
    scope: Callable[..., Any] = scopes.layer,
    stop: Stop = stops.epochs(5),
    rewind: Rewind = rewinds.to_init,
    rounds: int = 10,
) -> Recipe:
    """Sparsity-informed adaptive pruning: the lottery ticket with the PQI bound as its budget.

    Source: SAP paper, Algorithm 1. Taught in notebook 02.

    >>> print(sap(1.0, 2.0, rounds=3))
    magnitude × pq_bound(p=1.0, q=2.0) × layer × epochs(5) × to_init, 3 rounds
    """
    budget = budgets.pq_bound(p, q, eta, gamma, beta)
    return Recipe(scores.magnitude, budget, scope, stop, rewind, rounds)


def one_shot(
    share: float = 0.2,
    *,
    scope: Callable[..., Any] = scopes.layer,
    stop: Stop = stops.epochs(5),
    rewind: Rewind = rewinds.to_init,
    rounds: int = 10,
) -> Recipe:
    """Rank once, by the dense trained weights, and prune further along that ranking each round.

    It differs from the lottery ticket in the score only. The SAP paper says that one-shot does not
    retrain, its code does; `rewind=to_dense, stop=epochs(...)` chooses. Taught in notebook 02.
    """
    score = scores.at_snapshot(scores.magnitude, "dense")
    return Recipe(score, budgets.fraction(share), scope, stop, rewind, rounds)


def random_pruning(
    share: float = 0.2,
    *,
    scope: Callable[..., Any] = scopes.layer,
    stop: Stop = stops.epochs(5),
    rewind: Rewind = rewinds.to_init,
    rounds: int = 10,
) -> Recipe:
    """Prune at random: what any method must beat. Taught in notebook 00."""
    return Recipe(scores.random, budgets.fraction(share), scope, stop, rewind, rounds)


def imc(
    reading: str | Score = "flat leverage",
    share: float = 0.47,
    *,
    scope: Callable[..., Any] = scopes.global_,
    stop: Stop = stops.first_then(10, 160),
    rewind: Rewind = rewinds.fine_tune,
) -> Recipe:
    """Inertial-manifold compression, once, after 10 epochs, in one `reading` of the paper.

    The paper keeps directions; how they become weights it does not say, so the score is one of
    READINGS or your own: "flat leverage" is its letter. `share` is the sparsity k / d, printed
    0.47; `inertial.spectral_cut` gives the k of the 4K rule. `rewind` is fine_tune, to_epoch(1) or
    reinitialise: the paper's three variants. Raises ValueError for an unknown reading. Source: IMC
    paper, Section 3.3. Taught in notebook 06.

    >>> recipe = imc("flat diagonal", rewind=rewinds.reinitialise)
    >>> recipe.row()["score"], recipe.row()["stop"], recipe.rounds
    ("curvature(side='flat')", 'first_then(first=10, later=160)', 1)
    """
    if isinstance(reading, str):
        if reading not in READINGS:
            raise ValueError(f"reading={reading!r} is not known; choose from {list(READINGS)}")
        reading = READINGS[reading]
    return Recipe(reading, budgets.fraction(share), scope, stop, rewind, rounds=1)

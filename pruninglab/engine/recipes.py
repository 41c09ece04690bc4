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
from ..ideas.concave import Regularizer

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
    With `clean_up`, each cut also takes what no longer lies on a living path through the network.
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
    clean_up: bool = False

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
        ending = ", clean-up" if self.clean_up else ""
        return f"{' × '.join(self.row().values())}, {self.rounds} rounds{ending}"


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


def incop_if(
    epsilon: float,
    at_most: int,
    p: float = 0.5,
    q: float = 1.0,
    *,
    kind: str = "raw",
    distance: str = "l2",
    scope: Callable[..., Any] = scopes.layer,
    rewind: Rewind = rewinds.fine_tune,
    rounds: int = 15,
) -> Recipe:
    """InCoP by information flow: SAP that stops retraining when the flow is near the dense one's.

    It differs from `sap(stop=epochs(at_most), rewind=fine_tune)` in the stop only. Algorithm 1
    keeps the trained weights; the authors' code goes back to the dense ones (`to_dense`). Source:
    InCoP paper, Algorithm 1. Taught in notebook 03.

    >>> print(incop_if(0.4, 20, distance="relative").row()["stop"])
    flow_within(epsilon=0.4, at_most=20, distance='relative')
    """
    stop = stops.flow_within(epsilon, at_most, stops.information(kind), distance)
    return sap(p, q, scope=scope, stop=stop, rewind=rewind, rounds=rounds)


def incop_gf(
    epsilon: float,
    at_most: int,
    p: float = 0.5,
    q: float = 1.0,
    *,
    distance: str = "l2",
    scope: Callable[..., Any] = scopes.layer,
    rewind: Rewind = rewinds.fine_tune,
    rounds: int = 15,
) -> Recipe:
    """InCoP by gradient flow: as `incop_if`, judged by the masked gradient of Eq. (3).

    Source: InCoP paper, Algorithm 1. Taught in notebook 03.

    >>> print(incop_gf(0.4, 20).row()["stop"])
    flow_within(epsilon=0.4, at_most=20, flow=gradient)
    """
    stop = stops.flow_within(epsilon, at_most, stops.gradient, distance)
    return sap(p, q, scope=scope, stop=stop, rewind=rewind, rounds=rounds)


def nnrelief(
    alpha_fc: float = 0.95,
    alpha_conv: float | None = None,
    *,
    samples: int = 1000,
    kernels: str = "frobenius",
    residual: float | None = None,
    clean_up: bool = True,
    stop: Stop = stops.epochs(5),
    rewind: Rewind = rewinds.to_init,
    rounds: int = 10,
) -> Recipe:
    """NNrelief: each neuron keeps the connections that carry a share α of its signal.

    The paper starts each round of the LeNets from the initial weights (`to_init`) and fine-tunes
    VGG and ResNet (`rewind=rewinds.fine_tune`). `clean_up` is in the authors' code, not in the
    paper. Source: NNrelief paper, Algorithms 1 and 2, Table 10. Taught in notebook 04.

    >>> print(nnrelief(0.95, 0.9, rounds=20))
    nnrelief() × signal_share(alpha_conv=0.9) × neuron × epochs(5) × to_init, 20 rounds, clean-up
    """
    score = scores.nnrelief(samples, kernels, residual)
    budget = budgets.signal_share(alpha_fc, alpha_conv)
    return Recipe(score, budget, scopes.neuron, stop, rewind, rounds, clean_up)


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


def soft_mask(
    regularizer: Regularizer,
    lam: float,
    alpha: float = 0.05,
    *,
    weight_decay: float = 0.0,
    scope: Callable[..., Any] = scopes.global_,
    stop: Stop = stops.epochs(5),
    rewind: Rewind = rewinds.to_init,
    rounds: int = 3,
) -> Recipe:
    """Concave masks: learn a mask with the weights, and drop whoever it puts below α.

    λ decides how sparse it gets, not the threshold. `weight_decay` acts on the mask. Rounds 0 to
    `rounds` − 1 learn the mask, the last one trains the ticket in isolation. Raises ValueError for
    `alpha` outside (0, 1) and whatever `scores.learned_mask` refuses. Source: concave-masks paper,
    Algorithm 1; α is left open there. Taught in notebook 05.

    >>> from pruninglab.ideas.concave import log
    >>> soft_mask(log(0.1), 1e-6).row()["score"]
    'learned_mask(regularizer=log(0.1), lam=1e-06)'
    """
    if not 0 < alpha < 1:
        raise ValueError(f"alpha={alpha} must lie strictly between 0 and 1")
    score = scores.learned_mask(regularizer, lam, weight_decay)
    return Recipe(score, budgets.threshold(alpha), scope, stop, rewind, rounds)


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

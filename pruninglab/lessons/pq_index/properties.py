"""The six properties of a sparsity measure, and a search for vectors that break them.

Numbers are wealth: a sparse vector is an unequal society. What is drawn lies on a grid of fine
binary fractions, so that no gift is rounded: what is taken here arrives there. Source: SAP paper,
Section 1, after Hurley & Rickard (2009). Taught in notebook 01.
"""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Literal

import torch
from jaxtyping import Float
from torch import Tensor

from ...checks import Count, Number, Seed, checked
from .exact import EXACT, STILL, Exact, in_decimals
from .measures import MEASURES, Measure

Change = tuple[Tensor, Tensor]
TOLERANCE = 1e-12
ZERO_SHARE = 0.25
# Members are whole multiples of STEP, and none is above RICHEST: beyond, a tanh no longer moves.
STEP = 2.0**-20
RICHEST = 32.0


@checked
@dataclass(frozen=True)
class Property:
    """One property: what happens to the vector, and what the measure must do.

    `sign` is −1 if the measure must fall, 0 if it must stay, +1 if it must rise. `changes` draws
    the tries for one random vector; the property is broken if *every* one of them goes wrong, so a
    property that says "for all" draws one and one that says "there is a β" draws one per β.
    """

    code: str
    name: str
    says: str
    sign: Literal[-1, 0, 1]
    changes: Callable[[Tensor, torch.Generator], Iterator[Change]]


@checked
@dataclass(frozen=True)
class Counterexample:
    """A vector, what became of it, and the measure before and after."""

    before: Float[Tensor, " members"]
    after: Float[Tensor, " members_after"]
    value_before: Number
    value_after: Number


@checked
def find_counterexample(
    measure: Measure,
    prop: Property,
    generator: torch.Generator,
    tries: Count = 200,
    exact: Exact | None = None,
) -> Counterexample | None:
    """Search random vectors for one on which `measure` breaks the property.

    Returns the first, or None if `tries` vectors all obey: evidence, not proof. Vectors have 2 to
    8 entries of very unequal sizes, a quarter of them one zero, and none is one-hot. Where the
    measure is infinite before the change, the vector says nothing; where it becomes so, the
    property is broken. With `exact`, the same measure of decimal numbers (`EXACT`), a violation
    counts only if it survives 200 digits; without, float64 decides, and a measure that saturates
    may look as if it did not move. Taught in notebook 01.

    >>> from pruninglab.lessons.pq_index.measures import minus_l1
    >>> generator = torch.Generator().manual_seed(0)
    >>> find_counterexample(minus_l1, PROPERTIES["D2"], generator) is None
    False
    """
    return _first_broken(measure, prop, _drawn(prop, generator, tries), exact)


def _drawn(prop: Property, generator: torch.Generator, tries: int) -> Iterator[list[Change]]:
    """Draw what the property does to `tries` random vectors."""
    return (list(prop.changes(_draw(generator), generator)) for _ in range(tries))


def _first_broken(
    measure: Measure, prop: Property, drawn: Iterable[list[Change]], exact: Exact | None
) -> Counterexample | None:
    # The vectors drawn here are right: checking them 10,000 times would double the time.
    measure = inspect.unwrap(measure)
    for changes in drawn:
        broken = [_judge(measure, prop, change, exact) for change in changes]
        if broken and all(broken):
            return broken[0]
    return None


def _draw(generator: torch.Generator) -> Tensor:
    size = int(torch.randint(2, 9, (), generator=generator))
    spread = 2 * float(torch.rand((), generator=generator, dtype=torch.float64))
    w = (spread * torch.randn(size, generator=generator, dtype=torch.float64)).exp()
    w *= min(1.0, RICHEST / float(w.max()))
    w = (w / STEP).round().clamp_min(1) * STEP
    # Never one-hot: there nothing can become more unequal, and every measure breaks (P1).
    if size > 2 and float(torch.rand((), generator=generator)) < ZERO_SHARE:
        w[w.argmin()] = 0
    return w


def _judge(
    measure: Measure, prop: Property, change: Change, exact: Exact | None
) -> Counterexample | None:
    """Return the counterexample if the measure moved the wrong way, else None."""
    before, after = (measure(vector) for vector in change)
    if not math.isfinite(before):
        return None
    if math.isfinite(after):
        noise = TOLERANCE * max(1.0, abs(before))
        moved = after - before
        obeys = abs(moved) <= noise if prop.sign == 0 else prop.sign * moved > noise
        if obeys or (exact is not None and not _survives(exact, prop, change)):
            return None
    return Counterexample(*change, before, after)


def _survives(exact: Exact, prop: Property, change: Change) -> bool:
    """Return whether the property is broken to DIGITS digits, and not by a rounding error."""
    before, after = (in_decimals(exact, vector) for vector in change)
    moved, still = after - before, STILL * max(Decimal(1), abs(before))
    return abs(moved) > still if prop.sign == 0 else prop.sign * moved <= still


def _uniform(low: float, high: float, generator: torch.Generator) -> float:
    return low + (high - low) * float(torch.rand((), generator=generator, dtype=torch.float64))


def _on_grid(amount: float) -> float:
    """Round an amount down to a whole multiple of STEP."""
    return math.floor(amount / STEP) * STEP


def _robin_hood(w: Tensor, generator: torch.Generator) -> Iterator[Change]:
    """(D1) Take from anybody, give to anybody poorer, without swapping their places."""
    pairs = (w[:, None] > w).nonzero()
    if not len(pairs):
        return
    rich, poor = pairs[int(torch.randint(len(pairs), (), generator=generator))].tolist()
    gift = _on_grid(_uniform(0.01, 0.95, generator) * float(w[rich] - w[poor]) / 2)
    after = w.clone()
    after[rich] -= gift
    after[poor] += gift
    if gift:
        yield w, after


def _scaling(w: Tensor, generator: torch.Generator) -> Iterator[Change]:
    """(D2) Pay everybody in another currency."""
    rate = round(64 * math.exp(_uniform(-2, 2, generator))) / 64
    yield w, w * rate


def _rising_tide(w: Tensor, generator: torch.Generator) -> Iterator[Change]:
    """(D3) Give everybody the same amount, a little or much; nothing if all are equal."""
    share = math.exp(_uniform(math.log(0.01), math.log(2), generator))
    if bool((w != w[0]).any()):
        yield w, w + max(STEP, _on_grid(share * float(w.mean())))


def _cloning(w: Tensor, generator: torch.Generator) -> Iterator[Change]:
    """(D4) Put the same society beside itself."""
    yield w, torch.cat([w, w])


def _bill_gates(w: Tensor, generator: torch.Generator) -> Iterator[Change]:
    """(P1) Make somebody so rich (β) that from there on more wealth (α) means less equality."""
    who = int(torch.randint(len(w), (), generator=generator))
    more = round(16 * _uniform(1.5, 3, generator)) / 16
    for beta in (1.0, 10.0, 100.0, 1000.0):
        before = w.clone()
        before[who] += beta * float(w.sum())
        after = before.clone()
        after[who] *= more
        yield before, after


def _babies(w: Tensor, generator: torch.Generator) -> Iterator[Change]:
    """(P2) A baby is born, and owns nothing."""
    yield w, torch.cat([w, w.new_zeros(1)])


PROPERTIES = {
    prop.code: prop
    for prop in (
        Property("D1", "Robin Hood", "taking from the rich for the poor lowers S", -1, _robin_hood),
        Property("D2", "Scaling", "another currency changes nothing", 0, _scaling),
        Property("D3", "Rising Tide", "the same gift to all lowers S", -1, _rising_tide),
        Property("D4", "Cloning", "two equal societies are as sparse as one", 0, _cloning),
        Property("P1", "Bill Gates", "one growing fortune raises S in the end", 1, _bill_gates),
        Property("P2", "Babies", "a newborn who owns nothing raises S", 1, _babies),
    )
}


@checked
def property_table(seed: Seed = 0, tries: Count = 500) -> dict[str, dict[str, bool]]:
    """Return {measure: {property: whether the search found no counterexample}}.

    All measures see the same vectors, drawn from `seed`; a counterexample counts only if it
    survives 200 digits. For (P1) it says that no β up to a thousand times all wealth helped.
    Source: SAP paper, Section 1. Taught in notebook 01.

    >>> property_table(tries=20)["PQ Index (½, 1)"]
    {'D1': True, 'D2': True, 'D3': True, 'D4': True, 'P1': True, 'P2': True}
    """
    table: dict[str, dict[str, bool]] = {name: {} for name in MEASURES}
    for code, prop in PROPERTIES.items():
        drawn = list(_drawn(prop, torch.Generator().manual_seed(seed), tries))
        for name, measure in MEASURES.items():
            table[name][code] = _first_broken(measure, prop, drawn, EXACT[name]) is None
    return table


@checked
def counterexamples(
    measure: Callable[[Tensor], Any], tries: Count = 100
) -> dict[str, Counterexample]:
    """Return what breaks a measure, the first vector for each property, by the property's code.

    `measure` may be a student's: it gets copies, and may return what `float` takes.
    """

    def judged(w: Tensor) -> float:
        return float(measure(w.clone()))

    found = {code: find_counterexample(judged, prop, torch.Generator().manual_seed(0), tries)
             for code, prop in PROPERTIES.items()}  # fmt: skip
    return {code: broken for code, broken in found.items() if broken is not None}

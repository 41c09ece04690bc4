"""What a slider does not change is computed once, until a cell runs; elsewhere every time."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from matplotlib.figure import Figure

from pruninglab.classroom import explorers
from pruninglab.classroom.explorers import explore, slider
from pruninglab.classroom.memory import LIMIT, Memory, once, remembering
from pruninglab.classroom.pictures import describe, picture
from pruninglab.classroom.plots.style import blank


class Doubled:
    """A function that counts its calls."""

    calls = 0

    def __call__(self, thing: Any, factor: float = 2) -> float:
        self.calls += 1
        return thing.number * factor


def test_outside_a_slider_everything_is_computed() -> None:
    doubled, thing = Doubled(), SimpleNamespace(number=1)
    assert once(doubled, thing) == 2
    thing.number = 3
    assert once(doubled, thing) == 6


def test_things_are_told_apart_by_identity_numbers_by_value_and_kind() -> None:
    doubled, memory = Doubled(), Memory()
    things = [SimpleNamespace(number=1), SimpleNamespace(number=1)]
    with remembering(memory):
        for factor in (2, 2.0, 2, 3):
            for thing in things:
                assert once(doubled, thing, factor) == factor
    assert doubled.calls == 2 * 3, "2 and 2.0 are two"


def test_what_is_kept_keeps_its_identity() -> None:
    """A new object may stand where a forgotten one stood."""
    doubled, memory = Doubled(), Memory()
    with remembering(memory):
        found = [once(doubled, SimpleNamespace(number=number)) for number in range(50)]
    assert found == [2 * number for number in range(50)]


def test_few_results_are_kept() -> None:
    doubled, memory = Doubled(), Memory()
    with remembering(memory):
        for number in range(2 * LIMIT):
            once(doubled, SimpleNamespace(number=number))
    assert len(memory) == LIMIT


def test_while_a_cell_runs_nothing_is_kept() -> None:
    """The cell may be training the very network."""
    doubled, thing = Doubled(), SimpleNamespace(number=1)

    @picture("tests/once_more")
    def shown(*, x: float = 0.0, figure: Figure | None = None) -> Figure:
        return describe(blank(figure, 3, 2)[0], f"Nothing but {x} and {once(doubled, thing)}")

    control = slider(0.0, 9.0, 0.0, step=1.0, label="x", hint="nothing")
    explorer = explore(shown, x=control)
    explorers._before_cell()
    try:
        for x, number in ((1.0, 3), (2.0, 4)):
            thing.number, control.value = number, x
            assert explorer.caption.endswith(f"and {2 * number}")
    finally:
        explorers._after_cell()


def test_a_slider_computes_it_once_until_a_cell_runs() -> None:
    doubled, thing = Doubled(), SimpleNamespace(number=1)

    @picture("tests/once")
    def shown(*, x: float = 0.0, figure: Figure | None = None) -> Figure:
        figure, (axes,) = blank(figure, 3, 2)
        axes.plot([x], [once(doubled, thing)], "o")
        return describe(figure, f"A dot that lies at {x} and at {once(doubled, thing)}")

    control = slider(0.0, 9.0, 0.0, step=1.0, label="x", hint="the dot moves")
    explorer = explore(shown, x=control)
    for x in (1.0, 2.0):
        control.value = x
    assert doubled.calls == 1
    thing.number = 5
    explorers._after_cell()
    control.value = 3.0
    assert doubled.calls == 2 and explorer.caption.endswith("and at 10")

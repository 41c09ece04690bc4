"""What names the controls of an explorer: the browser tests hear it, here is what it is made of."""

from __future__ import annotations

import ipywidgets as widgets
from matplotlib.figure import Figure

import pruninglab as lab
from pruninglab.classroom.accessible import names


def test_it_is_hidden_and_shown_as_nothing_but_a_script() -> None:
    output = names(3)
    (shown,) = output.outputs
    assert output.layout.display == "none"
    # Two parts a row: a control and its hint.
    assert list(shown["data"]) == ["application/javascript"]
    assert "there < 6" in shown["data"]["application/javascript"]


@lab.picture("99_none/line")
def line(a: int, b: str, figure: Figure | None = None) -> Figure:
    figure = figure or Figure()
    figure.clear()
    return lab.describe(figure, f"A figure of nothing but {a} and {b}, and of many words")


def test_every_explorer_has_it_for_all_its_controls() -> None:
    explorer = lab.explore(
        line,
        a=lab.slider(0, 3, 1, step=1, label="a", hint="moves"),
        b=lab.choice(["x", "y"], "x", label="b", hint="chooses"),
    )
    (script,) = [part for part in explorer.children if isinstance(part, widgets.Output)]
    assert script.outputs == names(2).outputs

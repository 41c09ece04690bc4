"""One colour a method, in every figure; variants of a method differ by their line's style.

What is removed is paper or hatched. Amounts use AMOUNTS, from paper to dark; signs use SIGNS, brown
to teal. Layers are shades of gray-violet, told apart by labels at their lines: a method's colour
means that method only.
"""

from __future__ import annotations

from typing import Any

from ..kit.page import BLUE, GRAY, GREEN, ORANGE, PURPLE, RED, SKY

BROWN, BLACK = "#8B5E3C", "#000000"
METHODS = {
    "ticket": BLUE,
    "magnitude": ORANGE,
    "SAP": GREEN,
    "InCoP": SKY,
    "NNrelief": PURPLE,
    "concave": RED,
    "IMC": BROWN,
    "fine-tuned": ORANGE,
    "random": GRAY,
    "dense": GRAY,
    "yours": BLACK,
}
AMOUNTS, SIGNS = "mako_r", "BrBG"
LAYERS = ("#4B4453", "#845EC2", "#B39CD0", "#D8CBE8")


def amounts() -> Any:
    """Return the map of colours of amounts, which only seaborn has: it takes a second to load."""
    import seaborn

    return seaborn.color_palette(AMOUNTS, as_cmap=True)


def color_of(method: str) -> str:
    """Return the colour of a method by the word in its label.

    Raises KeyError for a label with none of them.

    >>> color_of("SAP (1, 2)") == color_of("one round of SAP")
    True
    """
    for word, color in METHODS.items():
        if word.lower() in method.lower():
            return color
    raise KeyError(f"method={method!r} has no colour: give it one in lessons/palette.py")

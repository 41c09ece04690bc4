"""One colour a method, in every figure; variants of a method differ by their line's style.

What is removed is paper or hatched. Amounts use AMOUNTS, from paper to dark; signs use SIGNS, brown
to teal. Layers are shades of gray-violet, told apart by labels at their lines: a method's colour
means that method only. A lesson has grays of its own, and no other colour that is not here: a test
looks for it.
"""

from __future__ import annotations

from typing import Any

from ..kit.page import BLUE, GRAY, GREEN, ORANGE, PURPLE, RED, SKY

BROWN, BLACK, OLIVE = "#8B5E3C", "#000000", "#999933"
METHODS = {
    "ticket": BLUE,
    "magnitude": ORANGE,
    "SAP": GREEN,
    "InCoP": SKY,
    "NNrelief": PURPLE,
    "concave": RED,
    "IMC": BROWN,
    "fine-tuned": ORANGE,
    "one-shot": ORANGE,
    "all at once": ORANGE,
    "other weights": BLUE,
    "mixture": OLIVE,
    "random": GRAY,
    "dense": GRAY,
    "yours": BLACK,
}
AMOUNTS, SIGNS = "mako_r", "BrBG"
LAYERS = ("#4B4453", "#845EC2", "#B39CD0", "#D8CBE8")
# Of something ordered: from little to much, from many look-ups to none, from flat to sharp.
FEW_TO_MANY = ("#9CC9C4", "#3B7A8C", "#2B2F4F")
LOOK_UPS = ("#66BFB3", "#2A8F86", "#01504A")
FLAT, SHARP = "#C48A55", "#54331B"
# The two ends of SIGNS, and between blue and red.
DOWN, UP = "#8C510A", "#01665E"
COLD_TO_HOT = (BLUE, "#8AA8B8", "#E0A060", RED)


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

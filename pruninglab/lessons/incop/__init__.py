"""Lesson 03: InCoP's flows."""

from . import (
    chain,
    exercises,
    fading,
    figures,
    figures_of_audit,
    figures_of_proofs,
    figures_of_sets,
    lemma1,
    replay,
    sets,
)

__all__ = [
    "chain",
    "exercises",
    "fading",
    "figures",
    "figures_of_audit",
    "figures_of_proofs",
    "figures_of_sets",
    "lemma1",
    "replay",
    "sets",
]

"""The leaderboard: who is ahead at one density, and by how much over magnitude and random."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from ....engine.results import Paired, Runs, Values
from ....files import as_code, as_words
from .race import REFERENCES, YOURS

HEADS = ("", "row", "validation", "test", "epochs", "− magnitude", "− random", "seeds")


@dataclass(frozen=True)
class Standing:
    """One line: accuracies at the density in [0, 1] and epochs up to it, means over the seeds.

    NaN where no seed gets there. `gaps` are test accuracies minus those of the reference, paired by
    seed; None where there is none. `who` is the student, empty on the board of one.
    """

    row: str
    validation: float
    test: float
    epochs: float
    seeds: int
    gaps: Mapping[str, Paired | None]
    who: str = ""

    @property
    def ranked(self) -> bool:
        """Whether the row gets to the density at all."""
        return not math.isnan(self.validation)

    def cells(self) -> tuple[str, ...]:
        """Return the line as text, as HEADS has it but for the rank."""
        if not self.ranked:
            return self.row, *["–"] * 5, str(self.seeds)
        told = [f"{self.validation:.1%}", f"{self.test:.1%}", f"{self.epochs:.1f}"]
        return self.row, *told, *map(_points, self.gaps.values()), str(self.seeds)


def rule(at: float) -> str:
    """Say in words how the board ranks."""
    return (
        f"Ranked by validation accuracy where {100 * at:.4g} % of the weights live; test is only "
        "shown, epochs are those spent up to there. − magnitude, − random: test accuracy minus "
        "that of a run which cuts by magnitude, or at random, to the same density after the same "
        "epochs in every round, in points, seed by seed."
    )


def standings(rows: Mapping[str, Runs], at: float, who: str = "") -> list[Standing]:
    """Return the lines of some rows, the best first, those that do not get to `at` last."""
    return ranked([_standing(row, runs, at, who) for row, runs in rows.items()])


def ranked(lines: Sequence[Standing]) -> list[Standing]:
    """Sort lines: by validation accuracy, then by fewer epochs; the unranked stay as they come."""
    return sorted(lines, key=lambda line: (not line.ranked, -_number(line.validation),
                                           _number(line.epochs)))  # fmt: skip


def places(lines: Sequence[Standing]) -> list[str]:
    """Return the place of each line as text, – for the unranked."""
    return [f"{number}." if line.ranked else "–" for number, line in enumerate(lines, start=1)]


def markdown(lines: Sequence[Standing]) -> str:
    """Return the lines of a class as a Markdown table, the best first."""
    heads = (HEADS[0], "who", *HEADS[1:])
    table = ["| " + " | ".join(heads) + " |", "|---" * len(heads) + "|"]
    lines = ranked(lines)
    for place, line in zip(places(lines), lines, strict=True):
        row, *others = line.cells()
        table.append("| " + " | ".join((place, as_words(line.who), as_code(row), *others)) + " |")
    return "\n".join(table)


def _standing(row: str, runs: Runs, at: float, who: str) -> Standing:
    reached = {
        key: runs.only(YOURS).with_costs().at_density(key, at)[YOURS]
        for key in ("validation_accuracy", "test_accuracy", "cost")
    }
    return Standing(
        row,
        validation=_mean(reached["validation_accuracy"]),
        test=_mean(reached["test_accuracy"]),
        epochs=_mean(reached["cost"]),
        seeds=len(runs[YOURS]),
        gaps={name: _gap(runs, name, at) for name in REFERENCES},
        who=who,
    )


def _gap(runs: Runs, name: str, at: float) -> Paired | None:
    if name not in runs:
        return None
    try:
        return runs.paired(YOURS, name, "test_accuracy", at)
    except ValueError:
        return None


def _mean(values: Values) -> float:
    known = values[~np.isnan(values)]
    return float(known.mean()) if len(known) else math.nan


def _number(value: float) -> float:
    return 0.0 if math.isnan(value) else value


def _points(gap: Paired | None) -> str:
    if gap is None:
        return "–"
    spread = f" ± {100 * gap.std:.1f}" if gap.seeds > 1 else ""
    return f"{100 * gap.mean:+.1f}{spread}".replace("-", "−")

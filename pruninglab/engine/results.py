"""What methods measured, in one shape: live comparisons and committed records go into one plot."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..ideas.checks import Positive, checked

Row = dict[str, Any]
Values = NDArray[np.float64]


@dataclass(frozen=True)
class Paired:
    """A difference between two methods with the same seeds: mean, standard deviation, seeds."""

    mean: float
    std: float
    seeds: int

    def __str__(self) -> str:
        return f"{self.mean:+.4f} ± {self.std:.4f} over {self.seeds} seeds"


class Runs(Mapping[str, list[list[Row]]]):
    """Rows of rounds by method and seed: {label: [rows of a seed, …]}.

    What `compare` and every committed record return. A row maps names to numbers: "seed", "round",
    "density", "test_accuracy", "epochs", …; a dot goes one deeper, "pqi.global.all". Taught in
    notebook 02.

    >>> rows = [[{"seed": s, "density": d, "test_accuracy": d - s / 10} for d in (1, 0.5)]
    ...         for s in (0, 1)]
    >>> runs = Runs({"magnitude": rows})
    >>> runs.over_rounds("test_accuracy")["magnitude"]
    array([[1. , 0.5],
           [0.9, 0.4]])
    """

    @checked
    def __init__(self, runs: Mapping[str, Sequence[Sequence[Row]]]) -> None:
        """Take the rows over. Raises ValueError for a method without runs or a run without rows."""
        self._runs = {label: [list(rows) for rows in seeds] for label, seeds in runs.items()}
        for label, seeds in self._runs.items():
            if not seeds or not all(seeds):
                raise ValueError(f"runs[{label!r}] has no runs, or one without rows")

    def __getitem__(self, label: str) -> list[list[Row]]:
        return self._runs[label]

    def __iter__(self) -> Iterator[str]:
        return iter(self._runs)

    def __len__(self) -> int:
        return len(self._runs)

    def __repr__(self) -> str:
        methods = ", ".join(f"{label}: {len(seeds)} seeds" for label, seeds in self.items())
        return f"Runs({methods})"

    @checked
    def only(self, *labels: str) -> Runs:
        """Return the runs of these methods, in this order. Raises KeyError for an unknown one."""
        for label in labels:
            if label not in self._runs:
                raise KeyError(f"label {label!r} is none of {list(self)}")
        return Runs({label: self[label] for label in labels})

    @checked
    def over_rounds(self, key: str) -> dict[str, Values]:
        """Return each method's values of `key`, float64 (seeds, rounds); NaN where there is none.

        Raises KeyError for a key that no row has, ValueError where runs differ in length.
        """
        found = {}
        for label, seeds in self.items():
            if len({len(rows) for rows in seeds}) > 1:
                raise ValueError(f"the runs of {label!r} have different numbers of rounds")
            found[label] = np.array([[number(row, key) for row in rows] for rows in seeds])
        return found

    @checked
    def last(self, key: str) -> dict[str, Values]:
        """Return each method's values of `key` in the last round, float64 (seeds,)."""
        return {
            label: np.array([number(rows[-1], key) for rows in seeds])
            for label, seeds in self.items()
        }

    @checked
    def at_density(self, key: str, density: Positive) -> dict[str, Values]:
        """Return values of `key` at a density, float64 (seeds,), interpolated between two rounds.

        Linear in the logarithm of the density; NaN for a run that does not reach it.
        """
        return {
            label: np.array([_interpolate(rows, key, density) for rows in seeds])
            for label, seeds in self.items()
        }

    @checked
    def paired(self, a: str, b: str, key: str, density: Positive | None = None) -> Paired:
        """Return the difference a − b of `key` over the seeds that both methods have.

        In the last round, or at a density. Methods that share a seed share the first weights and
        the batches, so their bands may overlap where their difference is certain. Raises KeyError
        for an unknown method, ValueError where they share no seed that has the value.
        """
        for name, label in (("a", a), ("b", b)):
            if label not in self:
                raise KeyError(f"{name}={label!r} is none of {list(self)}")
        chosen = self.only(a, b)
        values = chosen.last(key) if density is None else chosen.at_density(key, density)
        by_seed = [
            {
                number(rows[0], "seed"): value
                for rows, value in zip(self[label], values[label], strict=True)
            }
            for label in (a, b)
        ]
        shared = [seed for seed in by_seed[0] if seed in by_seed[1]]
        gaps = np.array([by_seed[0][seed] - by_seed[1][seed] for seed in shared])
        gaps = gaps[~np.isnan(gaps)]
        if not len(gaps):
            where = "the last round" if density is None else f"density={density}"
            raise ValueError(f"a={a!r}, b={b!r} share no seed with key={key!r} in {where}")
        return Paired(float(gaps.mean()), spread(gaps), len(gaps))

    @checked
    def table(self, *keys: str) -> str:
        """Return the last round's values of `keys` as text: mean ± standard deviation a method."""
        width = max((len(label) for label in self), default=0)
        lines = [" ".join([f"{'':{width}}", *(f"{key:>22}" for key in keys)])]
        values = {key: self.last(key) for key in keys}
        for label in self:
            cells = [f"{values[key][label].mean():.4f} ± {spread(values[key][label]):.4f}"
                     for key in keys]  # fmt: skip
            lines.append(" ".join([f"{label:{width}}", *(f"{text:>22}" for text in cells)]))
        return "\n".join(lines)


def spread(values: Values, axis: int = 0) -> Any:
    """Return the standard deviation over seeds, of the sample; 0 for a single seed."""
    return np.std(values, axis=axis, ddof=min(1, values.shape[axis] - 1))


def number(row: Row, key: str) -> float:
    """Return the number that a row has under `key`, NaN for None. Raises KeyError by name.

    >>> number({"pqi": {"layer": {"fc1.weight": 0.2}}}, "pqi.layer.fc1.weight")
    0.2
    """
    value: Any = row
    rest = key
    while rest:
        # Names of parameters have dots of their own: the whole rest may be one name.
        part, _, deeper = (rest, "", "") if rest in value else rest.partition(".")
        if part not in value or (deeper and not isinstance(value[part], Mapping)):
            raise KeyError(f"key {key!r} is not in the row, which has {sorted(row)}")
        value, rest = value[part], deeper
    if isinstance(value, Mapping):
        raise KeyError(f"key {key!r} is no number: it goes on with one of {sorted(value)}")
    return float("nan") if value is None else float(value)


def _interpolate(rows: list[Row], key: str, density: float) -> float:
    # A network of which nothing lives lies infinitely far away: between it and others is no value.
    points = [(number(row, "density"), number(row, key)) for row in rows]
    points = sorted((point for point in points if point[0] > 0), key=lambda point: point[0])
    if not points or not points[0][0] <= density <= points[-1][0]:
        return float("nan")
    densities, values = np.array(points).T
    return float(np.interp(np.log(density), np.log(densities), values))

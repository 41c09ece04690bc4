"""What methods measured, in one shape: live comparisons and committed records go into one plot."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..checks import Positive, Share, checked

Row = dict[str, Any]
Values = NDArray[np.float64]


@dataclass(frozen=True)
class Paired:
    """A difference between two methods with the same seeds: mean, standard deviation, seeds."""

    mean: float
    std: float
    seeds: int

    @checked
    def interval(self, confidence: Share = 0.95) -> tuple[float, float]:
        """Return where the mean over all seeds lies with `confidence`, by Student's t.

        Taken that differences between seeds are normal, which nobody can check with five of them;
        (-∞, ∞) for a single seed. Taught in notebook 07.

        >>> low, high = Paired(0.02, 0.01, 5).interval()
        >>> round(low, 4), round(high, 4)
        (0.0076, 0.0324)
        """
        if self.seeds < 2:
            return -math.inf, math.inf
        from scipy.special import stdtrit  # scipy.stats takes a second to load

        quantile = float(stdtrit(self.seeds - 1, (1 + confidence) / 2))
        half = quantile * self.std / math.sqrt(self.seeds)
        return self.mean - half, self.mean + half

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
    def with_costs(self) -> Runs:
        """Return the same runs; each row also has "cost", the epochs from the start up to it.

        Raises KeyError where a row has no "epochs".
        """
        runs: dict[str, list[list[Row]]] = {}
        for label, seeds in self.items():
            costs = [accumulate(number(row, "epochs") for row in rows) for rows in seeds]
            runs[label] = [
                [row | {"cost": cost} for row, cost in zip(rows, spent, strict=True)]
                for rows, spent in zip(seeds, costs, strict=True)
            ]
        return Runs(runs)

    @checked
    def at_cost(self, key: str, epochs: Positive) -> dict[str, Values]:
        """Return values of `key` after a number of epochs in all, float64 (seeds,), interpolated.

        Linear between two rounds; NaN for a run that stopped earlier or was not yet through its
        first round. Raises KeyError where a row has no "epochs".
        """
        return {
            label: np.array([_between(rows, "cost", key, epochs) for rows in seeds])
            for label, seeds in self.with_costs().items()
        }

    @checked
    def paired(
        self,
        a: str,
        b: str,
        key: str,
        density: Positive | None = None,
        *,
        epochs: Positive | None = None,
    ) -> Paired:
        """Return the difference a − b of `key` over the seeds that both methods have.

        In the last round, at a density, or after as many epochs of training in all; at the last two
        both methods are interpolated between their rounds. Methods that share a seed share the
        first weights and the batches, so their bands may overlap where their difference is certain.
        Raises KeyError for an unknown method, ValueError where they share no seed that has the
        value, or where both `density` and `epochs` are given.
        """
        for name, label in (("a", a), ("b", b)):
            if label not in self:
                raise KeyError(f"{name}={label!r} is none of {list(self)}")
        if density is not None and epochs is not None:
            raise ValueError(f"density={density}, epochs={epochs}: give one of them")
        chosen = self.only(a, b)
        if epochs is not None:
            values = chosen.at_cost(key, epochs)
        else:
            values = chosen.last(key) if density is None else chosen.at_density(key, density)
        ours, theirs = (
            dict(zip([number(rows[0], "seed") for rows in self[label]], values[label], strict=True))
            for label in (a, b)
        )
        gaps = np.array([ours[seed] - theirs[seed] for seed in ours if seed in theirs])
        gaps = gaps[~np.isnan(gaps)]
        if not len(gaps):
            at = {"density": density, "epochs": epochs}
            given = [f"{name}={value}" for name, value in at.items() if value is not None]
            where = given[0] if given else "the last round"
            raise ValueError(f"a={a!r}, b={b!r} share no seed with key={key!r} in {where}")
        return Paired(float(gaps.mean()), spread(gaps), len(gaps))

    @checked
    def against(
        self, reference: str, densities: Sequence[Positive], key: str = "test_accuracy"
    ) -> str:
        """Return as text what every other method gains over `reference`, at equal density.

        A line for each method and density: the paired difference of `key`, its standard deviation,
        the number of seeds, and the epochs that both had spent in all when they were as sparse;
        where these differ, the density is equal but the training cost is not. Raises KeyError for
        an unknown reference or key.
        """
        if reference not in self:
            raise KeyError(f"reference={reference!r} is none of {list(self)}")
        runs, lines = self.with_costs(), []
        width = max(len(label) for label in self)
        for label in (label for label in self if label != reference):
            for density in densities:
                head = f"{label:{width}} − {reference} at {density:6.1%}: "
                spent = runs.only(label, reference).at_density("cost", density)
                try:
                    gap = runs.paired(label, reference, key, density)
                except ValueError:
                    lines.append(head + "not both of them get there")
                    continue
                mine, theirs = (np.nanmean(spent[name]) for name in (label, reference))
                lines.append(f"{head}{gap}; epochs {mine:.1f} and {theirs:.1f}")
        return "\n".join(lines)

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
    living = [row for row in rows if number(row, "density") > 0]
    return _between(living, "density", key, density, scale=np.log)


def _between(
    rows: list[Row],
    along: str,
    key: str,
    at: float,
    scale: Callable[[Any], Any] = lambda values: values,
) -> float:
    """Interpolate `key` at a value of `along`, linear in its scale; NaN outside the rows'."""
    points = [(number(row, along), number(row, key)) for row in rows]
    points.sort(key=lambda point: point[0])
    if not points or not points[0][0] <= at <= points[-1][0]:
        return float("nan")
    positions, values = np.array(points).T
    return float(np.interp(scale(at), scale(positions), values))

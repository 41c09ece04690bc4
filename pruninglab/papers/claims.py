"""What each paper claims, our number with its interval, and whether it holds here.

A paper's `claims.csv` has a line for each claim. Where two methods of a record are compared, the
number and the verdict are computed from the record; elsewhere the audit decides, and is named.
"""

from __future__ import annotations

import csv
import re
from dataclasses import dataclass
from typing import Any, Literal

from ..checks import NonNegative, checked
from ..engine.results import Paired
from .experiment import RECORDS, Measured, read
from .rows import Table
from .walk import HERE, PAPERS

Verdict = Literal["holds", "does not hold", "partly", "cannot be told", "not tested"]
POINTS = 100
HEAD = ("claim", "here", "our number", "seeds", "cost", "command or place")


@checked
@dataclass(frozen=True)
class Claim:
    """A claim of a paper, in our words, and what speaks for or against it.

    `item` is where the paper says it. With `record`, `ahead`, `behind` and `density` the claim is
    that one method of the record is more accurate than another at that density, or in the last
    round, or at most `margin` less accurate (in [0, 1]); `verdict` is then computed and stands
    nowhere. Otherwise `place` is the audit's section that decides.
    """

    item: str
    claim: str
    verdict: Verdict | None
    found: str
    record: str = ""
    ahead: str = ""
    behind: str = ""
    density: float | None = None
    margin: float = 0.0
    place: str = ""

    def measured(self) -> tuple[Paired, float]:
        """Return the paired difference in test accuracy, and the epochs that its runs have cost."""
        runs = _record(self.record).runs
        pair = runs.paired(self.ahead, self.behind, "test_accuracy", self.density)
        epochs = (row["epochs"] for name in (self.ahead, self.behind)
                  for rows in runs[name] for row in rows)  # fmt: skip
        return pair, float(sum(epochs))


@checked
def claims(paper: str) -> list[Claim]:
    """Return a paper's claims, none if it has no file of them. Raises KeyError for others."""
    if paper not in PAPERS:
        raise KeyError(f"paper={paper!r} is not known; choose from {list(PAPERS)}")
    path = HERE / paper / "claims.csv"
    if not path.exists():
        return []
    with path.open(encoding="utf-8", newline="") as file:
        return [_claim(row) for row in csv.DictReader(file)]


def _claim(row: dict[str, str]) -> Claim:
    numbers: dict[str, Any] = {
        "verdict": row["verdict"] or None,
        "density": float(row["density"]) if row["density"] else None,
        "margin": float(row["margin"] or 0),
    }
    return Claim(**{**row, **numbers})


@checked
def verdict(pair: Paired, margin: NonNegative = 0.0) -> Verdict:
    """Tell whether "the first is at most `margin` behind" holds: by the difference's 95 % interval.

    >>> verdict(Paired(0.02, 0.01, 5)), verdict(Paired(0.002, 0.01, 5))
    ('holds', 'cannot be told')
    """
    low, high = pair.interval()
    return "holds" if low > -margin else "does not hold" if high < -margin else "cannot be told"


@checked
def claims_table(paper: str) -> Table:
    """Return a paper's claims as a Markdown table: claim, verdict, number, seeds, cost, command."""
    lines = ["| " + " | ".join(HEAD) + " |", "|---" * len(HEAD) + "|"]
    lines += ["| " + " | ".join(_cells(claim)) + " |" for claim in claims(paper)]
    return Table("\n".join(lines))


def _cells(claim: Claim) -> tuple[str, ...]:
    said = f"{claim.claim} ({claim.item})"
    if not claim.record:
        return said, f"**{claim.verdict}**", claim.found, "", "", claim.place
    pair, epochs = claim.measured()
    low, high = (POINTS * end for end in pair.interval())
    number = f"{POINTS * pair.mean:+.1f} points ({low:+.1f} to {high:+.1f}) at {_density(claim)}"
    number += f"; {claim.found}" * bool(claim.found)
    cost = f"{epochs:,.0f} epochs"
    here = f"**{verdict(pair, claim.margin)}**"
    return said, here, number, str(pair.seeds), cost, f"`{command(claim.record)}`"


def _density(claim: Claim) -> str:
    """Tell the density of a comparison; in the last round the mean of each of the two."""
    if claim.density:
        return f"{claim.density:.0%}"
    last = _record(claim.record).runs.last("density")
    means = dict.fromkeys(f"{last[name].mean():.1%}" for name in (claim.ahead, claim.behind))
    return " against ".join(means)


@checked
def command(record: str) -> str:
    """Return the command that makes a record, from its name.

    >>> command("sap/fashion-mnist_mlp_3-epochs_3-seeds")
    'python -m pruninglab.papers sap --data fashion-mnist --net mlp --epochs 3 --seeds 3'
    """
    name = record.partition("/")[0]
    settings = _record(record).settings
    words = [f"--data {settings['data']}", f"--net {settings['net']}"]
    for value, key in re.findall(r"_([^_]+?)-([a-z][a-z-]*)(?=_|$)", record):
        if key in settings:
            words.append(f"--{key} {value}")
    words += ["--small"] * settings["small"]
    return " ".join([f"python -m pruninglab.papers {name}", *words])


def _record(record: str) -> Measured:
    return read(RECORDS / f"{record}.json")

"""One paper, one folder: its recipe, its printed settings, its records, its commands."""

from ..checks import checked
from . import concave, convolutions, head_to_head, imc, incop, nnrelief, paces, sap
from .claims import Claim, claims, claims_table
from .experiment import Experiment, Measured
from .ledger import Item, items, ledger, totals
from .rows import ROWS, differing, one_by_one, row_of_table, table
from .walk import PAPERS

__all__ = [
    "EXPERIMENTS",
    "PAPERS",
    "ROWS",
    "Claim",
    "Experiment",
    "Item",
    "Measured",
    "claims",
    "claims_table",
    "concave",
    "convolutions",
    "differing",
    "head_to_head",
    "imc",
    "incop",
    "items",
    "ledger",
    "nnrelief",
    "one_by_one",
    "paces",
    "record",
    "row_of_table",
    "sap",
    "table",
    "totals",
]

EXPERIMENTS: dict[str, Experiment] = {
    experiment.name: experiment
    for paper in (*PAPERS.values(), convolutions, head_to_head, paces)
    for experiment in paper.EXPERIMENTS
}


@checked
def record(paper: str, name: str) -> Measured:
    """Read the committed record `name` of a paper's experiment ("sap", …).

    Raises KeyError or FileNotFoundError, which list those there are.

    >>> record("nnrelief", "mnist_lenet_300_100").runs
    Runs(NNrelief: 3 seeds)
    """
    if paper not in EXPERIMENTS:
        raise KeyError(f"paper={paper!r} is not known; choose from {list(EXPERIMENTS)}")
    return EXPERIMENTS[paper].record(name)

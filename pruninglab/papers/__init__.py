"""One paper, one file: its recipe, its printed settings, its record, its command."""

from ..ideas.checks import checked
from . import concave, head_to_head, imc, incop, nnrelief, sap
from .experiment import Experiment, Measured
from .ledger import Item, items, ledger, totals
from .rows import ROWS, differing, one_by_one, row_of_table, table

__all__ = [
    "EXPERIMENTS",
    "ROWS",
    "Experiment",
    "Item",
    "Measured",
    "concave",
    "differing",
    "head_to_head",
    "imc",
    "incop",
    "items",
    "ledger",
    "nnrelief",
    "one_by_one",
    "record",
    "row_of_table",
    "sap",
    "table",
    "totals",
]

EXPERIMENTS: dict[str, Experiment] = {
    experiment.name: experiment
    for paper in (sap, incop, nnrelief, concave, imc, head_to_head)
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

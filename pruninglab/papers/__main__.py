"""`python -m pruninglab.papers <paper> …`: a paper's own settings as one resumable command."""

from __future__ import annotations

import sys

from . import EXPERIMENTS, ledger, totals
from .ledger import MEANING, PAPERS


def main(arguments: list[str]) -> None:
    """Hand the other arguments to the experiment's command, or print the ledger and what there is.

    `ledger` prints the totals, `ledger sap` a paper's items.
    """
    if arguments and arguments[0] in EXPERIMENTS:
        EXPERIMENTS[arguments[0]].main(arguments[1:])
        return
    if arguments[:1] == ["ledger"]:
        _print_ledger(arguments[1:])
        return
    print("python -m pruninglab.papers <experiment> [--help], with one of these:")
    width = max(map(len, EXPERIMENTS))
    for name, experiment in EXPERIMENTS.items():
        print(f"  {name:{width}} {experiment.about}")
    print("python -m pruninglab.papers ledger [paper …]: every numbered item, and where it went")
    if arguments and arguments[0] not in ("-h", "--help"):
        sys.exit(f"{arguments[0]!r} is none of them")


def _print_ledger(papers: list[str]) -> None:
    if unknown := [paper for paper in papers if paper not in PAPERS]:
        sys.exit(f"{unknown[0]!r} is none of {', '.join(PAPERS)}")
    if not papers:
        print(totals(), *(f"{status}: {text}" for status, text in MEANING.items()), sep="\n")
    for paper in papers:
        print(ledger(paper))


if __name__ == "__main__":
    main(sys.argv[1:])

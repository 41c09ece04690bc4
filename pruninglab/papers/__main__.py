"""`python -m pruninglab.papers <paper> …`: a paper's own settings as one resumable command."""

from __future__ import annotations

import sys

from . import EXPERIMENTS, claims_table, ledger, totals
from .ledger import MEANING
from .walk import PAPERS


def main(arguments: list[str]) -> None:
    """Hand the other arguments to the experiment's command, or print the ledger and what there is.

    `ledger` prints the totals, `ledger sap` a paper's items, `claims sap` its claims.
    """
    if arguments and arguments[0] in EXPERIMENTS:
        EXPERIMENTS[arguments[0]].main(arguments[1:])
        return
    if arguments[:1] == ["ledger"]:
        _print_ledger(arguments[1:])
        return
    if arguments[:1] == ["claims"]:
        for paper in _known(arguments[1:]) or PAPERS:
            print(f"### {paper}\n\n{claims_table(paper)}\n")
        return
    print("python -m pruninglab.papers <experiment> [--help], with one of these:")
    width = max(map(len, EXPERIMENTS))
    for name, experiment in EXPERIMENTS.items():
        print(f"  {name:{width}} {experiment.about}")
    print("python -m pruninglab.papers ledger [paper …]: every numbered item, and where it went")
    print("python -m pruninglab.papers claims [paper …]: what it claims, and what we measure")
    if arguments and arguments[0] not in ("-h", "--help"):
        sys.exit(f"{arguments[0]!r} is none of them")


def _known(papers: list[str]) -> list[str]:
    if unknown := [paper for paper in papers if paper not in PAPERS]:
        sys.exit(f"{unknown[0]!r} is none of {', '.join(PAPERS)}")
    return papers


def _print_ledger(papers: list[str]) -> None:
    if not _known(papers):
        print(totals(), *(f"{status}: {text}" for status, text in MEANING.items()), sep="\n")
    for paper in papers:
        print(ledger(paper))


if __name__ == "__main__":
    main(sys.argv[1:])

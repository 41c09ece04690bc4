"""`python -m pruninglab.papers <paper> …`: a paper's own settings as one resumable command."""

from __future__ import annotations

import sys

from . import EXPERIMENTS


def main(arguments: list[str]) -> None:
    """Hand the other arguments to the paper's command, or list the papers."""
    if arguments and arguments[0] in EXPERIMENTS:
        EXPERIMENTS[arguments[0]].main(arguments[1:])
        return
    print("python -m pruninglab.papers <paper> [--help], with one of these papers:")
    for name, experiment in EXPERIMENTS.items():
        print(f"  {name:9} {experiment.about}")
    if arguments and arguments[0] not in ("-h", "--help"):
        sys.exit(f"{arguments[0]!r} is none of them")


if __name__ == "__main__":
    main(sys.argv[1:])

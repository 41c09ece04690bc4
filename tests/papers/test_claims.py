"""A claim's number and verdict come from its record; what is printed is what is computed."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import nbformat
import pytest

import pruninglab as lab
from pruninglab.engine.results import Paired
from pruninglab.papers import PAPERS, Claim, claims, claims_table
from pruninglab.papers.claims import command, verdict
from pruninglab.papers.experiment import RECORDS

ALL = [(paper, claim) for paper in PAPERS for claim in claims(paper)]
AUDITS = Path(__file__).parents[2] / "notebooks" / "audits"
PAGE = Path(__file__).parents[2] / "REPRODUCTION.md"


def test_every_paper_has_claims_measured_and_untested() -> None:
    for paper in PAPERS:
        mine = claims(paper)
        assert sum(bool(claim.record) for claim in mine) >= 2, paper
        assert any(claim.verdict == "not tested" for claim in mine), paper


@pytest.mark.parametrize(("paper", "claim"), ALL, ids=lambda value: str(value)[:40])
def test_a_claim_has_a_number_or_a_place(paper: str, claim: Claim) -> None:
    assert claim.item and claim.claim
    if claim.record:
        assert claim.verdict is None and not claim.place
        assert (RECORDS / f"{claim.record}.json").exists()
        pair, epochs = claim.measured()
        assert pair.seeds >= 3 and epochs > 0
    else:
        assert claim.verdict and claim.place
        if claim.verdict != "not tested":
            number, _, heading = claim.place.removeprefix("audit ").partition(": ")
            (audit,) = AUDITS.glob(f"{number}_*.ipynb")
            cells = nbformat.read(audit, as_version=4).cells
            assert any(f"## {heading}" in cell.source.splitlines() for cell in cells)


@pytest.mark.parametrize(
    ("mean", "margin", "expected"),
    [(0.02, 0.0, "holds"), (-0.02, 0.0, "does not hold"), (0.001, 0.0, "cannot be told"),
     (0.001, 0.02, "holds"), (-0.02, 0.001, "does not hold"), (-0.02, 0.02, "cannot be told")],
)  # fmt: skip
def test_the_verdict_is_that_of_the_interval(mean: float, margin: float, expected: str) -> None:
    assert verdict(Paired(mean, 0.01, 6), margin) == expected


def test_one_seed_decides_nothing() -> None:
    assert verdict(Paired(0.5, 0.0, 1)) == "cannot be told"


def test_a_number_by_hand() -> None:
    """SAP's first claim, from the rows of the record themselves."""
    claim = claims("sap")[0]
    runs = lab.papers.record("sap", claim.record.partition("/")[2]).runs
    ahead, behind = (runs.at_density("test_accuracy", 0.1)[name]
                     for name in ("SAP (1, 2)", "one-shot"))  # fmt: skip
    assert claim.measured()[0].mean == pytest.approx((ahead - behind).mean())


def test_a_command_makes_the_record_that_it_names() -> None:
    for record in {claim.record for _, claim in ALL if claim.record}:
        name, *options = command(record).split()[3:]
        experiment = lab.papers.EXPERIMENTS[name]
        asked = dict(zip(options[::2], options[1::2], strict=False))
        settings = dict(experiment.printed[asked["--net"]])
        for key, value in settings.items():
            if f"--{key}" in asked:
                settings[key] = type(value)(asked[f"--{key}"])
        made = experiment.record_name(
            asked["--data"], asked["--net"], settings, options[-1] == "--small"
        )
        assert f"{name}/{made}" == record


def test_the_page_shows_what_is_computed() -> None:
    text = PAGE.read_text(encoding="utf-8")
    for paper in PAPERS:
        # `python -m pruninglab.papers claims` prints them.
        assert f"### {paper}\n\n{claims_table(paper)}\n" in text


def test_the_command_prints_one_paper_or_refuses() -> None:
    call = [sys.executable, "-m", "pruninglab.papers", "claims"]
    one = subprocess.run([*call, "incop"], capture_output=True, text=True, check=True).stdout
    assert str(claims_table("incop")) in one and "### sap" not in one
    wrong = subprocess.run([*call, "snap"], capture_output=True, text=True, check=False)
    assert wrong.returncode and "'snap' is none of" in wrong.stderr
    with pytest.raises(KeyError, match="snap"):
        claims("snap")

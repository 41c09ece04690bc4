"""Figures of notebook 07: what is drawn is what was measured, and what is certain together."""

from __future__ import annotations

import numpy as np
import pytest

import pruninglab as lab
from pruninglab.engine.results import Paired
from pruninglab.kit.pictures import words_of
from pruninglab.lessons.mix import figures
from pruninglab.papers.head_to_head import DENSITIES


def runs_with(gap: float, seeds: int = 5) -> lab.Runs:
    """Two methods whose accuracies differ by `gap`, a little more or less for each seed."""

    def rows(seed: int, ahead: float) -> list[dict[str, float]]:
        return [{"seed": seed, "round": i, "density": d, "epochs": 2,
                 "test_accuracy": 0.8 - i / 50 + seed / 100 + ahead * (1 + seed / 50)}
                for i, d in enumerate((1.0, *DENSITIES))]  # fmt: skip

    return lab.Runs({"ticket": [rows(seed, gap) for seed in range(seeds)],
                     "fine-tuned": [rows(seed, 0) for seed in range(seeds)]})  # fmt: skip


def test_the_gap_is_drawn_in_points_at_both_paces() -> None:
    records = {"2 + 2": runs_with(-0.01), "8 + 8": runs_with(0.02)}
    words = words_of(figures.paces(records, pace="8 + 8"))
    assert "At pace 2 + 2: 50% -1.0, 20% -1.0" in words and "At pace 8 + 8: 50% +2.1" in words
    alone = figures.paces(records)
    assert "8 + 8" not in words_of(alone)
    assert [text.get_text() for text in alone.axes[1].texts] == ["guess first"]


def test_holm_is_bonferroni_for_the_smallest_and_stops_at_the_first_failure() -> None:
    sure, doubtful = Paired(0.02, 0.001, 5), Paired(0.02, 0.016, 5)
    alone = {"a": [doubtful]}
    assert figures._certain(doubtful) and figures.together(alone) == {("a", 0)}
    gaps = {"a": [sure, doubtful], "b": [doubtful, None]}
    assert figures.together(gaps) == {("a", 0)}
    assert figures.together({"a": [sure] * 30}) == {("a", i) for i in range(30)}
    noise = np.random.default_rng(0).normal(size=(200, 20, 5))
    wrong = [bool(figures.together({"a": [Paired(float(x.mean()), float(x.std(ddof=1)), 5)
                                         for x in table]})) for table in noise]  # fmt: skip
    assert np.mean(wrong) < 0.09, "of tables without any difference few have a certain cell"


def test_your_line_is_drawn_over_ours_and_where_there_is_none_the_stairs_stand_alone() -> None:
    runs = runs_with(0.01)
    drawn = figures.cost(runs, lambda dense, halving, d: dense - halving * np.log2(d), 2, 2.0)
    assert drawn.axes[0].lines[-1].get_color() == "k"
    for open_ in (..., lambda dense, halving, d: None, lambda dense: 1):
        assert len(figures.cost(runs, open_, 2, 2.0).axes[0].lines) == 2


def test_your_interval_covers_ours() -> None:
    runs = runs_with(0.01)
    right = figures.interval(runs, lambda a, b: ((a - b).mean(), 2.776 * (a - b).std() / 5**0.5))
    assert "Yours is drawn" in words_of(right)
    ours, yours = right.axes[0].lines[1].get_xdata(), right.axes[0].collections[0].get_segments()[0]
    assert yours[:, 0] == pytest.approx(ours, abs=1e-3)
    assert "Yours is open" in words_of(figures.interval(runs, ...))


def test_one_cell_names_each_line() -> None:
    runs = runs_with(0.01)
    figure = figures.one_cell(lab.Runs({"ticket": runs["ticket"], "yours": runs["fine-tuned"]}))
    assert {text.get_text() for text in figure.axes[0].texts} == {"ticket", "yours"}

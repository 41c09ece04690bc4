"""Every figure at the corners of its sliders, and what its axes say."""

from __future__ import annotations

import numpy as np
import pytest

import pruninglab as lab
from pruninglab.kit.page import BLUE, GRAY, Page
from pruninglab.lessons import curves


def runs_of(*seeds: list[float | None], label: str = "method") -> lab.Runs:
    """Return rows with these values, the density halved from round to round."""
    return lab.Runs({label: [
        [{"seed": seed, "round": i, "density": 0.5**i, "pruned_density": 0.5 ** (i + 1),
          "test_accuracy": value,
          "pruned_test_accuracy": value, "layer_density": {"fc1.weight": value},
          "grid": {"(0.5, 1)": value, "(1, 2)": value},
          **{key: {"global": {"all": value}, "layer": {"a": value}}
             for key in ("pqi", "pruned_pqi", "gini")}}
         for i, value in enumerate(values)]
        for seed, values in enumerate(seeds)
    ]})  # fmt: skip


def test_a_band_is_mean_and_standard_deviation_where_all_seeds_have_a_value() -> None:
    runs = runs_of([0.5, 0.4, None], [0.7, 0.4, 0.1])
    for x, places in (("round", [0, 1]), ("density", [1, 0.5])):
        (axes,) = Page()(4, 3)
        curves.band(axes, runs, "test_accuracy", x=x, colors=["red"])
        (line,) = axes.lines
        assert line.get_xdata().tolist() == places and line.get_color() == "red"
        assert line.get_ydata().tolist() == pytest.approx([0.6, 0.4])
        outline = axes.collections[0].get_paths()[0].vertices[:, 1]
        assert outline.max() == pytest.approx(0.6 + np.std([0.5, 0.7], ddof=1))
        assert axes.get_xscale() == ("log" if x == "density" else "linear")
    assert axes.get_xlim() == pytest.approx((1.15, 0.25 / 1.15)), "all rounds, whatever the key"
    assert curves.ends(runs, "density") == "method 25.0%"


def test_a_method_has_its_colour_and_a_second_of_the_same_is_dashed() -> None:
    runs = {**runs_of([0.5, 0.4], label="lottery ticket"), **runs_of([0.5, 0.3], label="random"),
            **runs_of([0.4, 0.2], label="other weights")}  # fmt: skip
    (axes,) = Page()(4, 3)
    curves.methods(axes, lab.Runs(runs))
    seen = [(line.get_color(), line.get_linestyle()) for line in axes.lines]
    assert seen == [(BLUE, "-"), (GRAY, "-"), (BLUE, "--")]
    with pytest.raises(KeyError, match="has no colour"):
        curves.methods(axes, runs_of([0.5, 0.4], label="nobody's"))


def test_a_network_without_weights_lies_beyond_a_logarithmic_axis() -> None:
    rows = [{"seed": 0, "density": d, "loss": d + 1} for d in (1.0, 0.1, 0.0)]
    runs = lab.Runs({"a": [rows]})
    (axes,) = Page()(4, 3)
    curves.band(axes, runs, "loss")
    assert axes.lines[0].get_xdata().tolist() == [1.0, 0.1]
    (axes,) = Page()(4, 3)
    curves.band(axes, runs, "loss", log_x=False)
    assert axes.lines[0].get_xdata().tolist() == [1.0, 0.1, 0.0]
    assert curves.ends(runs, "loss") == "a 1"

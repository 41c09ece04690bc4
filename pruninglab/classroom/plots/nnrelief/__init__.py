"""Figures of notebook 04."""

from .pictures import (
    decay_and_optimizer,
    error_over_rounds,
    filter_bounds,
    mask_heatmaps,
    pixel_maps,
    relief,
    rivals,
    table_1,
)
from .recut import alpha_cut, bound_bars
from .wiring import wiring

__all__ = [
    "alpha_cut",
    "bound_bars",
    "decay_and_optimizer",
    "error_over_rounds",
    "filter_bounds",
    "mask_heatmaps",
    "pixel_maps",
    "relief",
    "rivals",
    "table_1",
    "wiring",
]

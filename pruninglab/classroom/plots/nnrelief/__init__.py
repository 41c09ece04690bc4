"""Figures of notebook 04."""

from .pictures import decay_and_optimizer, mask_heatmaps, over_runs, pixel_maps, relief
from .recut import Recut, alpha_cut, bound_bars, prepare
from .wiring import wiring

__all__ = [
    "Recut",
    "alpha_cut",
    "bound_bars",
    "decay_and_optimizer",
    "mask_heatmaps",
    "over_runs",
    "pixel_maps",
    "prepare",
    "relief",
    "wiring",
]

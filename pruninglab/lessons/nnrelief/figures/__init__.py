"""Figures of notebook 04 and of its audit."""

from .bounds import bound_bars, filter_bounds
from .lesson import five_wires, fooled, kept_wires, one_neuron, rivals, wires_to_pixels, your_cut
from .pictures import error_over_rounds, mask_heatmaps, relief, table_1
from .wiring import wiring

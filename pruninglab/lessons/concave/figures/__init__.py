"""Figures of notebook 05 and of its audit."""

from .audit import (
    accuracy_and_pixels,
    bounds_against_truth,
    counter_example,
    eight_pixels,
    mask_values,
    optimizers,
    penalties,
    tickets,
)
from .lesson import (
    eight_compared,
    hop_and_land,
    one_mask,
    smaller_steps,
    swaps,
    two_maps,
    your_pull,
    your_wall,
)

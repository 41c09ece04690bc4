"""Figures of notebook 06."""

from .readings import compared, over_epochs, over_sizes
from .spectra import (
    before_and_after,
    density,
    gaps_against_4k,
    lipschitz_over_boxes,
    quadrature,
    spectrum,
)
from .two_weights import two_weights

__all__ = [
    "before_and_after",
    "compared",
    "density",
    "flow",
    "gaps_against_4k",
    "lipschitz_in_the_picture",
    "lipschitz_over_boxes",
    "over_epochs",
    "over_sizes",
    "quadrature",
    "slope_and_curvature",
    "spectrum",
    "two_weights",
]

"""Figures of notebook 06."""

from .readings import over_sizes, readings, variants, where_the_gradient_lives
from .spectra import (
    before_and_after,
    gaps_against_4k,
    lipschitz_over_boxes,
    quadrature,
    spectral_masses,
    spectrum,
)
from .two_weights import two_weights

__all__ = [
    "before_and_after",
    "gaps_against_4k",
    "lipschitz_over_boxes",
    "over_sizes",
    "quadrature",
    "readings",
    "spectral_masses",
    "spectrum",
    "two_weights",
    "variants",
    "where_the_gradient_lives",
]

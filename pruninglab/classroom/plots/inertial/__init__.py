"""Figures of notebook 06."""

from .readings import (
    over_pretraining,
    over_sizes,
    over_sparsity,
    readings,
    variants,
    where_the_gradient_lives,
)
from .spectra import (
    before_and_after,
    gaps_against_4k,
    lipschitz_over_boxes,
    quadrature,
    spectral_masses,
    spectrum,
)
from .two_weights import two_weights
from .two_wells import two_wells

__all__ = [
    "before_and_after",
    "gaps_against_4k",
    "lipschitz_over_boxes",
    "over_pretraining",
    "over_sizes",
    "over_sparsity",
    "quadrature",
    "readings",
    "spectral_masses",
    "spectrum",
    "two_weights",
    "two_wells",
    "variants",
    "where_the_gradient_lives",
]

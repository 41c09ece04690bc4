"""Inertial manifolds for pruning: the Hessian's spectrum, its gaps, and how non-linear the flow is.

IMC reads gradient descent as the system U′ = −HU + F(U), cuts the spectrum of −H where a gap is
wider than 4K, K the Lipschitz constant of F, and prunes the sharp side. Taught in notebook 06.
"""

from .curvature import PARAMETERS_AT_MOST, Curvature, hessian, hessian_operator, kinks
from .gaps import gaps, linear_manifold, needed_lipschitz, spectral_cut, staircase
from .lipschitz import Ascent, lipschitz_ascent, lipschitz_estimate
from .spectrum import Spectrum, extreme_eigenvalues, lanczos, spectral_density
from .subspaces import diagonal, flat_space, leverage, random_space, share_inside, sharp_space

__all__ = [
    "PARAMETERS_AT_MOST", "Ascent", "Curvature", "Spectrum", "diagonal", "extreme_eigenvalues",
    "flat_space", "gaps", "hessian", "hessian_operator", "kinks", "lanczos", "leverage",
    "linear_manifold", "lipschitz_ascent", "lipschitz_estimate", "needed_lipschitz", "random_space",
    "share_inside", "sharp_space", "spectral_cut", "spectral_density", "staircase",
]  # fmt: skip

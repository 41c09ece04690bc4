"""Figures of notebook 06."""

from .directions import forgotten_over_kept, your_forgetting, your_mass, your_price
from .pruning import (
    just_cut_and_retrained,
    over_density,
    over_pretraining,
    over_sizes,
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
from .two_wells import two_wells
from .valleys import fall_and_walk, price_of_a_cut

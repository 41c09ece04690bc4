"""NNrelief: importance of connections and kernels, the α cut, clean-up, and error bounds."""

from .bounds import (
    Bounds,
    FilterChange,
    carry_change,
    dropped_signal,
    error_bounds,
    filter_change,
    residuals,
)
from .clean_up import clean_up
from .cut import chance_jaccard, check_share, entry_share, jaccard, share_count, share_cut
from .importance import (
    VARIANTS,
    connection_importance,
    connection_signal,
    kernel_importance,
    kernel_signal,
)
from .network import network_importance, weak_branches
from .support import check_cleanable

__all__ = [
    "VARIANTS", "Bounds", "FilterChange", "carry_change", "chance_jaccard", "check_cleanable",
    "check_share", "clean_up", "connection_importance", "connection_signal",
    "dropped_signal", "entry_share", "error_bounds", "filter_change", "jaccard",
    "kernel_importance", "kernel_signal", "network_importance", "residuals", "share_count",
    "share_cut", "weak_branches",
]  # fmt: skip

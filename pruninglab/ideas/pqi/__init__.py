"""How sparse is a vector? The PQ Index, its rivals, the six properties and the PQI bound."""

from .chord import chord_at_zero, log_moments
from .exact import EXACT
from .examples import example_vectors
from .index import (
    bound_at_ranks,
    check_pq,
    effective_number,
    gini_index,
    pq_index,
    printed_index,
    retained_bound,
    tail_ratio,
)
from .measures import MEASURES
from .properties import PROPERTIES, Counterexample, Property, find_counterexample, property_table
from .rounds import index_by_rank, poverty_line, turns

__all__ = [
    "EXACT",
    "MEASURES",
    "PROPERTIES",
    "Counterexample",
    "Property",
    "bound_at_ranks",
    "check_pq",
    "chord_at_zero",
    "effective_number",
    "example_vectors",
    "find_counterexample",
    "gini_index",
    "index_by_rank",
    "log_moments",
    "poverty_line",
    "pq_index",
    "printed_index",
    "property_table",
    "retained_bound",
    "tail_ratio",
    "turns",
]

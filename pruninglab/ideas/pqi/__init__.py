"""How sparse is a vector? The PQ Index, its rivals, the six properties and the PQI bound."""

from .index import check_pq, gini_index, pq_index, retained_bound, tail_ratio
from .measures import MEASURES
from .properties import PROPERTIES, Counterexample, Property, find_counterexample

__all__ = [
    "MEASURES",
    "PROPERTIES",
    "Counterexample",
    "Property",
    "check_pq",
    "find_counterexample",
    "gini_index",
    "pq_index",
    "retained_bound",
    "tail_ratio",
]

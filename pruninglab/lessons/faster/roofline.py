"""When is a sparse product worth it? Operations, bytes, and the roof that a machine puts on both.

A product of a layer (out, in) with a batch needs operations and has to fetch bytes. A machine does
so many operations a second, and fetches so many bytes a second; the slower of the two is the roof.
Source: Williams, Waterman & Patterson, "Roofline", CACM 52(4), 2009. Taught in notebook 08.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

from ...checks import Count, Positive, Share, checked

FLOAT, INDEX = 4, 8


@checked
@dataclass(frozen=True)
class Product:
    """What one product costs: floating-point operations and bytes that come or go."""

    flops: float
    bytes: float

    @property
    def intensity(self) -> float:
        """Operations for each byte."""
        return self.flops / self.bytes


@checked
def product(
    out: Count,
    into: Count,
    batch: Count,
    density: Share = 1.0,
    layout: Literal["dense", "csr"] = "dense",
) -> Product:
    """Count what a layer of float32 weights (out, into) costs for a batch.

    Dense, the zeros are fetched and multiplied too: 2 · out · in · batch operations whatever the
    `density`. CSR keeps each living weight with its column, and where each row begins (torch's
    indices have 8 bytes), and multiplies these only.

    >>> product(300, 784, 1).intensity < 0.5 < product(300, 784, 256).intensity
    True
    """
    images = FLOAT * batch * (out + into)
    if layout == "dense":
        return Product(2 * out * into * batch, FLOAT * out * into + images)
    living = density * out * into
    return Product(2 * living * batch, living * (FLOAT + INDEX) + INDEX * (out + 1) + images)


@checked
def attainable(intensity: Positive, peak: Positive, bandwidth: Positive) -> float:
    """Return the operations a second under the roof: min(peak, bandwidth × intensity).

    `peak` in operations a second, `bandwidth` in bytes a second, `intensity` in operations a byte.

    >>> attainable(0.5, peak=100.0, bandwidth=20.0), attainable(50.0, peak=100.0, bandwidth=20.0)
    (10.0, 100.0)
    """
    return min(peak, bandwidth * intensity)


@checked
def break_even(
    densities: Sequence[Positive], seconds: Sequence[Positive], dense: Positive
) -> float | None:
    """Return the density at which a layout takes as long as the dense product, or None.

    `seconds` of the layout at each density; `dense` those of the dense product. Between two
    measurements along a line in the logarithms of both; of several crossings the densest. None if
    the layout is always faster or always slower.

    >>> break_even([0.1, 1.0], [1.0, 10.0], dense=5.0)
    0.5
    """
    points = sorted(zip(densities, seconds, strict=True), reverse=True)
    for (right, slow), (left, fast) in pairwise(points):
        if fast <= dense < slow:
            share = math.log(dense / fast) / math.log(slow / fast)
            crossing: float = left * (right / left) ** share
            return round(crossing, 12)
    return None

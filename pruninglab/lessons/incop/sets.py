"""What a stopping rule sees: the sets S and M of InCoP, and how much it hangs on the probe.

S holds the networks whose flow is within ε of the dense one's, M those whose accuracy is within δ.
Taught in notebook 03.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import combinations

import torch
from jaxtyping import Float
from torch import Tensor, nn

from ...checks import Count, Finite, NonNegative, checked
from ...devices import accurate
from ...ideas.incop import epoch_within

Weights = Mapping[str, Tensor]
Measure = Callable[[nn.Module], float]


@checked
@dataclass(frozen=True, eq=False)
class Plane:
    """A plane in the space of weights, with orthonormal axes; `corners` are its three networks."""

    origin: Weights
    across: Weights
    up: Weights
    corners: Float[Tensor, "networks axes"]

    @checked
    def at(self, x: Finite, y: Finite) -> dict[str, Tensor]:
        """Return the weights at a point of the plane."""
        return {name: start + float(x) * self.across[name] + float(y) * self.up[name]
                for name, start in self.origin.items()}  # fmt: skip


@checked
def through(first: Weights, second: Weights, third: Weights) -> Plane:
    """Return the plane through three networks: `first` at (0, 0), `second` to its right.

    The three may not lie on a line.

    >>> a, b, c = ({"w": torch.tensor(w)} for w in ([0.0, 0.0], [3.0, 0.0], [3.0, 4.0]))
    >>> through(a, b, c).corners.tolist()
    [[0.0, 0.0], [3.0, 0.0], [3.0, 4.0]]
    """
    origin, right, above = (
        torch.cat([accurate(net[name].detach()).flatten() for name in first])
        for net in (first, second, third)
    )
    across, up = right - origin, above - origin
    width = across.norm()
    across = across / width
    x = up @ across
    up = up - x * across
    height = up.norm()
    corners = torch.stack([torch.zeros(2).to(x), torch.stack([width, 0 * x]),
                           torch.stack([x, height])])  # fmt: skip
    axes = (_like(first, across), _like(first, up / height))
    return Plane(dict(first), *axes, corners)


def _like(weights: Weights, vector: Tensor) -> dict[str, Tensor]:
    """Cut a long vector into tensors of the shapes and types of these weights."""
    parts = vector.split([w.numel() for w in weights.values()])
    return {name: part.reshape(w.shape).to(w)
            for (name, w), part in zip(weights.items(), parts, strict=True)}  # fmt: skip


@checked
@dataclass(frozen=True, eq=False)
class Scan:
    """What was measured at each point of a plane: `values[name]` is float64 (len(y), len(x))."""

    x: Float[Tensor, " across"]
    y: Float[Tensor, " up"]
    values: dict[str, Tensor]
    corners: Float[Tensor, "networks axes"]


@checked
@torch.no_grad()
def scan(
    net: nn.Module,
    plane: Plane,
    measures: Mapping[str, Measure],
    *,
    steps: Count = 15,
    margin: NonNegative = 0.5,
) -> Scan:
    """Measure networks on a grid of `steps` × `steps` points of a plane around its corners.

    `margin` is the room left on each side, as a share of the corners' extent. A copy of `net` is
    given the weights; buffers stay as they are. Source: InCoP paper, Figure 2, which is drawn by
    hand there. Taught in notebook 03.

    >>> a, b, c = ({"weight": torch.tensor([w])} for w in ([0.0, 0.0], [2.0, 0.0], [2.0, 2.0]))
    >>> net = nn.Linear(2, 1, bias=False)
    >>> scan(net, through(a, b, c), {"sum": lambda net: float(net.weight.sum())},
    ...      steps=2, margin=0.0).values["sum"]
    tensor([[0., 2.],
            [2., 4.]], dtype=torch.float64)
    """
    trial = copy.deepcopy(net)
    weights = dict(trial.named_parameters())
    low, high = plane.corners.min(dim=0).values, plane.corners.max(dim=0).values
    room = margin * (high - low)
    x, y = (
        torch.linspace(float(start), float(end), steps, dtype=torch.float64)
        for start, end in zip(low - room, high + room, strict=True)
    )
    values = {name: torch.zeros(steps, steps, dtype=torch.float64) for name in measures}
    for row, column in torch.cartesian_prod(torch.arange(steps), torch.arange(steps)).tolist():
        for name, w in plane.at(float(x[column]), float(y[row])).items():
            weights[name].copy_(w)
        for name, measure in measures.items():
            values[name][row, column] = measure(trial)
    return Scan(x, y, values, plane.corners)


@checked
@dataclass(frozen=True, eq=False)
class Overlap:
    """Shares of networks, one for each seed, in [0, 1]; NaN where there is nothing to share.

    In M at all, in S at all, of those in S the share in M, of those in M the share in S.
    """

    in_m: Float[Tensor, " seeds"]
    in_s: Float[Tensor, " seeds"]
    m_of_s: Float[Tensor, " seeds"]
    s_of_m: Float[Tensor, " seeds"]


@checked
def overlap(
    distances: Float[Tensor, "seeds networks"],
    gaps: Float[Tensor, "seeds networks"],
    epsilon: NonNegative,
    delta: NonNegative,
) -> Overlap:
    """Tell how much S, distance ≤ ε, and M, accuracy at most δ below, have in common.

    InCoP needs S to lie in M: of those in S all are in M, not just as many as of all networks.
    Source: InCoP paper, Section 2.3 and Eq. (4). Taught in notebook 03.

    >>> found = overlap(torch.tensor([[0.1, 0.2, 0.9]]), torch.tensor([[0.0, 0.5, 0.0]]), 0.3, 0.1)
    >>> found.in_m, found.m_of_s
    (tensor([0.6667], dtype=torch.float64), tensor([0.5000], dtype=torch.float64))
    """
    near, good = accurate(distances <= epsilon), accurate(gaps <= delta)
    both = (near * good).sum(dim=1)
    return Overlap(good.mean(dim=1), near.mean(dim=1), both / near.sum(dim=1),
                   both / good.sum(dim=1))  # fmt: skip


@checked
def probe_correlation(curves: Float[Tensor, "probes epochs"]) -> float:
    """Return the mean correlation of the distances that two probes see, over all pairs of probes.

    Near 1 the rule sees the run, near 0 it sees its probe. NaN for a curve that is constant. Taught
    in notebook 03.

    >>> probe_correlation(torch.tensor([[1.0, 2.0, 3.0], [2.0, 4.0, 6.0]]))
    1.0
    """
    pairs = torch.corrcoef(accurate(curves))
    each = [pairs[a, b] for a, b in combinations(range(len(curves)), 2)]
    return round(float(torch.stack(each).mean()), 12)


@checked
def stops_apart(curves: Float[Tensor, "probes rounds epochs"], epsilon: NonNegative) -> float:
    """Return by how many epochs two probes' stops differ in a round, over all pairs and rounds.

    Taught in notebook 03.

    >>> stops_apart(torch.tensor([[[0.9, 0.1, 0.1]], [[0.9, 0.4, 0.1]]]), 0.2)
    1.0
    """
    used = torch.tensor([[epoch_within(values, epsilon) for values in rounds]
                         for rounds in curves.tolist()], dtype=torch.float64)  # fmt: skip
    each = [(used[a] - used[b]).abs().mean() for a, b in combinations(range(len(used)), 2)]
    return float(torch.stack(each).mean())

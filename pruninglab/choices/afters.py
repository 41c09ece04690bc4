"""What else goes after a cut? A shrink is `shrink(net, masks, images) -> masks`, no larger ones."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from torch import Tensor, nn

from ..checks import checked
from ..data import Split
from ..ideas import nnrelief
from .needs import asks

Shrink = Callable[[nn.Module, Mapping[str, Tensor], Split], dict[str, Tensor]]


def _cleanable(net: nn.Module, images: Split) -> None:
    """By a name of its own: a recipe is known by its names, and a lambda has none."""
    nnrelief.check_cleanable(net)


@asks(supports=_cleanable)
@checked
def clean_up(net: nn.Module, masks: Mapping[str, Tensor], images: Split) -> dict[str, Tensor]:
    """Take what lies on no living path through the network: `ideas.nnrelief.clean_up`.

    Source: the code of the NNrelief paper. Taught in notebook 04.
    """
    return nnrelief.clean_up(net, masks, images.inputs)

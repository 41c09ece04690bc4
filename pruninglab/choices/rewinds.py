"""From which weights does the next round start? A rewind is `rewind(net, snapshots) -> None`.

`snapshots` maps "init", "dense" (trained, never pruned) and "epoch k" to state dicts. Rewinding
restores parameters and buffers, batch-norm statistics too. The masks are applied afterwards.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from torch import Tensor, nn

from ..ideas.checks import Count, checked
from .needs import Needs, asks

Snapshots = Mapping[str, Mapping[str, Tensor]]
Rewind = Callable[[nn.Module, Snapshots], None]


def _load(net: nn.Module, snapshots: Snapshots, name: str) -> None:
    """Give the network a snapshot's weights; name both if they do not fit."""
    if name not in snapshots:
        raise KeyError(f"snapshots have no {name!r}, only {list(snapshots)}")
    try:
        net.load_state_dict(snapshots[name])
    except RuntimeError as error:
        raise ValueError(f"net does not fit snapshots[{name!r}]: {error}") from error


@asks(keeps_weights=False)
@checked
def to_init(net: nn.Module, snapshots: Snapshots) -> None:
    """Back to the weights before any training: the lottery ticket. Taught in notebook 02."""
    _load(net, snapshots, "init")


@asks(keeps_weights=True)
@checked
def to_dense(net: nn.Module, snapshots: Snapshots) -> None:
    """Back to the trained dense weights. Taught in notebook 02."""
    _load(net, snapshots, "dense")


@asks(keeps_weights=True)
@checked
def fine_tune(net: nn.Module, snapshots: Snapshots) -> None:
    """Go on from the weights that were just pruned: rewind nothing. Taught in notebook 04."""


@asks(keeps_weights=False)
@checked
def reinitialise(net: nn.Module, snapshots: Snapshots) -> None:
    """Draw new weights with each module's own `reset_parameters`: only the mask is inherited.

    Uses torch's global generator, which `prune` seeds. Taught in notebook 06.
    """
    for module in net.modules():
        reset = getattr(module, "reset_parameters", None)
        if callable(reset):
            reset()


@checked
@dataclass(frozen=True)
class to_epoch:
    """Back to the weights after epoch `epoch` of the first, dense round. Taught in notebook 05.

    Raises ValueError for an epoch below 1, and KeyError when rewinding if the first round was
    shorter than that; `Recipe.check` refuses it before training where the stop says how long that
    round can be.
    """

    epoch: Count

    @property
    def needs(self) -> Needs:
        """The snapshot of that epoch."""
        return Needs(snapshot=self.epoch, keeps_weights=False)

    @checked
    def __call__(self, net: nn.Module, snapshots: Snapshots) -> None:
        name = f"epoch {self.epoch}"
        if name not in snapshots:
            raise KeyError(f"snapshots have no {name!r}: the first round was shorter than that")
        _load(net, snapshots, name)

"""One pair that differs in the rewind only, at five paces: `python -m pruninglab.papers paces`.

Magnitude, global scope, the ladder of the head-to-head: the lottery ticket from its first weights,
the ticket from epoch 1, and the same row fine-tuned. `--dense N --per-halving N` is the pace: so
many epochs for the dense network, and so many more for each time its weights are halved, at a
constant rate. `--falling 1` lets the rate fall to zero in each round instead, along half a cosine;
its rounds are equally long. The record is that of the bundled images, `--small`.
"""

from __future__ import annotations

from math import log2

from .. import nets
from ..choices import rewinds, scopes, stops
from ..engine.recipes import Recipe, lottery_ticket
from ..engine.training import Training, adam, constant, cosine
from .experiment import Experiment, Settings, networks
from .head_to_head import DATA, DENSITIES, KEEP, LADDER

NET = "lenet_300_100"
REWINDS: dict[str, rewinds.Rewind] = {
    "ticket": rewinds.to_init,
    "ticket from epoch 1": rewinds.to_epoch(1),
    "fine-tuned": rewinds.fine_tune,
}


def methods(net: str, settings: Settings) -> dict[str, Recipe]:
    """Return the three rows, which differ in the rewind only."""
    stop: stops.Stop = stops.at_pace(settings["dense"], settings["per-halving"])
    if settings["falling"]:
        halvings = -log2(DENSITIES[-1]) / len(DENSITIES)
        stop = stops.epochs(round(settings["per-halving"] * halvings))
    same = lottery_ticket(**LADDER).but(stop=stop, scope=scopes.global_)
    return {label: same.but(rewind=rewind) for label, rewind in REWINDS.items()}


def training(net: str, settings: Settings) -> Training:
    """Return Adam at a constant rate, or at one that falls to zero in each round."""
    schedule = cosine if settings["falling"] else constant
    return Training(adam(lr=1e-3, weight_decay=0.0), settings["batch"], schedule)


EXPERIMENT = Experiment(
    name="paces",
    about=(__doc__ or "").split("\n")[0],
    printed={NET: {"dense": 8, "per-halving": 8, "falling": 0, "batch": 50, "seeds": 5}},
    printed_nets=(NET,),
    data={NET: (DATA,)},
    make=networks({NET: nets.lenet_300_100}),
    methods=methods,
    training=training,
    keep=KEEP,
)
EXPERIMENTS = (EXPERIMENT,)

"""A network that is cut and read in the page, without a kernel and without a server.

The JavaScript files beside this one compute and draw; `script` puts them together, `sent` says what
travels to them, `trained` makes the network of the site's first screen.
"""

from __future__ import annotations

from typing import Any

from torch import nn

from ..checks import checked
from ..data import Data
from ..modes import copied
from .sent import sent

SHOWN = 1000


@checked
def live(net: nn.Module, data: Data) -> Any:
    """Return the wall of `net`: pruned in the page, it reads 1,000 test images at every move.

    `net` is a chain of Flatten, Linear and ReLU, on images whose pixels are bytes; it stays as it
    is. Raises ValueError for another one, and names the first module that the page does not know.
    """
    # Needed in a notebook only, and slow to load.
    from .widget import Wall

    probe, shown = data.train.take(SHOWN).to("cpu"), data.test.take(SHOWN).to("cpu")
    noun = "digits" if data.name == "mnist" else "images"
    return Wall(sent(copied(net).cpu(), probe, shown) | {"noun": noun})

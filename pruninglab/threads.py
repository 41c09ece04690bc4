"""How torch's threads wait for each other: decided here, before torch is loaded.

torch computes with OpenMP, whose threads spin on their core when they wait. Alone on a machine this
is right; beside another busy process they hold the cores that the others need, and both take ten
times as long. So they spin for less than a millisecond, then sleep: as fast alone, and fair in
company. How this was measured: tests/benchmarks/test_threads_speed.py.

The libraries read the variables once, when torch is loaded, so `make lab` sets them too: a notebook
may load torch first. The number of threads is never changed: it would change the results' bits.
"""

from __future__ import annotations

import os
import sys
from collections.abc import MutableMapping

# Rounds in GNU's library (Linux), milliseconds in LLVM's and Intel's (macOS, Windows, conda).
SPINNING = {"GOMP_SPINCOUNT": "1000", "KMP_BLOCKTIME": "1"}
# Whoever has set one of these has decided.
DECIDED = (*SPINNING, "OMP_WAIT_POLICY")


def spin_briefly(variables: MutableMapping[str, str], torch_is_loaded: bool) -> bool:
    """Set the variables unless they are decided or it is too late; tell whether they were set.

    >>> mine = {}
    >>> spin_briefly(mine, torch_is_loaded=False), mine["GOMP_SPINCOUNT"]
    (True, '1000')
    >>> spin_briefly({"OMP_WAIT_POLICY": "ACTIVE"}, torch_is_loaded=False)
    False
    """
    if torch_is_loaded or any(name in variables for name in DECIDED):
        return False
    variables.update(SPINNING)
    return True


spin_briefly(os.environ, "torch" in sys.modules)

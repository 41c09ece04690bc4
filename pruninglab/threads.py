"""How torch's threads wait for each other: decided here, before torch is loaded.

torch computes with OpenMP, whose threads spin on their core when they wait. Alone on a machine this
is right; beside another busy process they hold the cores that the others need, and both take ten
times as long, or a hundred. So they spin for 1,000 rounds, then sleep. And a network whose steps
are short is trained with one thread (`engine.training.thread_count`), which waits for nobody.

Seconds for a fixed number of steps on two cores, alone, beside one, and beside two neighbours who
train the same, with the number of threads that torch takes:

| policy                | LeNet-300-100     | LeNet-5           | ResNet-20         |
|-----------------------|-------------------|-------------------|-------------------|
| torch's own           | .27, 64, 97       | .96, 24, -        | .77, 3.4, -       |
| no spinning (PASSIVE) | .76, .51, .67     | 1.08, 1.74, 3.91  | 1.03, 1.97, 2.84  |
| 1,000 rounds          | .35, 1.07, 1.99   | .91, 1.86, 2.67   | .94, 2.11, 3.48   |
| 10,000 rounds         | .30, 4.8, 1.8     | 1.04, 3.87, 3.19  | .80, 3.66, 5.71   |
| one thread            | .42, .43, .71     | 1.50, 1.67, 2.02  | 1.32, 1.41, 2.41  |

On another, slower machine, where also the package's whole policy was measured:

| policy                | LeNet-300-100     | LeNet-5           | ResNet-20         |
|-----------------------|-------------------|-------------------|-------------------|
| torch's own           | .42, 63, 8        | 1.56, -, -        | 1.07, -, -        |
| 1,000 rounds          | .58, 1.15, 2.73   | as below          | as below          |
| one thread            | .53, .54, .91     | 2.29, 2.25, 2.99  | 2.16, 2.17, 3.43  |
| as here               | .54, .54, .90     | 1.14, 2.66, 4.96  | 1.18, 2.75, 4.29  |

There it takes 1.3, .7 and 1.1 times torch's own time alone, and at most 1.34 times a fair share of
the machine in company. Whoever shares a machine all day is better off with one thread everywhere,
which `PRUNINGLAB_THREADS=1` sets. Measured by tests/benchmarks/test_threads_speed.py; a dash was
not.

The libraries read the variables once, when torch is loaded, so `make lab` sets them too: a notebook
may load torch first.
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


def take_the_number(variables: MutableMapping[str, str], torch_is_loaded: bool) -> None:
    """Tell the libraries the number of PRUNINGLAB_THREADS, unless they know one or it is too late.

    Set later, by torch, it would hold for MKL's products also where one thread is to train. Whether
    it is a number at all, `settings.take_threads` asks.

    >>> mine = {"PRUNINGLAB_THREADS": "2"}
    >>> take_the_number(mine, torch_is_loaded=False)
    >>> mine["OMP_NUM_THREADS"]
    '2'
    """
    wanted = variables.get("PRUNINGLAB_THREADS", "").strip()
    if wanted.isdecimal() and not torch_is_loaded:
        variables.setdefault("OMP_NUM_THREADS", wanted)


spin_briefly(os.environ, "torch" in sys.modules)
take_the_number(os.environ, "torch" in sys.modules)

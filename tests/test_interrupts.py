"""A student presses Stop at any moment: what comes after is as if nothing had been."""

from __future__ import annotations

import os
import random
import signal
import sys
import threading
import time

import pytest
import torch
from torch import nn

import pruninglab as lab
from pruninglab.data import Data
from pruninglab.kit.explorers import explore, slider
from pruninglab.kit.page import Page, figure

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="os.kill ends the process there")
RECIPE = lab.recipes.lottery_ticket(0.5, stop=lab.stops.epochs(2), rounds=2)
MOMENTS = 5


def settings() -> list[object]:
    """Return what an interrupted call could leave changed for everybody."""
    return [torch.is_grad_enabled(), torch.get_num_threads(), torch.get_default_dtype(),
            torch.are_deterministic_algorithms_enabled(),
            signal.getsignal(signal.SIGINT)]  # fmt: skip


def test_interrupts_at_random_moments_change_no_result(
    tiny_net: nn.Sequential, tiny_data: Data
) -> None:
    def pruned() -> list[tuple[float, float]]:
        rounds = lab.prune(lab.nets.clone(tiny_net), tiny_data, RECIPE, seed=0, device="cpu")
        return [(one.density, one.test_accuracy) for one in rounds]

    def moved() -> bytes:
        shown.pictures.clear()
        control.value = 0
        control.value = 5
        return shown.png

    @figure("test/line")
    def line(page: Page, x: float) -> str:
        (axes,) = page(3, 2, edges=(0.25, 0.9, 0.2, 0.9))
        axes.plot([0, x], [0, 1])
        return f"A line from the lower left to the point {x}"

    control = slider(0, 9, 3, step=1, label="place", hint="to the right")
    shown = explore(line, x=control)
    for work in (pruned, moved):
        truth, before = work(), settings()
        start = time.perf_counter()
        work()
        took = time.perf_counter() - start
        for moment in range(MOMENTS):
            wait = random.Random(moment).random() * took
            timer = threading.Timer(wait, os.kill, (os.getpid(), signal.SIGINT))
            try:
                timer.start()
                work()
                timer.join()
                time.sleep(0.01)  # The signal is heard here, if the work was quicker.
            except KeyboardInterrupt:
                pass
            assert settings() == before
            assert work() == truth

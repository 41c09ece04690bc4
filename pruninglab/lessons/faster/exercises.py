"""Exercises of notebook 08."""

from __future__ import annotations

import time
from typing import Any

import torch
from torch import Tensor

from ...kit.exercise import Exercise, NotYet, call, close, expect, number, numbers, tensor
from ...nets import seeded

CALLS = 20
NAP = 0.0004


def _check_promise(answer: Any) -> None:
    first, second = [[0.0, 2.0, 0.0], [0.0, 0.0, 0.0]], [[1.0, -1.0, 0.5, 0.0]]
    small = [torch.tensor(first), torch.tensor(second)]
    with seeded(0):
        large = [(torch.rand(30, 20) > 0.9) * torch.randn(30, 20), torch.randn(4, 3)]
    for weights in (small, large):
        total = sum(weight.numel() for weight in weights)
        living = sum(int((weight != 0).sum()) for weight in weights)
        ratios = [weight.numel() / int((weight != 0).sum()) for weight in weights]
        value = number(call(answer, weights), "return one number: how many times fewer operations")
        near = [abs(value - other) < 1e-3 for other in
                (total / (total - living), sum(ratios) / len(ratios), living / total)]  # fmt: skip
        expect(not near[0], f"{value:.1f}: you counted the dead; count what is not 0")
        expect(not near[1], "you averaged the layers: add first, divide last")
        expect(not near[2], "that is the density: turned over it says how many times fewer")
        positive = sum(int((weight > 0).sum()) for weight in weights)
        expect(abs(value - total / positive) > 1e-3, "negative weights live, too: != 0, not > 0")
        expect(abs(value - total / living) < 1e-3, "all weights, divided by those that are not 0")


class _Fake:
    """A network that sleeps, and writes down that it was called."""

    def __init__(self, name: str, diary: list[str], naps: int) -> None:
        self.name, self.diary, self.naps = name, diary, naps

    def __deepcopy__(self, memo: Any) -> _Fake:
        return self

    def __call__(self, images: Tensor) -> Tensor:
        self.diary.append(self.name)
        time.sleep(NAP * self.naps)
        return images


def _check_stopwatch(answer: Any) -> None:
    diary: list[str] = []
    fakes = _Fake("dense", diary, 6), _Fake("masked", diary, 1)
    given = call(answer, *fakes, torch.zeros(2, 3))
    expect(isinstance(given, (tuple, list)) and len(given) == 2, "return two lists of seconds")
    hint = f"return {CALLS} seconds for each of the two networks"
    dense, masked = (numbers(part, CALLS, hint) for part in given)
    counted = [diary.count(fake.name) for fake in fakes]
    expect(min(counted) > CALLS, "no warm-up: your first dot will be far off; call both first")
    last = diary[-2 * CALLS :]
    pairs = zip(last[::2], last[1::2], strict=True)
    expect(
        all(a != b for a, b in pairs),
        "one after the other: when the machine drifts, the clouds drift; take turns",
    )
    expect(min(*dense, *masked) > 0, "a time is the clock after the call minus the clock before")
    middle = sorted(dense)[CALLS // 2], sorted(masked)[CALLS // 2]
    expect(NAP < middle[0] < 1, "return seconds, as time.perf_counter() counts them")
    expect(middle[0] > middle[1], "the first list is for dense, the second for masked")


def _check_fold(answer: Any) -> None:
    for seed, members, outputs in ((0, 6, 3), (1, 5, 5), (2, 4, 1)):
        with seeded(seed):
            bias, weight = torch.randn(members), torch.randn(outputs, members)
        bias[:3] = torch.tensor([0.7, -0.4, -0.6])
        place = torch.arange(members)
        for dead in (place < 3, place % 2 == 0, place < 0):
            truth = weight[:, dead] @ bias[dead].relu()
            try:
                given = tensor(call(answer, bias, dead, weight))
            except (IndexError, RuntimeError) as error:
                raise NotYet(
                    "the sizes do not fit: units are the columns of next_weight, [:, dead]"
                ) from error
            expect(given.shape == (outputs,), "return one number per output: for the next bias")
            given = given.double()
            if dead.any():
                plain = (weight[:, dead] @ bias[dead]).double()
                silent = not bool(given.any())
                expect(not close(given, plain), "first the activation: ReLU makes a negative 0")
                expect(not silent, "a dead unit still hands on relu(its bias)")
            expect(close(given, truth.double()), "relu(bias) times the column, dead units only")


def _check_csr_bytes(answer: Any) -> None:
    with seeded(0):
        drawn = (torch.rand(30, 20) > 0.8) * torch.randn(30, 20)
    for weight in (torch.tensor([[0.0, -2.0, 0.0], [0.0, 0.0, 0.0]]), drawn, torch.zeros(4, 5)):
        rows, living = len(weight), int((weight != 0).sum())
        found = number(call(answer, weight), "return one number: bytes")
        expect(found != 12 * living or rows < 1, "the rows, too: where each begins, 8 bytes, and "
               "where the last one ends")  # fmt: skip
        expect(found != 12 * living + 8 * rows, "one more: where the last row ends")
        expect(found != 12 * (weight.numel() - living) + 8 * (rows + 1) or living == weight.numel(),
               "you counted the zeros: CSR does not keep them")  # fmt: skip
        expect(found != 12 * living + 8 * (weight.shape[1] + 1) or rows == weight.shape[1],
               "it is the rows whose places are kept, not the columns")  # fmt: skip
        expect(found == 12 * living + 8 * (rows + 1), "4 + 8 for each living weight, 8 for each "
               "row and one more")  # fmt: skip


CSR_BYTES = Exercise(
    "bytes in CSR",
    "Write `csr_bytes(weight)`: how many bytes a matrix needs if only its living weights are kept.",
    _check_csr_bytes,
    """
def csr_bytes(weight):
    living = (weight != 0).sum().item()
    rows = weight.shape[0]
    return 12 * living + 8 * (rows + 1)
""",
    hidden=lambda g: (torch.randn(7, 5, generator=g) * (torch.rand(7, 5, generator=g) < 0.4),),
)
PROMISE = Exercise(
    "promise",
    "Write `promise(weights)`: how many times fewer operations, if zeros were skipped. `weights` "
    "is a list of matrices.",
    _check_promise,
    """
def promise(weights):
    living = sum((w != 0).sum().item() for w in weights)
    total = sum(w.numel() for w in weights)
    return total / living
""",
    hidden=lambda g: ([torch.randn(7, 5, generator=g) * (torch.rand(7, 5, generator=g) < 0.4)],),
)
STOPWATCH = Exercise(
    "stopwatch",
    "Write `stopwatch(dense, masked, images)`: twenty seconds of each network, measured in turn, "
    "after a warm-up.",
    _check_stopwatch,
    """
def stopwatch(dense, masked, images):
    import time
    seconds = [], []
    for call in range(25):
        for net, mine in zip((dense, masked), seconds):
            start = time.perf_counter()
            net(images)
            mine.append(time.perf_counter() - start)
    return seconds[0][5:], seconds[1][5:]
""",
)
FOLD = Exercise(
    "fold",
    "Write `fold(bias, dead, next_weight)`: what must be added to the next layer's bias so that "
    "the dead units of a ReLU layer can go.",
    _check_fold,
    """
def fold(bias, dead, next_weight):
    said = bias[dead].relu()
    return next_weight[:, dead] @ said
""",
    hidden=lambda g: (
        torch.randn(7, generator=g),
        torch.rand(7, generator=g) < 0.5,
        torch.randn(3, 7, generator=g),
    ),
)

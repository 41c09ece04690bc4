"""Independent runs on several processes: here, or on a cluster that a Dask client knows."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import as_completed
from typing import Any, Protocol, TypeVar, runtime_checkable

from ..ideas.checks import checked

Result = TypeVar("Result")
Task = Callable[[], Result]
# More threads than one would wait for each other, and records of one thread are the same whether
# they were made here or in a process of their own.
ONE_THREAD = dict.fromkeys(
    ("PRUNINGLAB_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1"
)
# Seconds that a worker waits for the next sweep, with torch in its memory.
IDLE = 300


@runtime_checkable
class Client(Protocol):
    """What `run_on` needs of a `distributed.Client`."""

    def submit(self, function: Any, /, *arguments: Any, **options: Any) -> Any:
        """Start a call on some worker and return its future."""

    def cancel(self, futures: Any, /) -> Any:
        """Give up on futures."""


@checked
def run_on(workers: Any, tasks: Sequence[Task[Result]]) -> Iterator[tuple[int, Result]]:
    """Yield (number of the task, its result) as the tasks are done, in whatever order.

    `workers` is a number of processes on this machine, with one thread each, or a
    `distributed.Client`, whose workers keep the threads that they have. An error of a task is
    raised here, and what has not begun is given up. Raises TypeError for other workers, ValueError
    for none.
    """
    if isinstance(workers, int):
        if workers < 1:
            raise ValueError(f"workers={workers} must be at least 1")
        yield from _in_processes(workers, tasks)
    elif isinstance(workers, Client):
        yield from _on_cluster(workers, tasks)
    else:
        raise TypeError(f"workers={workers!r} must be a whole number or a distributed.Client")


def _in_processes(workers: int, tasks: Sequence[Task[Result]]) -> Iterator[tuple[int, Result]]:
    # Loaded when used: it takes a moment. `joblib.Parallel` is no help: it would run one worker's
    # tasks in this process, with all its threads.
    from joblib.externals.loky import get_reusable_executor

    pool = get_reusable_executor(workers, timeout=IDLE, env=ONE_THREAD)
    futures = [pool.submit(_numbered, number, task) for number, task in enumerate(tasks)]
    try:
        for future in as_completed(futures):
            yield future.result()
    finally:
        if not all(future.done() for future in futures):
            # After an error or an interrupt nobody waits for what still runs.
            pool.shutdown(kill_workers=True)


def _on_cluster(client: Client, tasks: Sequence[Task[Result]]) -> Iterator[tuple[int, Result]]:
    from distributed import as_completed as in_turn_of

    in_turn: Callable[[Any], Iterator[Any]] = in_turn_of
    # Whose worker dies is started again on another one by Dask itself.
    futures = [client.submit(_numbered, number, task, pure=False)
               for number, task in enumerate(tasks)]  # fmt: skip
    try:
        for future in in_turn(futures):
            yield future.result()
    finally:
        client.cancel(futures)


def _numbered(number: int, task: Task[Result]) -> tuple[int, Result]:
    return number, task()

"""Independent runs on several processes: here, or on a cluster that a Dask client knows."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, Protocol, TypeVar

from ..ideas.checks import checked

Result = TypeVar("Result")
Task = Callable[[], Result]


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
    elif callable(getattr(workers, "submit", None)):
        yield from _on_cluster(workers, tasks)
    else:
        raise TypeError(f"workers={workers!r} must be a whole number or a distributed.Client")


def _in_processes(workers: int, tasks: Sequence[Task[Result]]) -> Iterator[tuple[int, Result]]:
    from joblib import Parallel, delayed, parallel_config  # Loaded when used: it takes a moment.

    # One thread each: more would wait for each other, and records of one thread are the same
    # whether they were made here or in a process of their own.
    with parallel_config("loky", n_jobs=workers, inner_max_num_threads=1):
        # One task at a time: a run is long, and a batch of them would leave workers idle.
        parallel = Parallel(return_as="generator_unordered", batch_size=1, pre_dispatch=workers)
        yield from parallel(delayed(_numbered)(number, task) for number, task in enumerate(tasks))


def _on_cluster(client: Client, tasks: Sequence[Task[Result]]) -> Iterator[tuple[int, Result]]:
    from distributed import as_completed

    in_turn: Callable[[Any], Iterator[Any]] = as_completed
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

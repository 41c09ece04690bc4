"""Independent runs on several processes: here, or on a cluster that a Dask client knows."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import as_completed
from contextlib import suppress
from typing import Any, TypeVar

from ..checks import checked

Result = TypeVar("Result")
Task = Callable[[], Result]
# More threads than one would wait for each other, and records of one thread are the same whether
# they were made here or in a process of their own.
ONE_THREAD = dict.fromkeys(
    ("PRUNINGLAB_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1"
)
# Seconds between two looks at a cluster, and for how long it may be without workers.
PULSE, PATIENCE = 3, 20
# Seconds that a worker waits for the next sweep, with torch in its memory.
IDLE = 300


@checked
def run_on(workers: Any, tasks: Sequence[Task[Result]]) -> Iterator[tuple[int, Result]]:
    """Yield (number of the task, its result) as the tasks are done, in whatever order.

    `workers` is a number of processes on this machine, with one thread each, or a
    `distributed.Client`, whose workers keep the threads that they have. An error of a task is
    raised here, and what has not begun is given up. Raises TypeError for other workers, ValueError
    for none, ConnectionError for a cluster that has closed or has had no worker for 20 seconds.
    """
    if isinstance(workers, int):
        if workers < 1:
            raise ValueError(f"workers={workers} must be at least 1")
        yield from _in_processes(workers, tasks)
    elif hasattr(workers, "submit") and hasattr(workers, "scheduler"):
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


def _on_cluster(client: Any, tasks: Sequence[Task[Result]]) -> Iterator[tuple[int, Result]]:
    name, heard = repr(client), time.monotonic()
    futures: set[Any] = set()
    try:
        # Whose worker dies is started again on another one by Dask itself.
        for number, task in enumerate(tasks):
            futures.add(client.submit(_numbered, number, task, pure=False))
        while futures:
            done = _done(futures)
            if done or _has_workers(client):
                heard = time.monotonic()
            elif time.monotonic() - heard > PATIENCE:
                raise ConnectionError(
                    f"workers={name} has no worker, or does not answer, for {PATIENCE} s; if"
                    " workers are still to come, call its wait_for_workers(1) first"
                )
            futures -= done
            for future in done:
                yield future.result()
    except Exception as error:
        if client.status == "running":
            raise
        raise ConnectionError(f"workers={name} is gone: {type(error).__name__}") from error
    finally:
        with suppress(Exception):  # A client that is gone has nothing to cancel.
            client.cancel(list(futures))


def _done(futures: set[Any]) -> set[Any]:
    """Return the futures that are done, as soon as one is; none if that takes too long."""
    from distributed import wait as waits

    wait: Any = waits
    try:
        done: set[Any] = wait(list(futures), timeout=PULSE, return_when="FIRST_COMPLETED").done
    except TimeoutError:
        return set()
    return done


def _has_workers(client: Any) -> bool:
    try:
        return bool(client.sync(client.scheduler.identity, callback_timeout=PULSE)["workers"])
    except (OSError, TimeoutError):
        return False


def _numbered(number: int, task: Task[Result]) -> tuple[int, Result]:
    return number, task()

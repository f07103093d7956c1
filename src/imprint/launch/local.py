"""Run independent tasks in worker processes that share the cores evenly.

Small networks train fastest one to a core, and processes with more threads than cores between
them stand in each other's way: on two cores, two processes of two threads were measured ten times
slower than two of one thread each.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import FIRST_EXCEPTION, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from multiprocessing.process import BaseProcess
from multiprocessing.sharedctypes import Synchronized
from typing import Any, TypeVar

from imprint.core import progress
from imprint.core.device import usable_cores
from imprint.core.errors import ImprintError
from imprint.core.user_code import consent, restore_consent

T = TypeVar("T")

POLL_SECONDS = 0.2


def run_tasks(
    function: Callable[..., T],
    tasks: Sequence[tuple[Any, ...]],
    what: str,
    total: int,
    workers: int | None = None,
    unit: str = "it",
    sharing: int | None = None,
) -> list[T]:
    """Return ``function(*task)`` for every task, in order, computed in worker processes.

    Args:
        function: importable by name; what it tracks in ``unit``
            (:func:`imprint.core.progress.track`)
            moves one bar for all tasks.
        tasks: arguments of each call, picklable.
        what: a few words for the progress bar.
        total: how many tracked items all tasks have together.
        workers: processes; the default is one a usable core, at most one a task.
        unit: what one of the tracked items is called.
        sharing: how many tasks share the cores, by default those given. Sums round differently on
            other numbers of threads, so work that must end in the same bytes after a kill says how
            many tasks there were at first.

    Raises:
        ImprintError: a task raised it, or a worker died. The first failure ends all workers at
            once, whatever they were at.
    """
    most = workers or usable_cores()
    count = min(most, len(tasks))
    threads = max(1, usable_cores() // min(most, sharing or len(tasks)))
    context = multiprocessing.get_context("spawn")
    counter = context.Value("q", 0)
    saved = {name: os.environ.get(name) for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS")}
    os.environ.update(dict.fromkeys(saved, str(threads)))
    others = multiprocessing.active_children()
    try:
        with ProcessPoolExecutor(
            count,
            context,
            _start_worker,
            (os.getpid(), threads, counter, unit, consent(), progress.verbosity()),
        ) as pool:
            try:
                with _without_interrupts():
                    futures = [pool.submit(function, *task) for task in tasks]
                processes = _children_beside(others)
                _show(what, total, unit, counter, lambda: _is_over(futures, processes))
                return _results(futures, processes)
            except BaseException:
                for process in _children_beside(others):
                    process.kill()
                raise
    except BrokenProcessPool as error:
        raise ImprintError(
            f"a worker process of {what!r} died, perhaps for lack of memory: run the same command "
            "again to resume"
        ) from error
    finally:
        for name, value in saved.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


@contextmanager
def _without_interrupts() -> Iterator[None]:
    """Start processes that ignore interrupts, as they inherit it.

    An interrupt reaches the whole group; this process ends its workers and says so once.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def _is_over(futures: Sequence[Future[Any]], workers: Sequence[BaseProcess]) -> bool:
    """Return whether every task is done, one has failed, or a worker is gone."""
    return (
        all(future.done() for future in futures)
        or _failure(futures) is not None
        # The pool of Python 3.11 can miss the death of a worker that it started late.
        or not all(worker.is_alive() for worker in workers)
    )


def _failure(futures: Iterable[Future[Any]]) -> BaseException | None:
    """Return why a task failed: an error of its own before the death of its worker."""
    errors = [future.exception() for future in futures if future.done()]
    raised = [error for error in errors if error is not None]
    return min(raised, key=lambda error: isinstance(error, BrokenProcessPool), default=None)


def _results(futures: Sequence[Future[T]], workers: Sequence[BaseProcess]) -> list[T]:
    """Wait until it is over; return the results or raise why there are none."""
    while not _is_over(futures, workers):
        wait(futures, POLL_SECONDS, FIRST_EXCEPTION)
    failure = _failure(futures)
    if failure is not None:
        raise failure
    if not all(future.done() for future in futures):
        raise BrokenProcessPool("a worker is gone")
    return [future.result() for future in futures]


def _children_beside(others: Sequence[BaseProcess]) -> list[BaseProcess]:
    """Return the processes that this one has started, but for some."""
    return [child for child in multiprocessing.active_children() if child not in others]


def _start_worker(
    parent: int,
    threads: int,
    counter: Synchronized[int],
    unit: str,
    trusted: tuple[bool, tuple[str, ...]],
    verbosity: progress.Verbosity,
) -> None:
    import torch

    progress.set_verbosity(verbosity)
    restore_consent(trusted)
    torch.set_num_threads(threads)
    progress.count_into(counter, unit)
    threading.Thread(target=_die_with, args=(parent,), daemon=True).start()


def _die_with(parent: int) -> None:
    """End this worker when its parent is gone: an orphan must not write into a resumed study."""
    while os.getppid() == parent:
        time.sleep(POLL_SECONDS)
    os._exit(1)


def _show(
    what: str, total: int, unit: str, counter: Synchronized[int], finished: Callable[[], bool]
) -> None:
    def ticks() -> Any:
        seen = 0
        while seen < total:
            if finished():
                return
            if counter.value > seen:
                seen += 1
                yield seen
            else:
                time.sleep(POLL_SECONDS)

    for _ in progress.track(ticks(), what, total, unit):
        pass

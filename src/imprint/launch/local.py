"""Launcher of this machine: worker processes that share the cores evenly.

Small networks train fastest one to a core, and processes with more threads than cores between
them stand in each other's way: on two cores, two processes of two threads were measured ten times
slower than two of one thread each.
"""

from __future__ import annotations

import multiprocessing
import os
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import FIRST_EXCEPTION, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from multiprocessing.process import BaseProcess
from multiprocessing.sharedctypes import Synchronized
from typing import Any, TypeVar

from imprint.core import progress
from imprint.core.errors import ImprintError
from imprint.core.user_code import consent, restore_consent
from imprint.launch.interrupts import ignoring_interrupts
from imprint.launch.ledger import Entry
from imprint.launch.task import Group, Task

T = TypeVar("T")

POLL_SECONDS = 0.2


@dataclass(frozen=True)
class LocalLauncher:
    """Worker processes of this machine.

    Attributes:
        cpus: cores of a task; 0: the tasks share them evenly.
        gpus: none is set aside for a task.
        is_remote: no.
    """

    cpus: int = 0
    gpus: float = 0.0
    is_remote: bool = False

    def run(self, group: Group[T]) -> list[T]:
        """Return what every task returned, in order.

        Raises:
            ImprintError: a task raised it, or a worker died. The first failure ends all workers at
                once, whatever they were at.
        """
        if group.ledger is not None:
            group.ledger.plan(group.digests)
        context = multiprocessing.get_context("spawn")
        counter = context.Value("q", 0)
        saved = {name: os.environ.get(name) for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS")}
        os.environ.update(dict.fromkeys(saved, str(group.threads)))
        others = multiprocessing.active_children()
        settings = (consent(), progress.verbosity())
        try:
            with ProcessPoolExecutor(
                group.workers,
                context,
                _start_worker,
                (os.getpid(), group.threads, counter, group.unit, *settings),
            ) as pool:
                try:
                    # An interrupt reaches the whole group: this process ends its workers and says
                    # so once.
                    with ignoring_interrupts():
                        futures = [pool.submit(*_call(group, task)) for task in group.tasks]
                    processes = _children_beside(others)
                    _show(group, counter, lambda: _is_over(futures, processes))
                    return _results(futures, processes)
                except BaseException:
                    for process in _children_beside(others):
                        process.kill()
                    raise
        except BrokenProcessPool as error:
            raise ImprintError(
                f"a worker process of {group.what!r} died, perhaps for lack of memory: run the "
                "same command again to resume"
            ) from error
        finally:
            for name, value in saved.items():
                if value is None:
                    del os.environ[name]
                else:
                    os.environ[name] = value

    def close(self) -> None:
        """Do nothing: the processes end with their tasks."""


def _call(group: Group[T], task: Task) -> tuple[Any, ...]:
    """Return what a process calls, with its arguments."""
    if group.ledger is None:
        return group.function, *task.arguments
    entry = group.ledger.entry(task.key)
    return _recorded, entry, group.digests[task.key], group.unit, group.function, task.arguments


def _recorded(
    entry: Entry, digest: str, unit: str, function: Callable[..., T], arguments: tuple[Any, ...]
) -> T:
    with entry.recording(digest, unit):
        return function(*arguments)


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
    # First, for the import below takes seconds on a busy machine.
    threading.Thread(target=_die_with, args=(parent,), daemon=True).start()
    import torch

    progress.set_verbosity(verbosity)
    restore_consent(trusted)
    torch.set_num_threads(threads)
    progress.count_into(lambda: _count(counter), unit)


def _die_with(parent: int) -> None:
    """End this worker when its parent is gone: an orphan must not write into a resumed study."""
    while os.getppid() == parent:
        time.sleep(POLL_SECONDS)
    os._exit(1)


def _count(counter: Synchronized[int]) -> None:
    with counter.get_lock():
        counter.value += 1


def _show(group: Group[Any], counter: Synchronized[int], finished: Callable[[], bool]) -> None:
    def ticks() -> Iterator[int]:
        seen = 0
        while seen < group.total:
            if finished():
                return
            if counter.value > seen:
                seen += 1
                yield seen
            else:
                time.sleep(POLL_SECONDS)

    for _ in progress.track(ticks(), group.what, group.total, group.unit):
        pass

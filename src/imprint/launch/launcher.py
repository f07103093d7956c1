"""Run independent tasks by the launcher in use: this machine's processes, Ray or SLURM.

:func:`run_tasks` is the one call of all that is many tasks. Whoever calls it says what a task is
(:mod:`imprint.launch.task`), how the tasks are called and which study they write into; where they
run is chosen once, by a command's ``--launcher`` or :func:`using`, and changes no byte of what they
make.
"""

from __future__ import annotations

import re
import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from contextvars import ContextVar
from pathlib import Path
from typing import Any, Protocol, TypeVar

from imprint.core.device import usable_cores
from imprint.core.errors import ImprintError
from imprint.launch.ledger import Ledger
from imprint.launch.local import LocalLauncher
from imprint.launch.task import Group, Task

T = TypeVar("T")


class Launcher(Protocol):
    """Where tasks run."""

    @property
    def cpus(self) -> int:
        """Return how many cores a task takes; 0 where tasks share those of this machine evenly."""
        ...

    @property
    def gpus(self) -> float:
        """Return how many GPUs a task takes."""
        ...

    @property
    def is_remote(self) -> bool:
        """Return whether tasks may run on other machines, which share the study's folder."""
        ...

    def run(self, group: Group[T]) -> list[T]:
        """Return what every task returned, in order.

        Raises:
            ImprintError: a task failed, or its worker died too often.
        """
        ...

    def close(self) -> None:
        """End whatever was started for the tasks."""
        ...


_in_use: ContextVar[Launcher | None] = ContextVar("launcher", default=None)


@contextmanager
def using(launcher: Launcher) -> Iterator[None]:
    """Run tasks by a launcher within the block, and close it afterwards.

    A request to end (SIGTERM) is then like an interrupt, so that what runs elsewhere ends as well.
    """
    token = _in_use.set(launcher)
    try:
        with _ending_like_interrupts() if launcher.is_remote else nullcontext():
            yield
    finally:
        _in_use.reset(token)
        launcher.close()


@contextmanager
def _ending_like_interrupts() -> Iterator[None]:
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def launcher_in_use() -> Launcher:
    """Return the launcher in use, by default processes of this machine."""
    return _in_use.get() or LocalLauncher()


def task_device(device: str) -> str:
    """Return where a task computes whose command computes on ``device``: on its GPU if it has one.

    The machine that runs the command may have none.
    """
    return "cuda" if launcher_in_use().gpus else device


def run_tasks(
    function: Callable[..., T],
    tasks: Sequence[tuple[Any, ...]],
    what: str,
    total: int,
    workers: int | None = None,
    unit: str = "it",
    sharing: int | None = None,
    study: Path | None = None,
    keys: Sequence[str] = (),
    threads: int | None = None,
) -> list[T]:
    """Return ``function(*task)`` for every task, in order, computed by the launcher in use.

    Args:
        function: importable by name; what it tracks in ``unit``
            (:func:`imprint.core.progress.track`)
            moves one bar for all tasks.
        tasks: arguments of each call, picklable.
        what: a few words for the progress bar.
        total: how many tracked items all tasks have together.
        workers: most processes on one machine; the default is one a usable core, at most one a
            task.
        unit: what one of the tracked items is called.
        sharing: how many tasks share the cores, by default those given. Sums round differently on
            other numbers of threads, so work that must end in the same bytes after a kill says how
            many tasks there were at first.
        study: the folder that the tasks write into, whose ledger keeps how far they are; None for
            tasks that only return something: they run on this machine, whatever the launcher.
        keys: of the tasks in the ledger, one each and all different; the same in every run.
        threads: that a task computes with, where that is not an even share of the cores.

    Raises:
        ImprintError: a task raised it, or a worker died. On this machine the first failure ends
            all workers at once; elsewhere the other tasks go on first.
    """
    launcher = launcher_in_use()
    # What leaves nothing in a study measures this machine, or is over before a cluster starts.
    launcher = launcher if study is not None else LocalLauncher(launcher.cpus)
    if launcher.is_remote and function.__module__ == "__main__":
        raise ImprintError(
            f"the task {function.__qualname__} stands in the script that was started, which "
            "workers cannot import: move it into a module"
        )
    cores = usable_cores()
    most = workers or cores
    fixed = launcher.cpus or threads
    threads = fixed or max(1, cores // max(1, min(most, sharing or len(tasks))))
    if fixed:
        most = min(most, max(1, cores // fixed))
    names = keys or [str(number) for number in range(len(tasks))]
    ledger = None if study is None else Ledger(study.absolute(), re.sub(r"\W+", "-", what))
    group = Group(
        function,
        [Task(key, arguments) for key, arguments in zip(names, tasks, strict=True)],
        what,
        total,
        unit,
        threads,
        min(most, len(tasks)),
        ledger,
    )
    return launcher.run(group)

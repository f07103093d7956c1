"""Tasks: calls of one function that do not depend on each other.

A task is a function importable by name, a study folder, a key and arguments. It must bear being
run twice, or being killed at any byte and run again: whatever it makes it writes into the study by
:meth:`imprint.study.store.Study.run`, which finds what is done and hands on what was begun. Small
values may be returned; arrays among the arguments may come read-only, so a task that changes one
copies it first.
"""

from __future__ import annotations

import hashlib
import pickle
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from imprint.launch.ledger import Ledger

T = TypeVar("T")


@dataclass(frozen=True)
class Task:
    """One call.

    Attributes:
        key: what it is called among the tasks of its group, ``"models/A"``; the same in every run.
        arguments: of the call, picklable; large data stands in files that they name.
    """

    key: str
    arguments: tuple[Any, ...]


@dataclass(frozen=True)
class Shared:
    """Stands, among the arguments of tasks, for an array that is sent once to all of them.

    Attributes:
        position: among the arrays that are sent.
        digest: hash of its content.
    """

    position: int
    digest: str


@dataclass(frozen=True)
class Group(Generic[T]):
    """Tasks that are run together.

    Attributes:
        function: what every task calls, importable by name.
        tasks: with keys that differ.
        what: a few words for the progress bar.
        total: how many tracked items (:func:`imprint.core.progress.track`) all tasks have together.
        unit: what one of the tracked items is called.
        threads: that every task computes with, wherever it runs: sums round differently on other
            numbers, and the same study has the same bytes under every launcher.
        workers: most tasks at once on one machine.
        ledger: where the study keeps how far each task is; None for tasks that leave nothing.
    """

    function: Callable[..., T]
    tasks: Sequence[Task]
    what: str
    total: int
    unit: str
    threads: int
    workers: int
    ledger: Ledger | None = None

    def digest(self, task: Task) -> str:
        """Return a hash of what a task does, to tell it from one that was since changed."""
        return hashlib.sha256(self.packed(task)).hexdigest()[:16]

    def packed(self, task: Task) -> bytes:
        """Return function and arguments, pickled for a worker that this process starts."""
        return pickle.dumps((self.function, task.arguments))

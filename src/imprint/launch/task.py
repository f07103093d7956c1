"""Tasks: calls of one function that do not depend on each other.

A task is a function importable by name, a study folder, a key and arguments. It must bear being
run twice, or being killed at any byte and run again: whatever it makes it writes into the study by
:meth:`imprint.study.store.Study.run`, which finds what is done and hands on what was begun. Small
values may be returned. Arrays among the arguments may come read-only, shared by all tasks of a
machine: a task that changes one copies it first.
"""

from __future__ import annotations

import hashlib
import pickle
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Generic, TypeAlias, TypeVar

import numpy as np
from numpy.typing import NDArray

from imprint.launch.ledger import Ledger

T = TypeVar("T")

Buffer: TypeAlias = NDArray[np.uint8]
WORTH_SHARING_BYTES = 1 << 20
"""Of an array among the arguments, from which it is sent once for all tasks, where it can be."""


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

    @cached_property
    def digests(self) -> dict[str, str]:
        """Return a hash of what each task does, to tell it from one that was since changed."""
        known: dict[tuple[int, int], bytes] = {}
        return {task.key: self._digest(task, known) for task in self.tasks}

    def packed(self, task: Task, apart: list[Buffer] | None = None) -> bytes:
        """Return function and arguments, pickled for a worker that this process starts.

        Args:
            task: one of the group.
            apart: gets the bytes of large arrays among the arguments, which are then not among
                those returned; None for all in one.
        """
        if apart is None:
            return pickle.dumps((self.function, task.arguments))

        def is_small(buffer: pickle.PickleBuffer) -> bool:
            array = np.frombuffer(buffer.raw(), dtype=np.uint8)
            if array.nbytes >= WORTH_SHARING_BYTES:
                apart.append(array)
                return False
            return True

        return pickle.dumps((self.function, task.arguments), 5, buffer_callback=is_small)

    def _digest(self, task: Task, known: dict[tuple[int, int], bytes]) -> str:
        apart: list[Buffer] = []
        whole = hashlib.sha256(self.packed(task, apart))
        for array in apart:
            place = place_of(array)
            if place not in known:
                known[place] = hashlib.sha256(array.data).digest()
            whole.update(known[place])
        return whole.hexdigest()[:16]


def place_of(array: Buffer) -> tuple[int, int]:
    """Return where an array lies in memory, and how long it is."""
    address: int = array.__array_interface__["data"][0]
    return address, array.nbytes

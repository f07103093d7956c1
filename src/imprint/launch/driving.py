"""What every cluster launcher does with a group of tasks: submit, watch, retry, sum up.

A launcher of this kind gives a :class:`Cluster`, which starts attempts and says how they ended.
Tasks go on when others fail; a task whose worker died is tried again; at most a bounded number is
submitted at once; the bar moves by what the ledger counts.
"""

from __future__ import annotations

import sys
import time
from collections import Counter, deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Generic, Protocol, TypeVar

from imprint.core import progress
from imprint.core.errors import ImprintError
from imprint.core.user_code import consent
from imprint.launch.task import Buffer, Group, Task
from imprint.launch.worker import Outcome, Request

T = TypeVar("T")
Attempt = TypeVar("Attempt")

POLL_SECONDS = 0.2
SECONDS_A_COUNT = 0.002
"""Between looks at the ledger, for each task that is submitted."""


@dataclass(frozen=True)
class Policy:
    """How a cluster launcher treats failures.

    Attributes:
        retries: how often a task is tried again whose worker died.
        retry_failed: whether tasks run that failed by themselves in an earlier run.
    """

    retries: int = 2
    retry_failed: bool = False


class WorkerDiedError(Exception):
    """The process that did a task is gone, and the task is not done."""


class Cluster(Protocol[Attempt]):
    """Where attempts at tasks run."""

    @property
    def takes_arrays(self) -> bool:
        """Return whether large arrays are sent apart from requests, once for all."""
        ...

    @property
    def room(self) -> int:
        """Return how many attempts may be submitted at once."""
        ...

    def submit(self, requests: Sequence[Request]) -> list[Attempt]:
        """Start an attempt at each of some tasks; return at once."""
        ...

    def ended(self, attempts: Sequence[Attempt]) -> list[Attempt]:
        """Return the attempts that are over, waiting a moment for one."""
        ...

    def outcome(self, attempt: Attempt) -> Outcome:
        """Return how an attempt that is over ended.

        Raises:
            WorkerDiedError: its worker died.
        """
        ...

    def cancel(self, attempts: Sequence[Attempt]) -> None:
        """End attempts that are not over."""
        ...


def drive(group: Group[T], cluster: Cluster[Any], policy: Policy) -> list[T]:
    """Return what every task returned, in order.

    Raises:
        ImprintError: tasks failed, or their workers died too often; the others are done by then.
    """
    work = _Work(group, cluster, policy)
    for _ in progress.track(work.ticks(), group.what, group.total, group.unit):
        pass
    if work.failures:
        raise ImprintError(work.sentence())
    return [work.values[task.key] for task in group.tasks]


@dataclass
class _Work(Generic[T]):
    """A group in work."""

    group: Group[T]
    cluster: Cluster[Any]
    policy: Policy
    values: dict[str, T] = field(default_factory=dict)
    failures: dict[str, str] = field(default_factory=dict)
    left_alone: int = 0
    deaths: Counter[str] = field(default_factory=Counter)
    items: dict[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        assert self.group.ledger is not None
        self.ledger = self.group.ledger
        self.digests = self.group.digests
        if not self.policy.retry_failed:
            self.failures = self.ledger.failures(self.digests)
            self.left_alone = len(self.failures)
        self.ledger.plan(self.digests, but=self.failures)
        self.queue = deque(task for task in self.group.tasks if task.key not in self.failures)

    def ticks(self) -> Iterator[int]:
        """Run the tasks; yield once for each item that they count."""
        shown = 0
        next_count = 0.0
        attempts: dict[Any, Task] = {}
        try:
            while self.queue or attempts:
                self._submit(attempts)
                for attempt in self.cluster.ended(list(attempts)):
                    self._take(attempts.pop(attempt), attempt)
                if time.monotonic() >= next_count:
                    for task in attempts.values():
                        self._count(task)
                    next_count = time.monotonic() + SECONDS_A_COUNT * len(attempts)
                for _ in range(min(sum(self.items.values()), self.group.total) - shown):
                    shown += 1
                    yield shown
        except BaseException:
            self.cluster.cancel(list(attempts))
            raise

    def sentence(self) -> str:
        """Return what failed, and what to do."""
        key, failure = next(iter(self.failures.items()))
        alone = ""
        if self.left_alone:
            alone = f" ({self.left_alone} in an earlier run, left alone now)"
        count = f"{len(self.failures)} of {len(self.group.tasks)} tasks of {self.group.what!r}"
        return (
            f"{count} failed{alone}; the first, {key}: {failure.rstrip('.')}; imprint status "
            f"--out {self.ledger.study} shows their logs, --retry-failed runs them again"
        )

    def _submit(self, attempts: dict[Any, Task]) -> None:
        count = min(self.cluster.room - len(attempts), len(self.queue))
        if count > 0:
            tasks = [self.queue.popleft() for _ in range(count)]
            requests = [self._request(task) for task in tasks]
            attempts.update(zip(self.cluster.submit(requests), tasks, strict=True))

    def _request(self, task: Task) -> Request:
        arrays: list[Buffer] | None = [] if self.cluster.takes_arrays else None
        return Request(
            self.ledger.entry(task.key),
            self.group.packed(task, arrays),
            self.digests[task.key],
            self.group.unit,
            self.group.threads,
            Path.cwd(),
            tuple(str(Path(folder).absolute()) for folder in sys.path),
            consent(),
            progress.verbosity(),
            tuple(arrays or ()),
        )

    def _take(self, task: Task, attempt: Any) -> None:
        try:
            outcome = self.cluster.outcome(attempt)
        except WorkerDiedError as death:
            self.deaths[task.key] += 1
            if self.deaths[task.key] <= self.policy.retries:
                progress.log(f"task {task.key}: its worker died ({death}); it is tried again")
                self.ledger.entry(task.key).wait_again()
                self.queue.append(task)
                return
            outcome = Outcome(failure=f"its worker died {self.deaths[task.key]} times ({death})")
        self._count(task)
        if outcome.failure is None:
            self.values[task.key] = outcome.value
        else:
            self.failures[task.key] = outcome.failure
            self.ledger.entry(task.key).fail(outcome.failure)

    def _count(self, task: Task) -> None:
        state = self.ledger.entry(task.key).read_or_none()
        if state is not None and state.digest == self.digests[task.key]:
            self.items[task.key] = max(self.items.get(task.key, 0), state.items)

"""How far the tasks of a study are: what ``imprint status`` shows."""

from __future__ import annotations

import math
import os
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from imprint.core.errors import ImprintError, printable, shorten
from imprint.launch.ledger import FOLDER, Entry, Ledger, State, ledgers_in
from imprint.reading.regular import open_regular

MOST_LOG_LINES = 8
MOST_LETTERS = 300
"""Of a line of a log."""
TAIL_BYTES = 1 << 14
DEEPEST = 2
"""Folders between a study and one that it holds, such as ``seeds/1``."""
TEN_YEARS = 10 * 365 * 24 * 3600.0
_LEVELS = ("*",) * DEEPEST


@dataclass(frozen=True)
class RunningTask:
    """A task that a process is at.

    Attributes:
        key: of the task.
        host: the machine.
        seconds: since it was started there.
        items: tracked items that are done.
        attempt: how often it was started in this run.
    """

    key: str
    host: str
    seconds: float
    items: int
    attempt: int


@dataclass(frozen=True)
class FailedTask:
    """A task that failed by itself, or whose workers died too often.

    Attributes:
        key: of the task.
        host: where it was run last.
        failure: one sentence.
        log: the last lines of its log.
    """

    key: str
    host: str
    failure: str
    log: tuple[str, ...]


@dataclass(frozen=True)
class GroupStatus:
    """Tasks of one group.

    Attributes:
        study: folder of the ledger's study, relative to the one that was asked about.
        group: name of the group.
        tasks: how many there are.
        done: of them.
        running: of them.
        failed: of them.
        interrupted: keys of tasks whose process is gone: they go on when the command is run again.
        waiting: how many wait.
        unreadable: sentences about states that are not imprint's.
    """

    study: str
    group: str
    tasks: int
    done: int
    running: tuple[RunningTask, ...]
    failed: tuple[FailedTask, ...]
    interrupted: tuple[str, ...]
    waiting: int
    unreadable: tuple[str, ...] = ()


@dataclass(frozen=True)
class StudyStatus:
    """Tasks of a study, by group; none where none were launched."""

    groups: tuple[GroupStatus, ...] = field(default_factory=tuple)


def study_status(study: Path) -> StudyStatus:
    """Return how far the tasks of a study are, and of studies in it.

    Raises:
        ImprintError: there is no such folder, or a plan is not imprint's.
    """
    if not study.is_dir():
        raise ImprintError(f"there is no folder {study}: name the --out of a command")
    ledgers = [ledger for folder in _studies_in(study) for ledger in ledgers_in(folder)]
    return StudyStatus(tuple(_group_status(study, ledger) for ledger in ledgers))


def log_tail(file: Path) -> tuple[str, ...]:
    """Return the last lines of a log, without what would control a terminal."""
    try:
        if file.is_symlink():
            return ()
        with open_regular(file) as log:
            size = log.seek(0, os.SEEK_END)
            log.seek(max(0, size - TAIL_BYTES))
            text = log.read(TAIL_BYTES).decode("utf-8", errors="replace")
    except (OSError, ImprintError):
        return ()
    lines = [line.rstrip() for line in text.splitlines() if line.strip()]
    return tuple(shorten(printable(line), MOST_LETTERS) for line in lines[-MOST_LOG_LINES:])


def _studies_in(study: Path) -> Iterator[Path]:
    for depth in range(DEEPEST + 1):
        found = study.glob("/".join((*_LEVELS[:depth], FOLDER)))
        yield from sorted(path.parent for path in found)


def _group_status(study: Path, ledger: Ledger) -> GroupStatus:
    done = 0
    running: list[RunningTask] = []
    failed: list[FailedTask] = []
    interrupted: list[str] = []
    unreadable: list[str] = []
    keys = ledger.planned()
    recorded = ledger.recorded(keys)
    waiting = len(keys) - len(recorded)
    for key in recorded:
        entry = ledger.entry(key)
        try:
            state = entry.read()
        except (ImprintError, OSError) as error:
            unreadable.append(str(error))
            continue
        if state is None or state.status == "waiting":
            waiting += 1
        elif state.status == "done":
            done += 1
        elif state.status == "failed":
            failed.append(_failed(entry, state))
        elif entry.is_held():
            running.append(_running(state))
        else:
            interrupted.append(printable(key))
    return GroupStatus(
        printable(str(ledger.study.relative_to(study))),
        printable(ledger.group),
        len(keys),
        done,
        tuple(running),
        tuple(failed),
        tuple(interrupted),
        waiting,
        tuple(unreadable),
    )


def _running(state: State) -> RunningTask:
    seconds = time.time() - state.since if math.isfinite(state.since) else 0.0
    seconds = min(max(seconds, 0.0), TEN_YEARS)
    return RunningTask(
        printable(state.key), printable(state.host), round(seconds, 1), state.items, state.attempt
    )


def _failed(entry: Entry, state: State) -> FailedTask:
    sentence = shorten(printable(state.failure))
    return FailedTask(printable(state.key), printable(state.host), sentence, log_tail(entry.log))

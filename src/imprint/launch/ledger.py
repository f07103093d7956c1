"""The ledger of a study's tasks, ``STUDY/.tasks/GROUP``: how far each is, and its log.

Of every task there are three small files: its state, replaced as a whole; its log; and a lock that
the process at work on it holds. The lock goes with the process, however it ends. So a task that is
started twice, by an orphan of a killed command or after a node was lost, waits for the other and
then finds the work done, and what a dead process left as running is seen to be interrupted.

No artefact depends on the ledger: it holds times and names of machines, and may be deleted.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import secrets
import socket
import time
from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import Any, Literal, get_args

from imprint.core import progress
from imprint.core.durable import make_folder, telling_disk_errors
from imprint.core.errors import ImprintError, named_reason
from imprint.reading.json_files import read_json
from imprint.reading.regular import UnreadableFile

FOLDER = ".tasks"
PLAN = "plan.json"
MOST_STATE_BYTES = 1 << 16
MOST_PLAN_BYTES = 64 << 20
MOST_TASKS = 1_000_000
MOST_NUMBER = 1 << 63
"""Of attempts, processes and items; JSON has whole numbers of thousands of digits."""
MOST_LETTERS = 60
"""Of a key in the name of its files."""
SECONDS_BETWEEN_COUNTS = 1.0
# Neither follows a link nor waits for the other end of a pipe, where the system can.
_CAUTIOUS = getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)

Status = Literal["waiting", "running", "done", "failed"]


@dataclass(frozen=True)
class State:
    """How far a task is.

    Attributes:
        key: of the task.
        status: by the process that wrote it last; one that is running and whose lock is free was
            interrupted.
        digest: hash of what the task does.
        attempt: how often it was started in this run.
        host: the machine it was started on last.
        process: its process id there.
        since: when it got this status, in seconds since 1970.
        items: tracked items that are done.
        failure: one sentence, where it failed.
    """

    key: str
    status: Status
    digest: str = ""
    attempt: int = 0
    host: str = ""
    process: int = 0
    since: float = 0.0
    items: int = 0
    failure: str = ""


@dataclass(frozen=True)
class Entry:
    """The files of one task.

    Attributes:
        folder: of its group.
        key: of the task.
    """

    folder: Path
    key: str

    @property
    def name(self) -> str:
        """Return the beginning of the names of its files: no key leaves the folder."""
        readable = re.sub(r"[^A-Za-z0-9._-]", "_", self.key)[:MOST_LETTERS].lstrip(".") or "task"
        return f"{readable}-{hashlib.sha256(self.key.encode()).hexdigest()[:8]}"

    @property
    def log(self) -> Path:
        """Return where standard output and error of the task go."""
        return self.folder / f"{self.name}.log"

    @property
    def state_file(self) -> Path:
        """Return where its state is."""
        return self.folder / f"{self.name}.json"

    def read(self) -> State | None:
        """Return its state, None where there is none.

        Raises:
            ImprintError: the file is not what imprint wrote.
        """
        try:
            content = _read_own(self.state_file, MOST_STATE_BYTES)
        except FileNotFoundError:
            return None
        return _state_of(content, self)

    def read_or_none(self) -> State | None:
        """Return its state, None where there is none that can be read."""
        with suppress(ImprintError, OSError):
            return self.read()
        return None

    def write(self, state: State) -> None:
        """Replace its state."""
        _replace_json(self.state_file, asdict(state))

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Hold the task, waiting for the process that has it."""
        with _create(self.folder / f"{self.name}.lock", 0) as file:
            if not _flock(file.fileno(), waits=False):
                progress.log(f"task {self.key}: waits for the process that is at it")
                _flock(file.fileno(), waits=True)
            yield

    def is_held(self) -> bool:
        """Return whether a process is at work on the task."""
        lock = self.folder / f"{self.name}.lock"
        try:
            descriptor = os.open(lock, os.O_RDONLY | _CAUTIOUS)
        except OSError:
            return False
        try:
            return not _flock(descriptor, waits=False)
        finally:
            os.close(descriptor)

    @contextmanager
    def recording(self, digest: str, unit: str) -> Iterator[None]:
        """Hold the task while the block does it; keep its state, count what it tracks."""
        with self.locked():
            before = self.read_or_none()
            if before is None or before.digest != digest:
                before = State(self.key, "waiting", digest)
            running = replace(
                before,
                status="running",
                attempt=before.attempt + 1,
                host=socket.gethostname(),
                process=os.getpid(),
                since=time.time(),
                failure="",
            )
            self.write(running)
            counter = _Counter(self, running)
            try:
                with progress.counting(counter.tick, unit):
                    yield
            except Exception as error:
                sentence = str(error) if isinstance(error, ImprintError) else named_reason(error)
                # The folder may be gone, which the error then says better.
                with suppress(OSError, ImprintError):
                    self._end(counter.state, "failed", sentence)
                raise
            self._end(counter.state, "done")

    def wait_again(self) -> None:
        """Note that the task, whose process is gone, waits for another one."""
        state = self.read_or_none()
        if state is not None and state.status == "running" and not self.is_held():
            self._end(state, "waiting")

    def fail(self, sentence: str) -> None:
        """Note that the task failed, for the process that was to do it is gone."""
        state = self.read_or_none() or State(self.key, "running")
        self._end(state, "failed", sentence)

    def _end(self, state: State, status: Status, failure: str = "") -> None:
        self.write(replace(state, status=status, since=time.time(), failure=failure))


class _Counter:
    """Counts tracked items into the state of a task, at most once a second."""

    def __init__(self, entry: Entry, state: State) -> None:
        self.entry, self.state = entry, state
        self._written = time.monotonic()

    def tick(self) -> None:
        self.state = replace(self.state, items=self.state.items + 1)
        if time.monotonic() - self._written >= SECONDS_BETWEEN_COUNTS:
            self._written = time.monotonic()
            with suppress(OSError, ImprintError):
                self.entry.write(self.state)


@dataclass(frozen=True)
class Ledger:
    """The folder of one group of tasks.

    Attributes:
        study: the study's folder.
        group: the group's name.
    """

    study: Path
    group: str

    @property
    def folder(self) -> Path:
        """Return where the files are."""
        return self.study / FOLDER / self.group

    def entry(self, key: str) -> Entry:
        """Return the files of one task."""
        return Entry(self.folder, key)

    def planned(self) -> list[str]:
        """Return the keys of the tasks that were planned, in order; none where none were.

        Raises:
            ImprintError: the file is not what imprint wrote.
        """
        file = self.folder / PLAN
        try:
            content = _read_own(file, MOST_PLAN_BYTES)
        except (FileNotFoundError, NotADirectoryError):
            return []
        if not _is_plan(content):
            raise ImprintError(f"{file} is not a plan of imprint: delete it and run again")
        return list(content)

    def recorded(self, keys: Iterable[str]) -> list[str]:
        """Return the keys of tasks that have a state, by one look at the folder."""
        with suppress(FileNotFoundError, NotADirectoryError):
            names = set(os.listdir(self.folder))
            return [key for key in keys if self.entry(key).state_file.name in names]
        return []

    def failures(self, digests: Mapping[str, str]) -> dict[str, str]:
        """Return the sentences that tasks failed with and were not changed since, by key."""
        states = {key: self.entry(key).read_or_none() for key in digests}
        return {
            key: state.failure
            for key, state in states.items()
            if state is not None and state.status == "failed" and state.digest == digests[key]
        }

    def plan(self, digests: Mapping[str, str], but: Collection[str] = ()) -> None:
        """Note which tasks are to be done; they wait, unless another process has them.

        Args:
            digests: of each task, by key, in order.
            but: keys of tasks whose state stays as it is.
        """
        for folder in (self.study / FOLDER, self.folder):
            if folder.is_symlink():
                raise ImprintError(f"{folder} is a link: remove it and run again")
        make_folder(self.folder)
        try:
            earlier = self.planned()
        except ImprintError:
            earlier = []
        done = {key for key in self.recorded(earlier) if self._is_done(key)}
        kept = [key for key in earlier if key in digests or key in done]
        _replace_json(self.folder / PLAN, list(dict.fromkeys([*kept, *digests])))
        for key, digest in digests.items():
            entry = self.entry(key)
            if key not in but and not entry.is_held():
                entry.write(State(key, "waiting", digest, since=time.time()))

    def _is_done(self, key: str) -> bool:
        state = self.entry(key).read_or_none()
        return state is not None and state.status == "done"


def ledgers_in(study: Path) -> list[Ledger]:
    """Return the ledgers of a study, by the names of their groups."""
    folder = study / FOLDER
    if folder.is_symlink() or not folder.is_dir():
        return []
    return [
        Ledger(study, path.name)
        for path in sorted(folder.iterdir())
        if path.is_dir() and not path.is_symlink() and (path / PLAN).exists()
    ]


def _read_own(path: Path, limit: int) -> Any:
    if path.is_symlink():
        raise UnreadableFile(f"{path} is a link: delete it and run again")
    return read_json(path, limit, remedy="delete it and run again")


def _is_plan(content: Any) -> bool:
    """Return whether a content is a list of different keys, each of which can be encoded."""
    if not isinstance(content, list) or len(content) > MOST_TASKS:
        return False
    if not all(isinstance(key, str) for key in content) or len(set(content)) < len(content):
        return False
    try:
        "".join(content).encode()
    except UnicodeEncodeError:  # half of a surrogate pair, which JSON can hold
        return False
    return True


def _state_of(content: Any, entry: Entry) -> State:
    types: dict[str, Any] = dict.fromkeys(("attempt", "process", "items"), int)
    types["since"] = (int, float)
    is_state = (
        isinstance(content, dict)
        and content.keys() == {field.name for field in fields(State)}
        and all(isinstance(value, types.get(name, str)) for name, value in content.items())
        and not any(
            isinstance(value, int) and abs(value) >= MOST_NUMBER for value in content.values()
        )
        and content["status"] in get_args(Status)
        and content["key"] == entry.key
    )
    if not is_state:
        raise ImprintError(
            f"{entry.state_file} is not the state of a task of imprint: delete it and run again"
        )
    return State(**content)


def _replace_json(path: Path, value: Any) -> None:
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}.part")
    with telling_disk_errors(path):
        with _create(temporary, os.O_TRUNC) as file:
            file.write(json.dumps(value).encode())
        os.replace(temporary, path)


def _create(path: Path, flags: int) -> Any:
    """Return a file opened for writing, made where it is missing; never a link, never a pipe."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | _CAUTIOUS | flags, 0o644)
    return os.fdopen(descriptor, "wb")


def _flock(descriptor: int, waits: bool) -> bool:
    """Take the exclusive lock of a file; return whether it is held or the system has none."""
    try:
        import fcntl
    except ImportError:
        return True
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | (0 if waits else fcntl.LOCK_NB))
    except BlockingIOError:
        return False
    except OSError:  # a file system without locks
        return True
    return True

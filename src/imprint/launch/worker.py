"""What runs in a worker of a cluster: one attempt at one task."""

from __future__ import annotations

import os
import pickle
import sys
import time
import traceback
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from imprint.core import progress
from imprint.core.errors import ImprintError, named_reason
from imprint.core.threads import computing_with
from imprint.core.user_code import restore_consent
from imprint.launch.ledger import Entry
from imprint.launch.task import Buffer

THREADS = ("OMP_NUM_THREADS", "MKL_NUM_THREADS")

preempted = False
"""Whether the batch system takes the machine away, so that this process leaves."""


@dataclass(frozen=True, eq=False)
class Request:
    """An attempt at a task, as it is sent to a worker.

    Attributes:
        entry: the task's files in the ledger, by an absolute path.
        packed: function and arguments, pickled.
        digest: hash of what the task does.
        unit: of the items it counts.
        threads: that it computes with.
        folder: that relative paths start from.
        search: folders that modules are imported from, beside those of the worker.
        consent: to functions of the user, by :func:`imprint.core.user_code.consent`.
        verbosity: how much it writes into its log.
        arrays: bytes of large arrays that ``packed`` does not hold.
    """

    entry: Entry
    packed: bytes
    digest: str
    unit: str
    threads: int
    folder: Path
    search: tuple[str, ...]
    consent: tuple[bool, tuple[str, ...]]
    verbosity: progress.Verbosity
    arrays: tuple[Buffer, ...] = ()


@dataclass(frozen=True)
class Outcome:
    """What a task that came to its end returned, or the sentence it failed with."""

    value: Any = None
    failure: str | None = None


def perform(request: Request, arrays: Sequence[Buffer] = ()) -> Outcome:
    """Do a task in this process, its output to its log.

    Args:
        request: what to do.
        arrays: the bytes of large arrays among the arguments, where they are sent apart.
    """
    _settle(request)
    with _output_to(request.entry):
        try:
            # What is imported from here on heeds the environment; the rest is told.
            os.environ.update(dict.fromkeys(THREADS, str(request.threads)))
            function, arguments = pickle.loads(request.packed, buffers=arrays)
            with (
                computing_with(request.threads),
                request.entry.recording(request.digest, request.unit),
            ):
                value = _call(function, *arguments)
        except Exception as error:
            if isinstance(error, ImprintError):
                print(f"imprint: {error}", file=sys.stderr)
                return Outcome(failure=str(error))
            traceback.print_exc()
            return Outcome(failure=named_reason(error))
    return Outcome(value)


def _call(function: Any, *arguments: Any) -> Any:
    try:
        return function(*arguments)
    except SystemExit as error:
        if preempted:
            raise
        raise ImprintError(
            f"the user's own code left the program with exit code {error.code}: let it return or "
            "raise an error instead"
        ) from error


def _settle(request: Request) -> None:
    """Make this process like the one that sent the request."""
    if request.folder.is_dir():
        os.chdir(request.folder)
    sys.path += [folder for folder in request.search if folder not in sys.path]
    restore_consent(request.consent)
    progress.set_verbosity(request.verbosity)


@contextmanager
def _output_to(entry: Entry) -> Iterator[None]:
    """Send what this process and those it starts print to the log of a task."""
    flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NONBLOCK
    log = os.open(entry.log, flags | getattr(os, "O_NOFOLLOW", 0), 0o644)
    kept = [os.dup(stream) for stream in (1, 2)]
    _flush()
    for stream in (1, 2):
        os.dup2(log, stream)
    os.close(log)
    try:
        print(f"{time.strftime('%F %T')} {entry.key} on {os.uname().nodename}", file=sys.stderr)
        yield
    finally:
        _flush()
        for stream, before in zip((1, 2), kept, strict=True):
            os.dup2(before, stream)
            os.close(before)


def _flush() -> None:
    for stream in (sys.stdout, sys.stderr):
        if stream is not None:
            stream.flush()

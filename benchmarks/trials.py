"""Calls of the command line under watch: exit code, output, seconds, memory, what stays behind.

``call`` forks, so that a call costs milliseconds where the parent has imported the heavy packages,
and is still a process of its own: it can be stopped, and its memory is counted.
"""

from __future__ import annotations

import hashlib
import os
import resource
import signal
import sys
import tempfile
import time
import traceback
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

TIME_LIMIT_S = 10.0
"""Of processor time, which a busy machine does not stretch."""
WALL_LIMIT_S = 120.0
MEMORY_LIMIT_BYTES = 1_000_000_000


@dataclass(frozen=True)
class Outcome:
    """What a call did.

    Attributes:
        code: the exit code; negative: ended by that signal.
        out: standard output.
        err: standard error.
        seconds: processor time.
        peak_bytes: largest resident memory of the process itself.
    """

    code: int
    out: str
    err: str
    seconds: float
    peak_bytes: int

    @property
    def sentence(self) -> str:
        """The last line of standard error."""
        return (self.err.strip().splitlines() or [""])[-1]


@dataclass(frozen=True)
class Row:
    """One trial of a table: what was tried, and why it is lost, or nothing where it survived."""

    what: str
    detail: str
    lost: str = ""


def import_heavy() -> None:
    """Import what commands import, so that forked calls need not."""
    import matplotlib.figure
    import PIL.Image
    import pyarrow.parquet
    import scipy.stats
    import sklearn.cluster
    import torch

    import imprint.cli
    import imprint.study.config

    torch.set_num_threads(1)
    del imprint, matplotlib, PIL, pyarrow, scipy, sklearn


def call(
    words: Iterable[str],
    timeout: float = WALL_LIMIT_S,
    before: Callable[[], None] = lambda: None,
) -> Outcome:
    """Run ``imprint WORDS`` in a forked process, after ``before``."""
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        start = time.monotonic()
        child = os.fork()
        if child == 0:
            _run_child(list(words), out.fileno(), err.fileno(), before)
        status, usage = _wait(child, start + timeout)
        seconds = usage.ru_utime + usage.ru_stime
        out.seek(0)
        err.seek(0)
        return Outcome(
            os.waitstatus_to_exitcode(status),
            out.read().decode(errors="replace"),
            err.read().decode(errors="replace"),
            seconds,
            usage.ru_maxrss * 1024,
        )


def _run_child(words: list[str], out: int, err: int, before: Callable[[], None]) -> None:
    code = 1
    try:
        os.setsid()
        sys.stdout.flush()
        os.dup2(out, 1)
        os.dup2(err, 2)
        sys.stdout, sys.stderr = (
            os.fdopen(1, "w", encoding="utf-8", errors="backslashreplace"),
            os.fdopen(2, "w", encoding="utf-8", errors="backslashreplace"),
        )
        before()
        from imprint.cli import main

        main(words)
        code = 0
    except SystemExit as left:
        code = left.code if isinstance(left.code, int) else int(left.code is not None)
    except BaseException:
        traceback.print_exc()
    finally:
        with suppress(OSError):
            sys.stdout.flush()
        with suppress(OSError):
            sys.stderr.flush()
        os._exit(code)


def _wait(child: int, until: float) -> tuple[int, resource.struct_rusage]:
    while True:
        done, status, usage = os.wait4(child, os.WNOHANG)
        if done:
            return status, usage
        if time.monotonic() > until:
            os.killpg(child, signal.SIGKILL)
            _, status, usage = os.wait4(child, 0)
            return status, usage
        time.sleep(0.002)


def refusal_fault(outcome: Outcome, out: Path | None = None) -> str:
    """Return what is wrong with a call that should have been refused, or nothing."""
    if outcome.code == 0:
        return "accepted"
    if outcome.code == -signal.SIGKILL or outcome.seconds > TIME_LIMIT_S:
        return f"took {outcome.seconds:.0f} s of processor time, ended with {outcome.code}"
    if "Traceback" in outcome.err:
        return f"traceback: {outcome.sentence}"
    if outcome.code != 2:
        return f"exit code {outcome.code}"
    messages = [line for line in outcome.err.splitlines() if line.startswith("imprint: ")]
    if messages != [outcome.sentence]:
        return f"not one sentence: {outcome.err.strip()[:300]}"
    if outcome.peak_bytes > MEMORY_LIMIT_BYTES:
        return f"{outcome.peak_bytes / 1e9:.1f} GB"
    if out is not None and os.path.lexists(out):
        return "left behind: " + ", ".join(sorted(path.name for path in out.rglob("*")))
    return ""


def tree(folder: Path) -> dict[str, str]:
    """Return the SHA-256 of every file below a folder; of folders and links, words.

    Locks and the ledger of tasks, which holds times and process ids, are left out.
    """
    return {
        str(path.relative_to(folder)): _digest(path)
        for path in sorted(folder.rglob("*"))
        if path.name != ".lock" and ".tasks" not in path.relative_to(folder).parts
    }


def _digest(path: Path) -> str:
    if path.is_symlink():
        return f"link to {os.readlink(path)}"
    if path.is_dir():
        return "folder"
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest()
    except FileNotFoundError:
        # A worker whose command was killed may write for a moment longer.
        return "gone"


def differing(one: Mapping[str, str], other: Mapping[str, str]) -> list[str]:
    """Return the names that are missing on a side or differ."""
    return sorted(name for name in one.keys() | other.keys() if one.get(name) != other.get(name))


def print_rows(title: str, rows: list[Row]) -> int:
    """Print a table by ``what``; return how many were lost."""
    print(f"| {title} | tried | survived | lost |\n|---|---|---|---|")
    for what in dict.fromkeys(row.what for row in rows):
        here = [row for row in rows if row.what == what]
        lost = sum(bool(row.lost) for row in here)
        print(f"| {what} | {len(here)} | {len(here) - lost} | {lost} |")
    lost = sum(bool(row.lost) for row in rows)
    print(f"| **all** | **{len(rows)}** | **{len(rows) - lost}** | **{lost}** |")
    for row in rows:
        if row.lost:
            print(f"\nLOST {row.what}: {row.detail}\n  {row.lost}")
    return lost

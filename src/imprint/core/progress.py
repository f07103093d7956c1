"""Progress of long work: a bar with rate and time left on a terminal, plain lines in a log.

Everything goes to standard error, so that ``--json`` on standard output stays clean. How much is
shown is one setting of the process, ``--quiet`` or ``--verbose`` of every command.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from enum import IntEnum
from typing import TypeVar

from imprint.core.errors import printable

T = TypeVar("T")

LOG_EVERY_SECONDS = 10.0


class Verbosity(IntEnum):
    """How much is printed on standard error beside errors."""

    QUIET = 0
    NORMAL = 1
    VERBOSE = 2


_verbosity = Verbosity.NORMAL

_tick: Callable[[], None] | None = None
_counted = ""


def set_verbosity(verbosity: Verbosity) -> None:
    """Show as much from now on, in this process."""
    global _verbosity
    _verbosity = verbosity


def verbosity() -> Verbosity:
    """Return how much is shown."""
    return _verbosity


@contextmanager
def counting(tick: Callable[[], None], unit: str) -> Iterator[None]:
    """Within the block, show nothing of this process; call ``tick`` for tracked items of one unit.

    Blocks may nest: an item of the same unit is told to all of them.
    """
    global _tick, _counted
    before = _tick, _counted
    outer = _tick if unit == _counted else None

    def tick_all() -> None:
        if outer is not None:
            outer()
        tick()

    _tick, _counted = tick_all, unit
    try:
        yield
    finally:
        _tick, _counted = before


def count_into(tick: Callable[[], None], unit: str) -> None:
    """From now on, show nothing of this process; call ``tick`` for tracked items of one unit."""
    global _tick, _counted
    _tick, _counted = tick, unit


def track(items: Iterable[T], what: str, total: int, unit: str = "it") -> Iterator[T]:
    """Yield ``items``, showing how far the work is.

    Args:
        items: what is worked on.
        what: a few words, e.g. ``"embed X with A"``.
        total: how many there are.
        unit: what one of them is called in the rate.
    """
    if _tick is not None:
        yield from _count(items, _tick) if unit == _counted else items
    elif _verbosity is Verbosity.QUIET:
        yield from items
    elif sys.stderr.isatty():
        yield from _bar(items, what, total, unit)
    else:
        yield from _lines(items, what, total, unit)


def log(message: str) -> None:
    """Print one line of news on standard error, unless it is to be quiet."""
    if _verbosity > Verbosity.QUIET:
        print(printable(message), file=sys.stderr, flush=True)


def warn(message: str) -> None:
    """Print one line that begins with ``imprint:`` on standard error, as errors do."""
    log(f"imprint: {message}")


def log_step(name: str, seconds: float | None) -> None:
    """Say that a step of a study was built, or passed over as done; only with ``--verbose``.

    Args:
        name: of the artefact.
        seconds: what building it took; None where it was there already.
    """
    if _verbosity is Verbosity.VERBOSE:
        log(f"step {name}: " + ("already done" if seconds is None else f"{seconds:.1f} s"))


def _count(items: Iterable[T], tick: Callable[[], None]) -> Iterator[T]:
    for item in items:
        yield item
        tick()


def _bar(items: Iterable[T], what: str, total: int, unit: str) -> Iterator[T]:
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeRemainingColumn,
    )

    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[rate]}"),
        TimeRemainingColumn(),
    )
    start = time.monotonic()
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(printable(what), total=total, rate="")
        for done, item in enumerate(items, start=1):
            yield item
            rate = done / max(time.monotonic() - start, 1e-9)
            bar.update(task, advance=1, rate=f"{rate:,.3g} {unit}/s")


def _lines(items: Iterable[T], what: str, total: int, unit: str) -> Iterator[T]:
    start = last = time.monotonic()
    for done, item in enumerate(items, start=1):
        yield item
        now = time.monotonic()
        if now - last >= LOG_EVERY_SECONDS and done < total:
            last = now
            rate = done / (now - start)
            left = (total - done) / rate
            log(f"{what}: {done}/{total}, {rate:,.3g} {unit}/s, {left:,.0f} s left")

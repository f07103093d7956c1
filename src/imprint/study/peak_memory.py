"""Seconds that a piece of work took, and the memory it needed beyond what was there.

Pages that earlier work left free in this process are given back to the system first. Otherwise
work would be found to need the less, the more had been done before it. What is loaded on first use
still counts for the first caller.
"""

from __future__ import annotations

import ctypes
import gc
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

_STATUS, _RESET = Path("/proc/self/status"), Path("/proc/self/clear_refs")


@dataclass
class Cost:
    """What a piece of work cost, filled in at its end.

    Attributes:
        seconds: by the clock.
        cpu_seconds: of all threads of this process.
        peak_bytes: resident memory at its highest less that at the start, of the whole process:
            no other work may run beside; None where the system does not tell. Not that of a GPU.
    """

    seconds: float = 0.0
    cpu_seconds: float = 0.0
    peak_bytes: int | None = None


@contextmanager
def measured() -> Iterator[Cost]:
    """Measure the block; the resident peak can be reset on Linux alone."""
    cost = Cost()
    _give_back()
    start = _reset_peak()
    clock, processor = time.perf_counter(), time.process_time()
    yield cost
    cost.seconds = time.perf_counter() - clock
    cost.cpu_seconds = time.process_time() - processor
    highest = _read("VmHWM")
    if start is not None and highest is not None:
        cost.peak_bytes = max(0, highest - start)


def _give_back() -> None:
    """Return free pages of the heap to the system, where the C library can."""
    gc.collect()
    try:
        ctypes.CDLL(None).malloc_trim(0)
    except (OSError, AttributeError, TypeError):
        return


def _reset_peak() -> int | None:
    """Return the resident bytes now, from which the peak counts anew."""
    try:
        _RESET.write_text("5")
    except OSError:
        return None
    return _read("VmRSS")


def _read(name: str) -> int | None:
    try:
        lines = _STATUS.read_text().splitlines()
    except OSError:
        return None
    kilobytes = [line.split()[1] for line in lines if line.startswith(f"{name}:")]
    return 1024 * int(kilobytes[0]) if kilobytes else None

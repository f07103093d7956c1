"""How long a step of training takes on this machine, and how long tasks take side by side."""

from __future__ import annotations

import heapq
import math
import time
from collections.abc import Iterator, Sequence

import torch

PROBE_SECONDS = 1.0
WARM_UP_STEPS = 2


def makespan(lengths: Sequence[float], workers: int) -> float:
    """Return when the last of some tasks ends that workers take in order, each when it is free."""
    free_at = [0.0] * workers
    for length in lengths:
        heapq.heapreplace(free_at, free_at[0] + length)
    return max(free_at)


def time_step(steps: Iterator[int], device: torch.device) -> float:
    """Return the mean seconds of a step, over about ``PROBE_SECONDS`` after the first steps.

    Steps so long that the first ones fill that time are taken as they are.
    """
    warm, cold_seconds = _time_steps(steps, device, most=WARM_UP_STEPS)
    if cold_seconds < PROBE_SECONDS:
        taken, seconds = _time_steps(steps, device)
        if taken:
            return seconds / taken
    return cold_seconds / warm


def _time_steps(
    steps: Iterator[int], device: torch.device, most: float = math.inf
) -> tuple[int, float]:
    """Return how many steps were taken in about a second, and how long they took."""
    begun = time.perf_counter()
    taken = 0
    while (
        taken < most
        and time.perf_counter() - begun < PROBE_SECONDS
        and next(steps, None) is not None
    ):
        taken += 1
    _wait_for(device)
    return taken, time.perf_counter() - begun


def _wait_for(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)

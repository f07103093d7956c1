"""How long calls take, after a warm-up, in turns."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping

import numpy as np
import torch

from imprint.core.arrays import FloatArray
from imprint.core.progress import track


def seconds_in_turn(
    what: str, calls: Mapping[str, Callable[[], object]], repeats: int, device: torch.device
) -> dict[str, FloatArray]:
    """Return how long each of some calls takes, float64 ``[repeats]``.

    One round does not count; the rounds that do take the calls in turns, so that what slows the
    machine down for a while slows all of them.

    Args:
        what: a few words for the progress bar.
        calls: what is measured; all they start on the device is waited for.
        repeats: rounds.
        device: where the work is done.
    """
    found = {name: np.empty(repeats) for name in calls}
    for row in track(range(-1, repeats), f"time {what}", repeats + 1, "round"):
        for name, call in calls.items():
            wait_for(device)
            start = time.perf_counter()
            call()
            wait_for(device)
            if row >= 0:
                found[name][row] = time.perf_counter() - start
    return found


def wait_for(device: torch.device) -> None:
    """Return once a device has done all that it was given."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    elif device.type == "mps":
        torch.mps.synchronize()

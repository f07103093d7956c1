"""Which device runs the networks, and with how many threads."""

from __future__ import annotations

import os
from typing import Literal

import torch

from imprint.errors import ImprintError

DeviceName = Literal["auto", "cpu", "cuda", "mps"]


def choose_device(name: str = "auto") -> torch.device:
    """Return the device called ``name``; ``auto`` is CUDA, then MPS, then the CPU.

    Raises:
        ImprintError: this machine does not have that device.
    """
    available = {
        "cuda": torch.cuda.is_available(),
        "mps": torch.backends.mps.is_available(),
        "cpu": True,
    }
    if name == "auto":
        return torch.device(next(kind for kind, there in available.items() if there))
    kind = name.split(":")[0]
    if not available.get(kind, False):
        usable = ", ".join(kind for kind, there in available.items() if there)
        raise ImprintError(f"no device {name!r} on this machine: choose one of {usable}")
    return torch.device(name)


def usable_cores() -> int:
    """Return how many CPU cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1

"""Which device runs the networks, and with how many threads."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Literal

import torch

from imprint.core.errors import ImprintError

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
        return torch.device(next(kind for kind, is_available in available.items() if is_available))
    kind = name.split(":")[0]
    if not available.get(kind, False):
        usable = ", ".join(kind for kind, is_available in available.items() if is_available)
        raise ImprintError(f"no device {name!r} on this machine: choose one of {usable}")
    return torch.device(name)


def usable_cores() -> int:
    """Return how many CPU cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def free_memory(device: torch.device) -> int | None:
    """Return how many bytes a device has to give, None where that is unknown."""
    if device.type == "cuda":
        return int(torch.cuda.mem_get_info(device)[0])
    limits = [_available_memory(), _left_of_control_group()]
    return min((bytes_ for bytes_ in limits if bytes_ is not None), default=None)


def _available_memory() -> int | None:
    try:
        lines = Path("/proc/meminfo").read_text().splitlines()
    except OSError:
        return None
    kilobytes = [line.split()[1] for line in lines if line.startswith("MemAvailable:")]
    return 1024 * int(kilobytes[0]) if kilobytes else None


def _left_of_control_group() -> int | None:
    group = Path("/sys/fs/cgroup")
    try:
        limit = int((group / "memory.max").read_text())
        used = dict(line.split() for line in (group / "memory.stat").read_text().splitlines())
        return max(0, limit - int(used["anon"]))
    except (OSError, ValueError, KeyError):
        return None

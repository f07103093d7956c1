"""What a study prints on the terminal at its end, and how lenses register it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from imprint.core.registry import Registry

Show = Callable[[dict[str, Any]], None]
"""Prints the findings of one key of ``lenses`` in ``summary.json``."""

TERMINAL: Registry[Show] = Registry("analysis", "imprint.lenses.*.page")


def in_percent(estimate: dict[str, Any]) -> str:
    """Return an estimate in percent with its interval; what rounds to 0 has no minus."""
    low, high = estimate["ci95"]
    value, low, high = (100 * number for number in (estimate["value"], low, high))
    return f"{value:z.1f} [{low:z.1f}, {high:z.1f}]"

"""What stands in place of a number that could not be computed."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Missing:
    """A number that could not be computed, and why."""

    missing: str

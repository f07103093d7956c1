"""The options that every command has."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal


@dataclass(frozen=True, kw_only=True)
class Common:
    """Options of every command."""

    out: Path
    """Folder for everything the command writes."""
    seed: int = 0
    """The one seed everything random derives from."""
    device: Literal["auto", "cpu", "cuda", "mps"] = "auto"
    """Where networks run; auto takes the best there is."""
    json: bool = False
    """Print the findings as JSON on standard output."""

"""What proposes candidates for near-duplicates."""

from __future__ import annotations

from typing import Literal

Method = Literal["hash", "embedding"]

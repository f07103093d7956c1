"""What proposes candidates for near-duplicates, and the size of a hash; imports nothing heavy."""

from __future__ import annotations

from typing import Literal

Method = Literal["hash", "embedding"]
FREQUENCIES = 8
"""Lowest frequencies of a squeezed image along each side."""
HASH_BITS = FREQUENCIES * FREQUENCIES - 1
"""One a frequency, without the mean."""

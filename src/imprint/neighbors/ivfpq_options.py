"""What can be chosen about approximate search by IVF-PQ; it loads nothing heavy."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from imprint.core.bounds import Bounds, Checked


@dataclass(frozen=True, kw_only=True)
class IvfPqOptions(Checked):
    """How approximate neighbours are searched, and how well that is checked."""

    lists: Annotated[int, Bounds(least=0)] = 0
    """Lists the vectors are assigned to; 0 for the power of two at or above the square root of
    their number."""
    code_bytes: Annotated[int, Bounds(least=1, most=1024)] = 64
    """Bytes a vector is kept in; the greatest divisor of its dimensions up to this is taken."""
    nprobe: Annotated[int, Bounds(least=1)] = 64
    """Lists that are searched for each query. More find more, in proportion to the time."""
    candidates: Annotated[int, Bounds(least=1)] = 400
    """Best vectors by their codes whose distances are then computed exactly; at least k are
    taken."""
    recall_queries: Annotated[int, Bounds(least=2)] = 256
    """Queries, drawn from the seed, that are also searched exactly to measure the recall."""

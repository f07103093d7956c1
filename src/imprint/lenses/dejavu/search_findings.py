"""How neighbours were searched approximately, and how many of them that found."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from imprint.stats.estimate import Estimate

LOW_RECALL = 0.95
"""Recall below which guesses may be others than those of the exact search: at 0.83 of 10⁶ random
directions one guess in seven was, and the déjà vu score 14 in place of 12 points."""


@dataclass(frozen=True)
class SearchFindings:
    """An approximate search.

    Attributes:
        k: neighbours of each crop.
        nprobe: lists that were probed.
        candidates: vectors whose exact distances were compared.
        recall: by model, the share of the k nearest public images that was found, over crops that
            were searched exactly as well.
    """

    k: int
    nprobe: int
    candidates: int
    recall: Mapping[str, Estimate]

    @property
    def lowest(self) -> Estimate:
        """The least recall of the models."""
        return min(self.recall.values(), key=lambda estimate: estimate.value)

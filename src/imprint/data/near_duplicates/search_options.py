"""How near-duplicates are searched."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, get_args

from imprint.core.bounds import Bounds, Checked, OptionError
from imprint.data.near_duplicates.method import HASH_BITS, Method
from imprint.study.option_types import Names


@dataclass(frozen=True, kw_only=True)
class DuplicateSearch(Checked):
    """How candidates are found, and which of them are near-duplicates.

    The defaults are those of benchmarks/near_duplicates.py, whose results docs/results.md gives.
    """

    methods: Names = ("hash", "embedding")
    """What proposes candidates: a perceptual hash, the cosine similarity of embeddings, or both.
    Crops need the embedding."""
    hash_distance: Annotated[int, Bounds(least=0, most=HASH_BITS)] = 10
    """Bits, of 63, in which the hashes of candidates may differ."""
    similarity: Annotated[float, Bounds(least=0, most=1)] = 0.65
    """Least cosine similarity of the embeddings of candidates."""
    neighbours: Annotated[int, Bounds(least=1, most=1000)] = 4
    """Candidates of one image at most, by each method, as it is and mirrored."""
    correlation: Annotated[float, Bounds(above=0, most=1)] = 0.75
    """Least correlation of the fine detail of two aligned images that are near-duplicates."""

    def __post_init__(self) -> None:
        super().__post_init__()
        unknown = [name for name in self.methods if name not in get_args(Method)]
        if unknown or not self.methods:
            known = " and ".join(get_args(Method))
            complaint = f"must be some of {known}, got {', '.join(self.methods) or 'none'}"
            raise OptionError(DuplicateSearch, "methods", complaint)

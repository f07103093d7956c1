"""What pairs of models, trained with other seeds on the same images, find together."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from imprint.lenses.dejavu.findings import ByPercent
from imprint.stats.estimate import Estimate


@dataclass(frozen=True)
class ScoreSpread:
    """How far the déjà vu score varies, and with what.

    Attributes:
        seed_sd: standard deviation of the score of one pair of models between training seeds, on
            the same images; ``n`` counts the seeds.
        image_sd: standard deviation of the mean score of many seeds between draws of as many
            images.
    """

    seed_sd: Estimate
    image_sd: float


@dataclass(frozen=True)
class SeedScores:
    """The score of one pair of models; the intervals are over images alone, as without pooling.

    Attributes:
        name: of the pair: its training seed, or the study that holds it.
        scores: by percentage.
    """

    name: str
    scores: Mapping[str, Estimate]


@dataclass(frozen=True)
class PooledFindings:
    """The mean over pairs of models, for other training seeds and other images of the same kind.

    Attributes:
        test: means over the pairs; intervals hold both variances.
        spread: of the score, by percentage.
        seeds: every pair by itself.
        covers: what differs between the pairs, and what is the same for all of them: sentences.
    """

    test: ByPercent
    spread: Mapping[str, ScoreSpread]
    seeds: tuple[SeedScores, ...]
    covers: str

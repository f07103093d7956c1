"""Pooling the two-model test over pairs of models that were trained with other seeds.

All pairs are attacked on the same images, so seeds and images are crossed: the score of each pair
goes up and down with both. The pooled score is the mean over pairs; its interval holds the variance
between seeds and the variance between images (:mod:`imprint.stats.replicates`), for other seeds
and other images of the same kind. Images are resampled within each side, the same for every pair.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from imprint.core.arrays import FloatArray
from imprint.core.errors import ImprintError
from imprint.core.seeds import generator
from imprint.lenses.dejavu.findings import MemorizationEstimates
from imprint.lenses.dejavu.memorization.outcomes import Outcomes, cut_quantities
from imprint.lenses.dejavu.memorization.two_model import QUANTITIES, widened
from imprint.lenses.dejavu.pooled_findings import PooledFindings, ScoreSpread, SeedScores
from imprint.stats.bootstrap import DRAWS, percentile_interval, resamples
from imprint.stats.cut import check_percents, cut_size
from imprint.stats.estimate import Estimate
from imprint.stats.replicates import replicated_mean


@dataclass(frozen=True)
class SeedOutcomes:
    """What one pair of models made of the attacked images.

    Attributes:
        name: of the pair, such as its training seed.
        sides: the directions of the test, each counts the same.
    """

    name: str
    sides: tuple[Outcomes, ...]


def pool_seeds(
    seeds: Sequence[SeedOutcomes],
    confidences: Sequence[float] = (100, 20),
    seed: int = 0,
    covers: str = "",
    draws: int = DRAWS,
) -> PooledFindings:
    """Return the two-model test pooled over pairs of models.

    Args:
        seeds: two pairs or more, attacked on the same images.
        confidences: percentages p in (0, 100].
        seed: of the bootstrap.
        covers: what differs between the pairs, for the report.
        draws: bootstrap resamples (images within each side, the same for all pairs).

    Raises:
        ImprintError: fewer than two pairs, two of one name, pairs attacked on different images, or
            a percentage out of range.
    """
    check_percents(confidences)
    _check_crossed(seeds)
    exact = np.stack([_mean_of_sides(each, confidences) for each in seeds])
    drawn = _drawn(seeds, confidences, seed, draws)
    sides = seeds[0].sides
    fewest = min(len(side.index) for side in sides)
    test, spread = {}, {}
    scores: list[dict[str, Estimate]] = [{} for _ in seeds]
    for row, percent in enumerate(confidences):
        key, sizes = f"{percent:g}", [cut_size(len(side.index), percent) for side in sides]
        pooled = {
            name: replicated_mean(exact[:, row, column], drawn[:, row, :, column], fewest)
            for column, name in enumerate(QUANTITIES)
        }
        values = {name: each.pooled.value for name, each in pooled.items()}
        intervals = widened(
            values, {name: _clipped(name, each.pooled.ci95) for name, each in pooled.items()}, sizes
        )
        test[key] = MemorizationEstimates(
            **{name: Estimate(values[name], intervals[name], sum(sizes)) for name in QUANTITIES}
        )
        spread[key] = ScoreSpread(pooled["score"].replicate_sd, pooled["score"].example_sd)
        for place, of_seed in enumerate(scores):
            own = dict(zip(QUANTITIES, exact[place, row].tolist(), strict=True))
            resampled = {
                name: percentile_interval(drawn[place, row, :, column], count=fewest)
                for column, name in enumerate(QUANTITIES)
            }
            interval = widened(own, resampled, sizes)["score"]
            of_seed[key] = Estimate(own["score"], interval, sum(sizes))
    by_seed = (SeedScores(each.name, own) for each, own in zip(seeds, scores, strict=True))
    return PooledFindings(test, spread, tuple(by_seed), covers)


def _check_crossed(seeds: Sequence[SeedOutcomes]) -> None:
    names = [each.name for each in seeds]
    if len(names) < 2:
        raise ImprintError(f"pooling needs two pairs of models or more, got {len(names)}")
    if len(set(names)) < len(names):
        twice = next(name for name in names if names.count(name) > 1)
        raise ImprintError(f"pooling: {twice} is named twice: name every pair of models once")
    first = seeds[0]
    for other in seeds[1:]:
        same = len(first.sides) == len(other.sides) and all(
            np.array_equal(one.index, two.index)
            for one, two in zip(first.sides, other.sides, strict=True)
        )
        if not same:
            raise ImprintError(
                f"pooling: {other.name} was attacked on other images than {first.name}: pool pairs "
                "of models of one partition, with the same crops"
            )


def _mean_of_sides(each: SeedOutcomes, confidences: Sequence[float]) -> FloatArray:
    """Return ``[percentages, quantities]``."""
    values = [cut_quantities(side, confidences)[:, 0] for side in each.sides]
    return np.asarray(np.mean(values, axis=0))


def _drawn(
    seeds: Sequence[SeedOutcomes], confidences: Sequence[float], seed: int, draws: int
) -> FloatArray:
    """Return the quantities of resampled images, ``[seeds, percentages, draws, quantities]``."""
    by_side = []
    for place, side in enumerate(seeds[0].sides):
        random = generator(seed, "dejavu bootstrap", side.name)
        chunks = [
            np.stack([cut_quantities(each.sides[place], confidences, weights) for each in seeds])
            for weights in resamples(random, len(side.index), draws)
        ]
        by_side.append(np.concatenate(chunks, axis=2))
    return np.asarray(np.mean(by_side, axis=0))


def _clipped(name: str, interval: tuple[float, float]) -> tuple[float, float]:
    least = -1.0 if name in ("score", "paired_score") else 0.0
    return max(least, interval[0]), min(1.0, interval[1])

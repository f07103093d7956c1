"""How closely criteria follow the evenness of predictions over test sets."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

import numpy as np
from scipy.stats import t as student

from imprint.core.arrays import FloatArray, IntArray
from imprint.core.missing import Missing
from imprint.core.seeds import generator
from imprint.lenses.coverage.experiments.impartiality_findings import (
    CriterionCorrelation,
    SizeSpreads,
)
from imprint.lenses.coverage.measure.impartiality import MixedSets
from imprint.stats.correlation import pearson, spearman
from imprint.stats.estimate import Estimate
from imprint.stats.five_numbers import five_numbers
from imprint.stats.holm import holm

MIN_SPREAD = 1e-9


def correlations(mixed: MixedSets, seed: int) -> dict[str, CriterionCorrelation]:
    """Return how closely each criterion follows the evenness, p-values adjusted for all (Holm)."""
    found = {name: correlate(mixed, name, seed) for name in mixed.coverage}
    tested = [(name, each.p) for name, each in found.items() if each.p is not None]
    for (name, _), p in zip(tested, holm(np.array([p for _, p in tested])), strict=True):
        found[name] = replace(found[name], adjusted=float(p))
    return found


def correlate(mixed: MixedSets, name: str, seed: int) -> CriterionCorrelation:
    """Return how closely a criterion follows the impartiality of sets."""
    coverage, evenness = mixed.coverage[name], mixed.impartiality
    within_pearson: dict[str, Estimate | Missing] = {}
    within_spearman: dict[str, Estimate | Missing] = {}
    for size in np.unique(mixed.sizes).tolist():
        chosen = mixed.sizes == size
        pair = coverage[chosen], evenness[chosen]
        random = generator(seed, "impartiality", name, size)
        within_pearson[str(size)] = _correlation(pearson, *pair, random)
        within_spearman[str(size)] = _correlation(spearman, *pair, random)
    pooled = pooled_correlation(coverage, mixed, generator(seed, "impartiality", name))
    p = None if isinstance(pooled, Missing) else p_of_none(pooled, len(within_pearson))
    return CriterionCorrelation(within_pearson, within_spearman, pooled, p)


def overall(first: MixedSets, second: MixedSets, seed: int) -> dict[str, Estimate | Missing]:
    """Return the pooled correlation of each criterion over sets of two kinds together.

    Sets of one size share mean and spread whatever their kind, so that what differs between the
    kinds counts.
    """
    both = MixedSets(
        np.concatenate([first.sizes, second.sizes]),
        np.concatenate([first.alphas, second.alphas]),
        np.concatenate([first.impartiality, second.impartiality]),
        {
            name: np.concatenate([values, second.coverage[name]])
            for name, values in first.coverage.items()
        },
    )
    return {
        name: pooled_correlation(values, both, generator(seed, "impartiality overall", name))
        for name, values in both.coverage.items()
    }


def pooled_correlation(
    coverage: FloatArray, mixed: MixedSets, random: np.random.Generator
) -> Estimate | Missing:
    """Return Pearson's correlation over sets, each in units of mean and spread of its size."""
    scaled, evenness = (
        standardised(values, mixed.sizes) for values in (coverage, mixed.impartiality)
    )
    return _correlation(pearson, scaled, evenness, random)


def standardised(values: FloatArray, groups: IntArray) -> FloatArray:
    """Return values less the mean of their group, by its spread; 0 where a group has none."""
    scaled = np.zeros(len(values))
    for group in np.unique(groups):
        own = groups == group
        spread = values[own].std()
        if spread > MIN_SPREAD:
            scaled[own] = (values[own] - values[own].mean()) / spread
    return scaled


def p_of_none(pooled: Estimate, sizes: int) -> float:
    """Return the two-sided p-value of no correlation by Student's t, n − 1 − sizes degrees.

    A mean of every size is fitted; of one size it is the usual test of Pearson's correlation.

    Args:
        pooled: correlation of n sets.
        sizes: of sets.
    """
    degrees = pooled.n - 1 - sizes
    if abs(pooled.value) >= 1 or degrees < 1:
        return 0.0 if degrees >= 1 else 1.0
    reach = abs(pooled.value) * np.sqrt(degrees / (1 - pooled.value**2))
    return float(2 * student.sf(reach, degrees))


def size_spreads(mixed: MixedSets, sizes: Sequence[int]) -> SizeSpreads:
    """Return evenness and coverage of the sets of each size."""

    def spreads(values: FloatArray) -> tuple[FloatArray, ...]:
        return tuple(values[mixed.sizes == size] for size in sizes)

    coverage: Mapping[str, tuple[FloatArray, ...]] = {
        name: spreads(values) for name, values in mixed.coverage.items()
    }
    return SizeSpreads(
        tuple(map(five_numbers, spreads(mixed.impartiality))),
        {name: tuple(map(five_numbers, each)) for name, each in coverage.items()},
    )


def _correlation(
    kind: Callable[[FloatArray, FloatArray, np.random.Generator], Estimate],
    coverage: FloatArray,
    evenness: FloatArray,
    random: np.random.Generator,
) -> Estimate | Missing:
    if np.ptp(coverage) <= MIN_SPREAD or np.ptp(evenness) <= MIN_SPREAD:
        which = "coverage" if np.ptp(coverage) <= MIN_SPREAD else "impartiality"
        return Missing(f"the {which} of all sets is the same")
    return kind(coverage, evenness, random)

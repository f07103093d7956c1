"""How far a coverage would differ with other inputs: a jackknife over groups of inputs.

The inputs are split into G groups, each seen by a criterion of its own. With θ₍g₎ the value of all
groups but g and θ̄ their mean,

    se² = (G − 1)/G · Σ_g (θ₍g₎ − θ̄)²,      95 % interval: value ± t_{G−1} · se

Efron & Stein (1981): on average the jackknife estimate of a variance is never too small, whatever
the statistic, which the bootstrap cannot promise here: a resample repeats inputs, so that its
count of distinct cells lies below that of the sample. All θ₍g₎ together cost about 4G merges by
prefixes and suffixes.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from imprint.lenses.coverage.criterion.criterion import Criterion


def whole_and_rests(groups: Sequence[Criterion]) -> tuple[Criterion, list[float]]:
    """Return a criterion that saw every group, and the value without each group in turn.

    Args:
        groups: criteria with one fit, at least one; they stay as they are.
    """
    after = [groups[0].fresh()]
    for group in reversed(groups):
        after.append(_together(group, after[-1]))
    after.reverse()
    before = groups[0].fresh()
    rests = []
    for place, group in enumerate(groups):
        rests.append(_together(before, after[place + 1]).value())
        before = _together(before, group)
    return before, rests


def interval(
    value: float, rests: Sequence[float], ceiling: float | None = None
) -> tuple[float, float]:
    """Return the 95 % interval of a value, within [0, ceiling].

    >>> low, high = interval(0.5, [0.4, 0.5, 0.6])
    >>> round(low, 3), round(high, 3)
    (0.003, 0.997)

    Args:
        value: of all groups.
        rests: the value without each group, two or more.
        ceiling: what the value cannot exceed; None where nothing bounds it.
    """
    from scipy.stats import t

    count = len(rests)
    error = np.sqrt((count - 1) * np.var(rests))
    reach = float(t.ppf(0.975, count - 1) * error)
    return within_bounds(value, value - reach, value + reach, ceiling)


def within_bounds(
    value: float, low: float, high: float, ceiling: float | None
) -> tuple[float, float]:
    """Return an interval cut to [0, ceiling], which holds the value whatever the ceiling.

    >>> within_bounds(0.5, -0.25, 1.5, 1.0)
    (0.0, 1.0)
    """
    return max(0.0, low), high if ceiling is None else min(high, max(ceiling, value))


def _together(first: Criterion, second: Criterion) -> Criterion:
    whole = first.fresh()
    whole.merge(first)
    whole.merge(second)
    return whole

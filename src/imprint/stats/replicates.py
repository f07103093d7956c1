"""The mean over replicates that are all measured on the same examples, such as training seeds.

Two things are drawn: replicates s (a training seed) and examples i, and every replicate is measured
on every example. With effects of both and what is particular to a pair,

    y_si = μ + a_s + b_i + e_si,   variance of the mean = σ_a²/S + σ_b²/n + σ_e²/(S·n)

The spread of the S values of a statistic holds the first and the last part; resampling examples,
the same for all replicates, holds the second and the last. What the resampled replicates do not
have in common tells the last, which is taken off once:

    V_replicates = var_s(T_s)/S          V_examples = var_w(mean_s T_s(w)) − R/S
    R = Σ_s var_w(T_s(w) − mean_s T_s(w)) / (S − 1)

With two to five replicates the first part is known badly. The half width of the interval is
√(t²_{S−1}·V_replicates + t²_{n−1}·V_examples): for independent parts its coverage is at least
nominal whatever their ratio (Banerjee, "On confidence interval for two-means problem based on
separate estimates of variances and tabulated values of t-table", Sankhyā 1961). Satterthwaite's
degrees of freedom cover as little as 87 % with two replicates, 92 % with three: they are many by
mistake where the replicates happen to agree. ``benchmarks/pooled_seeds.py`` simulates both.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import chdtri, stdtrit

from imprint.core.arrays import FloatArray
from imprint.core.errors import ImprintError
from imprint.stats.estimate import Estimate


@dataclass(frozen=True)
class ReplicatedMean:
    """A mean over replicates, and what its variance consists of.

    Attributes:
        pooled: the mean over replicates, and its interval for other replicates and other examples.
        replicate_sd: standard deviation of one replicate's value about the mean of many, on these
            examples; its interval is that of a normal's (chi-square), ``n`` the replicates.
        example_sd: standard deviation of the mean of many replicates over draws of as many
            examples.
    """

    pooled: Estimate
    replicate_sd: Estimate
    example_sd: float


def replicated_mean(values: FloatArray, drawn: FloatArray, count: int) -> ReplicatedMean:
    """Return the mean over replicates with one interval, and both of its variances.

    Args:
        values: float64 ``[S]``, the statistic of each of S ≥ 2 replicates.
        drawn: float64 ``[S, draws]``, the same of resampled examples, column by column of the same
            resample for all replicates.
        count: examples that were resampled, at least 2.

    Raises:
        ImprintError: one replicate, one example, or shapes that do not fit.
    """
    replicates = len(values)
    if replicates < 2 or count < 2 or drawn.ndim != 2 or len(drawn) != replicates:
        raise ImprintError(
            "replicates: values must be [S] and drawn [S, draws] with S ≥ 2 and at least two "
            f"examples, got {list(values.shape)}, {list(drawn.shape)} and {count}"
        )
    unbiased = count / (count - 1)
    mean_drawn = drawn.mean(axis=0)
    residual = unbiased * float((drawn - mean_drawn).var(axis=1).sum()) / (replicates - 1)
    of_examples = unbiased * float(mean_drawn.var()) - residual / replicates
    of_examples = max(0.0, of_examples)
    spread = float(values.var(ddof=1))
    between = float(stdtrit(replicates - 1, 0.975))
    within = float(stdtrit(count - 1, 0.975))
    reach = float(np.sqrt(between**2 * spread / replicates + within**2 * of_examples))
    mean = float(values.mean())
    return ReplicatedMean(
        Estimate(mean, (mean - reach, mean + reach), count),
        _standard_deviation(spread, replicates),
        float(np.sqrt(of_examples)),
    )


def _standard_deviation(variance: float, count: int) -> Estimate:
    """Return the standard deviation of a normal with its interval."""
    freedom = count - 1
    ends = [float(np.sqrt(freedom * variance / chdtri(freedom, tail))) for tail in (0.025, 0.975)]
    return Estimate(float(np.sqrt(variance)), (ends[0], ends[1]), count)

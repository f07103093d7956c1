"""The mean of few values that may be skewed: Student's interval joined with the bootstrap-t.

The bootstrap-t (Efron 1981; Hall, "Theoretical comparison of bootstrap confidence intervals",
Annals of Statistics 1988) takes the ends from resampled t statistics, so it follows the skewness
that Student's interval ignores; of symmetric values with long tails it is the narrower one.
Neither is wide enough everywhere, so the interval holds both. With 20, 50 or 200 values it covers
93 to 97 % of normal, exponential, gamma (shape ¼) and Student (3 degrees of freedom) values.

What a sample does not hold, no interval made of it knows. Where 1 value in 20 is 0.4 and the rest
lie about 0 within 0.03, the interval covers 75 % with 20 values, 92 % with 50 and 97 % with 200: it
ends below the mean where the sample holds none of the rare ones. Of shares, whose range is known,
:func:`imprint.stats.bootstrap.mean_share_difference` knows that too.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import stdtrit

from imprint.core.arrays import FloatArray
from imprint.stats.bootstrap import DRAWS, resamples
from imprint.stats.checks import sample
from imprint.stats.estimate import Estimate


def studentised_mean(
    values: ArrayLike, random: np.random.Generator, draws: int = DRAWS
) -> Estimate:
    """Return the mean of ``[n]`` values with the joined interval; of no width if all are equal.

    Args:
        values: ``[n]``, n ≥ 2.
        random: from :func:`imprint.core.seeds.generator`.
        draws: resamples.

    Raises:
        ImprintError: fewer than two values, or one that is not finite.
    """
    rows = sample(values, "values", 2)
    mean, error = float(rows.mean()), float(rows.std(ddof=1)) / len(rows) ** 0.5
    reach = float(stdtrit(len(rows) - 1, 0.975))
    low, high = -reach, reach
    statistics = _t_statistics(rows, random, draws)
    if len(statistics):
        least, most = np.quantile(statistics, [0.025, 0.975])
        low, high = min(low, -float(most)), max(high, -float(least))
    return Estimate(mean, (mean + low * error, mean + high * error), len(rows))


def _t_statistics(rows: FloatArray, random: np.random.Generator, draws: int) -> FloatArray:
    """Return the t statistic of each resample that has a spread, ``[at most draws]``."""
    count = len(rows)
    centred = rows - rows.mean()
    powers = np.stack([centred, centred**2], axis=1)
    means, squares = np.concatenate(
        [chunk @ powers / count for chunk in resamples(random, count, draws)]
    ).T
    variances = (squares - means**2) * count / (count - 1)
    spread = variances > 1e-12 * centred.var()
    return np.asarray(means[spread] / np.sqrt(variances[spread] / count))

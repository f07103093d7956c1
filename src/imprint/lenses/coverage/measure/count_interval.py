"""How far a number of distinct marks would differ for other inputs: an interval of its mean.

The interval is of the mean of the number D of marks set, over test sets of as many inputs drawn
independently from the same population. D is its own unbiased estimate; what is needed is its
spread. With λ the expected number of inputs that set a mark,

    Var(D) = Σ_jk (P(neither j nor k) − P(not j) P(not k)),

which marks set by the same inputs raise: an input that alone sets 30 marks moves D by 30. Let f_s
be the marks that exactly s inputs set, and q_s = Σ m² over the groups of s inputs that set m marks
and no other input does (:class:`imprint.lenses.coverage.measure.tally.RareMarks`). Under Poisson
sampling

    E Σ_s (−1)^(s−1) q_s = Var(D)        (Good & Toulmin 1956 for one mark an input, q = f)

exactly, but with the noise of all orders. With weights (−1/2)^(s−1) the noise of higher orders
dies out, and the mean is never too small and less than twice Var(D): per group of marks
2 e^−λ (1 − e^−λ/2) for e^−λ (1 − e^−λ). So

    y = Σ_s (−1/2)^(s−1) f_s,    v = Σ_s (−1/2)^(s−1) q_s − f_1²/n,

the last term because n is fixed. Rare marks come in Poisson numbers, some inputs bring several, so
the limits are those of a weighted sum of Poisson counts (Fay & Feuer 1997), gamma quantiles G with
mean y and variance v:

    upper − D = G_.975(y + w, v + w²) − y,    D − lower = y + 1 − G_.025(y + 1, v + 1)

where w + f_1/n is the most marks one input alone set, or ``burst`` if that is larger: an unseen
input in place of an average one above, a lucky mark below. They never have zero width, are
Poisson's exact limits where each rare input brings one mark, and become normal ones for many marks.

Marks that come in few large groups make v and y too noisy: two inputs that set the same 30 marks
add −450 to v, and are no sign that all sets of inputs show these marks. Of a group set by s inputs
the expected number is m (1 − e^−λ), λ at least Garwood's limit g_s = χ²_.025(2s)/2 of a Poisson
count of s: up to m e^−g_s fewer than seen. So D − lower is at least √u, the distances of
independent groups in squares (Newcombe's way), less what a fixed n takes away,

    u = Σ_s e^(−2 g_s) q_s − e^(−2 g_1) f_1²/n,

and v at least u/1.96². Of 1,000 inputs, 1 in 200 of which sets the same 30 marks, intervals without
it covered 80 %, with it 94; for marks of inputs of their own it changes nothing.

What no interval from one test set can allow for is a kind of input so rare that none is among the
tests, and that sets far more marks at once than any of them; a criterion where such inputs are
usual says so and gives none.
"""

from __future__ import annotations

import math

import numpy as np
from scipy.special import chdtri, ndtri

from imprint.lenses.coverage.measure.tally import ORDERS, RareMarks

WEIGHTS = (-0.5) ** np.arange(ORDERS)
TAIL = 0.025
MISSING = np.exp(-chdtri(2 * np.arange(1, ORDERS + 1), 1 - TAIL) / 2)
"""Greatest chance, at 97.5 %, that other tests lack what s = 1 … 8 of these inputs set."""
LARGEST_SHAPE = 1e6
"""Beyond it the gamma distribution is a normal one to 3 digits, and its quantiles lose digits."""


def count_interval(distinct: float, rare: RareMarks, burst: float = 1.0) -> tuple[float, float]:
    """Return the 95 % interval of the mean number of distinct marks; not cut to any bounds.

    >>> nothing = RareMarks(100, np.zeros(8), np.zeros(8), 0)
    >>> low, high = count_interval(0, nothing)
    >>> round(low, 3), round(high, 3)
    (-0.975, 3.689)

    Args:
        distinct: marks set by the inputs, D.
        rare: the marks among them that few inputs set.
        burst: marks that an unseen input of a rare kind may set at once, at least.
    """
    mean = max(float(WEIGHTS @ rare.marks), 0.0)
    fixed = float(rare.marks[0]) ** 2 / rare.inputs
    variance = float(WEIGHTS @ rare.squares) - fixed
    grouped = max(float(MISSING**2 @ rare.squares - MISSING[0] ** 2 * fixed), 0.0)
    variance = max(variance, grouped / float(ndtri(1 - TAIL)) ** 2)
    average = float(rare.marks[0]) / rare.inputs
    unseen = max(float(rare.largest), burst, 1.0) - average
    above = _quantile(1 - TAIL, mean + unseen, variance + unseen**2) - mean
    below = mean + 1 - _quantile(TAIL, mean + 1, variance + 1)
    return distinct - max(below, math.sqrt(grouped)), distinct + above


def _quantile(chance: float, mean: float, variance: float) -> float:
    """Return a quantile of the gamma distribution of this mean and variance."""
    from scipy.stats import gamma, norm

    if variance * LARGEST_SHAPE <= mean**2:
        return mean + float(norm.ppf(chance)) * math.sqrt(variance)
    return float(gamma.ppf(chance, mean**2 / variance, scale=variance / mean))

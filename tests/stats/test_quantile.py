import numpy as np
import pytest
from scipy.stats import binom

from imprint.core.errors import ImprintError
from imprint.stats.quantile import quantile


@pytest.mark.parametrize(("share", "count"), [(0.5, 40), (0.95, 100), (0.95, 72)])
def test_intervals_cover_the_quantile(share, count):
    """At least 95 % each; 400 tries fall below the limit once in 10⁴ if it is just 95 %."""
    rng = np.random.default_rng(5)
    truth = -np.log(1 - share)
    covered = 0
    for _ in range(400):
        found = quantile(rng.exponential(size=count), share)
        assert found.ci95[0] <= found.value <= found.ci95[1]
        covered += found.ci95[0] <= truth <= found.ci95[1]
    assert covered >= binom.ppf(1e-4, 400, 0.95)
    # And they are no wider than they need to be: the next order statistics would not do.
    low, high = binom.ppf([0.025, 0.975], count, share)
    assert binom.cdf(high - 1, count, share) - binom.cdf(low, count, share) < 0.95


def test_a_whole_population_leaves_nothing_open():
    found = quantile([3.0, 1.0, 2.0], 0.5, population=3)
    assert (found.value, found.ci95, found.n) == (2.0, (2.0, 2.0), 3)


def test_too_few():
    with pytest.raises(ImprintError, match=r"71 draws are too few .* at least 72"):
        quantile(range(71), 0.95)
    with pytest.raises(ImprintError, match="at least 72"):
        quantile(range(71), 0.05)

import numpy as np
import pytest

from imprint.core.errors import ImprintError
from imprint.stats.median import median


@pytest.mark.parametrize(
    ("count", "low", "high"), [(1, 1, 1), (5, 1, 5), (6, 1, 6), (9, 2, 8), (20, 6, 15)]
)
def test_the_interval_ends_at_the_order_statistics_of_the_tables(count, low, high):
    found = median(np.arange(count, 0, -1))
    assert (found.value, found.ci95, found.n) == ((count + 1) / 2, (low, high), count)


@pytest.mark.parametrize(("count", "least"), [(5, 0.925), (31, 0.938)])
def test_the_interval_covers_as_often_as_it_says(count, least):
    """Of 2000 skewed samples so many at least hold the truth: fails by chance in 1 of 100.

    The range of five covers 1 − 2/2⁵ = 93.75 %.
    """
    samples = np.random.default_rng(0).exponential(size=(2000, count))
    held = [low <= np.log(2) <= high for low, high in (median(row).ci95 for row in samples)]
    assert np.mean(held) > least


def test_nothing_has_no_median():
    with pytest.raises(ImprintError, match="at least 1 values"):
        median([])

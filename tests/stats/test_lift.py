import numpy as np
import pytest

from imprint.stats.lift import lift


def test_a_ratio_by_hand():
    ratio, low, high = lift(8, 10, 20, 100)
    own, others = 8.5 / 10.5, 20.5 / 100.5
    assert ratio == pytest.approx(own / others)
    reach = 1.959964 * np.sqrt(1 / 8.5 - 1 / 10.5 + 1 / 20.5 - 1 / 100.5)
    assert low == pytest.approx(own / others * np.exp(-reach), rel=1e-6)
    assert high == pytest.approx(own / others * np.exp(reach), rel=1e-6)


def test_what_never_occurs_elsewhere_has_a_finite_ratio_and_a_wide_interval():
    ratio, low, high = lift([5, 0], [10, 10], [0, 0], [90, 90])
    assert np.isfinite([ratio, low, high]).all()
    assert low[0] > 1 > low[1]
    assert high[0] / low[0] > 50


@pytest.mark.parametrize(("own", "others"), [(0.3, 0.1), (0.1, 0.1), (0.8, 0.2), (0.05, 0.2)])
def test_95_percent_intervals_cover_the_true_ratio(own, others):
    # 4,000 draws: a true coverage of 95 % lies in 0.940 … 0.960 but once in 400.
    random = np.random.default_rng(1)
    counts, elsewhere = random.binomial(60, own, 4000), random.binomial(400, others, 4000)
    _, low, high = lift(counts, 60, elsewhere, 400)
    covered = np.mean((low <= own / others) & (own / others <= high))
    assert 0.935 <= covered <= 0.99

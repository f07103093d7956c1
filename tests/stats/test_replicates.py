import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binom, chi2
from scipy.stats import t as student_t

from imprint.core.errors import ImprintError
from imprint.stats.replicates import replicated_mean


def measure(table, random, draws=300):
    """Return values and resampled values of the mean of each row of ``[replicates, examples]``."""
    count = table.shape[1]
    weights = random.multinomial(count, np.full(count, 1 / count), size=draws)
    return table.mean(axis=1), table @ weights.T / count, count


def test_examples_that_all_replicates_agree_on_leave_their_own_variance():
    """Three equal rows: no spread between replicates, the standard error of one mean."""
    random = np.random.default_rng(0)
    row = random.normal(size=400)
    estimate = replicated_mean(*measure(np.tile(row, (3, 1)), random, draws=20_000))
    error = row.std(ddof=1) / 20
    assert estimate.replicate_sd.value == pytest.approx(0, abs=1e-12)
    assert estimate.example_sd == pytest.approx(error, rel=0.03)
    assert estimate.pooled.high - row.mean() == pytest.approx(1.966 * error, rel=0.03)


def test_replicates_without_examples_give_students_interval():
    """Rows that differ by a constant: the interval of the mean of 1, 2 and 6 by Student's t."""
    table = np.tile([[1.0], [2.0], [6.0]], (1, 50))
    estimate = replicated_mean(*measure(table, np.random.default_rng(0)))
    spread = np.std([1, 2, 6], ddof=1)
    assert estimate.example_sd == 0
    assert estimate.pooled.value == 3
    assert estimate.pooled.high - 3 == pytest.approx(student_t.ppf(0.975, 2) * spread / np.sqrt(3))
    low, high = (np.sqrt(2 * spread**2 / chi2.ppf(share, 2)) for share in (0.975, 0.025))
    assert estimate.replicate_sd.value == pytest.approx(spread)
    assert estimate.replicate_sd.ci95 == pytest.approx((low, high))


def test_what_belongs_to_one_pair_counts_once():
    """Noise alone: the variance of the mean is σ²/(S·n), all of it between the replicates."""
    random = np.random.default_rng(1)
    parts = []
    for _ in range(40):
        values, drawn, count = measure(random.normal(size=(20, 100)), random)
        estimate = replicated_mean(values, drawn, count)
        parts.append([values.var(ddof=1) / 20, estimate.example_sd**2])
    replicates, examples = np.mean(parts, axis=0)
    assert replicates == pytest.approx(1 / 2000, rel=0.15)
    assert examples < 0.2 / 2000


@pytest.mark.parametrize("replicates", [2, 3, 5])
@pytest.mark.parametrize("spread", [0.0, 0.1, 0.3])
def test_the_interval_covers_at_least_its_nominal_rate(replicates, spread):
    """Seeds with none, as much, and far more variance than images; 60 examples."""
    random, trials, hits = np.random.default_rng([replicates, int(10 * spread)]), 400, 0
    for _ in range(trials):
        table = random.normal(size=(1, 60)) + spread * random.normal(size=(replicates, 1))
        table = table + 0.7 * random.normal(size=(replicates, 60))
        low, high = replicated_mean(*measure(table, random, draws=150)).pooled.ci95
        hits += low <= 0 <= high
    # 95 % or more; below this bound once in 1,000.
    assert hits >= binom.ppf(1e-3, trials, 0.95)


@given(st.integers(2, 5), st.integers(2, 30), st.floats(-5, 5), st.floats(0.1, 9))
def test_the_interval_moves_and_scales_with_the_values(replicates, count, shift, scale):
    random = np.random.default_rng(count)
    values, drawn, _ = measure(random.normal(size=(replicates, count)), random, draws=50)
    plain = replicated_mean(values, drawn, count)
    moved = replicated_mean(scale * values + shift, scale * drawn + shift, count)
    expected = [scale * end + shift for end in plain.pooled.ci95]
    assert moved.pooled.ci95 == pytest.approx(expected, abs=1e-9, rel=1e-7)
    assert moved.replicate_sd.value == pytest.approx(scale * plain.replicate_sd.value, rel=1e-6)


@pytest.mark.parametrize(
    ("values", "drawn", "count"), [(1, (1, 9), 5), (2, (3, 9), 5), (2, (2, 9), 1)]
)
def test_one_replicate_or_shapes_that_differ_are_refused(values, drawn, count):
    with pytest.raises(ImprintError, match="S ≥ 2"):
        replicated_mean(np.zeros(values), np.zeros(drawn), count)

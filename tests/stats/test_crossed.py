import numpy as np
import pytest
from scipy.stats import binom
from scipy.stats import t as student_t

from imprint.stats.crossed import crossed_reach


def leave_out(table):
    """Means of every row a without each column b, ``[b, a]``."""
    columns = table.shape[1]
    return (table.sum(axis=1) - table.T) / (columns - 1)


def test_what_belongs_to_one_pair_counts_once():
    """Rows and columns without effects: both parts are σ²/(ab), their sum less one of them too."""
    table = np.random.default_rng(0).normal(size=(400, 400))
    reach = crossed_reach(table.mean(axis=1), leave_out(table))
    assert reach == pytest.approx(1.96 / 400, rel=0.1)


def test_shared_columns_alone_decide():
    """Every row is the same 5 values: the jackknife of their mean, with 4 degrees of freedom."""
    table = np.tile([1.0, 2.0, 3.0, 4.0, 5.0], (30, 1))
    reach = crossed_reach(table.mean(axis=1), leave_out(table))
    assert reach == pytest.approx(student_t.ppf(0.975, 4) * np.sqrt(2.5 / 5))


@pytest.mark.parametrize(("rows", "columns"), [(8, 20), (40, 8), (30, 40)])
def test_intervals_cover(rows, columns):
    random, trials, hits = np.random.default_rng(1), 600, 0
    for _ in range(trials):
        table = random.normal(size=(rows, 1)) + 2 * random.normal(size=(1, columns))
        table = table + 3 * random.normal(size=(rows, columns))
        hits += abs(table.mean()) <= crossed_reach(table.mean(axis=1), leave_out(table))
    # Between 93 and 97 %; out of these bounds once in 1,000.
    assert binom.ppf(5e-4, trials, 0.93) <= hits <= binom.ppf(1 - 5e-4, trials, 0.97)

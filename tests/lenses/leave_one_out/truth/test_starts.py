import numpy as np
import pytest

from imprint.lenses.leave_one_out.truth.ground_truth import prediction_difference
from imprint.lenses.leave_one_out.truth.paired_auc import paired_auc
from imprint.lenses.leave_one_out.truth.starts import mean_over_records, root_of


def difference(within, without):
    return prediction_difference(within, without).value


def draw(random, shift=0.0, records=12, pairs=40):
    """Records whose networks of one start share most of their noise."""
    shared = random.standard_normal((2, 1, pairs, 1))
    own = 0.3 * random.standard_normal((2, records, pairs, 1))
    within, without = shared + own
    return within + shift, without


@pytest.mark.parametrize(("shift", "truth"), [(0.0, 0.0), (1.0, 1.0)])
def test_intervals_of_the_mean_difference_hold_the_truth(shift, truth):
    """400 repetitions: 90 % less 4 binomial errors, where records alone are far too sure."""
    random = np.random.default_rng(0)
    held = naive = 0
    values = []
    for _ in range(400):
        within, without = draw(random, shift)
        found = mean_over_records(difference, within, without)
        values.append(found.value)
        held += found.ci95[0] <= truth <= found.ci95[1]
        each = difference(within, without)
        naive += abs(each.mean() - truth) < 1.96 * each.std(ddof=1) / len(each) ** 0.5
    assert held > 400 * 0.9 - 4 * (400 * 0.9 * 0.1) ** 0.5
    assert naive < 300
    assert np.mean(values) == pytest.approx(truth, abs=4 * np.std(values) / 20)


def test_intervals_of_the_mean_auc_hold_chance():
    """60 repetitions without an effect: at least 95 % less 4 binomial errors."""
    random = np.random.default_rng(1)
    found = [mean_over_records(paired_auc, *draw(random, records=4)) for _ in range(60)]
    held = sum(each.ci95[0] <= 0.5 <= each.ci95[1] for each in found)
    assert held >= 60 * 0.95 - 4 * (60 * 0.95 * 0.05) ** 0.5


def test_the_root_of_no_effect_is_zero_where_the_mean_is_below():
    """Half of all means are below 0; roots taken record by record never would be."""
    random = np.random.default_rng(2)
    found = [root_of(mean_over_records(difference, *draw(random))) for _ in range(50)]
    assert 10 < sum(each.value == 0 for each in found) < 45
    assert all(each.ci95[0] <= each.value <= each.ci95[1] for each in found)

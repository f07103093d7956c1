import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import norm

from imprint.core.missing import Missing
from imprint.lenses.coverage.selection.apfd import apfd, detection, found_share
from imprint.lenses.coverage.selection.prioritise import descending


def test_the_best_order_a_random_one_and_the_worst():
    faults = np.array([True, True, False, False, False])
    assert apfd(np.arange(5), faults) == pytest.approx(1 - 0.4 / 2)
    assert apfd(np.arange(5)[::-1], faults) == pytest.approx(0.4 / 2)
    mean = np.mean([apfd(np.random.default_rng(row).permutation(5), faults) for row in range(4000)])
    assert mean == pytest.approx(0.5, abs=0.01)


def test_it_is_the_area_under_the_steps_of_faults_found():
    """By the trapezoids of Rothermel et al. under the share of faults found."""
    random = np.random.default_rng(0)
    order, faults = random.permutation(30), random.random(30) < 0.3
    places = np.argsort(order)
    share = found_share(order, faults)
    assert apfd(places, faults) == pytest.approx(float((share[1:] + share[:-1]).sum() / 60))
    assert detection(places, faults).apfd.value == pytest.approx(apfd(places, faults))


@pytest.mark.parametrize(
    ("count", "faulty", "shift"), [(400, 80, 1.0), (60, 6, 1.0), (60, 6, 2.5), (200, 4, 2.0)]
)
def test_the_interval_holds_the_apfd_of_the_population(count, faulty, shift):
    """Scores of faults are higher by a shift: 95 % of 300 intervals, ± 2.5 %."""
    random = np.random.default_rng(1)
    share, held = faulty / count, 0
    area = norm.cdf(shift / 2**0.5)
    faults = np.arange(count) < faulty
    for _ in range(300):
        scores = random.normal(size=count) + shift * faults
        places = np.argsort(np.argsort(-scores))
        low, high = detection(places, faults).apfd.ci95
        held += low <= 1 - share / 2 - (1 - share) * (1 - area) <= high
    assert 0.925 <= held / 300 <= 0.995


@given(st.lists(st.tuples(st.integers(0, 3), st.booleans()), min_size=1, max_size=12))
def test_it_is_the_formula_of_rothermel_over_an_order_with_ties_by_index(tests):
    """APFD = 1 − (TF_1 + … + TF_m) / (n m) + 1 / (2n), TF the place of the test of a fault."""
    values, faults = (np.array(each) for each in zip(*tests, strict=True))
    order = sorted(range(len(tests)), key=lambda row: (-values[row], row))
    assert descending(values.astype(float)).tolist() == order
    first = [1 + order.index(row) for row in range(len(tests)) if faults[row]]
    if not first:
        return
    places = np.argsort(order)
    count = len(tests)
    by_hand = 1 - sum(first) / (count * len(first)) + 1 / (2 * count)
    assert apfd(places, faults) == pytest.approx(by_hand)


def test_without_faults_there_is_no_apfd():
    assert isinstance(detection(np.arange(4), np.zeros(4, bool)).apfd, Missing)

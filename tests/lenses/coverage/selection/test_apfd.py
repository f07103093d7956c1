import numpy as np
import pytest

from imprint.core.missing import Missing
from imprint.lenses.coverage.selection.apfd import apfd, detection, found_share


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


def test_the_interval_holds_the_apfd_of_the_population():
    """Scores of 400 tests, faults one deviation higher: 95 % of 400 intervals, ± 2.2 %."""
    random = np.random.default_rng(1)
    share, count, held = 0.2, 400, 0
    area = 0.7602499  # Φ(1 / √2)
    for _ in range(400):
        faults = np.arange(count) < share * count
        scores = random.normal(size=count) + faults
        places = np.argsort(np.argsort(-scores))
        low, high = detection(places, faults).apfd.ci95
        held += low <= 1 - share / 2 - (1 - share) * (1 - area) <= high
    assert 0.925 <= held / 400 <= 0.985


def test_without_faults_there_is_no_apfd():
    assert isinstance(detection(np.arange(4), np.zeros(4, bool)).apfd, Missing)

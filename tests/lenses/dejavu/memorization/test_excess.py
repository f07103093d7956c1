import numpy as np
import pytest

from imprint.lenses.dejavu.memorization.excess import excess
from imprint.lenses.dejavu.memorization.two_model import Side
from imprint.lenses.dejavu.memorization.votes import ClassVotes


def knn(classes_guessed, confidence):
    return ClassVotes(np.array(classes_guessed)[:, None], np.array(confidence, dtype=float))


def population(random, count, memorized, forgotten):
    """Return a side whose images are memorized and forgotten with these chances."""
    kinds = random.choice(3, size=count, p=[memorized, forgotten, 1 - memorized - forgotten])
    rows, right = np.arange(count), np.zeros(count, dtype=int)
    target, reference = (knn(kinds != kind, np.zeros(count)) for kind in (0, 1))
    return Side("seen", rows, right, target, reference)


def test_excess_is_a_difference_of_gains_by_hand():
    random = np.random.default_rng(0)
    members, others = population(random, 200, 1.0, 0.0), population(random, 50, 0.0, 1.0)
    estimate = excess(members, others)
    assert (estimate.value, estimate.n) == (2.0, 250)
    assert estimate.ci95[0] < 1.96


@pytest.mark.parametrize("rates", [(0.25, 0.1, 0.12), (0.03, 0.01, 0.01)])
def test_intervals_of_excess_cover_and_are_never_of_no_width(rates):
    """Of 200 intervals at 95 %, 178 or fewer cover with a chance of 1 in 2,000."""
    memorized, forgotten, elsewhere = rates
    random, covered = np.random.default_rng(2), 0
    for seed in range(200):
        members = population(random, 120, memorized, forgotten)
        others = population(random, 60, elsewhere, forgotten)
        low, high = excess(members, others, seed=seed, draws=300).ci95
        assert low < high
        covered += low <= memorized - elsewhere <= high
    assert covered >= 179

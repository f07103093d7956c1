import numpy as np
import pytest

from imprint.lenses.dejavu.memorization.agreement import agreement, kappa
from imprint.lenses.dejavu.memorization.votes import ClassVotes


def votes(ranked, confidence):
    return ClassVotes(np.array(ranked), np.array(confidence, dtype=float))


def test_agreement_by_hand():
    labels = np.zeros(10, dtype=int)
    one = votes([[0]] * 5 + [[1]] * 5, np.zeros(10))
    other = votes([[0]] * 4 + [[2]] * 2 + [[0]] * 1 + [[1]] * 3, np.zeros(10))
    (pair,) = agreement({"one": one, "other": other}, labels)
    assert (pair.first, pair.second) == ("one", "other")
    assert pair.agreed.value == 0.8
    assert pair.both_right.value == 0.4
    assert pair.same_guess.value == 0.7
    assert pair.kappa.value == pytest.approx(0.6)


def test_kappa_is_zero_for_independent_and_one_for_equal_references():
    independent = np.array([[42, 28, 18, 12]])  # accuracies 0.3 and 0.4, as independence has it
    assert kappa(independent)[0] == pytest.approx(0)
    assert kappa(np.array([[7, 0, 0, 3]]))[0] == pytest.approx(1)


def test_agreement_on_every_image_is_not_certainty():
    labels = np.zeros(20, dtype=int)
    guesses = votes([[0]] * 10 + [[1]] * 10, np.zeros(20))
    (pair,) = agreement({"one": guesses, "other": guesses}, labels)
    low, high = pair.kappa.ci95
    assert pair.kappa.value == high == 1
    assert 0.6 < low < 0.9


def test_intervals_of_kappa_cover():
    """40 images, shares .5, .05, .05, .4 (κ = .798): of 300, fewer than 265 once in 1,000."""
    shares = np.array([0.5, 0.05, 0.05, 0.4])
    random, covered, truth = np.random.default_rng(1), 0, kappa(shares[None])[0]
    labels = np.zeros(40, dtype=int)
    for _ in range(300):
        kinds = random.choice(4, size=40, p=shares)
        one = votes((kinds < 2)[:, None].astype(int), np.zeros(40))
        other = votes((kinds % 2 == 0)[:, None].astype(int), np.zeros(40))
        (pair,) = agreement({"one": one, "other": other}, labels)
        low, high = pair.kappa.ci95
        covered += low <= truth <= high
    assert 265 <= covered <= 298


def test_kappa_is_missing_where_chance_explains_everything():
    labels = np.zeros(5, dtype=int)
    right = votes([[0]] * 5, np.zeros(5))
    (pair,) = agreement({"one": right, "other": right}, labels)
    assert "always right" in pair.kappa.missing

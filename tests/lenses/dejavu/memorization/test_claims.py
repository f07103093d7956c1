import numpy as np

from imprint.core.missing import Missing
from imprint.lenses.dejavu.memorization.claims import rank_claims, strength_of_memorized
from imprint.lenses.dejavu.memorization.one_model import collect_votes
from imprint.lenses.dejavu.memorization.two_model import CATEGORIES
from imprint.lenses.dejavu.memorization.votes import ClassVotes

CERTAIN = 1 - 3e-12


def guesses(classes_guessed, classes=4, certainty=0.7):
    """Distributions that guess given classes, all equally sure."""
    rows = np.full((len(classes_guessed), classes), (1 - certainty) / (classes - 1))
    rows[np.arange(len(rows)), classes_guessed] = certainty
    return np.log(rows)


def knn(classes_guessed, confidence):
    return ClassVotes(np.array(classes_guessed)[:, None], np.array(confidence, dtype=float))


LABELS = np.array([0, 1, 2, 3])
HAND = collect_votes(
    np.array([10, 11, 12, 13]),
    LABELS,
    knn([0, 1, 2, 0], [0.0, -0.1, -0.2, -0.3]),
    {"one": guesses([0, 0, 0, 0]), "other": guesses([0, 1, 1, 3])},
)


def test_claims_are_ranked_by_strength_and_excluded_ones_are_not_made():
    strong = rank_claims(HAND.side("one"))
    assert strong.tolist() == [-1, 0, 1, -1]
    without = rank_claims(HAND.side("one"), excluded=np.array([False, True, False, False]))
    assert without.tolist() == [-1, -1, 0, -1]


def test_equal_strengths_are_ranked_by_index():
    test = collect_votes(
        np.array([7, 3]), np.array([1, 1]), knn([1, 1], [0, 0]), {"g": guesses([0, 0])}
    )
    assert rank_claims(test.side("g")).tolist() == [1, 0]


def test_histograms_hold_every_memorized_image():
    found = strength_of_memorized(HAND.side("one"))
    assert found.n == 2
    assert len(found.published.counts) == 12
    assert sum(found.published.counts) == sum(found.bins.counts) == 2


def test_values_that_nearly_agree_are_given_no_more_bins_than_there_are(monkeypatch):
    near = np.array([1.0, 1 + 1e-9, 1 + 2e-9, 1 + 3e-9, 2.0])
    chosen = [0, 1, 2, 3, 4]
    monkeypatch.setattr(
        "imprint.lenses.dejavu.memorization.claims.memorization_strength", lambda side: near
    )
    table = np.zeros((5, len(CATEGORIES)), dtype=bool)
    table[chosen, CATEGORIES.index("memorized")] = True
    monkeypatch.setattr(
        "imprint.lenses.dejavu.memorization.claims.categories", lambda side, top: table
    )
    found = strength_of_memorized(HAND.side("one"))
    assert sum(found.bins.counts) == 5
    assert len(found.bins.counts) <= 12


def test_nothing_memorized_is_missing_not_zero():
    nothing = collect_votes(LABELS, LABELS, knn([1, 0, 0, 0], np.zeros(4)), {"g": guesses(LABELS)})
    assert strength_of_memorized(nothing.side("g")) == Missing("no image is memorized")

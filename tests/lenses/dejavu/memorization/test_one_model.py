import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import log_softmax

from imprint.core.errors import ImprintError
from imprint.lenses.dejavu.memorization.cross_fit import cross_fit, fold_of
from imprint.lenses.dejavu.memorization.one_model import (
    calibrated_references,
    correlated_by_class,
    excess,
    explained,
    judge,
    memorization,
    one_model,
    rank_claims,
)
from imprint.lenses.dejavu.memorization.references import combine
from imprint.lenses.dejavu.memorization.two_model import CATEGORIES, Side, memorization_strength
from imprint.lenses.dejavu.memorization.votes import Votes, vote

CERTAIN = 1 - 3e-12


def guesses(classes_guessed, classes=4, certainty=0.7):
    """Distributions that guess given classes, all equally sure."""
    rows = np.full((len(classes_guessed), classes), (1 - certainty) / (classes - 1))
    rows[np.arange(len(rows)), classes_guessed] = certainty
    return np.log(rows)


def knn(classes_guessed, confidence):
    return Votes(np.array(classes_guessed)[:, None], np.array(confidence, dtype=float))


LABELS = np.array([0, 1, 2, 3])
HAND = judge(
    np.array([10, 11, 12, 13]),
    LABELS,
    knn([0, 1, 2, 0], [0.0, -0.1, -0.2, -0.3]),
    {"one": guesses([0, 0, 0, 0]), "other": guesses([0, 1, 1, 3])},
)


def test_hand_checked_population():
    found = one_model(HAND, (100, 50), draws=10)
    one = found["against"]["one"]["test"]["100"]
    assert {name: one[name]["value"] for name in one} == {
        "score": 0.5,
        "paired_score": 0.5,
        "target_accuracy": 0.75,
        "reference_accuracy": 0.25,
        "memorized": 0.5,
        "forgotten": 0.0,
        "correlated": 0.25,
        "unassociated": 0.25,
    }
    assert found["best"] == "other"
    assert found["against"]["other"]["test"]["100"]["score"]["value"] == 0.0
    strict = found["against"]["strictest"]["test"]["100"]
    assert strict["memorized"]["value"] == 0.25
    assert strict["reference_accuracy"]["value"] == 0.75
    assert found["explained"]["value"] == 0.25


def test_strength_is_the_references_entropy_less_the_votes():
    entropy = -(0.7 * np.log(0.7) + 0.3 * np.log(0.1))
    np.testing.assert_allclose(
        memorization_strength(HAND.side("one")), entropy - np.array([0, 0.1, 0.2, 0.3])
    )


def test_strength_has_the_published_range():
    classes, k = 1000, 100
    disagreeing = vote(np.arange(k)[None], classes)
    agreeing = vote(np.zeros((1, k), dtype=int), classes)
    uniform = np.full((1, classes), -np.log(classes))
    sure = np.log(np.where(np.arange(classes) == 0, 1.0, 1e-300))[None]
    label = np.array([0])
    low = judge(label, label, disagreeing, {"g": sure}).side("g")
    high = judge(label, label, agreeing, {"g": uniform}).side("g")
    assert memorization_strength(low)[0] == pytest.approx(-4.605, abs=1e-3)
    assert memorization_strength(high)[0] == pytest.approx(6.908, abs=1e-3)


def test_claims_are_ranked_by_strength_and_excluded_ones_are_not_made():
    strong = rank_claims(HAND.side("one"))
    assert strong.tolist() == [-1, 0, 1, -1]
    without = rank_claims(HAND.side("one"), excluded=np.array([False, True, False, False]))
    assert without.tolist() == [-1, -1, 0, -1]


def test_equal_strengths_are_ranked_by_index():
    test = judge(np.array([7, 3]), np.array([1, 1]), knn([1, 1], [0, 0]), {"g": guesses([0, 0])})
    assert rank_claims(test.side("g")).tolist() == [1, 0]


def test_images_that_every_reference_gets_right_are_explained():
    assert explained(HAND).tolist() == [True, False, False, False]


def test_histograms_hold_every_memorized_image():
    found = memorization(HAND.side("one"))
    assert found["n"] == 2
    assert len(found["published"]["counts"]) == 12
    assert sum(found["published"]["counts"]) == sum(found["bins"]["counts"]) == 2


def test_values_that_nearly_agree_are_given_no_more_bins_than_there_are(monkeypatch):
    near = np.array([1.0, 1 + 1e-9, 1 + 2e-9, 1 + 3e-9, 2.0])
    chosen = [0, 1, 2, 3, 4]
    monkeypatch.setattr(
        "imprint.lenses.dejavu.memorization.one_model.memorization_strength", lambda side: near
    )
    table = np.zeros((5, len(CATEGORIES)), dtype=bool)
    table[chosen, CATEGORIES.index("memorized")] = True
    monkeypatch.setattr(
        "imprint.lenses.dejavu.memorization.one_model.categories", lambda side, top: table
    )
    found = memorization(HAND.side("one"))
    assert sum(found["bins"]["counts"]) == 5
    assert len(found["bins"]["counts"]) <= 12


def test_nothing_memorized_is_missing_not_zero():
    nothing = judge(LABELS, LABELS, knn([1, 0, 0, 0], np.zeros(4)), {"g": guesses(LABELS)})
    assert memorization(nothing.side("g")) == {"missing": "no image is memorized"}


def test_correlation_by_class():
    found = correlated_by_class(HAND, 5)
    assert found["one"][:4].tolist() == [1, 0, 0, 0]
    assert found["other"][:4].tolist() == [1, 1, 0, 0]
    assert np.isnan(found["one"][4])


def test_a_model_that_is_its_own_reference_memorizes_nothing():
    random = np.random.default_rng(0)
    labels = random.integers(0, 4, 80)
    rows = log_softmax(random.normal(size=(80, 4)), axis=1)
    votes = Votes(np.argsort(-rows, axis=1), (np.exp(rows) * rows).sum(axis=1))
    found = one_model(judge(np.arange(80), labels, votes, {"g": rows}), (100, 20), draws=50)
    for percent in ("100", "20"):
        one = found["against"]["g"]["test"][percent]
        assert one["score"]["value"] == one["memorized"]["value"] == one["forgotten"]["value"] == 0


def test_planted_memorization_is_found_entirely():
    random = np.random.default_rng(1)
    labels = random.integers(0, 100, 500)
    reference = log_softmax(random.normal(size=(500, 100)), axis=1)
    test = judge(np.arange(500), labels, knn(labels, np.zeros(500)), {"g": reference})
    score = one_model(test, (100,), draws=50)["against"]["g"]["test"]["100"]["score"]["value"]
    # The reference guesses: Binomial(500, 1/100) is above 20 with probability 1e-7.
    assert score > 0.96


def test_combined_is_there_when_there_are_several_and_names_are_kept():
    random = np.random.default_rng(2)
    labels = random.integers(0, 4, 60)
    rows = {
        name: log_softmax(random.normal(size=(60, 4)) + np.eye(4)[labels], axis=1)
        for name in ("one", "other")
    }
    found = calibrated_references(rows, labels)
    assert list(found) == ["one", "other", "combined"]
    assert list(calibrated_references({"one": rows["one"]}, labels)) == ["one"]
    with pytest.raises(ImprintError, match="cannot be called combined"):
        calibrated_references({"combined": rows["one"]}, labels)
    with pytest.raises(ImprintError, match="name at least one"):
        calibrated_references({}, labels)


def test_without_scaling_combined_is_made_of_references_as_they_come():
    random = np.random.default_rng(4)
    labels = random.integers(0, 4, 60)
    rows = {
        "sure": log_softmax(9 * random.normal(size=(60, 4)) + np.eye(4)[labels], axis=1),
        "other": log_softmax(random.normal(size=(60, 4)), axis=1),
    }
    found = calibrated_references(rows, labels, scaled=False)
    expected = combine(list(rows.values()))
    np.testing.assert_array_equal(found["combined"].log_probabilities, expected)
    np.testing.assert_array_equal(found["sure"].log_probabilities, rows["sure"])
    assert found["sure"].temperature > 2


def test_a_mixture_of_two_views_is_surer_of_what_both_say():
    random = np.random.default_rng(3)
    labels = random.integers(0, 4, 2000)
    views = {
        name: log_softmax(random.normal(size=(2000, 4)) + np.eye(4)[labels], axis=1)
        for name in ("one", "other")
    }
    found = calibrated_references(views, labels)
    assert found["combined"].loss_after < min(found[name].loss_after for name in views)


@given(st.integers(2, 5), st.integers(1, 3), st.integers(0, 50))
@settings(max_examples=20, deadline=None)
def test_no_crop_is_judged_by_a_reference_that_trained_on_it(folds, seeds, seed):
    random = np.random.default_rng(seed)
    judged = random.random(40) < 0.6
    labels = random.integers(0, 3, 40)
    told = {}

    def fit_and_predict(train, test, name, run_seed):
        assert not set(train) & set(test)
        assert set(np.flatnonzero(~judged)) <= set(train)
        assert len(train) + len(test) == 40
        told.setdefault(name, run_seed)
        return np.log(np.stack([1 + test, 100 - test], axis=1) / 101)

    found = cross_fit(fit_and_predict, judged, labels, folds, seeds, seed)
    rows = np.flatnonzero(judged)
    np.testing.assert_allclose(np.exp(found), np.stack([1 + rows, 100 - rows], axis=1) / 101)
    assert len(told) == len(set(told.values())) == folds * seeds


def test_seeds_average_probabilities():
    shares = iter([0.9, 0.1])

    def fit_and_predict(train, test, name, seed):
        share = next(shares)
        return np.log(np.tile([share, 1 - share], (len(test), 1)))

    found = cross_fit(fit_and_predict, np.array([True, False]), np.array([0, 0]), 1, 2, 0)
    np.testing.assert_allclose(np.exp(found), [[0.5, 0.5]])


def test_one_fold_trains_once_and_needs_others_to_train_on():
    judged = np.array([True, False, True])
    assert fold_of(judged, np.zeros(3, int), 1, 0).tolist() == [0, -1, 0]
    with pytest.raises(ImprintError, match="not attacked"):
        fold_of(np.ones(3, bool), np.zeros(3, int), 1, 0)
    with pytest.raises(ImprintError, match="--folds is 0"):
        fold_of(judged, np.zeros(3, int), 0, 0)


def population(random, count, memorized, forgotten):
    """Return a side whose images are memorized and forgotten with these chances."""
    kinds = random.choice(3, size=count, p=[memorized, forgotten, 1 - memorized - forgotten])
    rows, right = np.arange(count), np.zeros(count, dtype=int)
    target, reference = (knn(kinds != kind, np.zeros(count)) for kind in (0, 1))
    return Side("seen", rows, right, target, reference)


def test_excess_is_a_difference_of_gains_by_hand():
    random = np.random.default_rng(0)
    seen, unseen = population(random, 200, 1.0, 0.0), population(random, 50, 0.0, 1.0)
    estimate = excess(seen, unseen)
    assert (estimate.value, estimate.n) == (2.0, 250)
    assert estimate.ci95[0] < 1.96


@pytest.mark.parametrize("rates", [(0.25, 0.1, 0.12), (0.03, 0.01, 0.01)])
def test_intervals_of_excess_cover_and_are_never_of_no_width(rates):
    """Of 200 intervals at 95 %, 178 or fewer cover with a chance of 1 in 2,000."""
    memorized, forgotten, elsewhere = rates
    random, covered = np.random.default_rng(2), 0
    for seed in range(200):
        seen = population(random, 120, memorized, forgotten)
        unseen = population(random, 60, elsewhere, forgotten)
        low, high = excess(seen, unseen, seed=seed, draws=300).ci95
        assert low < high
        covered += low <= memorized - elsewhere <= high
    assert covered >= 179

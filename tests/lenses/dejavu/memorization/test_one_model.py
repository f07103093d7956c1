import numpy as np
import pytest
from scipy.special import log_softmax

from imprint.core.errors import ImprintError
from imprint.core.missing import Missing
from imprint.lenses.dejavu.memorization.one_model import (
    AttackedCrops,
    calibrated_references,
    collect_votes,
    correlated_by_class,
    explained,
    one_model,
)
from imprint.lenses.dejavu.memorization.references import combine
from imprint.lenses.dejavu.memorization.two_model import QUANTITIES, memorization_strength
from imprint.lenses.dejavu.memorization.votes import ClassVotes, vote


def guesses(classes_guessed, classes=4, certainty=0.7):
    """Distributions that guess given classes, all equally sure."""
    rows = np.full((len(classes_guessed), classes), (1 - certainty) / (classes - 1))
    rows[np.arange(len(rows)), classes_guessed] = certainty
    return np.log(rows)


def knn(classes_guessed, confidence):
    return ClassVotes(np.array(classes_guessed)[:, None], np.array(confidence, dtype=float))


def run(votes, references, confidences, members=None, **changes):
    """Return the findings of a test without calibration."""
    labels = votes.labels
    members = np.ones(len(labels), dtype=bool) if members is None else members
    classes = next(iter(references.values())).shape[1]
    crops = AttackedCrops(votes.index, labels, members, votes.model, references, classes)
    return one_model(crops, confidences, calibrated=False, **changes).findings


LABELS = np.array([0, 1, 2, 3])
HAND_REFERENCES = {"one": guesses([0, 0, 0, 0]), "other": guesses([0, 1, 1, 3])}
HAND = collect_votes(
    np.array([10, 11, 12, 13]),
    LABELS,
    knn([0, 1, 2, 0], [0.0, -0.1, -0.2, -0.3]),
    HAND_REFERENCES,
)


def test_hand_checked_population():
    findings = run(HAND, HAND_REFERENCES, (100, 50), draws=10)
    one = findings.against["one"].test["100"]
    assert {name: getattr(one, name).value for name in QUANTITIES} == {
        "score": 0.5,
        "paired_score": 0.5,
        "target_accuracy": 0.75,
        "reference_accuracy": 0.25,
        "memorized": 0.5,
        "forgotten": 0.0,
        "correlated": 0.25,
        "unassociated": 0.25,
    }
    assert findings.best == "other"
    assert findings.against["other"].test["100"].score.value == 0.0
    strict = findings.against["strictest"].test["100"]
    assert strict.memorized.value == 0.25
    assert strict.reference_accuracy.value == 0.75
    assert findings.explained.value == 0.25
    assert findings.claims.claimed == 1
    assert isinstance(findings.non_members, Missing)


def test_non_members_are_tested_apart():
    members = np.array([True, True, False, False])
    findings = run(HAND, HAND_REFERENCES, (100,), members, draws=10)
    assert findings.against["one"].test["100"].score.value == 0.5
    beyond = findings.non_members.against["one"]
    assert beyond.test["100"].score.value == 0.5
    assert beyond.excess.value == 0.0
    assert findings.non_members.claimed_by_chance.value == 0.5


def test_references_of_other_crops_are_refused():
    with pytest.raises(ImprintError, match=r"reference one has shape \[3, 4\], expected \[4, 4\]"):
        run(HAND, {"one": guesses([0, 0, 0])}, (100,))


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
    low = collect_votes(label, label, disagreeing, {"g": sure}).side("g")
    high = collect_votes(label, label, agreeing, {"g": uniform}).side("g")
    assert memorization_strength(low)[0] == pytest.approx(-4.605, abs=1e-3)
    assert memorization_strength(high)[0] == pytest.approx(6.908, abs=1e-3)


def test_images_that_every_reference_gets_right_are_explained():
    assert explained(HAND).tolist() == [True, False, False, False]


def test_correlation_by_class():
    found = correlated_by_class(HAND, 5)
    assert found["one"][:4].tolist() == [1, 0, 0, 0]
    assert found["other"][:4].tolist() == [1, 1, 0, 0]
    assert np.isnan(found["one"][4])


def test_a_model_as_its_own_reference_scores_zero():
    random = np.random.default_rng(0)
    labels = random.integers(0, 4, 80)
    rows = log_softmax(random.normal(size=(80, 4)), axis=1)
    votes = ClassVotes(np.argsort(-rows, axis=1), (np.exp(rows) * rows).sum(axis=1))
    test = collect_votes(np.arange(80), labels, votes, {"g": rows})
    findings = run(test, {"g": rows}, (100, 20), draws=50)
    for percent in ("100", "20"):
        estimates = findings.against["g"].test[percent]
        assert estimates.score.value == estimates.memorized.value == 0
        assert estimates.forgotten.value == 0


def test_planted_memorization_is_found_entirely():
    random = np.random.default_rng(1)
    labels = random.integers(0, 100, 500)
    reference = log_softmax(random.normal(size=(500, 100)), axis=1)
    test = collect_votes(np.arange(500), labels, knn(labels, np.zeros(500)), {"g": reference})
    score = run(test, {"g": reference}, (100,), draws=50).against["g"].test["100"].score.value
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


def test_combined_has_a_smaller_loss_than_its_references():
    random = np.random.default_rng(3)
    labels = random.integers(0, 4, 2000)
    views = {
        name: log_softmax(random.normal(size=(2000, 4)) + np.eye(4)[labels], axis=1)
        for name in ("one", "other")
    }
    found = calibrated_references(views, labels)
    assert found["combined"].loss_after < min(found[name].loss_after for name in views)

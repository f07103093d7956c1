import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import log_softmax

from imprint.core.errors import ImprintError
from imprint.lenses.dejavu.memorization.agreement import agreement, kappa
from imprint.lenses.dejavu.memorization.calibration import calibrate, mean_loss
from imprint.lenses.dejavu.memorization.references import (
    combine,
    log_probabilities,
    reference_votes,
    strictest,
)
from imprint.lenses.dejavu.memorization.votes import Votes
from imprint.stats import entropy


def random_rows(seed, n=50, classes=4, sharpness=2.0):
    random = np.random.default_rng(seed)
    return log_softmax(sharpness * random.normal(size=(n, classes)), axis=1)


@given(st.integers(0, 1000))
@settings(max_examples=20, deadline=None)
def test_confidence_is_minus_the_entropy(seed):
    rows = random_rows(seed)
    votes = reference_votes(rows, top=3)
    np.testing.assert_allclose(votes.confidence, -entropy(np.exp(rows)), atol=1e-12)
    assert (votes.ranked[:, 0] == rows.argmax(axis=1)).all()


def test_equal_probabilities_rank_the_lower_class_first():
    assert reference_votes(np.log([[0.2, 0.4, 0.4]]), 3).ranked.tolist() == [[1, 2, 0]]


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([0.5, 0.5], "at least two classes"),
        ([[1.0]], "at least two classes"),
        ([[1.5, -0.5]], "negative or not finite"),
        ([[np.nan, 1.0]], "negative or not finite"),
        ([[0.5, 0.5], [0.5, 0.6]], r"row 1 sum to 1\.1"),
    ],
)
def test_what_is_no_distribution_is_refused(rows, message):
    with pytest.raises(ImprintError, match=message):
        log_probabilities(rows)


def test_a_probability_of_zero_is_taken_for_the_least():
    rows = log_probabilities([[1.0, 0.0]])
    assert rows[0, 1] == pytest.approx(np.log(1e-12))


def test_the_mean_of_one_reference_twice_is_itself():
    rows = random_rows(0)
    np.testing.assert_allclose(combine([rows, rows]), rows, atol=1e-12)


def votes(ranked, confidence):
    return Votes(np.array(ranked), np.array(confidence, dtype=float))


def test_the_strictest_takes_the_reference_that_is_right():
    labels = np.array([0, 0, 0, 0])
    one = votes([[0, 1], [1, 0], [1, 2], [0, 1]], [-0.9, -0.1, -0.5, -0.7])
    other = votes([[1, 0], [1, 2], [2, 1], [0, 2]], [-0.1, -0.2, -0.3, -0.2])
    found = strictest([one, other], labels)
    assert found.ranked.tolist() == [[0, 1], [1, 0], [2, 1], [0, 2]]
    assert found.confidence.tolist() == [-0.1, -0.1, -0.3, -0.2]


@given(st.integers(0, 500), st.sampled_from([1, 2, 3]))
@settings(max_examples=20, deadline=None)
def test_the_strictest_is_right_where_any_is_at_every_depth(seed, top):
    labels = np.random.default_rng(seed).integers(0, 4, 50)
    each = [reference_votes(random_rows(3 * seed + part), 3) for part in range(3)]
    expected = np.any([one.hits(labels, top) for one in each], axis=0)
    assert (strictest(each, labels).hits(labels, top) == expected).all()


@pytest.mark.parametrize("temperature", [0.4, 1.0, 3.0])
def test_the_temperature_that_was_planted_is_found(temperature):
    random = np.random.default_rng(0)
    truth = random_rows(1, n=20_000)
    draws = random.random((len(truth), 1))
    labels = (np.exp(truth).cumsum(axis=1) < draws).sum(axis=1).clip(max=3)
    found = calibrate(log_softmax(truth * temperature, axis=1), labels)
    # 20,000 labels tell T to some 2 %; six standard errors.
    assert found.temperature == pytest.approx(temperature, rel=0.1)
    np.testing.assert_allclose(
        found.log_probabilities, log_softmax(truth * temperature / found.temperature, axis=1)
    )


@given(st.integers(0, 1000))
@settings(max_examples=20, deadline=None)
def test_no_other_temperature_has_a_smaller_loss(seed):
    rows = random_rows(seed)
    labels = np.random.default_rng(seed + 1).integers(0, 4, len(rows))
    found = calibrate(rows, labels)
    assert found.loss_after <= found.loss_before + 1e-9
    for factor in (0.9, 1.1):
        # Guesses that are worse than none want an endless temperature; 1,000 is the most there is.
        temperature = min(found.temperature * factor, 1000)
        assert mean_loss(rows, labels, temperature) >= found.loss_after - 1e-6


def test_a_reference_at_chance_becomes_all_but_uniform():
    labels = np.random.default_rng(5).integers(0, 4, 4000)
    found = calibrate(random_rows(4, n=4000, sharpness=5), labels)
    uncertainty = -reference_votes(found.log_probabilities).confidence
    assert uncertainty.min() > 0.95 * np.log(4)


def test_labels_that_do_not_fit_are_refused():
    with pytest.raises(ImprintError, match="as many labels"):
        calibrate(random_rows(0, n=3), np.array([0, 1]))
    with pytest.raises(ImprintError, match="knows 4 classes"):
        calibrate(random_rows(0, n=2), np.array([0, 4]))


def test_agreement_by_hand():
    labels = np.zeros(10, dtype=int)
    one = votes([[0]] * 5 + [[1]] * 5, np.zeros(10))
    other = votes([[0]] * 4 + [[2]] * 2 + [[0]] * 1 + [[1]] * 3, np.zeros(10))
    (found,) = agreement({"one": one, "other": other}, labels)
    assert (found["first"], found["second"]) == ("one", "other")
    assert found["agreed"]["value"] == 0.8
    assert found["both_right"]["value"] == 0.4
    assert found["same_guess"]["value"] == 0.7
    assert found["kappa"]["value"] == pytest.approx(0.6)


def test_kappa_of_independent_references_is_nothing_and_of_equal_ones_is_one():
    independent = np.array([[42, 28, 18, 12]])  # accuracies 0.3 and 0.4, as independence has it
    assert kappa(independent)[0] == pytest.approx(0)
    assert kappa(np.array([[7, 0, 0, 3]]))[0] == pytest.approx(1)


def test_agreement_on_every_image_is_not_certainty():
    labels = np.zeros(20, dtype=int)
    guesses = votes([[0]] * 10 + [[1]] * 10, np.zeros(20))
    (found,) = agreement({"one": guesses, "other": guesses}, labels)
    low, high = found["kappa"]["ci95"]
    assert found["kappa"]["value"] == high == 1
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
        (found,) = agreement({"one": one, "other": other}, labels)
        low, high = found["kappa"]["ci95"]
        covered += low <= truth <= high
    assert 265 <= covered <= 298


def test_kappa_is_missing_where_chance_explains_everything():
    labels = np.zeros(5, dtype=int)
    right = votes([[0]] * 5, np.zeros(5))
    (found,) = agreement({"one": right, "other": right}, labels)
    assert "always right" in found["kappa"]["missing"]

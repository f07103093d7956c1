import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import log_softmax

from imprint.core.errors import ImprintError
from imprint.lenses.dejavu.memorization.references import (
    combine,
    log_probabilities,
    reference_votes,
    strictest,
)
from imprint.lenses.dejavu.memorization.votes import ClassVotes
from imprint.stats.entropy import entropy


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
def test_rows_that_are_no_distribution_are_refused(rows, message):
    with pytest.raises(ImprintError, match=message):
        log_probabilities(rows)


def test_a_probability_of_zero_is_taken_for_the_least():
    rows = log_probabilities([[1.0, 0.0]])
    assert rows[0, 1] == pytest.approx(np.log(1e-12))


def test_the_mean_of_one_reference_twice_is_itself():
    rows = random_rows(0)
    np.testing.assert_allclose(combine([rows, rows]), rows, atol=1e-12)


def votes(ranked, confidence):
    return ClassVotes(np.array(ranked), np.array(confidence, dtype=float))


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

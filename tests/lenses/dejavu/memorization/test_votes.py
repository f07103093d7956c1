import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from imprint.core.errors import ImprintError
from imprint.lenses.dejavu.memorization.votes import logit_votes, vote


def slow_vote(labels, top):
    """One row at a time, in words: most votes first, then the nearer neighbour."""
    counts = {label: list(labels).count(label) for label in labels}
    order = sorted(counts, key=lambda label: (-counts[label], list(labels).index(label)))
    shares = np.array(list(counts.values())) / len(labels)
    return (order + [-1] * top)[:top], float((shares * np.log(shares)).sum())


def test_hand_checked_votes():
    found = vote(np.array([[2, 1, 1, 0], [3, 3, 3, 3], [0, 1, 0, 1]]), classes=4, top=3)
    assert found.ranked.tolist() == [[1, 2, 0], [3, -1, -1], [0, 1, -1]]
    expected = [-(0.5 * np.log(2) + 2 * 0.25 * np.log(4)), 0, -np.log(2)]
    assert np.allclose(found.confidence, expected, atol=1e-15)


@given(
    arrays(np.int64, st.tuples(st.integers(1, 8), st.integers(1, 12)), elements=st.integers(0, 5))
)
@settings(max_examples=80, deadline=None)
def test_votes_equal_the_slow_form(labels):
    found = vote(labels, classes=6, top=4)
    for row, row_labels in enumerate(labels.tolist()):
        ranked, confidence = slow_vote(row_labels, 4)
        assert found.ranked[row].tolist() == ranked
        assert found.confidence[row] == pytest.approx(confidence, abs=1e-12)


@given(st.permutations([0, 0, 0, 1, 1, 2, 3, 3]))
@settings(max_examples=20, deadline=None)
def test_equal_votes_have_equal_entropy_to_the_bit(labels):
    reference = vote(np.array([[3, 3, 3, 2, 2, 1, 0, 0]]), classes=5).confidence
    assert vote(np.array([labels]), classes=5).confidence == reference


def test_a_class_without_votes_is_never_a_hit():
    found = vote(np.array([[7, 7, 7]]), classes=10, top=5)
    hits = [bool(found.hits(np.array([label]), top=5)[0]) for label in range(10)]
    assert hits == [label == 7 for label in range(10)]


def test_labels_outside_the_classes_are_refused():
    with pytest.raises(ImprintError, match=r"must lie in 0…2"):
        vote(np.array([[0, 3]]), classes=3)


def test_a_classifier_guesses_by_its_largest_logit():
    found = logit_votes(np.array([[0.5, 2.0, -1.0], [3.0, 3.0, 1.0]], dtype=np.float32), top=2)
    assert found.ranked.tolist() == [[1, 0], [0, 1]]
    assert found.confidence.tolist() == [2.0, 3.0]


@pytest.mark.parametrize("top", [0, -1, 4])
def test_more_classes_than_were_ranked_are_refused(top):
    with pytest.raises(ImprintError, match=r"top is -?\d: it must lie in 1…3"):
        vote(np.array([[0, 1, 2]]), classes=3).hits(np.array([0]), top)

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from imprint.lenses.membership.cohort.agreement import (
    MAX_SETS,
    agreement,
    all_top_sets,
    group_equal_sets,
    intersections,
    mean_overlaps,
    overlaps,
    top_sets,
    top_size,
)


def test_ties_at_the_edge_are_all_in_the_top():
    score = np.concatenate([np.ones(30), np.zeros(70)])
    tops = top_sets({"flat": score, "steep": np.arange(100.0)})
    assert tops.sum(axis=1).tolist() == [30, 10]
    assert top_size(5000) == 50
    assert top_size(4) == 4


def test_overlap_is_the_share_of_the_smaller_set():
    tops = np.array([[1, 1, 1, 0, 0], [1, 0, 0, 0, 1], [0, 0, 0, 1, 0]], dtype=bool)
    assert overlaps(tops).tolist() == [[1, 0.5, 0], [0.5, 1, 0], [0, 0, 1]]


def test_a_record_counts_in_the_one_intersection_of_all_its_sets():
    tops = np.array(
        [[1, 1, 1, 1, 0, 0, 0, 0, 0], [1, 1, 1, 0, 1, 0, 0, 0, 0], [1, 0, 0, 0, 0, 1, 0, 0, 0]],
        dtype=bool,
    )
    assert intersections(tops) == [
        ((False, False, False), 3),
        ((True, True, False), 2),
        ((True, True, True), 1),
        ((True, False, False), 1),
        ((False, True, False), 1),
        ((False, False, True), 1),
    ]


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 10_000), sets=st.integers(1, 7), records=st.integers(1, 60))
def test_intersections_are_exclusive_and_hold_every_record(seed, sets, records):
    random = np.random.default_rng(seed)
    tops = random.random((sets, records)) < random.random()
    found = intersections(tops)
    assert sum(number for _, number in found) == records
    patterns = [pattern for pattern, _ in found]
    assert len(set(patterns)) == len(patterns)
    columns = [tuple(column) for column in tops.T.tolist()]
    assert dict(found) == {pattern: columns.count(pattern) for pattern in columns}
    for row in range(sets):
        assert sum(number for pattern, number in found if pattern[row]) == tops[row].sum()
    numbers = [number for _, number in found]
    assert numbers == sorted(numbers, reverse=True)
    assert sorted(intersections(tops[:, ::-1])) == sorted(found)


def test_the_most_sets_are_still_told_apart_and_more_are_refused():
    tops = np.eye(62, 64, dtype=bool)
    assert intersections(tops)[0] == ((False,) * 62, 2)
    assert [pattern.index(True) for pattern, _ in intersections(tops)[1:]] == list(range(62))
    with pytest.raises(ValueError, match="63 sets"):
        intersections(np.eye(63, dtype=bool))


def test_attacks_that_suspect_the_same_are_one():
    tops = np.eye(8, 20, dtype=bool)
    tops[2] = tops[0]
    names = list("abcdefgh")
    assert group_equal_sets(tops) == [[0, 2], [1], [3], [4], [5], [6], [7]]
    found = agreement(names, tops)
    assert found.attacks == (("a", "c"), ("b",), ("d",), ("e",), ("f",))
    assert found.others == 2
    assert found.intersections[0] == ((False,) * MAX_SETS, 15)
    # The two left out hold a record each, which is then in no set.
    assert [number for _, number in found.intersections[1:]] == [1] * MAX_SETS


def test_counts_over_targets_are_means():
    first = np.array([[1, 1, 0, 0], [1, 0, 0, 0]], dtype=bool)
    second = np.array([[1, 0, 0, 0], [1, 0, 0, 0]], dtype=bool)
    found = agreement(["a", "b"], np.concatenate([first, second], axis=1), targets=2)
    assert found.attacks == (("a",), ("b",))
    assert found.intersections == [((False, False), 2.5), ((True, True), 1), ((True, False), 0.5)]


def test_overlaps_average_over_targets():
    random = np.random.default_rng(2)
    one = random.normal(size=(2, 3000))
    found = mean_overlaps({"a": one, "b": np.stack([one[0], -one[1]])})
    np.testing.assert_allclose(found, [[1.0, 0.5], [0.5, 1.0]])


def test_top_sets_of_targets_stand_one_after_the_other():
    random = np.random.default_rng(2)
    scores = {name: random.integers(0, 9, size=(3, 40)).astype(float) for name in "ab"}
    tops = all_top_sets(scores)
    assert tops.shape == (2, 120)
    for row in range(3):
        one = top_sets({name: values[row] for name, values in scores.items()})
        assert (tops[:, 40 * row : 40 * (row + 1)] == one).all()

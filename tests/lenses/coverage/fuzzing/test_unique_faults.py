from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from imprint.lenses.coverage.fuzzing.unique_faults import UniqueFaults, common_distance


def test_faults_of_other_classes_or_far_away_are_unique() -> None:
    faults = UniqueFaults(1.0, 1)
    pairs = np.array([[0, 1], [0, 1], [0, 2], [0, 1], [0, 1]])
    features = np.array([[0.0], [0.9], [0.0], [5.0], [1.8]], dtype=np.float32)
    numbers, new = faults.assign(pairs, features)
    # The last is near the second, which is no unique fault itself.
    assert numbers.tolist() == [0, 0, 1, 2, 3]
    assert new.tolist() == [0, 2, 3, 4]
    again, none = faults.assign(pairs[:2], features[:2] + 0.05)
    assert again.tolist() == [0, 0]
    assert none.tolist() == []
    assert len(faults) == 4


@given(
    st.lists(
        st.tuples(st.integers(0, 1), st.integers(0, 1), st.integers(0, 9)), min_size=1, max_size=25
    ),
    st.integers(1, 5),
)
def test_portions_do_not_matter(points: list[tuple[int, int, int]], portion: int) -> None:
    pairs = np.array([point[:2] for point in points])
    features = np.array([[point[2]] for point in points], dtype=np.float32)
    whole, parts = UniqueFaults(2.0, 1), UniqueFaults(2.0, 1)
    expected, _ = whole.assign(pairs, features)
    numbers = [
        parts.assign(pairs[start : start + portion], features[start : start + portion])[0]
        for start in range(0, len(pairs), portion)
    ]
    assert sorted(np.concatenate(numbers).tolist()) == sorted(expected.tolist())
    assert len(parts) == len(whole) == len(set(expected.tolist()))
    leaders: list[tuple[int, int, int]] = []
    for point in points:
        if not any(old[:2] == point[:2] and abs(old[2] - point[2]) <= 2 for old in leaders):
            leaders.append(point)
    assert len(whole) == len(leaders)


@given(
    st.lists(
        st.tuples(st.integers(0, 1), st.integers(0, 1), st.integers(0, 6), st.integers(0, 6)),
        min_size=1,
        max_size=20,
    )
)
def test_each_fault_belongs_to_the_first_of_its_pair_within_the_radius(
    points: list[tuple[int, int, int, int]],
) -> None:
    """One after another: the first kind of the same two classes no further away than √5."""
    kinds: list[tuple[int, int, int, int]] = []
    expected = []
    for a, b, x, y in points:
        near = [
            number
            for number, (c, d, u, v) in enumerate(kinds)
            if (a, b) == (c, d) and (x - u) ** 2 + (y - v) ** 2 <= 5
        ]
        if not near:
            near = [len(kinds)]
            kinds.append((a, b, x, y))
        expected.append(near[0])
    faults = UniqueFaults(5.0001**0.5, 2)
    pairs = np.array([point[:2] for point in points])
    numbers, new = faults.assign(pairs, np.array([point[2:] for point in points], np.float32))
    assert numbers.tolist() == expected
    assert new.tolist() == [expected.index(number) for number in range(len(kinds))]


def test_the_common_distance_is_that_within_classes() -> None:
    features = np.array([[0.0], [1.0], [10.0], [13.0], [50.0]], dtype=np.float32)
    assert common_distance(features, np.array([0, 0, 1, 1, 2])) == 2.0
    assert common_distance(features[:3], np.arange(3)) == 9.0
    assert common_distance(features[:1], np.arange(1)) == 0.0

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from imprint.core.errors import ImprintError
from imprint.lenses.dejavu.memorization.depths import (
    NeighbourChoice,
    member_gap,
    neighbour_hits,
    own_neighbour_hits,
    probe_hits,
    without_own,
)

CPU = "cpu"


def test_accuracies_and_their_gap_are_counted():
    gap = member_gap(np.array([True, True, False, True]), np.array([False, True]))
    assert (gap.members.value, gap.non_members.value, gap.gap.value) == (0.75, 0.5, 0.25)
    assert (gap.members.n, gap.non_members.n, gap.gap.n) == (4, 2, 6)
    assert gap.gap.low < 0 < gap.gap.high


@given(st.integers(2, 12), st.integers(1, 4), st.integers(0, 1000))
def test_own_neighbours_are_those_of_brute_force_without_the_row(count, k, seed):
    if k >= count:
        return
    random = np.random.default_rng(seed)
    # Few values, so that rows are often equal.
    rows = random.integers(0, 3, size=(count, 2)).astype(np.float32)
    labels = random.integers(0, 3, count)
    right = own_neighbour_hits(rows, labels, 3, NeighbourChoice(k, device=CPU))
    for row in range(count):
        others = np.delete(np.arange(count), row)
        alone = neighbour_hits(
            rows[[row]],
            labels[[row]],
            rows[others],
            labels[others],
            3,
            NeighbourChoice(k, device=CPU),
        )
        distances = ((rows[others] - rows[row]) ** 2).sum(axis=1)
        ties = len(np.unique(distances)) < len(distances)
        assert right[row] == alone[0] or ties


def test_a_row_that_is_not_its_own_neighbour_loses_the_farthest():
    np.testing.assert_array_equal(without_own(np.array([[1, 2, 3]])), [[1, 2]])


def test_as_many_neighbours_as_members_are_refused():
    with pytest.raises(ImprintError, match="each of 3 members has 2 others: choose a smaller k"):
        own_neighbour_hits(np.eye(3, dtype=np.float32), np.arange(3), 3, NeighbourChoice(3))


def test_a_probe_is_right_by_its_largest_logit_and_among_its_five_largest():
    weight, bias = np.eye(7)[:, :6], np.array([0.0] * 6 + [0.5])
    rows = np.array([[1, 0.9, 0.8, 0.7, 0.6, 0.1]] * 3, dtype=np.float32)
    first, among = probe_hits(weight, bias, rows, np.array([0, 4, 5]))
    assert first.tolist() == [True, False, False]
    assert among.tolist() == [True, True, False]

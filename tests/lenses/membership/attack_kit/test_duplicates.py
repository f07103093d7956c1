import numpy as np

from imprint.lenses.membership.attack_kit.duplicates import (
    count_tied_rows,
    first_of_copies,
    group_rows,
)


def test_records_listed_ten_times_are_copies_of_the_first():
    random = np.random.default_rng(0)
    signals, members = random.normal(size=(2, 50)), random.random((1, 50)) < 0.5
    first = first_of_copies(np.tile(signals, 10), np.tile(members, 10))
    assert first.tolist() == list(range(50)) * 10


def test_equal_rows_that_differ_in_membership_are_no_copies():
    signals = np.array([[1.0, 1.0, 2.0, 2.0, 3.0]])
    members = np.array([[True, False, True, False, True]])
    assert first_of_copies(signals, members).tolist() == [0, 1, 2, 3, 4]


def test_rounded_scores_are_ties():
    random = np.random.default_rng(1)
    signals = random.normal(size=(1, 4000)).round(1)
    members = random.random((1, 4000)) < 0.5
    assert first_of_copies(signals, members).tolist() == list(range(4000))


def test_a_few_equal_rows_that_all_agree_are_counted_once_without_a_test():
    signals = np.concatenate([np.arange(500.0), [7.0]])[None]
    members = (np.arange(501) % 2 == 1)[None]
    members[0, 500] = True
    assert first_of_copies(signals, members)[500] == 7
    assert first_of_copies(signals, members, few=0.0)[500] == 500


def test_negative_zero_ties_with_zero():
    assert count_tied_rows(group_rows(np.array([[0.0, -0.0, 1.0], [2.0, 2.0, 2.0]]))) == 2


def test_groups_are_those_of_whole_rows() -> None:
    random = np.random.default_rng(0)
    for values, rows in ((2, 3), (3, 5), (50, 2), (1, 4)):
        columns = random.integers(0, values, (rows, 200)).astype(float)
        expected = np.unique(columns, axis=1, return_inverse=True)[1].ravel()
        group = group_rows(iter(columns))
        pairs = np.unique(np.stack([group, expected]), axis=1)
        assert pairs.shape[1] == len(np.unique(group)) == len(np.unique(expected))

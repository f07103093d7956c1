import pytest

from imprint.membership import bavaria_n

MEMBERS = [[0], [0], [1], [1]]
SIGNALS = [[-1.0], [1.0], [2.0], [4.0]]


def test_one_record_by_hand():
    # Both variances (1 + ½ · 2) / (2 − 1) = 2, means 0 and 3: (3 − 0)² / (2 · 2).
    score = bavaria_n([3.0], signals=SIGNALS, members=MEMBERS)
    assert score.tolist() == pytest.approx([2.25])


def test_offline_takes_the_prior_for_in():
    # IN is N(3, 1): 2.25 + ½ log 2.
    score = bavaria_n([3.0], signals=SIGNALS, members=MEMBERS, offline=True)
    assert score.tolist() == pytest.approx([2.5966], abs=5e-5)

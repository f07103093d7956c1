import numpy as np
import pytest

from imprint.errors import ImprintError
from imprint.membership.exposure import exposure, overlaps, top_sets, top_size


def test_members_stand_in_the_order_of_the_rate_that_calls_them():
    members = np.array([1, 1, 1, 0, 0, 0, 0], dtype=bool)
    score = np.array([2.0, 9.0, 2.0, 1.0, 2.0, 3.0, 0.0])
    found = exposure({"loss": score}, members, "loss")
    assert found.fpr.tolist() == [0.5, 0.0, 0.5, 0.75, 0.5, 0.25, 1.0]
    assert found.order.tolist() == [1, 0, 2]


def test_agreement_breaks_ties_of_the_rate():
    members = np.arange(40) < 20
    first = np.where(members, 1.0, 0.0)
    second = np.where(np.arange(40) == 7, 5.0, np.linspace(0, 1, 40) - members)
    found = exposure({"a": first, "b": second}, members, "a")
    assert found.order[0] == 7
    assert found.agreement[7] == 2
    assert (found.fpr[members] == 0).all()


def test_ties_at_the_edge_are_all_in_the_top():
    score = np.concatenate([np.ones(30), np.zeros(70)])
    tops = top_sets({"flat": score, "steep": np.arange(100.0)})
    assert tops.sum(axis=1).tolist() == [30, 10]
    assert top_size(5000) == 50
    assert top_size(4) == 4


def test_overlap_is_the_share_of_the_smaller_set():
    tops = np.array([[1, 1, 1, 0, 0], [1, 0, 0, 0, 1], [0, 0, 0, 1, 0]], dtype=bool)
    assert overlaps(tops).tolist() == [[1, 0.5, 0], [0.5, 1, 0], [0, 0, 1]]


def test_unknown_attacks_are_told():
    with pytest.raises(ImprintError, match="no scores of 'lira': choose one of loss"):
        exposure({"loss": np.zeros(8)}, np.arange(8) < 4, "lira")

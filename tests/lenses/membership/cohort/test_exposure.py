import numpy as np
import pytest

from imprint.core.errors import ImprintError
from imprint.lenses.membership.cohort.exposure import (
    called,
    exposure,
    mean_over_members,
    times_detected,
)


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


def test_unknown_attacks_are_told():
    with pytest.raises(ImprintError, match="no scores of 'lira': choose one of loss"):
        exposure({"loss": np.zeros(8)}, np.arange(8) < 4, "lira")


def test_a_record_is_found_where_it_beats_the_non_members():
    scores = np.array([[5.0, 3.0, 4.0, 1.0], [2.0, 2.0, 1.0, 0.0]])
    members = np.array([[True, True, False, False], [True, False, True, False]])
    assert called(scores, members, 0.0).tolist() == [
        [True, False, False, False],
        [False, False, False, False],  # the member ties with a non-member
    ]
    assert called(scores, members, 0.5)[0].tolist() == [True, True, True, False]
    assert times_detected(scores, members, 0.0).tolist() == [1, 0, 0, 0]


def test_means_are_over_the_models_that_saw_the_record():
    values = np.array([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]])
    members = np.array([[True, False], [True, False], [False, False]])
    found = mean_over_members(values, members)
    assert found[0] == 2.0
    assert np.isnan(found[1])

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from imprint.lenses.membership.cohort.cohort_exposure import (
    all_top_sets,
    called,
    mean_curve,
    mean_over_members,
    mean_overlaps,
    times_found,
)
from imprint.lenses.membership.cohort.exposure import top_sets
from imprint.stats import roc, tpr_at_fpr


def test_a_record_is_found_where_it_beats_the_non_members():
    scores = np.array([[5.0, 3.0, 4.0, 1.0], [2.0, 2.0, 1.0, 0.0]])
    members = np.array([[True, True, False, False], [True, False, True, False]])
    assert called(scores, members, 0.0).tolist() == [
        [True, False, False, False],
        [False, False, False, False],  # the member ties with a non-member
    ]
    assert called(scores, members, 0.5)[0].tolist() == [True, True, True, False]
    assert times_found(scores, members, 0.0).tolist() == [1, 0, 0, 0]


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 10_000), rates=st.lists(st.floats(0, 1), min_size=1, max_size=5))
def test_curves_are_the_mean_of_exact_rates_with_ties(seed, rates):
    random = np.random.default_rng(seed)
    scores = random.integers(0, 6, size=(3, 30)).astype(float)
    members = random.permuted(np.tile(np.arange(30) < 14, (3, 1)), axis=1)
    found = mean_curve(scores, members, np.array(rates))
    for rate, value in zip(rates, found, strict=True):
        exact = [
            tpr_at_fpr(roc(score[inside], score[~inside]), min(1.0, rate + 1e-12))
            for score, inside in zip(scores, members, strict=True)
        ]
        assert value == pytest.approx(np.mean(exact))


def test_calls_at_a_rate_agree_with_the_curve():
    random = np.random.default_rng(1)
    scores, members = random.normal(size=(4, 200)), random.random((4, 200)) < 0.5
    for rate in (0.0, 0.01, 0.1, 0.5):
        hit = called(scores, members, rate)
        shares = [(hit[row] & members[row]).sum() / members[row].sum() for row in range(4)]
        assert mean_curve(scores, members, np.array([rate]))[0] == pytest.approx(np.mean(shares))
        alarms = [(hit[row] & ~members[row]).sum() / (~members[row]).sum() for row in range(4)]
        assert max(alarms) <= rate + 1e-12


def test_means_are_over_the_models_that_saw_the_record():
    values = np.array([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]])
    members = np.array([[True, False], [True, False], [False, False]])
    found = mean_over_members(values, members)
    assert found[0] == 2.0
    assert np.isnan(found[1])


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

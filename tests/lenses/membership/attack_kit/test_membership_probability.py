import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from imprint.core.errors import ImprintError
from imprint.lenses.membership.attack_kit.membership_probability import (
    membership_probability,
    with_prior,
)

MAX_CALIBRATION_ERROR = 0.04
"""Expected calibration error over ten bins of 2,000 members and 2,000 non-members."""


def calibration_error(probability, members, prior=0.5):
    """Mean distance of bin shares from bin means; members weighted to be ``prior`` of all."""
    weight = np.where(members, prior / members.sum(), (1 - prior) / (~members).sum())
    edges = np.quantile(probability, np.linspace(0, 1, 11)[1:-1])
    bins = np.searchsorted(edges, probability)
    total = np.bincount(bins, weight, 10)
    gap = np.bincount(bins, weight * members, 10) - np.bincount(bins, weight * probability, 10)
    return np.abs(gap).sum() / total.sum()


@pytest.mark.parametrize("prior", [0.5, 0.05])
@pytest.mark.parametrize("shift", [0.0, 1.0, 3.0])
def test_probabilities_are_calibrated_and_near_the_true_ones(shift, prior):
    draw = np.random.default_rng(0)
    members = np.arange(4000) < 2000
    scores = draw.standard_normal(4000) + shift * members
    probability = membership_probability(scores, members, prior)
    assert calibration_error(probability, members, prior) < MAX_CALIBRATION_ERROR
    true = with_prior(1 / (1 + np.exp(-shift * (scores - shift / 2))), prior)
    assert np.sqrt(np.mean((probability - true) ** 2)) < 0.06


def test_few_members_among_many_are_as_likely_as_the_prior_says():
    draw = np.random.default_rng(1)
    members = np.arange(3000) < 300
    probability = membership_probability(draw.standard_normal(3000), members, 0.5)
    assert abs(probability.mean() - 0.5) < 0.05


def test_the_score_of_a_record_does_not_vouch_for_itself():
    """On noise the in-sample isotonic fit gives its top record a 1 in every second sample."""
    draw = np.random.default_rng(2)
    tops = []
    for _ in range(30):
        members = np.arange(200) < 100
        tops.append(membership_probability(draw.standard_normal(200), members).max())
    assert np.mean(tops) < 0.75


@given(st.integers(0, 2**32 - 1), st.integers(2, 40), st.integers(2, 40))
@settings(max_examples=40, deadline=None)
def test_rises_with_the_score_and_is_equal_for_equals(seed, inside, outside):
    draw = np.random.default_rng(seed)
    members = np.arange(inside + outside) < inside
    scores = draw.integers(0, 12, inside + outside).astype(float)
    probability = membership_probability(scores, members, 0.3, seed)
    order = np.argsort(scores, kind="stable")
    assert np.all(np.diff(probability[order]) >= -1e-12)
    for value in np.unique(scores):
        assert np.ptp(probability[scores == value]) == 0
    assert np.all((probability > 0) & (probability < 1))


@pytest.mark.parametrize("prior", [0.0, 1.0, -0.1, float("nan")])
def test_a_prior_that_is_none_is_refused(prior):
    with pytest.raises(ImprintError, match=r"prior must be in \(0, 1\)"):
        membership_probability(np.arange(4.0), np.arange(4) < 2, prior)

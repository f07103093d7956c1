import math

import numpy as np
import pytest
from scipy.stats import binom

from imprint.lenses.membership.privacy.audit import audit_many_runs, audit_one_run
from imprint.lenses.membership.privacy.bounds import multi_run_epsilon
from imprint.lenses.membership.privacy.choices import (
    Bonferroni,
    Budget,
    Fixed,
    MultiSplit,
    Split,
)
from imprint.lenses.membership.privacy.one_run_bound import one_run_epsilon
from imprint.lenses.membership.privacy.trials import every_budget, every_threshold

FAR = 1e-6


def gaussian_canaries(draw, count, shift):
    members = draw.random(count) < 0.5
    return draw.standard_normal(count) + shift * members, members


def test_all_thresholds_of_one_run_are_the_best_at_one_mth_of_the_error():
    scores, members = gaussian_canaries(np.random.default_rng(0), 400, 2.0)
    right = np.cumsum(members[np.argsort(-scores)])
    every = one_run_epsilon(400, np.arange(1, 401), right, 0.0, 1 - 0.05 / 400)
    bound = audit_one_run(scores, members, Bonferroni())
    assert bound.epsilon == pytest.approx(every.max(), abs=1e-9)
    assert bound.guesses == int(np.argmax(every)) + 1
    assert bound.choice.startswith("best of 400 at 1/400 of the error: highest ")


def test_divisor_counts_thresholds_and_not_what_the_scores_show_of_them():
    """Two values of the score are two thresholds; the error is divided by all 1,001 that may be."""
    members = np.arange(1000) % 2 == 0
    bound = audit_many_runs(members.astype(float), members, Bonferroni())
    alone = multi_run_epsilon(500, 500, 0, 500, confidence=1 - 0.05 / 1001)
    assert bound.epsilon == pytest.approx(float(alone), rel=1e-12)
    assert "best of 1001 at 1/1001 of the error: threshold 1" in bound.choice


def test_candidates_are_the_corners_of_the_roc():
    scores = np.array([4.0, 3.0, 2.0, 1.0])
    members = np.array([True, False, True, False])
    assert every_threshold(scores, members) == (1.0, 2.0, 4.0)
    assert every_budget(scores, members, 0) == (Budget(0.25, 0), Budget(0.75, 0), Budget(1, 0))


def test_median_of_splits_is_reached_by_half_of_them():
    scores, members = gaussian_canaries(np.random.default_rng(1), 600, 1.5)
    choice = MultiSplit(splits=7, seed=3)
    bounds = sorted(
        (audit_one_run(scores, members, s, confidence=0.975).epsilon for s in choice.each()),
        reverse=True,
    )
    bound = audit_one_run(scores, members, choice)
    assert bound.epsilon == bounds[3]
    assert (bound.examples, bound.confidence) == (300, 0.95)
    assert bound.choice.startswith("median of 7 splits at half of the error, here the best of 18")


def test_many_splits_spread_less_than_one():
    """Of one set of scores, over seeds: the specification has 0.23 against 0.33 over sets too."""
    draw = np.random.default_rng(2)
    inside, outside = draw.standard_normal(500) + 2, draw.standard_normal(500)
    scores, members = np.concatenate([inside, outside]), np.arange(1000) < 500
    one = [audit_many_runs(scores, members, Split(seed=seed)).epsilon for seed in range(8)]
    many = [
        audit_many_runs(scores, members, MultiSplit(seed=seed, splits=40)).epsilon
        for seed in range(8)
    ]
    assert np.std(many) < np.std(one) / 2


@pytest.mark.parametrize("choice", [Bonferroni(), MultiSplit(splits=6)])
def test_one_run_bounds_hold_for_randomised_response_and_noise(choice):
    """ε is exact for randomised response; a bound above it in more than 5 % would be refuted."""
    draw = np.random.default_rng(4)
    repeats, above = 80, {0.0: 0, 1.0: 0}
    for epsilon in above:
        for _ in range(repeats):
            members = draw.random(300) < 0.5
            told = members ^ (draw.random(300) > 1 / (1 + math.exp(-epsilon)))
            scores = told + 1e-3 * draw.random(300)
            above[epsilon] += audit_one_run(scores, members, choice).refutes(epsilon)
    assert max(above.values()) <= binom.isf(FAR, repeats, 0.05)


@pytest.mark.parametrize("choice", [Bonferroni(), MultiSplit(splits=6)])
def test_bounds_of_many_runs_hold_on_noise(choice):
    draw = np.random.default_rng(5)
    repeats = 80
    above = sum(
        audit_many_runs(draw.random(300), draw.random(300) < 0.5, choice).refutes(0)
        for _ in range(repeats)
    )
    assert above <= binom.isf(FAR, repeats, 0.05)


@pytest.mark.parametrize("method", ["tradeoff", "gaussian"])
def test_other_methods_measure_the_budget_with_the_greatest_share_of_right_guesses(method):
    scores, members = gaussian_canaries(np.random.default_rng(6), 300, 2.0)
    bound = audit_one_run(scores, members, Bonferroni(), method, 1e-5)
    found = Fixed(Budget(bound.guesses / 300, 0.0))
    same = audit_one_run(scores, members, found, method, 1e-5, 1 - 0.05 / 300)
    assert bound.epsilon == same.epsilon > 0

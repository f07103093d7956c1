import json
import math

import numpy as np
import pytest
from scipy.stats import binom

from imprint.core.errors import ImprintError
from imprint.lenses.membership.privacy.audit import (
    audit_many_runs,
    audit_one_run,
    one_run_bounds,
    right_guesses,
)
from imprint.lenses.membership.privacy.bounds import (
    multi_run_epsilon,
    one_run_mu,
)
from imprint.lenses.membership.privacy.calibration import subtract_explained
from imprint.lenses.membership.privacy.choices import (
    BUDGETS,
    Bonferroni,
    Budget,
    Fixed,
    MultiSplit,
    Split,
    budget_choice,
)
from imprint.lenses.membership.privacy.methods import ONE_RUN_METHODS
from imprint.lenses.membership.privacy.one_run_bound import one_run_epsilon
from imprint.lenses.membership.privacy.theory import gaussian_epsilon
from imprint.study.finding import to_json

ALL = Budget(0.5, 0.5)
FAR = 1e-6


def perfect(count):
    members = np.arange(count) % 2 == 0
    return members.astype(float), members


def randomised_response(draw, count, epsilon):
    members = draw.random(count) < 0.5
    told = members ^ (draw.random(count) > 1 / (1 + math.exp(-epsilon)))
    return told.astype(float), members


def test_thousand_right_guesses_reach_the_ceiling():
    bound = audit_one_run(*perfect(1000), Fixed(ALL))
    assert round(bound.epsilon, 2) == 5.81
    assert bound.epsilon == bound.ceiling
    assert (bound.examples, bound.guesses, bound.correct) == (1000, 1000, 1000)
    assert bound.choice == "fixed: highest 0.5 and lowest 0.5"
    assert json.loads(json.dumps(to_json(bound)))["method"] == "one run, binomial"


def test_hand_checked_guesses():
    scores = [0.9, 0.8, 0.7, 0.3, 0.2, 0.1]
    members = np.array([True, False, True, False, True, False])
    assert right_guesses(scores, members, Budget(0.5, 0.5)) == (6, 4)
    assert right_guesses(scores, members, Budget(1 / 6, 1 / 3)) == (3, 2)
    assert right_guesses(scores, members, Budget(0.01, 0.0)) == (1, 1)
    assert right_guesses(scores, members, Budget(0.0, 0.01)) == (1, 1)


def test_equal_scores_know_nothing_whatever_the_order_of_rows():
    members = np.arange(4000) < 2000
    for rows in (members, ~members):
        guesses, right = right_guesses(np.zeros(4000), rows, ALL)
        assert binom.ppf(FAR, guesses, 0.5) < right < binom.isf(FAR, guesses, 0.5)


def test_bounds_are_those_of_the_counts():
    scores, members = randomised_response(np.random.default_rng(0), 3000, 1.5)
    guesses, right = right_guesses(scores, members, ALL)
    found = audit_one_run(scores, members, Fixed(ALL), delta=1e-5, confidence=0.9)
    assert found.epsilon == float(one_run_epsilon(3000, guesses, right, 1e-5, 0.9))
    found = audit_one_run(scores, members, Fixed(ALL), "gaussian", delta=1e-5)
    assert found.mu == one_run_mu(3000, guesses, right)
    assert found.epsilon == float(gaussian_epsilon(1e-5, found.mu))
    found = audit_many_runs(scores, members, Fixed(0.5), delta=1e-5)
    hit, miss = np.count_nonzero(scores[members]), np.count_nonzero(scores[~members])
    expected = multi_run_epsilon(hit, members.sum(), miss, (~members).sum(), 1e-5)
    assert found.epsilon == float(expected)
    assert found.correct == right_of(scores, members)


def right_of(scores, members):
    return int(np.sum((scores == 1) == members))


@pytest.mark.parametrize("method", ["binomial", "tradeoff", "gaussian"])
@pytest.mark.parametrize("choice", [Fixed(ALL), Split(), Bonferroni(BUDGETS[:6])])
def test_one_run_on_noise_is_above_zero_in_at_most_five_percent(method, choice):
    draw = np.random.default_rng(1)
    repeats = 120
    above = 0
    for _ in range(repeats):
        bound = audit_one_run(draw.random(300), draw.random(300) < 0.5, choice, method, 1e-5)
        above += bound.refutes(0)
    assert above <= binom.isf(FAR, repeats, 0.05)


def test_best_of_a_grid_without_correction_is_what_must_not_be():
    """The control of the test above: at nominal level the same grid errs far too often."""
    draw = np.random.default_rng(1)
    grid = tuple(Budget(i / 32, j / 32) for i in range(17) for j in range(17) if i + j)
    naive = corrected = 0
    for _ in range(200):
        scores, members = draw.random(1000), draw.random(1000) < 0.5
        played = [right_guesses(scores, members, budget) for budget in grid[::4]]
        guesses, right = np.array(played).T
        naive += bool(np.any(one_run_epsilon(1000, guesses, right) > 0))
        corrected += audit_one_run(scores, members, Bonferroni(grid)).refutes(0)
    assert naive > binom.isf(FAR, 200, 0.05) >= corrected


@pytest.mark.parametrize("method", ["rates", "gaussian"])
@pytest.mark.parametrize("choice", [Fixed(0.7), Split(), Bonferroni((0.1, 0.5, 0.9))])
def test_many_runs_on_noise_are_above_zero_in_at_most_five_percent(method, choice):
    draw = np.random.default_rng(2)
    repeats = 150
    above = 0
    for _ in range(repeats):
        bound = audit_many_runs(draw.random(300), draw.random(300) < 0.5, choice, method, 1e-5)
        above += bound.refutes(0)
    assert above <= binom.isf(FAR, repeats, 0.05)


@pytest.mark.parametrize("choice", [Fixed(ALL), Split((ALL, BUDGETS[1])), Bonferroni((ALL,))])
def test_randomised_response_is_bounded_from_below_and_closely(choice):
    draw = np.random.default_rng(3)
    bounds = np.array(
        [audit_one_run(*randomised_response(draw, 10_000, 2.0), choice).epsilon for _ in range(60)]
    )
    assert np.count_nonzero(bounds > 2.0) <= binom.isf(FAR, 60, 0.05)
    assert np.median(bounds) > 1.85


def test_seeds_and_order_of_rows():
    draw = np.random.default_rng(5)
    scores, members = draw.random(500), draw.random(500) < 0.5
    assert audit_one_run(scores, members, Split()) == audit_one_run(scores, members, Split())
    rows = draw.permutation(500)
    assert audit_one_run(scores, members, Fixed(ALL)) == audit_one_run(
        scores[rows], members[rows], Fixed(ALL)
    )


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: Budget(0.7, 0.5), "the highest 0.7 and the lowest 0.5 is invalid"),
        (lambda: Budget(0.0, 0.0), "together above 0"),
        (lambda: Split(tune=1.0), "tuning share of 1 must lie"),
        (lambda: MultiSplit(splits=0), "splits must be at least 1, got 0"),
        (lambda: audit_one_run([1.0], [1], Fixed(ALL)), "members must be 1 booleans"),
        (lambda: audit_one_run([np.nan], [True], Fixed(ALL)), "scores is nan in row 0"),
        (lambda: audit_one_run([1.0], [True], Split()), "leaves one part empty"),
        (lambda: audit_one_run(*perfect(4), Fixed(ALL), "gaussian"), "set delta"),
        (lambda: audit_one_run(*perfect(4), Fixed(ALL), "best"), "unknown method 'best'"),
        (lambda: audit_many_runs([1.0, 2.0], np.ones(2, bool), Fixed(1.0)), "both are needed"),
    ],
)
def test_what_cannot_be_audited_is_named(call, message):
    with pytest.raises(ImprintError, match=message):
        call()


def test_every_method_is_that_of_the_audit():
    draw = np.random.default_rng(0)
    members = draw.random(400) < 0.5
    scores = members + draw.normal(size=400)
    choice = Fixed(Budget(0.3, 0.2))
    found = one_run_bounds(scores, members, choice, 1e-5, 0.9, seed=3)
    assert tuple(found) == ONE_RUN_METHODS == ("binomial", "tradeoff", "gaussian")
    for method, bound in found.items():
        assert bound == audit_one_run(scores, members, choice, method, 1e-5, 0.9, 3)


@pytest.mark.parametrize("budget", [(0.3, 0.3), ()])
def test_noise_after_a_reference_is_above_zero_in_at_most_five_percent(budget):
    """The audit's own path: margins that know no coin, less a reference, by every method."""
    draw = np.random.default_rng(5)
    repeats, above = 60, dict.fromkeys(ONE_RUN_METHODS, 0)
    for seed in range(repeats):
        members = draw.random(200) < 0.5
        reference = draw.normal(0, 4, size=200)
        scores = subtract_explained(0.7 * reference + draw.normal(size=200), reference)
        bounds = one_run_bounds(scores, members, budget_choice(budget, seed), 1e-5, seed=seed)
        for method, bound in bounds.items():
            above[method] += bound.refutes(0)
    assert max(above.values()) <= binom.isf(FAR, repeats, 0.05)

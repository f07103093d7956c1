import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binom

from imprint.core.errors import ImprintError
from imprint.lenses.membership.privacy.privacy_audit import audit_one_run
from imprint.lenses.membership.privacy.privacy_choices import Budget, Fixed, Split
from imprint.lenses.membership.privacy.privacy_methods import (
    METHODS,
    budget_choice,
    one_run_bounds,
    unexplained,
)

FAR = 1e-6


def test_every_method_is_that_of_the_audit():
    draw = np.random.default_rng(0)
    members = draw.random(400) < 0.5
    scores = members + draw.normal(size=400)
    choice = Fixed(Budget(0.3, 0.2))
    found = one_run_bounds(scores, members, choice, 1e-5, 0.9, seed=3)
    assert tuple(found) == METHODS == ("binomial", "tradeoff", "gaussian")
    for method, bound in found.items():
        assert bound == audit_one_run(scores, members, choice, method, 1e-5, 0.9, 3)


def test_a_budget_is_fixed_and_none_is_chosen_on_one_half():
    assert budget_choice((0.3, 0.2), 7) == Fixed(Budget(0.3, 0.2))
    assert isinstance(budget_choice((), 7), Split)
    assert budget_choice((), 7) != budget_choice((), 8)
    with pytest.raises(ImprintError, match="two shares, guessed in and guessed out, got 1"):
        budget_choice((0.3,), 7)
    with pytest.raises(ImprintError, match="cannot be"):
        budget_choice((0.8, 0.3), 7)


@settings(max_examples=30, deadline=None)
@given(st.integers(3, 40), st.integers(0, 2**32))
def test_what_is_left_is_that_of_least_squares(count, seed):
    scores, reference = np.random.default_rng(seed).normal(size=(2, count))
    line = np.polynomial.Polynomial.fit(reference, scores, 1)
    assert np.allclose(unexplained(scores, reference), scores - line(reference), atol=1e-9)


def test_a_reference_that_says_nothing_takes_nothing_away():
    scores = np.array([1.0, 2.0, 6.0])
    assert unexplained(scores, np.full(3, 5.0)).tolist() == [-2.0, -1.0, 3.0]


@pytest.mark.parametrize("budget", [(0.3, 0.3), ()])
def test_noise_after_a_reference_is_above_zero_in_at_most_five_percent(budget):
    """The audit's own path: margins that know no coin, less a reference, by every method."""
    draw = np.random.default_rng(5)
    repeats, above = 60, dict.fromkeys(METHODS, 0)
    for seed in range(repeats):
        members = draw.random(200) < 0.5
        reference = draw.normal(0, 4, size=200)
        scores = unexplained(0.7 * reference + draw.normal(size=200), reference)
        bounds = one_run_bounds(scores, members, budget_choice(budget, seed), 1e-5, seed=seed)
        for method, bound in bounds.items():
            above[method] += bound.epsilon > 0
    assert max(above.values()) <= binom.isf(FAR, repeats, 0.05)


def test_a_reference_finds_members_that_hardness_hides():
    draw = np.random.default_rng(6)
    members = draw.random(1000) < 0.5
    hardness = draw.normal(0, 5, size=1000)
    scores = 0.5 * hardness + members + draw.normal(0, 0.3, size=1000)
    alone, helped = (
        audit_one_run(values, members, Fixed(Budget(0.3, 0.3))).epsilon
        for values in (scores, unexplained(scores, hardness))
    )
    assert helped > 3 > 0.5 > alone

import numpy as np
import pytest

from imprint.core.errors import ImprintError
from imprint.lenses.membership.privacy.audit import audit_many_runs, audit_one_run
from imprint.lenses.membership.privacy.choices import Budget, Fixed
from imprint.lenses.membership.privacy.epsilon import bound_scores

MEMBERS = np.arange(1000) % 2 == 0
SCORES = MEMBERS + np.random.default_rng(0).normal(size=1000)


def test_one_run_is_the_binomial_bound_of_the_fixed_budget():
    bound = bound_scores(SCORES, MEMBERS)
    assert bound == audit_one_run(SCORES, MEMBERS, Fixed(Budget(0.3, 0.3)), "binomial", 1e-5)
    assert bound.proven > 0


def test_many_runs_are_the_rates_at_the_threshold():
    bound = bound_scores(SCORES, MEMBERS, runs="many", threshold=0.5)
    assert bound == audit_many_runs(SCORES, MEMBERS, Fixed(0.5), "rates", 1e-5)


def test_an_empty_budget_and_no_threshold_are_chosen_on_one_half():
    assert bound_scores(SCORES, MEMBERS, budget=()).examples == 500
    assert bound_scores(SCORES, MEMBERS, runs="many").examples == 500


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"runs": "few"}, "runs must be one or many, got 'few'"),
        ({"method": "rates"}, "method rates does not fit runs one: choose one of binomial"),
        ({"runs": "many", "method": "tradeoff"}, "method tradeoff does not fit runs many"),
        ({"threshold": 0.5}, "threshold is for runs many"),
        ({"runs": "many", "threshold": np.inf}, "threshold must be finite, got inf"),
        ({"runs": "many", "budget": (0.3, 0.3)}, "budget is for runs one"),
    ],
)
def test_arguments_that_do_not_fit_are_named(settings, message):
    with pytest.raises(ImprintError, match=message):
        bound_scores(SCORES, MEMBERS, **settings)

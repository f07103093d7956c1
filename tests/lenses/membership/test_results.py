import numpy as np
import pytest

from imprint.core.errors import ImprintError
from imprint.core.missing import Missing
from imprint.core.seeds import derive
from imprint.lenses.membership.memorization.estimators import (
    estimate_influence,
    estimate_memorization,
)
from imprint.lenses.membership.privacy.audit import audit_many_runs, audit_one_run
from imprint.lenses.membership.privacy.choices import (
    Bonferroni,
    Budget,
    Fixed,
    MultiSplit,
)
from imprint.lenses.membership.results import bound_epsilon, influence, memorization

MEMBERS = np.arange(1000) % 2 == 0
SCORES = MEMBERS + np.random.default_rng(0).normal(size=1000)


def test_bound_prints_shows_and_plots_what_it_rests_on():
    bound = bound_epsilon(MEMBERS.astype(float), MEMBERS, delta=0.0)
    assert bound.epsilon == bound.ceiling
    assert "600 of 600" in str(bound)
    assert "fixed: highest 0.3 and lowest 0.3" in str(bound)
    (record,) = bound.to_records()
    assert record["epsilon"] == bound.epsilon
    assert record["method"] == "one run, binomial"
    assert "Accounted ε and empirical lower bound on ε" in bound._repr_html_()
    assert bound.plot() is not None


def test_bound_that_fair_coins_hardly_allow_is_missing_with_the_reason():
    members = np.arange(1000) < 545
    bound = bound_epsilon(np.random.default_rng(0).normal(size=1000), members)
    assert isinstance(bound.epsilon, Missing)
    assert "545 of 1000 canaries are members" in bound.epsilon.missing
    assert "–" in str(bound)


def test_memorization_is_that_of_the_estimator_and_names_the_records():
    random = np.random.default_rng(0)
    members = random.random((64, 30)) < 0.5
    correct = members | (random.random((64, 30)) < 0.9)
    correct[:, 7] = members[:, 7]
    result = memorization(correct, members)
    np.testing.assert_array_equal(result.score, estimate_memorization(members, correct).score)
    assert result.memorized.tolist() == [7]
    assert result.score[7] == 1
    assert 0 <= result.by_chance < 1
    assert result.to_records(1)[0]["record"] == "7"
    assert "1 memorized" in result._repr_html_()


def test_chance_is_unknown_of_probabilities():
    result = memorization([[0.5, 0.9], [0.1, 0.2]], [[1, 0], [0, 1]])
    assert np.isnan(result.by_chance)
    assert "–" in str(result)


def test_influence_is_a_row_a_test_example():
    random = np.random.default_rng(1)
    members, test_correct = random.random((20, 6)) < 0.5, random.random((20, 3)) < 0.5
    effect = influence(test_correct, members)
    assert effect.shape == (3, 6)
    np.testing.assert_array_equal(effect, estimate_influence(members, test_correct))
    with pytest.raises(ImprintError, match="a row for each of the 20 models"):
        influence(test_correct[:5], members)


def test_one_run_is_the_binomial_bound_of_the_fixed_budget():
    bound = bound_epsilon(SCORES, MEMBERS)
    same = audit_one_run(SCORES, MEMBERS, Fixed(Budget(0.3, 0.3)), "binomial", 1e-5)
    assert vars(bound) == vars(same)
    assert bound.proven > 0


def test_many_runs_are_the_rates_at_the_threshold():
    bound = bound_epsilon(SCORES, MEMBERS, runs="many", threshold=0.5)
    assert vars(bound) == vars(audit_many_runs(SCORES, MEMBERS, Fixed(0.5), "rates", 1e-5))


def test_an_empty_budget_and_no_threshold_are_chosen_on_one_half():
    assert bound_epsilon(SCORES, MEMBERS, budget=()).examples == 500
    assert bound_epsilon(SCORES, MEMBERS, runs="many").examples == 500


def test_choices_by_name_and_by_object():
    named = bound_epsilon(SCORES, MEMBERS, choice="all_thresholds")
    assert vars(named) == vars(bound_epsilon(SCORES, MEMBERS, choice=Bonferroni()))
    named = bound_epsilon(SCORES, MEMBERS, runs="many", choice="multi_split", splits=3, seed=1)
    own = MultiSplit(seed=derive(1, "split of runs"), splits=3)
    assert vars(named) == vars(bound_epsilon(SCORES, MEMBERS, runs="many", choice=own))


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"choice": "best"}, "choice must be one of auto, fixed, split, multi_split"),
        ({"choice": "split", "budget": (0.3, 0.3)}, "budget fixes what choice split would choose"),
        ({"choice": Fixed(0.5)}, "with runs one, each candidate of a choice must be a Budget"),
        ({"choice": Fixed(Budget(0.1, 0)), "runs": "many"}, "must be a number"),
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
        bound_epsilon(SCORES, MEMBERS, **settings)

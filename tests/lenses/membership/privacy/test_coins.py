import numpy as np
import pytest

from imprint.core.errors import ImprintError
from imprint.core.missing import Missing
from imprint.lenses.membership.privacy.audit import audit_many_runs, audit_one_run, one_run_bounds
from imprint.lenses.membership.privacy.choices import (
    BUDGETS,
    Bonferroni,
    Budget,
    Fixed,
    Split,
)
from imprint.lenses.membership.privacy.coins import check_coins
from imprint.lenses.membership.privacy.methods import ONE_RUN_METHODS
from imprint.lenses.membership.study.privacy.arrays import describe_bound

CHOICES = [Fixed(Budget(0.3, 0.3)), Fixed(Budget(1, 0)), Split(), Bonferroni(BUDGETS)]


def noise(count, members, seed=0):
    draw = np.random.default_rng(seed)
    return draw.normal(size=count), draw.permutation(np.arange(count) < members)


@pytest.mark.parametrize(
    ("members", "of", "p_value"), [(5, 10, 1.0), (8, 10, 0.109375), (9, 10, 0.021484375)]
)
def test_p_value_of_the_member_count(members, of, p_value):
    """8 of 10: twice (45 + 10 + 1) / 1024; 9 of 10: twice 11 / 1024."""
    coins = check_coins(np.arange(of) < members)
    assert coins.p_value == pytest.approx(p_value, rel=1e-12)
    assert coins.doubt is None


@pytest.mark.parametrize("method", ONE_RUN_METHODS)
@pytest.mark.parametrize("choice", CHOICES)
@pytest.mark.parametrize("share", [0.0, 0.1, 0.6, 0.9, 1.0])
def test_noise_under_unfair_coins_is_refused(method, choice, share):
    scores, members = noise(1000, round(1000 * share))
    with pytest.raises(ImprintError, match="by a fair coin of its own"):
        audit_one_run(scores, members, choice, method, 1e-5)


@pytest.mark.parametrize("method", ONE_RUN_METHODS)
@pytest.mark.parametrize("choice", CHOICES)
def test_doubtful_count_gets_no_bound_but_the_reason(method, choice):
    bound = audit_one_run(*noise(1000, 545), choice, method, 1e-5)
    assert isinstance(bound.epsilon, Missing)
    assert bound.mu is None
    assert not bound.refutes(0)
    reason = bound.epsilon.missing
    assert "545 of 1000 canaries are members" in reason
    assert "probability 0.0049" in reason
    assert describe_bound(bound) == f"no bound on ε: {reason}"


def test_every_bound_side_by_side_tests_the_coins():
    with pytest.raises(ImprintError, match="1000 of 1000 canaries are members"):
        one_run_bounds(*noise(1000, 1000), Split(), 1e-5)


def test_many_runs_need_no_coins():
    bound = audit_many_runs(*noise(1000, 900), Fixed(0.0))
    assert bound.epsilon == 0
    assert bound.coins_p_value is None


@pytest.mark.parametrize("audit", [audit_one_run, audit_many_runs])
def test_rows_listed_more_than_once_are_refused(audit):
    scores, members = noise(100, 50)
    with pytest.raises(ImprintError, match=r"900 of 1000 \w+ repeat the score and the membership"):
        audit(np.tile(scores, 10), np.tile(members, 10), Split())


def test_rounded_scores_are_no_copies():
    scores, members = noise(2000, 1000)
    bound = audit_one_run(scores.round(2), members, Fixed(Budget(0.3, 0.3)))
    assert isinstance(bound.epsilon, float)


def test_sentence_names_the_assumptions():
    scores, members = noise(1000, 500)
    told = describe_bound(audit_one_run(scores, members, Split(), "gaussian", 1e-5))
    assert "which proves nothing" in told
    assert "its own fair coin (the test of the member count gives p = 1)" in told
    assert told.endswith(" and the procedure is Gaussian private.")
    told = describe_bound(audit_many_runs(scores, members, Fixed(0.0)))
    assert told.endswith(
        "training of its own and the threshold was chosen before looking at the scores."
    )


def test_a_bound_that_cannot_be_says_so():
    told = describe_bound(audit_one_run([1.0], np.array([True]), Fixed(Budget(1, 0))))
    assert "could not: so few guesses at this δ prove no ε > 0 even if all are right" in told


@pytest.mark.parametrize("audit", [audit_one_run, audit_many_runs])
def test_a_confidence_below_one_half_is_refused(audit):
    with pytest.raises(ImprintError, match=r"confidence 0\.01 must be at least 0\.5"):
        audit(*noise(100, 50), Split(), confidence=0.01)

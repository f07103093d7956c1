import numpy as np
import pytest

from imprint.core.errors import ImprintError
from imprint.lenses.membership.privacy.audit import audit_many_runs, audit_one_run
from imprint.lenses.membership.privacy.choices import (
    BUDGETS,
    Bonferroni,
    Budget,
    Fixed,
    MultiSplit,
    Split,
    budget_choice,
    run_choice,
)

ALL = Budget(0.5, 0.5)


def test_a_budget_is_fixed_and_none_is_chosen_on_one_half():
    assert budget_choice((0.3, 0.2), 7) == Fixed(Budget(0.3, 0.2))
    assert isinstance(budget_choice((), 7), Split)
    assert budget_choice((), 7) != budget_choice((), 8)
    with pytest.raises(ImprintError, match="two shares, guessed in and guessed out, got 1"):
        budget_choice((0.3,), 7)
    with pytest.raises(ImprintError, match="is invalid"):
        budget_choice((0.8, 0.3), 7)


def test_split_finds_the_tail_that_leaks():
    """Only a tenth of the canaries leak: guessing all dilutes it, a split finds a small budget."""
    draw = np.random.default_rng(4)
    members = draw.random(4000) < 0.5
    scores = draw.standard_normal(4000) + 8 * (members & (np.arange(4000) % 5 == 0))
    tuned, fixed = (audit_one_run(scores, members, c) for c in (Split(), Fixed(ALL)))
    assert tuned.epsilon > 2 > fixed.epsilon
    assert tuned.examples == 2000
    assert "on the 0.5 that tune" in tuned.choice
    many = audit_many_runs(scores, members, Split())
    assert many.epsilon > 2


def test_names_of_choices():
    assert budget_choice((0.3, 0.2), 7, "split") == budget_choice((), 7)
    assert budget_choice((0.3, 0.2), 7, "bonferroni") == Bonferroni(BUDGETS)
    assert budget_choice((), 7, "all_thresholds") == run_choice(None, 7, "all_thresholds")
    assert budget_choice((), 7, "multi_split", 9).splits == 9
    assert run_choice(0.5, 7) == Fixed(0.5)
    assert isinstance(run_choice(None, 7), Split)
    with pytest.raises(ImprintError, match="needs a threshold: give --threshold"):
        run_choice(None, 7, "fixed")
    with pytest.raises(ImprintError, match="no preset grid of scores"):
        run_choice(None, 7, "bonferroni")


@pytest.mark.parametrize(("splits", "place"), [(1, 0), (2, 0), (3, 1), (4, 1), (5, 2), (100, 49)])
def test_at_least_half_of_the_splits_reach_the_median(splits, place):
    assert MultiSplit(splits=splits).place == place
    assert 2 * (place + 1) >= splits > 2 * place


def test_splits_differ_and_do_not_hang_on_one_another():
    seeds = [split.seed for split in MultiSplit(splits=5).each()]
    assert len(set(seeds)) == 5
    assert seeds == [split.seed for split in MultiSplit(splits=9).each()][:5]

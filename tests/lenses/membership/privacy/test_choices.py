import numpy as np
import pytest

from imprint.core.errors import ImprintError
from imprint.lenses.membership.privacy.audit import audit_many_runs, audit_one_run
from imprint.lenses.membership.privacy.choices import Budget, Fixed, Split, budget_choice

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

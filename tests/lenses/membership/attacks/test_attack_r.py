import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import tests.lenses.membership.slow_forms as slow
from imprint.core.errors import ImprintError
from imprint.lenses.membership.attacks.attack_r import AttackROptions
from tests.lenses.membership.attack_cases import assert_scores_follow


@settings(max_examples=6, deadline=None)
@given(seed=st.integers(0, 10_000), target=st.sampled_from([None, 0, 7]))
def test_scores_at_the_published_quantile_are_those_of_the_formula(seed, target):
    assert_scores_follow("attack_r", slow.attack_r, seed, target)


@settings(max_examples=6, deadline=None)
@given(seed=st.integers(0, 10_000), target=st.sampled_from([None, 0, 7]))
def test_scores_at_another_quantile_are_those_of_the_formula(seed, target):
    assert_scores_follow(
        "attack_r", lambda one: slow.attack_r(one, 0.4), seed, target, quantile=0.4
    )


def test_a_quantile_out_of_range_is_an_error():
    with pytest.raises(ImprintError, match=r"quantile must be in \[0, 1\], got -1"):
        AttackROptions(quantile=-1)

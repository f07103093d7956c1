import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import tests.lenses.membership.slow_forms as slow
from imprint.core.errors import ImprintError
from imprint.lenses.membership.attacks.base import BaseOptions
from tests.lenses.membership.attack_cases import assert_scores_follow


@settings(max_examples=6, deadline=None)
@given(seed=st.integers(0, 10_000), target=st.sampled_from([None, 0, 7]))
def test_online_scores_are_those_of_the_formula(seed, target):
    assert_scores_follow("base", slow.base, seed, target)


@settings(max_examples=6, deadline=None)
@given(seed=st.integers(0, 10_000), target=st.sampled_from([None, 0, 7]))
def test_offline_scores_are_those_of_the_formula(seed, target):
    assert_scores_follow("base", slow.base_offline, seed, target, offline=True)


def test_a_weight_that_is_no_number_is_an_error():
    with pytest.raises(ImprintError, match="weight must be"):
        BaseOptions(weight=float("nan"))

from hypothesis import given, settings
from hypothesis import strategies as st

import tests.lenses.membership.slow_forms as slow
from tests.lenses.membership.attack_cases import assert_scores_follow


@settings(max_examples=6, deadline=None)
@given(seed=st.integers(0, 10_000), target=st.sampled_from([None, 0, 7]))
def test_scores_are_those_of_the_formula(seed, target):
    assert_scores_follow("mast", slow.mast, seed, target)
